"""What a minute of supervised fine-tuning teaches SmolLM2, and how much it needs for that.

    python benchmarks/sft_curve.py [--only NAME ...] [--steps 30]

Pairs from the handbook's training pages; all questions about its held-out pages, with the page in
the prompt and (closed-book) without. One run a setting: the model as it is; five seeds with all
pairs; 30, 100 and 300 pairs, whole pages, for as many steps; all layers instead of the upper half;
the loss on all tokens instead of the answers. Writes ``benchmarks/results/sft_curve.json``; a
setting that was not asked for stays there as it was.
"""

import argparse
import json
import os
import platform
import random
import tempfile
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "sft_curve.json"
SETTINGS = {
    "base": {},
    **{f"seed {seed}": {"seed": seed} for seed in range(5)},
    **{f"{count} pairs": {"count": count} for count in (30, 100, 300)},
    "all layers": {"layers": 1.0},
    "all tokens": {"all_tokens": True},
}
BATCH = 2
CLOSED = ("base", "30 pairs", "seed 0")  # asked without the page, too


def take(made: list, count: int | None, seed: int) -> list:
    """At least ``count`` pairs, of whole excerpts drawn at random."""
    groups = [list(group) for _, group in groupby(made, key=lambda pair: pair[:2])]
    random.Random(seed).shuffle(groups)
    taken: list = []
    while groups and len(taken) < (count or len(made)):
        taken += groups.pop()
    return taken


def run(
    steps: int,
    count: int | None = None,
    seed: int = 0,
    layers: float = 0.5,
    all_tokens: bool = False,
    closed: bool = False,
) -> dict:
    from course_lib.workbook import machine

    machine.set_thread_policy()
    from course_lib.alignment.instruct import evaluate_answers, pairs, rows, sft
    from course_lib.finetuning.falcon import load_base
    from course_lib.workbook.corpus import load_corpus

    corpus, base = load_corpus("handbook"), load_base("smollm2", four_bit=False)
    made, held_out = take(pairs(corpus.train, seed), count, seed), pairs(corpus.validation)
    model, record = base.model, {}
    if steps:
        learned, new = (rows(part, base.tokenizer, seed) for part in (made, held_out))
        if all_tokens:
            learned = [row | {"labels": row["input_ids"]} for row in learned]
        upper = tuple(base.layers[len(base.layers) - int(layers * len(base.layers)) :])
        with tempfile.TemporaryDirectory() as folder:
            options = {"max_steps": steps, "batch_size": BATCH, "seed": seed}
            result = sft(base, learned, new[:4], Path(folder), **options, target_modules=upper)
        mean = sum(len(row["input_ids"]) for row in learned) / len(learned)
        model, history = result.model, result.history
        record |= {"pairs": len(made), "rows": len(learned), "tokens": round(BATCH * steps * mean)}
        record |= {"seconds": round(history.seconds, 1), "losses": history.losses}
    for name, page in [("page", True), ("closed", False)][: 1 + closed]:
        _, score = evaluate_answers(model, base.tokenizer, held_out, page)
        record[name] = {key: [sum(hits), len(hits)] for key, hits in score.items()}
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--steps", type=int, default=30)
    given = parser.parse_args()
    log = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"runs": {}}
    names = ("torch", "transformers", "peft")
    log["machine"] = {"processor": platform.processor() or platform.machine()}
    log["machine"] |= {"cores": os.cpu_count(), **{name: version(name) for name in names}}
    log |= {"steps": given.steps, "batch_size": BATCH}
    for name in given.only:
        steps = 0 if name == "base" else given.steps
        log["runs"][name] = run(steps, **SETTINGS[name], closed=name in CLOSED)
        ordered = {key: log["runs"][key] for key in SETTINGS if key in log["runs"]}
        RESULTS.write_text(json.dumps(log | {"runs": ordered}, indent=1) + "\n", "utf-8")
        shown = {key: part for key, part in log["runs"][name].items() if key != "losses"}
        print(name, json.dumps(shown), flush=True)


if __name__ == "__main__":
    main()
