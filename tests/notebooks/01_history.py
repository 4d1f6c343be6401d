"""What must hold behind the cells of ``01_history``, on any machine and corpus."""

HOLDS = {
    # 2 · Shannon's game
    "d8255ff66d": lambda sentence: sentence == sentence.strip() and len(sentence) <= 60,
    "81a3bfde12": lambda ranks, sentence: len(ranks) == len(sentence) and min(ranks) >= 1,
    "c634135419": lambda ranks: min(ranks) >= 1,
    "38ab1c15b0": lambda probs, bits: bits(probs) > 0,
    # 4 · Counting words
    "d83a471ea7": lambda new, words: len(words) > 0 and len(new) > 0,
    "2200ac092e": lambda costs: min(costs.values()) > 0,
    "d02843b068": lambda seen: list(seen.values()) == sorted(seen.values(), reverse=True),
    "ba74ed21b0": lambda perplexities: perplexities["the last 1"] < perplexities["the last 0"],
    "5b86d888c6": lambda written: len(written) <= 60,
    # 5 · Networks that read
    "ff01030a6e": lambda new_text, text: len(text) > 0 and len(new_text) > 1,
    "8f93995872": lambda curves: all(  # on few and odd texts it may learn by heart
        0 < curve[-1][1] < 99 for kind in curves for curve in curves[kind]
    ),
    "b15b16cb44": lambda effects: all(
        0 <= effect <= 1 for points in effects.values() for _, effect in points
    ),
    # 6 · Two masks: BERT and GPT
    "910705701d": lambda ids, tokenizer: len(ids) > 0 and len(tokenizer) <= 1500,
    "19a5f52580": lambda right: all(0 <= accuracy <= 100 for accuracy in right.values()),
    "cca3f822c2": lambda answers: all(answers),
    # 8 · Everybody on one text
    "c176c0ce6c": lambda board: (
        board["counts, 5 bytes before"][3] < board["counts, 0 bytes before"][3]
    ),
    "552bdd83ac": lambda costs: all(cost > 0 for cost in costs.values()),
    "2cb22facb9": lambda board: board["mini-falcon"][3] > 0,
    "5ebd9dcff7": lambda costs: list(costs.values()) == sorted(costs.values(), reverse=True),
    "23d2b74594": lambda table, board: len(table) == len(board),
}
