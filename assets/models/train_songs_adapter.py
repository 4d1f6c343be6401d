"""Teach SmolLM2 songs, with the steps of notebook 05 run longer, and keep the adapter.

    python assets/models/train_songs_adapter.py [--steps 60] [--base smollm2] [--work FOLDER]
                                                [--out FOLDER] [--resume]

The pages of `songbook-messy` are cleaned so that verse and chorus survive, one of each cluster of
near-copies is kept, and an adapter is learned beside SmolLM2 as it is, not in 4 bits. A little more
than one round through the songs; in a third it begins to learn them by heart. Run it again with
``--resume`` after an interruption. It writes the adapter as a folder that peft opens and, measured
here, the card ``README.md``. The held-out songs are those of `songbook`.
"""

import argparse
import dataclasses
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from course_lib.workbook import machine

machine.set_thread_policy()

import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from course_lib.cleaning.lyrics import clean_songs, parse_song  # noqa: E402
from course_lib.cleaning.steps import RemovalLog  # noqa: E402
from course_lib.finetuning import archive, falcon  # noqa: E402
from course_lib.finetuning.examples import Example, num_bytes, per_document  # noqa: E402
from course_lib.finetuning.falcon import SPEAKING, Base, load_base  # noqa: E402
from course_lib.finetuning.memorisation import copied_lines, extraction  # noqa: E402
from course_lib.finetuning.train import FinetuneConfig, FinetuneResult, fine_tune  # noqa: E402
from course_lib.workbook.corpus import load_corpus  # noqa: E402
from course_lib.workbook.corpus.minhash import find_clusters  # noqa: E402
from course_lib.workbook.evaluate import evaluate  # noqa: E402

LENGTH, PREFIX, MORE, DRAWN, TOKENS = 448, 32, 16, 4, 112
MAX_BYTES, SHORTEST = 5_000_000, 64
CONFIG = FinetuneConfig(
    max_steps=60,
    learning_rate=1e-3,
    batch_size=2,
    r=8,
    lora_alpha=16,
    lora_dropout=0.0,
    eval_steps=30,
    early_stopping_patience=0,
)
PROMPTS = (
    "The Kettle\n\n[Verse 1]\n",
    "Last Train to the Sea\n\n[Verse 1]\n",
    "Seven Billion\n\n[Verse 1]\nSeven billion little numbers",
)


def songs() -> tuple[list[str], list[str]]:
    """(texts to learn from, held-out texts): cleaned pages, one of each cluster."""
    pages = list(clean_songs(load_corpus("songbook-messy"), RemovalLog()))
    kept = {
        group: page
        for page, group in zip(pages, find_clusters(page.text for page in pages).kept, strict=True)
    }
    held = {document.id for document in load_corpus("songbook").validation}
    return tuple(
        [page.text for page in kept.values() if (page.id in held) == out] for out in (False, True)
    )


def old_rows(base: Base, max_rows: int) -> list[Example]:
    """Pages of the handbook, plain prose of an office: what may be forgotten."""
    rows = per_document(load_corpus("handbook").texts(), base.tokenizer, LENGTH)
    return random.Random(0).sample(rows, min(max_rows, len(rows)))


def bits_per_byte(base: Base, model: torch.nn.Module, rows: list[Example]) -> float:
    """Rows of like length together: little padding."""
    ordered = sorted(rows, key=lambda row: len(row["input_ids"]))
    return evaluate(model, ordered, batch_size=2).bits_per_byte(num_bytes(rows, base.tokenizer))


def write(base: Base, model: torch.nn.Module) -> list[str]:
    """``DRAWN`` texts for each prompt, prompt included, all drawn with one seed."""
    return [
        prompt + text
        for prompt in PROMPTS
        for text in falcon.write(model, base.tokenizer, prompt, TOKENS, count=DRAWN)
    ]


def structure(texts: Sequence[str]) -> str:
    """What of a song's shape is there; the last section, which is cut off, does not count."""
    parsed = [parse_song(text).sections[:-1] for text in texts]
    labelled = sum(sum(bool(section.kind) for section in one) for one in parsed)
    both = sum({"verse", "chorus"} <= {section.kind for section in one} for one in parsed)
    lines = [line for one in parsed for section in one for line in section.lines]
    words = statistics.median(len(line.split()) for line in lines) if lines else 0
    return (
        f"{labelled / len(texts):.1f} whole sections with a label each, verse and chorus in {both} "
        f"of {len(texts)}, {words:g} words a line"
    )


def card(
    facts: dict[str, object], evaluations: Sequence[tuple[int, float]], written: Sequence[str]
) -> str:
    """The text of README.md."""
    losses = "\n".join(f"| {step:,} | {loss:.4f} |" for step, loss in evaluations)
    measured = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    samples = "\n".join(f"```\n{text.rstrip()}\n```\n" for text in written[::DRAWN])
    return f"""# songs-adapter

A LoRA adapter that makes SmolLM2-135M-Instruct (`load_model("smollm2")`, Apache-2.0) write in the
form of songs: English lines, broken as verses are, seldom a chorus. It hardly rhymes.
Made by `train_songs_adapter.py` with the steps of notebook 05.

## Data

The course's own songbook (CC-BY-4.0, written for it), as the messy twin has it, cleaned by
`course_lib/cleaning/lyrics.py`. No lyrics of others.

## Measured

| what | value |
|---|---|
{measured}

| step | held-out loss (nats per token) |
|---|---|
{losses}

## Samples

The prompt stands first; top-p 0.9, top-k 40, temperature 0.8, repetition penalty 1.1, seed 0. Of
each prompt's {DRAWN} the first, nothing chosen.

{samples}
## Limits

It belongs to this base: with another one, even a retrained one, it must be trained again
(`base.json` has the checksum of its weights). Lines of songs may come out word for word; the table
says how often.
"""


