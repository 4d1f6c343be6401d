"""Teach SmolLM2 to be the backend of notebook 07, from traces that a program wrote.

    python assets/models/train_backend_adapter.py [--steps 400] [--measure]

One adapter on the upper half of the layers learns both designs: three rows of four are calls with
the whole new list, one has three calls with their operations. Then every way of asking answers the
same calls that nobody learned from. Writes ``assets/models/backend-adapter`` with its card and its
log; ``--measure`` writes card and log of the adapter that is there. About 15 minutes of one core to
learn, and as long to measure.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from course_lib.workbook import machine

machine.set_thread_policy()

import torch  # noqa: E402

from course_lib.alignment.instruct import SETTINGS, encode, sft  # noqa: E402
from course_lib.finetuning.archive import load_adapter, save_adapter  # noqa: E402
from course_lib.finetuning.examples import Example  # noqa: E402
from course_lib.finetuning.falcon import Base, load_base  # noqa: E402
from course_lib.prompting import backend  # noqa: E402
from course_lib.prompting.backend import REPLIES, Trace, turns  # noqa: E402
from course_lib.prompting.runtime import to_json  # noqa: E402
from course_lib.workbook.settings import read_json, write_json  # noqa: E402

PARTS = {"held out": 36, "other words": 15, "undefined": 8}  # so many of each are measured
WAYS = {  # name: with the adapter, described, constrained
    "free": (False, False, False),
    "described": (False, True, False),
    "constrained": (False, False, True),
    "described + constrained": (False, True, True),
    "tuned": (True, False, False),
    "tuned + constrained": (True, False, True),
}


def rows(traces: Sequence[Trace], tokenizer: Any, seed: int = 0) -> list[Example]:
    """Of the whole lists a row each; of the short operations one for three calls."""
    draw, made = random.Random(seed), []
    for trace in traces:
        chat = [*turns("whole", trace.tasks, trace.call), said(trace.answer)]
        made.append(encode(chat, tokenizer))
    mixed = draw.sample(list(traces), len(traces))
    for start in range(0, len(mixed), 3):
        chat = []
        for trace in mixed[start : start + 3]:
            own = turns("operation", trace.tasks, trace.call)
            chat += [*(own[1:] if chat else own), said(trace.operation)]
        made.append(encode(chat, tokenizer))
    return draw.sample(made, len(made))


def said(reply: Any) -> dict:
    return {"role": "assistant", "content": to_json(reply)}


def learn(base: Base, steps: int, out: Path) -> dict:
    """Writes the adapter; gives what the log says of the run."""
    learned = rows(backend.read_traces("learned"), base.tokenizer)
    checked = rows(backend.read_traces("held out")[:18], base.tokenizer)
    options = {"max_steps": steps, "eval_steps": 100, "early_stopping_patience": 0}
    cores = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        result = sft(base, learned, checked, Path(folder), **options)
    for value in result.model.parameters():
        value.data = value.data.bfloat16()
    save_adapter(base, result.model, out, "")
    for file in out.iterdir():  # the tokenizer is the base's
        if file.name not in ("adapter_config.json", "adapter_model.safetensors", "base.json"):
            file.unlink()
    return {
        "steps": steps,
        "rows": len(learned),
        "tokens a row": sum(len(row["input_ids"]) for row in learned) / len(learned),
        "losses": [round(loss, 4) for loss in result.history.losses],
        "evaluations": result.history.evaluations,
        "seconds of one core": round(time.process_time() - cores),
    }


def measure(out: Path) -> list[dict]:
    """What every way of asking answers in both designs, call by call."""
    traces = [trace for part, n in PARTS.items() for trace in backend.read_traces(part)[:n]]
    plain = load_base("smollm2", four_bit=False)
    tokenizer, tuned = plain.tokenizer, load_adapter(load_base("smollm2", four_bit=False), out)
    found = []
    for design in REPLIES:
        for way, (adapted, described, constrained) in WAYS.items():
            model = tuned if adapted else plain.model
            started = time.perf_counter()
            texts = backend.replies(model, tokenizer, traces, design, described, constrained)
            for trace, text in zip(traces, texts, strict=True):
                asked = turns(design, trace.tasks, trace.call, described)
                chat = [*asked, {"role": "assistant", "content": text}]
                valid, right = backend.judge(design, trace, text)
                facts = {"design": design, "way": way, "kind": trace.kind, "part": trace.part}
                kept = valid and backend.carry_out(design, text, trace.tasks).tasks == trace.tasks
                facts |= {"valid": valid, "right": right, "tasks kept": kept}
                facts |= {"call": trace.call, "reply": text}
                found.append(facts | {"tokens": len(encode(chat, tokenizer)["input_ids"])})
            own = {"design": design, "way": way}
            hits = ", ".join(share(found, "right", part=part, **own) for part in PARTS)
            print(f"{own}: {hits}, {time.perf_counter() - started:.0f} s", flush=True)
    return found


def share(rows: Sequence[dict], what: str, **where: str) -> str:
    some = [row[what] for row in rows if all(row[key] == value for key, value in where.items())]
    return f"{sum(some)} of {len(some)}"


def write_card(log: dict) -> str:
    calls = log["calls"]
    kinds = dict.fromkeys(row["kind"] for row in calls if row["part"] == "held out")
    table = "\n".join(
        f"| {design}, {way} | {share(calls, 'valid', design=design, way=way, part='held out')} | "
        + " | ".join(share(calls, "right", design=design, way=way, part=part) for part in PARTS)
        + f" | {share(calls, 'tasks kept', design=design, way=way, part='undefined')} |"
        for design in REPLIES
        for way in WAYS
    )
    by_kind = "\n".join(
        f"| {kind} | "
        + " | ".join(
            share(
                calls, "right", design=design, way="tuned + constrained", kind=kind, part="held out"
            )
            for design in REPLIES
        )
        + " |"
        for kind in kinds
    )
    kept = min(log["evaluations"], key=lambda evaluation: evaluation[1])
    return f"""# backend-adapter

