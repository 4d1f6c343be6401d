# ruff: noqa: E501
"""Measure mini-falcon and write its card, ``mini-falcon/README.md``.

    python assets/models/card_of_mini_falcon.py [--work FOLDER] [--out FOLDER] [--measured]

``--work`` is the folder in which it was trained, with the tokens; elsewhere they are made
anew there, with its tokenizer, from what its list holds out. ``--measured`` keeps the figures of an
earlier run and writes the card anew. Beside the model stand the
rivals: a Kneser–Ney 5-gram on the same tokens, and file compressors that were shown the training text.
"""

import argparse
import importlib.metadata
import json
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from train_mini_falcon import prepare  # noqa: E402

from course_lib.history.bits import gzip_bits_per_byte, xz_bits_per_byte  # noqa: E402
from course_lib.history.ngrams import KneserNey  # noqa: E402
from course_lib.transformer.bpe import BPETokenizer  # noqa: E402
from course_lib.transformer.convert import from_falcon  # noqa: E402
from course_lib.transformer.model import MiniGPT  # noqa: E402
from course_lib.transformer.sampling import SamplingParams, generate  # noqa: E402
from course_lib.workbook.models import load_model  # noqa: E402

LENGTH = 512
SIZES = Path(__file__).parents[2] / "benchmarks" / "results" / "mini_falcon_sizes.json"
FIRST = 200_000  # held-out tokens on which the versions before this one were judged
NGRAM_TOKENS = 2_000_000  # of the training text; more do not fit into a laptop's memory
PROMPTS = ("Return the sum of", "Open a file and", "Parameters\n----------\n", "A list is")


def documents_of(tokens: np.ndarray) -> list[list[int]]:
    """The stream cut at the end-of-text token."""
    return [
        part.tolist() for part in np.split(tokens, np.flatnonzero(tokens == 0) + 1) if len(part) > 1
    ]


@torch.no_grad()
def bits_per_byte(
    model: MiniGPT, tokenizer: BPETokenizer, tokens: np.ndarray, judged: np.ndarray | None = None
) -> float:
    """Bits per byte of a stream of tokens, read in pieces of 512. ``judged``: True where it counts."""
    number = (len(tokens) - 1) // LENGTH
    rows = torch.from_numpy(tokens[: number * LENGTH + 1].astype(np.int64))
    counts = np.ones(len(rows) - 1, bool) if judged is None else judged[1 : len(rows)]
    inputs, targets = rows[:-1].view(-1, LENGTH), rows[1:].view(-1, LENGTH)
    nats = []
    for own, next_ones in zip(inputs.split(16), targets.split(16), strict=True):
        logits = model(own).flatten(0, 1)
        nats.append(
            torch.nn.functional.cross_entropy(logits, next_ones.flatten(), reduction="none")
        )
    size = sum(len(tokenizer.token_bytes[n]) for n in rows[1:][torch.from_numpy(counts)].tolist())
    return float(torch.cat(nats)[torch.from_numpy(counts)].sum()) / math.log(2) / size


def shared_passages(tokens: np.ndarray, training: np.ndarray, size: int = 13) -> np.ndarray:
    """True for each token that lies in a run of ``size`` tokens that stands in the training text, too."""

    def keys(stream: np.ndarray) -> np.ndarray:
        found = np.zeros(max(0, len(stream) - size + 1), np.uint64)
        for place in range(size):
            part = stream[place : place + len(found)].astype(np.uint64)
            found = found * np.uint64(0x9E3779B97F4A7C15) + part + np.uint64(1)
        return found

    starts = np.flatnonzero(np.isin(keys(tokens), keys(training)))
    shared = np.zeros(len(tokens), bool)
    for place in range(size):
        shared[starts + place] = True
    return shared


def ngram_bits(tokenizer: BPETokenizer, training: np.ndarray, held_out: np.ndarray) -> float:
    """The same for Kneser–Ney on tokens, order 5."""
    model = KneserNey(documents_of(training[:NGRAM_TOKENS]), order=5)
    chosen = documents_of(held_out)
    size = sum(len(tokenizer.token_bytes[n]) for document in chosen for n in document)
    return -sum(model.log2_probability(document) for document in chosen) / size


