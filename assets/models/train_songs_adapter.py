"""Teach mini-falcon songs, with the steps of notebook 05 run longer, and keep the adapter.

    python assets/models/train_songs_adapter.py [--steps 600] [--work FOLDER] [--out FOLDER]

The pages of `songbook-messy` are cleaned so that verse and chorus survive, one of each cluster of
near-copies is kept, and an adapter is learned beside mini-falcon in four bits until early stopping
ends it. Run it again with ``--resume`` after an interruption. It writes the adapter as a folder
that peft opens and, measured here, the card ``README.md``. The held-out songs are those of
`songbook`.
"""

import argparse
import dataclasses
import platform
import random
import shutil
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from course_lib.workbook import machine

machine.set_thread_policy()

import torch  # noqa: E402

from course_lib.cleaning.lyrics import clean_songs  # noqa: E402
from course_lib.cleaning.steps import RemovalLog  # noqa: E402
from course_lib.finetuning import archive  # noqa: E402
from course_lib.finetuning.examples import Example, num_bytes, per_document  # noqa: E402
from course_lib.finetuning.falcon import SMALL, Base, load_base  # noqa: E402
from course_lib.finetuning.memorisation import Extraction, extraction, longest_overlap  # noqa: E402
from course_lib.finetuning.train import FinetuneConfig, FinetuneResult, fine_tune  # noqa: E402
from course_lib.workbook.corpus import load_corpus  # noqa: E402
from course_lib.workbook.corpus.minhash import find_clusters  # noqa: E402
from course_lib.workbook.evaluate import evaluate  # noqa: E402

