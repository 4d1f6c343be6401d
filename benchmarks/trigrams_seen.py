"""How many trigrams of new text has a table of counts ever seen, with up to millions of words?

    python benchmarks/trigrams_seen.py

takes the paragraphs of running text of 16 MB of `python-docs:full`, in random order with three
seeds, and looks up the trigrams of held-out paragraphs in more and more of them. Writes
``benchmarks/results/trigrams_seen.json``, which a figure of notebook 00 shows.
"""

import json
import random
import time
from pathlib import Path

from course_lib.start_here.real_or_generated import paragraphs
from course_lib.workbook.corpus import load_corpus

RESULTS = Path(__file__).parent / "results" / "trigrams_seen.json"


def main() -> None:
    corpus = load_corpus("python-docs:full").sample(16_000_000)
    learned, held_out = paragraphs(corpus.train), paragraphs(corpus.validation)
    new = [t for words in held_out for t in zip(words, words[1:], words[2:], strict=False)]
    new = random.Random(0).sample(new, min(len(new), 20_000))
    total = sum(map(len, learned))
    amounts = [*(10**n for n in range(3, 7) if 10**n < total), total]
    seen = [0.0] * len(amounts)
    for seed in range(3):
        random.Random(seed).shuffle(learned)
        first, place = dict.fromkeys(new, total), 0  # trigram → how many words until it came
        for words in learned:
            for trigram in zip(words, words[1:], words[2:], strict=False):
                if first.get(trigram, 0) > place:
                    first[trigram] = place
            place += len(words)
        for n, amount in enumerate(amounts):
            seen[n] += sum(first[trigram] < amount for trigram in new) / len(new) / 3
    print(*(f"{a:>10,} words: {s:.1%}" for a, s in zip(amounts, seen, strict=True)), sep="\n")
    curve = [(a, round(100 * s, 2)) for a, s in zip(amounts, seen, strict=True)]
    facts = {"command": "python benchmarks/trigrams_seen.py", "date": time.strftime("%Y-%m-%d")}
    facts |= {"trigrams": len(new), "percent seen by words of text": curve}
    RESULTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