def licence_text(most: int = 60_000) -> str:
    """Licences of installed packages: prose of another kind. Docstrings quote parts of some of them."""
    texts = set()
    for package in sorted(
        importlib.metadata.distributions(), key=lambda p: p.metadata["Name"] or ""
    ):
        for file in package.files or ():
            if file.name.upper().startswith("LICEN") and file.suffix in ("", ".txt", ".md"):
                path = Path(package.locate_file(file))
                texts.add(
                    path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
                )
    return "\n\n".join(sorted(texts, key=lambda text: (-len(text), text)))[:most]


@torch.no_grad()
def copying(
    model: MiniGPT,
    held_out: np.ndarray,
    distance: int,
    tries: int = 100,
    size: int = 24,
    cue: int = 8,
) -> float:
    """Share of tokens of a random string that are said again when its first ``cue`` tokens come back."""
    rng, right = np.random.default_rng(0), 0
    for _ in range(tries):
        string = rng.integers(262, len(model.embedding.weight), size)
        start = int(rng.integers(0, len(held_out) - distance))
        between = held_out[start : start + distance - size]
        ids = torch.from_numpy(np.concatenate([string, between, string]).astype(np.int64))
        guessed = model(ids[None])[0].argmax(-1)
        right += int((guessed[-size + cue - 1 : -1] == ids[-size + cue :]).sum())
    return right / (tries * (size - cue))


def memorised(
    model: MiniGPT, training: np.ndarray, tries: int = 100, prompt: int = 64, size: int = 32
) -> float:
    """Share of ``tries`` training passages that greedy writing continues word for word, for 32 tokens after 64."""
    rng, same = np.random.default_rng(0), 0
    for start in rng.integers(0, len(training) - prompt - size, tries).tolist():
        passage = training[start : start + prompt + size].tolist()
        same += list(generate(model, passage[:prompt], size)) == passage[prompt:]
    return same / tries


def sample(model: MiniGPT, tokenizer: BPETokenizer, prompt: str, params: SamplingParams) -> str:
    ids = tokenizer.encode(prompt)
    return prompt + tokenizer.decode(generate(model, ids, 60, params, eos_token_id=0))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path(".course/mini-falcon"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "mini-falcon")
    parser.add_argument("--measured", action="store_true")
    asked = parser.parse_args()
    theirs, _ = load_model(asked.out, dtype=torch.float32)
    model, tokenizer = from_falcon(theirs), BPETokenizer.load(asked.out / "tokenizer.json")
    facts = json.loads((asked.out / "training.json").read_text(encoding="utf-8"))
    if not asked.measured:
        asked.work.mkdir(parents=True, exist_ok=True)
        prepare(asked.work, asked.out)  # nothing to do where it was trained
        facts["measured"] = measure(model, tokenizer, asked.work)
        (asked.out / "training.json").write_text(
            json.dumps(facts, indent=1) + "\n", encoding="utf-8"
        )
    samples = [
        sample(model, tokenizer, prompt, params)
        for prompt in PROMPTS
        for params in (SamplingParams(0.0), SamplingParams(0.8, top_p=0.95))
    ]
    (asked.out / "README.md").write_text(card(facts, samples, theirs), encoding="utf-8")


def measure(model: MiniGPT, tokenizer: BPETokenizer, work: Path) -> dict[str, float]:
    """Every figure of the card. Model and rivals are judged on all held-out documents.

    Near-copies among those are not removed: xz, which learns while it reads, gains most from them.
    """
    training, held_out = (np.load(work / f"{name}.npy") for name in ("train", "held_out"))
    text = tokenizer.decode_bytes(training[:2_500_000].tolist())
    new = tokenizer.decode_bytes(held_out.tolist())
    prose = np.array([0, *tokenizer.encode(licence_text())], dtype=np.uint16)
    shared = shared_passages(prose, training)
    found = {
        "held-out documents, bits per byte": bits_per_byte(model, tokenizer, held_out),
        f"the first {FIRST:,} tokens of them, bits per byte": bits_per_byte(
            model, tokenizer, held_out[:FIRST]
        ),
        "licence prose, bits per byte": bits_per_byte(model, tokenizer, prose),
        "licence prose, tokens in passages of 13 that were trained on, share": float(shared.mean()),
        "licence prose without those, bits per byte": bits_per_byte(
            model, tokenizer, prose, judged=~shared
        ),
        f"Kneser–Ney 5-gram on {NGRAM_TOKENS:,} tokens, held out": ngram_bits(
            tokenizer, training, held_out
        ),
        "gzip, shown the training text": gzip_bits_per_byte(text, new),
        "xz, shown 8 MB of the training text": xz_bits_per_byte(text, new),
        **{
            f"copying from {n} tokens back, share right": copying(model, held_out, n)
            for n in (64, 128, 256)
        },
        "training passages of 64 tokens continued word for word for 32, of 100": 100
        * memorised(model, training),
    }
    return {name: round(value, 4) for name, value in found.items()}


