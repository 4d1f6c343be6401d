"""Our fine-tuning beside a plain script of peft and Trainer, and four bits beside sixteen.

    python benchmarks/qlora.py [--parts speed quality smollm2] [--steps 30] [--rounds 5]
                               [--seeds 3] [--long 150]

Speed: seconds a step (median) of ``fine_tune`` and of a plain script without our settings, with
the same mini-falcon in four bits, the same rows, batches and learning rate, on a CPU; each in a
process of its own, the two in turn, first quiet, then with two busy processes beside. The median
round counts. SmolLM2: the same, quiet, beside the model as it is (not in 4 bits, in the number type
that is fast here), with songs of up to 192 tokens. Quality: held-out loss after ``--long`` steps,
several seeds, in four bits and with the same 16-bit weights left as they are (computed in fp32),
and the bytes of both. Writes ``benchmarks/results/qlora.json``; a part that was not asked for stays
there as it was.
"""

import argparse
import functools
import importlib.util
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "qlora.json"
LENGTH, BATCH, RATE, NEIGHBOURS = 128, 8, 4e-3, 2
WAYS, PARTS = ("ours", "plain"), ("speed", "quality", "smollm2")
SPEAKING = "smollm2"


def sizes(model: str) -> tuple[int, int, float]:
    """Tokens of a row at most, rows of a batch, learning rate."""
    return (192, 4, 1e-3) if model == SPEAKING else (LENGTH, BATCH, RATE)


def rows_of(tokenizer, held_out: bool, length: int) -> list:  # noqa: ANN001
    from course_lib.finetuning.examples import per_document
    from course_lib.workbook.corpus import load_corpus

    songs = load_corpus("songbook")
    made = per_document((songs.validation if held_out else songs.train).texts(), tokenizer, length)
    return made[:24] if held_out else made


def timed(trainer: type) -> tuple[type, list[float]]:
    """A Trainer that notes when each of its steps begins."""
    starts: list[float] = []

    class Timed(trainer):
        def training_step(self, *given: object, **named: object) -> object:
            starts.append(time.perf_counter())
            return super().training_step(*given, **named)

    return Timed, starts


def train_ours(model: str, steps: int) -> tuple[list[float], float]:
    """As in the notebook: threads, loader, configuration."""
    from course_lib.workbook import machine

    machine.set_thread_policy()
    from course_lib.finetuning import train
    from course_lib.finetuning.falcon import load_base

    train.Trainer, starts = timed(train.Trainer)
    base, (length, batch, rate) = load_base(model, model != SPEAKING), sizes(model)
    options = {"eval_steps": steps, "lora_dropout": 0.0, "early_stopping_patience": 0}
    config = train.FinetuneConfig(steps, rate, batch, **options)
    with tempfile.TemporaryDirectory() as folder:
        rows, new = (rows_of(base.tokenizer, held, length) for held in (False, True))
        result = train.fine_tune(base, rows, new, config, Path(folder))
    return starts, result.history.evaluations[-1][1]


def train_plain(model: str, steps: int) -> tuple[list[float], float]:
    """What one finds in tutorials. Without the first line its Falcon would not be in four bits."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        BitsAndBytesConfig,
        Trainer,
        TrainingArguments,
    )
    from transformers.models.falcon import modeling_falcon

    from course_lib.workbook.evaluate import pad_batch
    from course_lib.workbook.machine import look
    from course_lib.workbook.models import find_model

    modeling_falcon.FalconLinear = torch.nn.Linear
    (place, _), (length, batch, rate) = find_model(model), sizes(model)
    four = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )
    options = {"quantization_config": four, "dtype": torch.float32}
    if model == SPEAKING:
        options = {"dtype": look().number_type}
    loaded = AutoModelForCausalLM.from_pretrained(place, device_map={"": "cpu"}, **options)
    tokenizer = AutoTokenizer.from_pretrained(place)
    torch.manual_seed(0)
    adapter = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    adapted = get_peft_model(loaded.requires_grad_(False), adapter)
    kind, starts = timed(Trainer)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            max_steps=steps,
            learning_rate=rate,
            per_device_train_batch_size=batch,
            warmup_steps=max(1, round(0.03 * steps)),
            report_to="none",
            save_strategy="no",
            use_cpu=True,
            seed=0,
            remove_unused_columns=False,
            disable_tqdm=True,
            label_names=["labels"],
        )
        trainer = kind(
            model=adapted,
            args=arguments,
            train_dataset=rows_of(tokenizer, False, length),
            data_collator=functools.partial(pad_batch, pad_token_id=1),
            eval_dataset=rows_of(tokenizer, True, length),
            processing_class=tokenizer,
        )
        trainer.train()
        loss = trainer.evaluate()["eval_loss"]
    return starts, loss


def one(way: str, model: str, steps: int) -> None:
    """Train once, in this process; the last line of output says what came of it."""
    starts, loss = {"ours": train_ours, "plain": train_plain}[way](model, steps)
    between = [b - a for a, b in zip(starts[3:], starts[4:], strict=False)]
    print(json.dumps({"seconds a step": statistics.median(between), "held-out loss": loss}))


def spin() -> None:
    """A neighbour that never rests."""
    while True:
        pass


def in_turn(model: str, steps: int, rounds: int) -> dict[str, dict]:
    """Seconds a step of each way, by round and their median, and its loss."""
    found: dict[str, dict] = {way: {"by round": []} for way in WAYS}
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))
    }
    for _ in range(rounds):
        for way in WAYS:
            command = [
                sys.executable,
                __file__,
                "--one",
                way,
                "--model",
                model,
                "--steps",
                str(steps),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=clean)
            new = json.loads(done.stdout.strip().splitlines()[-1])
            found[way]["by round"].append(round(new["seconds a step"], 4))
            found[way]["held-out loss"] = round(new["held-out loss"], 6)
    for own in found.values():
        own["seconds a step"] = statistics.median(own["by round"])
    return found


def speed(model: str, steps: int, rounds: int, *, busy_too: bool = True) -> dict:
    """Quiet, then with neighbours. The ratio is ours over the plain one's: smaller is better."""
    results = {}
    for name in ("quiet", f"{NEIGHBOURS} busy processes beside it")[: 1 + busy_too]:
        busy = [
            multiprocessing.Process(target=spin, daemon=True)
            for _ in range(0 if name == "quiet" else NEIGHBOURS)
        ]
        for process in busy:
            process.start()
        found = in_turn(model, steps, rounds)
        for process in busy:
            process.terminate()
        means = {way: statistics.mean(own["by round"]) for way, own in found.items()}
        results[name] = {
            **found,
            "ours over plain": round(
                found["ours"]["seconds a step"] / found["plain"]["seconds a step"], 2
            ),
            "ours over plain, means of the rounds": round(means["ours"] / means["plain"], 2),
        }
    return results


