"""Who wins with more text and time: n-grams, a GRU or a small transformer.

    python benchmarks/history.py [STEPS]

trains both networks of notebook 01 for STEPS updates (default 8,000, about two minutes each) on
`python-docs` and looks at the held-out bits per byte along the way; n-grams get the same text.
Writes ``benchmarks/results/history.json``, which a cell of the notebook shows.
"""

import json
import os
import platform
import sys
import time
from pathlib import Path

import torch

from course_lib.history.bits import gzip_bits_per_byte, ngram_bits_per_byte, xz_bits_per_byte
from course_lib.history.neural import HYPERPARAMETERS, as_bytes, train_on_bytes
from course_lib.workbook.corpus import load_corpus

RESULTS = Path(__file__).parent / "results" / "history.json"


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 8_000
    corpus = load_corpus("python-docs")
    training, held_out = corpus.train.text().encode(), corpus.validation.text().encode()[:40_000]
    amounts = [2**n * 10_000 for n in range(8)] + [len(training)]
    curves = {
        "n-grams, order 6": [(a, ngram_bits_per_byte(training[:a], held_out, 6)) for a in amounts]
    }
    seconds = {}
    ids = torch.tensor(bytearray(training), dtype=torch.long)
    unseen = as_bytes(held_out.decode("utf-8", "replace"))
    options = {"max_steps": steps, "eval_steps": max(1, steps // 12)}
    for kind in HYPERPARAMETERS:
        start = time.perf_counter()
        _, curves[kind] = train_on_bytes(kind, ids, unseen, **options)
        seconds[kind] = round(time.perf_counter() - start)
    for name, points in curves.items():
        (read, before), *_, (read_in_all, after) = points
        print(f"{name:18} {before:.2f} after {read:,} bytes, {after:.2f} after {read_in_all:,}")
    facts = {
        "command": f"python benchmarks/history.py {steps}",
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}",
        "seconds": seconds,
        "references": {
            "gzip": gzip_bits_per_byte(training, held_out),
            "xz": xz_bits_per_byte(training, held_out),
        },
        "curves": {name: [(a, round(b, 4)) for a, b in points] for name, points in curves.items()},
    }
    RESULTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
