"""What each cleaning step is worth to a model, with more text and seeds than notebook 04 has.

    python benchmarks/cleaning_downstream.py [--megabytes 2] [--seeds 7] [--corpus python-docs:full]

The same versions, targets and learners as in the notebook; the network reads what it is given once.
Writes ``results/cleaning_downstream.json``.
"""

import argparse
import json
import platform
import time
from functools import partial
from pathlib import Path
from statistics import mean

from course_lib.workbook import machine

machine.set_thread_policy()

from course_lib.cleaning.downstream import (  # noqa: E402
    ngram_train_fn,
    one_source,
    relative_improvement,
    run_experiment,
    transformer_train_fn,
)
from course_lib.cleaning.duplicates import drop_near, drop_repeated_lines  # noqa: E402
from course_lib.cleaning.filters import drop_low_quality  # noqa: E402
from course_lib.cleaning.repair import repair_encoding  # noqa: E402
from course_lib.cleaning.steps import run_steps  # noqa: E402
from course_lib.transformer.bpe import BPETokenizer  # noqa: E402
from course_lib.workbook.corpus import load_corpus  # noqa: E402

RESULT = Path(__file__).parent / "results" / "cleaning_downstream.json"
SINGLE = {
    "repaired": repair_encoding,
    "no near copies": drop_near,
    "no repeated lines": drop_repeated_lines,
    "quality rules": partial(drop_low_quality, split=str.split),
}
RECIPES = {"raw": {}, **{name: {name: step} for name, step in SINGLE.items()}, "all four": SINGLE}


def measure(corpus: str, megabytes: float, seeds: int, budget: int) -> dict:
    """Gains over raw text by learner and question."""
    source = one_source(load_corpus(corpus), int(megabytes * 1e6))
    raw = list(source.train)
    alphabet = BPETokenizer.train([document.text for document in raw], 1_024)
    tokens = {
        name: [alphabet.encode(document.text) for document in run_steps(raw, recipe).documents]
        for name, recipe in RECIPES.items()
    }
    texts = {
        "the same source": list(source.validation.sample(40_000).texts()),
        "the handbook": list(load_corpus("handbook").sample(40_000).texts()),
    }
    targets = {
        name: ([alphabet.encode(text) for text in own], sum(len(text.encode()) for text in own))
        for name, own in texts.items()
    }
    budget = min(budget, *(sum(map(len, documents)) for documents in tokens.values()))
    found, several = {}, range(seeds)
    for name, train_fn, some in (
        ("n-gram", ngram_train_fn(3), [0]),
        ("network", transformer_train_fn(), several),
    ):
        for question, limit, own in (
            ("equal budget", budget, several),
            ("all that is left", None, some),
        ):
            setting = (tokens, targets, train_fn, len(alphabet))
            results = run_experiment(*setting, budget=limit, seeds=own)
            found[f"{name}, {question}"] = [
                {
                    "version": version,
                    "target": target,
                    "gain %": round(mean(values), 2),
                    "from": round(min(values), 2),
                    "to": round(max(values), 2),
                }
                for (version, target), values in relative_improvement(results).items()
            ]
    return {
        "tokens by version": {name: sum(map(len, documents)) for name, documents in tokens.items()},
        "budget": budget,
        "gains over raw": found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", default="python-docs:full")
    parser.add_argument("--megabytes", type=float, default=2.0)
    parser.add_argument("--seeds", type=int, default=7)
    parser.add_argument("--budget", type=int, default=100_000)
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args()
    found = measure(asked.corpus, asked.megabytes, asked.seeds, asked.budget)
    facts = {
        "command": "python benchmarks/cleaning_downstream.py "
        f"--megabytes {asked.megabytes:g} --seeds {asked.seeds} --budget {asked.budget}",
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }
    asked.out.write_text(
        json.dumps(facts | found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    for name, rows in found["gains over raw"].items():
        for row in rows:
            print(f"{name:28} {row['version']:18} {row['target']:16} {row['gain %']:6.2f} %")


if __name__ == "__main__":
    main()