def quality(model: str, steps: int, seeds: int) -> dict:
    """Held-out loss in four bits and with whole weights, and bytes as measured and as predicted."""
    from course_lib.finetuning.falcon import load_base
    from course_lib.finetuning.memory import estimate, measured
    from course_lib.finetuning.train import FinetuneConfig, fine_tune
    from course_lib.transformer.convert import config_of

    losses: dict[str, list[float]] = {"4 bits": [], "16 bits": []}
    bytes_of = {}
    for seed in range(seeds):
        for name, four_bit in (("4 bits", True), ("16 bits", False)):
            base = load_base(model, four_bit)
            bytes_of[name] = measured(base.model)
            every = max(1, steps // 5)
            options = {"eval_steps": every, "early_stopping_patience": 0, "seed": seed}
            config = FinetuneConfig(steps, RATE, BATCH, **options)
            rows, new = (rows_of(base.tokenizer, held, LENGTH) for held in (False, True))
            with tempfile.TemporaryDirectory() as folder:
                result = fine_tune(base, rows, new, config, Path(folder))
            losses[name].append(min(loss for _, loss in result.history.evaluations))
    shape, wide = config_of(base.model.config), base.model.dtype.itemsize
    four, sixteen = bytes_of["4 bits"], bytes_of["16 bits"].linear * 2 // wide
    means = {name: statistics.mean(own) for name, own in losses.items()}
    return {
        "held-out loss, by seed": losses,
        "4 bits over 16 bits, mean loss": round(means["4 bits"] / means["16 bits"], 4),
        "linear layers, 4 bits over 16 bits": round((four.linear + four.scales) / sixteen, 4),
        "whole model in 4 bits, measured over predicted": round(
            four.model / estimate(shape, "qlora", dtype_bytes=wide).model, 4
        ),
    }


def versions() -> dict[str, str]:
    """bitsandbytes among them: without it there is nothing to compare."""
    return {name: version(name) for name in ("torch", "transformers", "peft", "bitsandbytes")}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, number in (("steps", 30), ("rounds", 5), ("seeds", 3), ("long", 150)):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--model", default="mini-falcon")
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if importlib.util.find_spec("bitsandbytes") is None:
        raise SystemExit("The plain script needs bitsandbytes, and this machine has none.")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # what is compared is the processor's work
    if asked.one:
        one(asked.one, asked.model, asked.steps)
        return
    facts = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    facts |= {"rows": f"{BATCH} × at most {LENGTH} tokens a step"}
    if "speed" in asked.parts:
        options = f"--parts speed --steps {asked.steps} --rounds {asked.rounds}"
        command = f"python benchmarks/qlora.py {options}"
        facts["speed"] = {"command": command, **about, "versions": versions()}
        facts["speed"] |= speed(asked.model, asked.steps, asked.rounds)
    if SPEAKING in asked.parts:
        command = f"python benchmarks/qlora.py --parts smollm2 --steps {asked.steps}"
        facts[SPEAKING] = {"command": f"{command} --rounds {asked.rounds}", **about}
        facts[SPEAKING] |= {"versions": versions(), "rows": "4 × at most 192 tokens a step"}
        facts[SPEAKING] |= speed(SPEAKING, asked.steps, asked.rounds, busy_too=False)
    if "quality" in asked.parts:
        command = (
            f"python benchmarks/qlora.py --parts quality --long {asked.long} --seeds {asked.seeds}"
        )
        facts["quality"] = {"command": command, **about, "versions": versions()}
        facts["quality"] |= quality(asked.model, asked.long, asked.seeds)
    print(json.dumps(facts, indent=1))
    RESULTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