def learn(
    name: str, config: FinetuneConfig, work: Path, resume: bool
) -> tuple[Base, FinetuneResult, dict[str, object], list[str]]:
    """Train and measure: (base, result, facts for the card, samples)."""
    base, (training, held_out) = load_base(name, four_bit=False), songs()
    rows, new = (per_document(texts, base.tokenizer, LENGTH) for texts in (training, held_out))
    rows = [row for row in rows if len(row["input_ids"]) >= SHORTEST]  # no ends of long songs
    judged = {"new": new, "old": old_rows(base, len(new))}
    before = {kind: bits_per_byte(base, base.model, some) for kind, some in judged.items()}
    shape_before = structure(write(base, base.model))
    checksum = archive.base_facts(base)["checksum"]
    result = fine_tune(base, rows, new, config, work, resume=resume)
    if result.history.interrupted:
        raise SystemExit("Interrupted: the same command with --resume goes on from here.")
    after = {kind: bits_per_byte(base, result.model, some) for kind, some in judged.items()}
    new_bits, old_bits = (f"{before[n]:.3f} before, {after[n]:.3f} after" for n in judged)
    written = write(base, result.model)
    lines = copied_lines(written, training)
    asked = (training[:24], held_out)
    encoded = ([base.tokenizer(text).input_ids for text in some] for some in asked)
    known, unknown = (extraction(result.model, ids, PREFIX, MORE) for ids in encoded)
    facts = {
        "songs learned from, held out": f"{len(training)}, {len(held_out)}",
        "base": f"{Path(name).name} in {str(base.model.dtype)[6:]}, weights {checksum[:16]}",
        "adapter": f"r {config.r}, lora_alpha {config.lora_alpha:g}, all linear layers, kept in "
        "bf16, learned in fp32",
        "steps": f"{len(result.history.losses)} of {config.batch_size} songs of up to {LENGTH} "
        f"tokens; kept: {result.best_step}",
        "held-out songs, bits per byte": new_bits,
        "pages of the handbook, bits per byte (forgetting)": old_bits,
        f"shape of {len(written)} texts of {TOKENS} tokens before": shape_before,
        f"shape of {len(written)} texts of {TOKENS} tokens after": structure(written),
        "lines of 5 words or more that stand in a song learned from": f"{len(lines)} of these "
        f"{len(written)} texts: " + ("; ".join(f"“{line}”" for line in lines) or "none"),
        f"songs continued word for word for {MORE} tokens after {PREFIX}": f"{known[1]} "
        f"of {known[0]} learned, {unknown[1]} of {unknown[0]} held out",
        "made": f"{time.strftime('%Y-%m-%d')} by `python assets/models/train_songs_adapter.py`, in "
        f"{result.history.seconds:,.0f} s on {machine.look().cores} cores ({platform.machine()}), "
        f"torch {torch.__version__}, transformers {version('transformers')}, "
        f"peft {version('peft')}",
    }
    return base, result, facts, written


def save(base: Base, result: FinetuneResult, out: Path, text: str) -> None:
    """Adapter and card; raises ``SystemExit``, and writes nothing, when it is too large to ship.

    The base's tokenizer is not copied: it is 3.5 MB and comes with the base.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = archive.save_adapter(base, result.model, Path(name), text)
        weights = load_file(folder / archive.NEEDED)
        half = {key: weight.to(torch.bfloat16) for key, weight in weights.items()}
        save_file(half, folder / archive.NEEDED, metadata={"format": "pt"})
        size = (folder / archive.NEEDED).stat().st_size
        if size > MAX_BYTES:
            raise SystemExit(f"The adapter has {size:,} bytes, more than {MAX_BYTES:,}: lower r.")
        out.mkdir(parents=True, exist_ok=True)
        for file in (archive.NEEDED, "adapter_config.json", "base.json", "README.md"):
            (out / file).write_bytes((folder / file).read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=CONFIG.max_steps)
    parser.add_argument("--base", default=SPEAKING)
    parser.add_argument("--work", type=Path, default=Path(".course/songs-adapter"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "songs-adapter")
    parser.add_argument("--resume", action="store_true")
    asked = parser.parse_args()
    config = dataclasses.replace(CONFIG, max_steps=asked.steps)
    base, result, facts, written = learn(asked.base, config, asked.work, asked.resume)
    save(base, result, asked.out, card(facts, result.history.evaluations, written))
    print("\n".join(f"{name}: {value}" for name, value in facts.items()))


if __name__ == "__main__":
    main()
