"""What must hold behind the cells of ``01_history``, on any machine and corpus."""

HOLDS = {
    # 2 · Shannon's game
    "d8255ff66d": lambda sentence: sentence == sentence.strip() and len(sentence) <= 60,
    "81a3bfde12": lambda ranks, sentence: len(ranks) == len(sentence) and min(ranks) >= 1,
    "38ab1c15b0": lambda low, high: 0 <= low <= high,
    # 4 · Counting words
    "d83a471ea7": lambda seen: seen == sorted(seen, reverse=True),
    "ba74ed21b0": lambda perplexities: perplexities[2] < perplexities[1],
    "5b86d888c6": lambda written: len(written) <= 60,
    # 5 · Networks that read
    "8f93995872": lambda curves: all(  # on few and odd texts it may learn by heart
        0 < curve[-1][1] < 99 for kind in curves for curve in curves[kind]
    ),
    "b15b16cb44": lambda effects: all(
        0 <= effect <= 1 for points in effects.values() for _, effect in points
    ),
    "01b7ce8f92": lambda sample: len(sample) > 4,
    # 6 · One text, seventy years
    "c176c0ce6c": lambda scores: scores["Kneser–Ney, 6"][1][0] < scores["single letters"][1][0],
    "552bdd83ac": lambda read: all(bits > 0 for points in read.values() for _, bits in points),
    # 7 · Two masks: BERT and GPT
    "74f9d61b9d": lambda same: same,
    "910705701d": lambda right: all(0 <= accuracy <= 1 for accuracy in right.values()),
    "cca3f822c2": lambda answers: all(len(answer) == 5 for answer in answers.values()),
}
