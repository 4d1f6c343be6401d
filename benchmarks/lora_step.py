"""A LoRA step of SmolLM2: what logits only where labels are, packing and compiling are worth.

    python benchmarks/lora_step.py [--steps 8] [--rounds 2]

Each way in a process of its own, in turn; the median step after the first three counts, and the
fastest round. *Filled up*: four songs of up to 448 tokens, the short ones filled up to the longest.
*All logits*: the same, with scores at every place. *Packed*: the same four behind one another in
one row; positions begin anew with each, so that none sees another (the losses say whether that is
so). *Whole rows*, *compiled*: four rows of exactly 192 tokens, without and with ``torch.compile``
of each layer, which needs a C++ compiler and takes its time in the first step.
Writes ``benchmarks/results/lora_step.json``.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from course_lib.workbook.machine import set_thread_policy
from course_lib.workbook.settings import write_json

RESULTS = Path(__file__).parent / "results" / "lora_step.json"
WAYS = ("filled up", "all logits", "packed", "whole rows", "compiled")
LENGTHS = {"whole rows": 192, "compiled": 192}  # of the others: 448


def batch_of(way: str, rows: Sequence[dict]) -> dict:
    """What the model is given."""
    import torch

    from course_lib.finetuning.train import fill_up

    if way != "packed":
        batch = fill_up(rows)
        if way == "all logits":
            batch["logits_to_keep"] = 0
            batch["labels"] = batch["shift_labels"] = torch.nn.utils.rnn.pad_sequence(
                [torch.tensor([*row["labels"][1:], -100]) for row in rows], True, -100
            )
        return batch
    whole = {
        "input_ids": sum((list(row["input_ids"]) for row in rows), []),
        "labels": sum(([-100, *row["labels"][1:]] for row in rows), []),
    }
    places = [place for row in rows for place in range(len(row["input_ids"]))]
    return fill_up([whole]) | {"position_ids": torch.tensor([places])}


def one(way: str, steps: int) -> dict:
    """Seconds a step, learned tokens a second, seconds of the first step, its loss."""
    import torch

    from course_lib.finetuning import train
    from course_lib.finetuning.examples import per_document
    from course_lib.finetuning.falcon import load_base
    from course_lib.workbook.corpus import load_corpus

    base, length = load_base("smollm2", four_bit=False), LENGTHS.get(way, 448)
    rows = per_document(load_corpus("songbook").train.texts(), base.tokenizer, length)
    if way in LENGTHS:
        rows = [row for row in rows if len(row["input_ids"]) == length]
    model = train.add_adapter(base, train.FinetuneConfig(steps, 1e-3, 4, lora_dropout=0.0)).train()
    if way == "compiled":
        for layer in model.get_base_model().model.layers:
            layer.compile(dynamic=False)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-3)
    seconds, losses, learned = [], [], 0
    for step in range(steps):
        batch = batch_of(way, rows[4 * step : 4 * step + 4])
        begun = time.perf_counter()
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - begun)
        losses.append(loss.item())
        learned += int((batch["labels"] != -100).sum()) * (step >= 3)
    return {
        "seconds a step": round(statistics.median(seconds[3:]), 3),
        "learned tokens a second": round(learned / sum(seconds[3:]), 1),
        "first step, seconds": round(seconds[0], 1),
        "first loss": round(losses[0], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    set_thread_policy()
    if asked.one:
        print(json.dumps(one(asked.one, asked.steps)))
        return
    found: dict[str, list[dict]] = {way: [] for way in WAYS}
    for _ in range(asked.rounds):
        for way in WAYS:
            command = [sys.executable, __file__, "--one", way, "--steps", str(asked.steps)]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            found[way].append(json.loads(run.stdout.splitlines()[-1]))
    best = {
        way: max(runs, key=lambda run: run["learned tokens a second"])
        for way, runs in found.items()
    }
    speed = {way: run["learned tokens a second"] for way, run in best.items()}
    facts = {
        "command": f"python benchmarks/lora_step.py --steps {asked.steps} --rounds {asked.rounds}",
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "ways": best,
        "filled up over all logits": round(speed["filled up"] / speed["all logits"], 2),
        "packed over filled up": round(speed["packed"] / speed["filled up"], 2),
        "compiled over whole rows": round(speed["compiled"] / speed["whole rows"], 2),
    }
    print(json.dumps(facts, indent=1))
    write_json(RESULTS, facts)


if __name__ == "__main__":
    main()