LENGTH, PREFIX, MORE = 256, 32, 16
MAX_BYTES = 3_000_000
CONFIG = FinetuneConfig(
    max_steps=600,
    learning_rate=4e-3,
    batch_size=4,
    lora_dropout=0.1,
    eval_steps=40,
    early_stopping_patience=4,
    early_stopping_threshold=0.02,
)
PROMPTS = (
    "The Kettle\n\n[Verse 1]\n",
    "[Chorus]\n",
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
    """Held-out documentation of Python: what may be forgotten."""
    rows = per_document(load_corpus("python-docs").validation.texts(), base.tokenizer, LENGTH)
    return random.Random(0).sample(rows, min(max_rows, len(rows)))


def bits_per_byte(base: Base, model: torch.nn.Module, rows: list[Example]) -> float:
    return evaluate(model, rows, batch_size=8).bits_per_byte(num_bytes(rows, base.tokenizer))


def ids_of(base: Base, texts: Sequence[str]) -> list[list[int]]:
    return [base.tokenizer(text, add_special_tokens=False).input_ids for text in texts]


@torch.no_grad()
def write(base: Base, model: torch.nn.Module, prompt: str, tokens: int = 90) -> str:
    """One continuation with top-p 0.9, temperature 0.8 and a fixed seed."""
    inputs = base.tokenizer(prompt, return_tensors="pt", add_special_tokens=False).to(model.device)
    torch.manual_seed(0)
    out = model.generate(
        **inputs,
        max_new_tokens=tokens,
        do_sample=True,
        top_k=0,
        top_p=0.9,
        temperature=0.8,
        pad_token_id=base.tokenizer.pad_token_id,
    )
    return base.tokenizer.decode(out[0], skip_special_tokens=True).rstrip()


def card(
    facts: dict[str, object], evaluations: Sequence[tuple[int, float]], written: Sequence[str]
) -> str:
    """The text of README.md."""
    losses = "\n".join(f"| {step:,} | {loss:.4f} |" for step, loss in evaluations)
    measured = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    samples = "\n".join(f"```\n{text}\n```\n" for text in written)
    return f"""# songs-adapter

A LoRA adapter that makes `mini-falcon`, loaded in four bits, write in the form of songs: short
lines, verses, choruses. It rhymes by accident and means nothing. Made by `train_songs_adapter.py`
with the steps of notebook 05.

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

The prompt stands first; top-p 0.9, temperature 0.8, nothing chosen.

{samples}
## Limits

It belongs to this base: with another one, even a retrained one, it must be trained again
(`base.json` has the checksum of its weights). Lines of songs may come out word for word; the table
says how often.
"""


def learn(
    config: FinetuneConfig, work: Path, resume: bool
) -> tuple[Base, FinetuneResult, dict[str, object], list[str]]:
    """Train and measure: (base, result, facts for the card, samples)."""
    base, (training, held_out) = load_base(SMALL), songs()
    rows, new = (per_document(texts, base.tokenizer, LENGTH) for texts in (training, held_out))
    judged = {"new": new, "old": old_rows(base, len(new))}
    before = {name: bits_per_byte(base, base.model, some) for name, some in judged.items()}
    checksum = archive.base_facts(base)["checksum"]
    result = fine_tune(base, rows, new, config, work, prompts=PROMPTS[:1], resume=resume)
    if result.history.interrupted:
        raise SystemExit("Interrupted: the same command with --resume goes on from here.")
    after = {name: bits_per_byte(base, result.model, some) for name, some in judged.items()}
    new_bits, old_bits = (f"{before[n]:.3f} before, {after[n]:.3f} after" for n in judged)
    known, unknown = (said_again(base, result, texts) for texts in (training, held_out))
    written = [write(base, result.model, prompt) for prompt in PROMPTS]
    sources = ids_of(base, training)
    longest = max(len(longest_overlap(own, sources)) for own in ids_of(base, written))
    ended = "by early stopping" if result.stopped_early else "by the number of steps"
    facts = {
        "songs learned from, held out": f"{len(training)}, {len(held_out)}",
        "base": f"{SMALL}, four bits by {base.quantized_by}, weights {checksum[:16]}",
        "adapter": f"r {config.r}, lora_alpha {config.lora_alpha:g}, all four linear layers",
        "steps": f"{len(result.history.losses)} of {config.batch_size} × {LENGTH} tokens at most; "
        f"kept: {result.best_step}; ended {ended}",
        "held-out songs, bits per byte": new_bits,
        "Python's documentation, bits per byte (forgetting)": old_bits,
        f"songs continued word for word for {MORE} tokens after {PREFIX}": f"{known.num_exact} "
        f"of {known.num_texts} learned, {unknown.num_exact} of {unknown.num_texts} held out",
        "longest passage of the samples that stands in a training song": f"{longest} tokens",
        "made": f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, torch {torch.__version__}, "
        f"transformers {version('transformers')}, peft {version('peft')}",
    }
    return base, result, facts, written


def said_again(base: Base, result: FinetuneResult, texts: Sequence[str]) -> Extraction:
    return extraction(result.model, ids_of(base, texts), PREFIX, MORE)


def save(base: Base, result: FinetuneResult, out: Path, text: str) -> None:
    """Adapter and card, whole or not at all; raises ``SystemExit`` when it is too large to ship."""
    with tempfile.TemporaryDirectory() as name:
        folder = archive.save_adapter(base, result.model, Path(name), text)
        size = (folder / "adapter_model.safetensors").stat().st_size
        if size > MAX_BYTES:
            raise SystemExit(f"The adapter has {size:,} bytes, more than {MAX_BYTES:,}: lower r.")
        shutil.copytree(folder, out, dirs_exist_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=CONFIG.max_steps)
    parser.add_argument("--work", type=Path, default=Path(".course/songs-adapter"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "songs-adapter")
    parser.add_argument("--resume", action="store_true")
    asked = parser.parse_args()
    config = dataclasses.replace(CONFIG, max_steps=asked.steps)
    base, result, facts, written = learn(config, asked.work, asked.resume)
    save(base, result, asked.out, card(facts, result.history.evaluations, written))
    print("\n".join(f"{name}: {value}" for name, value in facts.items()))


if __name__ == "__main__":
    main()
