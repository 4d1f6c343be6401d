"""Train mini-falcon, the course's own base model, on the documentation of this machine's packages.

    python assets/models/train_mini_falcon.py [--steps 3600] [--work FOLDER] [--out FOLDER]

Two hours on two cores; with a graphics card it takes more steps. Run again after an
interruption, it goes on where it stopped. The learning rate falls in the last 40 % of the steps
only, so that before then another number of ``--steps`` can be chosen. It writes the model as
transformers' Falcon (safetensors), the tokenizer, the hashes of the held-out documents and
``training.json``, and nothing before the last step is done; ``card_of_mini_falcon.py`` measures
and writes the card.

    python assets/models/train_mini_falcon.py --only-held-out

trains nothing: where the split has changed since the training, it takes what is no longer held out
from the list of the model that ships.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from course_lib.workbook import machine

machine.set_thread_policy()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from transformers import FalconConfig, FalconForCausalLM, PreTrainedTokenizerFast  # noqa: E402

from course_lib.transformer.bpe import END_OF_TEXT, BPETokenizer  # noqa: E402
from course_lib.transformer.convert import config_of, parts_of  # noqa: E402
from course_lib.transformer.model import MiniGPT  # noqa: E402
from course_lib.transformer.optimizer import ADAMW_LR_SCALE, MuonAndAdamW  # noqa: E402
from course_lib.workbook.corpus import load_corpus, mask_emails  # noqa: E402
from course_lib.workbook.corpus.document import text_hash  # noqa: E402
from course_lib.workbook.corpus.minhash import find_clusters  # noqa: E402
from course_lib.workbook.corpus.split import HASHES, held_out_hashes  # noqa: E402
from course_lib.workbook.settings import atomic_write  # noqa: E402
from course_lib.workbook.training import History, TrainingConfig, train  # noqa: E402

PADDING, SYSTEM, USER, ASSISTANT, END_OF_TURN = (
    "<|pad|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|end|>",
)
SPECIAL = (END_OF_TEXT, PADDING, SYSTEM, USER, ASSISTANT, END_OF_TURN)
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
VOCABULARY, LENGTH, BATCH = 4_096, 512, 8
TOKENIZER_TEXT = 6_000_000  # bytes of text that the tokenizer learns from
MOST_FROM_ONE = 0.25  # share of the text that one package may give
REPEATED = 0.04  # share of the sequences in which a passage of the text comes twice
COPIED = 0.12  # share in which a string of random tokens does: it can be said again only by copying
PROSE = 0.25  # share of the sequences drawn from running prose; the rest comes from all documents
LOOKED_AT = 192  # held-out sequences that are judged on the way
IGNORED = -100
HEAD = 64  # numbers a head, as in Falcon-7B
SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 192,
    "num_hidden_layers": 9,
    "num_attention_heads": 192 // HEAD,
    "max_position_embeddings": 1_024,
    "multi_query": True,
    "parallel_attn": True,
    "bias": False,
    "alibi": False,
    "new_decoder_architecture": False,
    "tie_word_embeddings": True,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 1,
}


def compiled(model: MiniGPT) -> nn.Module:
    """The model as ``torch.compile`` makes it; without a compiler the model itself.

    Both share their weights. Compiling takes half a minute.
    """
    tokens = torch.zeros(BATCH, LENGTH, dtype=torch.long, device=model.embedding.weight.device)
    try:
        faster = torch.compile(model)
        faster(tokens)
    except Exception:  # a missing compiler shows itself in many ways
        return model
    return faster


def configuration(width: int, layers: int) -> FalconConfig:
    """Of a mini-falcon of this size. ``width`` is a multiple of 64."""
    return FalconConfig(
        **SHAPE
        | {"hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": width // HEAD}
    )


def is_prose(line: str) -> bool:
    """False for rows of numbers and rules: lines of some length with few letters and blanks."""
    return len(line) < 30 or sum(c.isalpha() or c == " " for c in line) > 0.6 * len(line)


def runs_on(text: str) -> bool:
    """True for running prose: most characters stand in lines with eight words or more."""
    lines = [line for line in text.split("\n") if line.strip()]
    return sum(len(line) for line in lines if len(line.split()) >= 8) > 0.75 * sum(map(len, lines))


def cleaned(text: str) -> str:
    """E-mail addresses masked, tables of numbers left out, no more than one empty line in a row."""
    lines = [line.rstrip() for line in mask_emails(text).split("\n") if is_prose(line)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def training_texts(corpus) -> tuple[list[str], dict]:  # noqa: ANN001
    """The training documents, one of each cluster of near-duplicates, and what was left out."""
    listed = held_out_hashes("mini-falcon")
    documents = [document for document in corpus.train if text_hash(document.text) not in listed]
    kept = find_clusters(document.text for document in documents).kept
    _, first = np.unique(kept, return_index=True)
    kept = [documents[row] for row in sorted(first)]
    texts, taken, budget = [], {}, MOST_FROM_ONE * sum(len(d.text) for d in kept)
    for document in sorted(kept, key=lambda d: hashlib.sha256(d.id.encode()).digest()):
        origin, text = document.meta.get("origin", ""), cleaned(document.text)
        if len(text) >= 40 and taken.get(origin, 0) < budget:
            taken[origin] = taken.get(origin, 0) + len(text)
            texts.append(text)
    return texts, {
        "documents": len(documents),
        "after deduplication": len(kept),
        "used": len(texts),
        "characters": taken,
    }


def still_held_out(listed: Iterable[str], validation: Iterable[str]) -> list[str]:
    """The ``listed`` hashes of documents in ``validation``: neither learned nor trained on now."""
    return sorted(set(listed).intersection(map(text_hash, validation)))


def prepare(
    work: Path, shipped: Path | None = None
) -> tuple[BPETokenizer, np.ndarray, np.ndarray, np.ndarray]:
    """Tokenizer; tokens of training, of running prose, and held out (uint16); kept in ``work``.

    shipped   the folder of a model that is to be judged: its tokenizer, and of the held-out
              documents only those of its list, which it has surely not read
    """
    paths = [work / name for name in ("tokenizer.json", "train.npy", "prose.npy", "held_out.npy")]
    if not all(path.is_file() for path in paths):
        corpus = load_corpus("python-docs:full")
        texts, facts = training_texts(corpus)
        rng = np.random.default_rng(0)
        part, size = [], 0
        for row in rng.permutation(len(texts)):
            part.append(texts[row])
            size += len(texts[row])
            if size > TOKENIZER_TEXT:
                break
        held_out = list(corpus.validation.texts())
        if shipped:
            tokenizer = BPETokenizer.load(shipped / "tokenizer.json")
            listed = held_out_hashes(shipped.name)
            held_out = [text for text in held_out if text_hash(text) in listed]
        else:
            tokenizer = BPETokenizer.train(part, VOCABULARY, SPECIAL)
        held_out = [text for text in map(cleaned, held_out) if len(text) >= 40]
        for path, own in zip(
            paths[1:], (texts, list(filter(runs_on, texts)), held_out), strict=True
        ):
            np.save(
                path,
                np.array(
                    [n for text in own for n in (*tokenizer.encode(text), 0)], dtype=np.uint16
                ),
            )
        hashes = sorted(
            held_out_hashes("mini-falcon").union(map(text_hash, corpus.validation.texts()))
        )
        (work / "held_out.json").write_text(json.dumps({HASHES: hashes}) + "\n", encoding="utf-8")
        facts |= {
            "manifest": corpus.manifest,
            "characters a token": size / sum(len(tokenizer.encode(t)) for t in part),
        }
        (work / "data.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        tokenizer.save(paths[0])
    return BPETokenizer.load(paths[0]), *map(np.load, paths[1:])


def batches(
    tokens: np.ndarray, prose: np.ndarray, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Sequences from random places, inputs and what comes next, (BATCH, LENGTH) each.

    In some a passage comes twice, in some a string of random tokens. Of such a string only the
    second time is learned: the first could only be guessed.
    """

    def drawn(least: int, below: int) -> int:
        return int(torch.randint(least, below, (1,), generator=generator))

    kinds = torch.rand(2, BATCH, generator=generator).tolist()
    inputs, targets = [], []
    for source, kind in zip(*kinds, strict=True):
        stream = prose if source < PROSE and len(prose) > LENGTH + 1 else tokens
        place = drawn(0, len(stream) - LENGTH)
        row = torch.from_numpy(stream[place : place + LENGTH + 1].astype(np.int64))
        next_ones = row[1:].clone()
        if kind < REPEATED + COPIED:
            size = drawn(LENGTH // 32, LENGTH // 4)
            first = drawn(0, LENGTH + 2 - 2 * size)
            second = drawn(first + size, LENGTH + 2 - size)
            if kind < COPIED:
                row[first : first + size] = torch.randint(
                    len(SPECIAL) + 256, VOCABULARY, (size,), generator=generator
                )
            row[second : second + size] = row[first : first + size].clone()
            next_ones = row[1:].clone()
            if kind < COPIED:
                next_ones[max(first - 1, 0) : first + size - 1] = IGNORED
                next_ones[second - 1] = IGNORED
        inputs.append(row[:-1])
        targets.append(next_ones)
    return torch.stack(inputs), torch.stack(targets)


def held_out_batches(tokens: np.ndarray, most: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Whole sequences from the beginning, in batches: inputs and what comes next."""
    number = min(most, len(tokens) // (LENGTH + 1))
    rows = torch.from_numpy(tokens[: number * (LENGTH + 1)].astype(np.int64)).view(
        number, LENGTH + 1
    )
    for part in rows.split(BATCH):
        yield part[:, :-1], part[:, 1:]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=20_000 if torch.cuda.is_available() else 3_600)
    parser.add_argument("--work", type=Path, default=Path(".course/mini-falcon"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "mini-falcon")
    parser.add_argument("--rate", type=float, default=8e-3)
    parser.add_argument("--width", type=int, default=SHAPE["hidden_size"], help="a multiple of 64")
    parser.add_argument("--layers", type=int, default=SHAPE["num_hidden_layers"])
    parser.add_argument("--only-held-out", action="store_true", help="cut the list, train nothing")
    asked = parser.parse_args()
    if asked.only_held_out:
        validation = load_corpus("python-docs:full").validation.texts()
        hashes = still_held_out(held_out_hashes("mini-falcon"), validation)
        with atomic_write(asked.out / "held_out.json") as path:
            path.write_text(json.dumps({HASHES: hashes}) + "\n", encoding="utf-8")
        return
    asked.work.mkdir(parents=True, exist_ok=True)
    _, training, prose, held_out = prepare(asked.work)
    print(
        f"{len(training):,} tokens to learn from, {len(prose):,} of prose, "
        f"{len(held_out):,} held out",
        flush=True,
    )
    torch.manual_seed(0)
    config = configuration(asked.width, asked.layers)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = MiniGPT(config_of(config)).to(device)
    forward = compiled(model)
    print(
        "compiled" if forward is not model else "not compiled: slower, and otherwise the same",
        flush=True,
    )

    def batch_loss(_: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        rows, targets = (part.to(device) for part in batch)
        with torch.autocast(device.type, torch.bfloat16):
            logits = forward(rows)
        return nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED
        )

    def evaluate(_: nn.Module) -> float:
        losses = [
            float(batch_loss(model, batch)) for batch in held_out_batches(held_out, LOOKED_AT)
        ]
        print(
            f"  held out {np.mean(losses):.4f} nats a token, {time.strftime('%H:%M')}", flush=True
        )
        return float(np.mean(losses))

    training_config = TrainingConfig(
        asked.steps,
        asked.rate,
        warmup_ratio=0.03,
        lr_scheduler_type="wsd",
        weight_decay=0.1,
        eval_steps=200,
        save_steps=100,
        checkpoint_path=asked.work / "checkpoint.safetensors",
    )
    history = train(
        model,
        lambda generator: batches(training, prose, generator),
        batch_loss,
        training_config,
        evaluate=evaluate,
        resume=True,
        make_optimizer=MuonAndAdamW,
        description="mini-falcon",
    )
    if history.interrupted:
        sys.exit("Interrupted: the same command goes on from here.")
    if history.steps > asked.steps:
        sys.exit(
            f"{asked.work} holds a training of {history.steps:,} steps: "
            "give another --work, or more --steps."
        )
    save(model.cpu(), config, asked, training_config, history, len(training))


def save(
    model: MiniGPT,
    config: FalconConfig,
    asked: argparse.Namespace,
    training_config: TrainingConfig,
    history: History,
    tokens: int,
) -> None:
    """The folder that ships: 16-bit weights, configuration, tokenizer, held-out hashes, facts."""
    asked.out.mkdir(parents=True, exist_ok=True)
    state = model.state_dict()
    weights = {"lm_head.weight": state["embedding.weight"]}
    for name, ours in parts_of(model).items():  # with one head of keys the three simply follow
        weights[name] = torch.cat([state[part] for part in ours])
    falcon = FalconForCausalLM(config)
    falcon.load_state_dict(weights)
    falcon.to(torch.bfloat16).save_pretrained(asked.out)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(asked.work / "tokenizer.json"),
        eos_token=END_OF_TEXT,
        bos_token=END_OF_TEXT,
        pad_token=PADDING,
        additional_special_tokens=list(SPECIAL[2:]),
        model_max_length=1_024,
        padding_side="left",
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(asked.out)
    (asked.out / "held_out.json").write_bytes((asked.work / "held_out.json").read_bytes())
    size = f"--width {config.hidden_size} --layers {config.num_hidden_layers}"
    facts = {
        "command": f"python assets/models/train_mini_falcon.py --steps {asked.steps} "
        f"--rate {asked.rate} {size}",
        "date": time.strftime("%Y-%m-%d"),
        "steps": history.steps,
        "batch": BATCH,
        "length": LENGTH,
        "tokens in the corpus": tokens,
        "tokens read": history.steps * BATCH * LENGTH,
        "optimiser": "Muon for the matrices of the blocks, AdamW for embedding and norms at "
        f"{ADAMW_LR_SCALE} of its learning rate; {training_config.learning_rate:g} after a warm-up "
        f"of {training_config.warmup_ratio:.0%} of the steps, falling to 0 in the last 40 %; "
        f"weight decay {training_config.weight_decay:g} on the matrices, "
        f"gradients clipped at a norm of {training_config.max_grad_norm:g}",
        "mixture": f"{PROSE:.0%} of the sequences are running prose; in {REPEATED:.0%} a passage "
        f"of the text comes twice, in {COPIED:.0%} a string of random tokens, of which only the "
        "second time is learned.",
        "device": torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"{os.cpu_count()} CPU cores",
        "held-out tokens looked at": LOOKED_AT * LENGTH,
        "minutes": round(history.seconds / 60, 1),
        "torch": torch.__version__,
        "training loss, every 20 steps": [round(loss, 4) for loss in history.losses[::20]],
        "held-out loss": [[step, round(loss, 4)] for step, loss in history.evaluations],
        "data": json.loads((asked.work / "data.json").read_text(encoding="utf-8")),
    }
    (asked.out / "training.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