def sizes_of(result: Path, chosen: str) -> str:
    """The comparison of sizes as a table, which was best at each budget, and which this model has."""
    if not result.is_file():
        return "Not compared yet."
    facts = json.loads(result.read_text(encoding="utf-8"))
    loss, sizes, budgets = {}, {}, sorted({run["budget"] for run in facts["runs"]})
    for run in facts["runs"]:
        size = f"{run['width']} × {run['layers']}"
        loss[size, run["budget"]], sizes[size] = (
            run["held-out loss, nats a token"],
            run["parameters"],
        )
    head = (
        "| width × layers | parameters | "
        + " | ".join(f"{budget} steps" for budget in budgets)
        + " |"
    )
    rows = [
        f"| {size} | {count:,} | "
        + " | ".join(str(loss.get((size, n), "")) for n in budgets)
        + " |"
        for size, count in sizes.items()
    ]
    best = (
        min((own, size) for (size, n), own in loss.items() if n == budget)[1] for budget in budgets
    )
    return f"""`{facts["command"]}`: from nothing, held-out loss in nats a token at equal numbers of operations; a budget is what so many steps of 256 × 8 cost.

{head}
|{"---|" * (2 + len(budgets))}
{chr(10).join(rows)}

The lowest loss, budget by budget: {", ".join(best)}. This model is {chosen}."""


def training_of(facts: dict) -> str:
    """What the run of the training script was, and its curve."""
    curve = "\n".join(f"| {step:,} | {loss} |" for step, loss in facts["held-out loss"])
    return f"""`{facts["command"]}` ({facts["date"]}, torch {facts["torch"]}): {facts["steps"]:,} steps of {facts["batch"]} × {facts["length"]} tokens, {facts["tokens read"]:,} tokens read, {facts["minutes"]} minutes on {facts["device"]}. {facts["mixture"]}

{facts["optimiser"]}.

| step | held-out loss (nats a token, on the first {facts["held-out tokens looked at"]:,} held-out tokens) |
|---|---|
{curve}"""


def card(facts: dict, samples: list[str], theirs) -> str:  # noqa: ANN001
    config, data = theirs.config, facts["data"]
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts["measured"].items())
    texts = "\n\n".join("```\n" + text.replace("```", "'''") + "\n```" for text in samples)
    packages = ", ".join(
        f"{name} {count:,}"
        for name, count in sorted(data["characters"].items(), key=lambda i: -i[1])[:12]
    )
    licences = "; ".join(
        f"{name}: {licence}"
        for name, licence in sorted(data["manifest"].get("licences", {}).items())
    )
    return f"""# mini-falcon

A real Falcon (`FalconForCausalLM`: multi-query, parallel, rotary, no bias, tied embedding), shrunk until it runs on a laptop: {sum(p.numel() for p in theirs.parameters()):,} parameters, width {config.hidden_size}, {config.num_hidden_layers} layers, {config.num_attention_heads} heads, vocabulary {config.vocab_size:,}, context {config.max_position_embeddings:,}. It writes things that look like Python documentation and knows nothing. It is there to be taken apart, tuned, attacked and mended in the notebooks.

## Data

The documentation of Python and of the installed packages: {data["documents"]:,} training documents, {data["after deduplication"]:,} after near-duplicates were removed, {data["used"]:,} used, {facts["tokens in the corpus"]:,} tokens. E-mail addresses are masked; tables of numbers are left out; no package gives more than a quarter. `held_out.json` has the hashes of the documents that were held out. Characters by package, the largest first: {packages}.

The versions of the packages and the training loss are in `training.json`. Licences: {licences}.

## Training

{training_of(facts)}

## Size

{sizes_of(SIZES, f"{config.hidden_size} × {config.num_hidden_layers}")}

## Measured

`python assets/models/card_of_mini_falcon.py`

| what | value |
|---|---|
{rows}

## Samples

Each prompt greedily, then with temperature 0.8 and top-p 0.95.

{texts}

## Limits

It has seen documentation in English and nothing else. What it says about Python is often wrong. The special tokens of the chat template are in the vocabulary, and untrained.
"""


if __name__ == "__main__":
    main()
