"""Who wins with more text and time: n-grams, a GRU and a small transformer, far beyond a lesson's minute.

    python benchmarks/history.py [STEPS]

trains both networks of notebook 01 for STEPS updates (default 8,000; about two minutes each) on
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
from course_lib.history.neural import RECIPES, as_bytes, new_model, train_on_bytes
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
    for kind, recipe in RECIPES.items():
        model = new_model(kind, seed=0)
        ids = torch.tensor(bytearray(training), dtype=torch.long)
        history, curves[kind] = train_on_bytes(
            model,
            ids,
            steps=steps,
            held_out=as_bytes(held_out.decode("utf-8", "replace")),
            looks=12,
            **recipe,
        )
        seconds[kind] = round(history.seconds)
    for name, points in curves.items():
        print(
            f"{name:18} {points[0][1]:.2f} after {points[0][0]:,} bytes, {points[-1][1]:.2f} after {points[-1][0]:,}"
        )
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