A LoRA adapter that makes SmolLM2-135M-Instruct (`load_model("smollm2")`, Apache-2.0) the backend of
notebook 07: it answers calls about a list of tasks, with the whole new list or with an operation.
Made by `train_backend_adapter.py`.

## Data

{log["rows"]:,} rows from the traces of `assets/prompting/backend_traces.jsonl`, which
`write_backend_traces.py` wrote (CC-BY-4.0). No data of others.

## Measured

Calls that nobody learned from: held-out ones are about other tasks; others are in other words, or
ask for what is no operation. There the list behind them must be right; a reply that leaves the list
as it was is not what was asked, but does no harm.

| design, way | valid | right | other words | undefined | undefined, list as it was |
|---|---|---|---|---|---|
{table}

Tuned and constrained, by kind of call:

| kind | whole | operation |
|---|---|---|
{by_kind}

| what | value |
|---|---|
| adapter | r {SETTINGS["r"]}, lora_alpha {SETTINGS["lora_alpha"]}, upper half of the layers, in \
bf16 |
| steps | {len(log["losses"])} of {SETTINGS["batch_size"]} rows; kept is the state of step \
{kept[0]}, with the lowest held-out loss, {kept[1]:.4f} |
| learned in | {log["seconds of one core"]} s of one core |
| made | {log["made"]} |

## Limits

Lists of one to four tasks, calls in the forms of the traces. Longer lists lose tasks. It belongs to
this base (`base.json`).
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--out", type=Path, default=backend.ADAPTER)
    asked = parser.parse_args()
    path = asked.out / "log.json"
    if asked.measure:
        log = read_json(path)
    else:
        log = learn(load_base("smollm2", four_bit=False), asked.steps, asked.out)
        log["made"] = (
            f"{time.strftime('%Y-%m-%d')}, torch {torch.__version__}, "
            f"transformers {version('transformers')}, peft {version('peft')}"
        )
        write_json(path, log)
    log["calls"] = measure(asked.out)
    write_json(path, log)
    (asked.out / "README.md").write_text(write_card(log), encoding="utf-8")


if __name__ == "__main__":
    main()
