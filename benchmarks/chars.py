"""A character model: our MiniGPT, and a plain loop over transformers' GPT-2, on one text.

    python benchmarks/chars.py FILE [--steps 2000] [--rounds 1]

Both have 4 layers, 4 heads, width 128, context 64 and batches of 12 (no dropout), see the same
batches and are judged on the same last tenth of FILE (about 1 MB of text). The third run has our
own settings, which reach a lower loss in the same wall time. Writes ``results/chars.json``.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

from course_lib.workbook import machine

machine.set_thread_policy()

import torch  # noqa: E402
import transformers  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from transformers import GPT2Config, GPT2LMHeadModel  # noqa: E402

from course_lib.transformer.model import Config, MiniGPT  # noqa: E402
from course_lib.workbook.evaluate import next_token_loss  # noqa: E402
from course_lib.workbook.training import TrainingConfig, train  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "chars.json"
LAYERS, HEADS, WIDTH, CONTEXT, BATCH = 4, 4, 128, 64, 12
RATE = 1e-3


def sequences(ids: Tensor, generator: torch.Generator, batch: int, length: int) -> Tensor:
    starts = torch.randint(0, len(ids) - length - 1, (batch,), generator=generator)
    return torch.stack([ids[start : start + length + 1] for start in starts.tolist()])


@torch.no_grad()
def judged(logits: Callable[[Tensor], Tensor], held_out: Tensor) -> float:
    """Nats a character on the held-out text, in pieces of the context's length."""
    rows = held_out[: (len(held_out) - 1) // CONTEXT * CONTEXT + 1]
    inputs, targets = rows[:-1].view(-1, CONTEXT)[:400], rows[1:].view(-1, CONTEXT)[:400]
    return float(nn.functional.cross_entropy(logits(inputs).flatten(0, 1), targets.flatten()))


def plain_transformers(ids: Tensor, held_out: Tensor, size: int, steps: int, seed: int) -> dict:
    """What one would write from the documentation: the model, AdamW, a loop."""
    torch.manual_seed(seed)
    shape = GPT2Config(
        vocab_size=size,
        n_positions=CONTEXT,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
    )
    model = GPT2LMHeadModel(shape)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95))
    generator = torch.Generator().manual_seed(seed)
    start = time.perf_counter()
    for _ in range(steps):
        rows = sequences(ids, generator, BATCH, CONTEXT - 1)
        loss = model(rows, labels=rows).loss
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    seconds = time.perf_counter() - start
    model.eval()
    return {
        "seconds": round(seconds, 1),
        "loss": round(judged(lambda rows: model(rows).logits, held_out), 4),
    }


def ours(
    ids: Tensor, held_out: Tensor, shape: Config, config: TrainingConfig, batch: int, length: int
) -> dict:
    torch.manual_seed(config.seed)
    model = MiniGPT(shape)
    start = time.perf_counter()
    train(model, lambda g: sequences(ids, g, batch, length), next_token_loss, config)
    seconds = time.perf_counter() - start
    return {
        "seconds": round(seconds, 1),
        "loss": round(judged(model, held_out), 4),
        "steps": config.max_steps,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    text = asked.file.read_text(encoding="utf-8", errors="replace")
    characters = {character: number for number, character in enumerate(sorted(set(text)))}
    size = len(characters)
    ids = torch.tensor([characters[character] for character in text])
    border = len(ids) * 9 // 10
    training, held_out = ids[:border], ids[border:]
    same = Config(size, "gpt", WIDTH, LAYERS, HEADS, block_size=CONTEXT)
    better = Config(
        size, "falcon", WIDTH, LAYERS, HEADS, n_kv_heads=1, block_size=CONTEXT, bias=False
    )
    rows = []
    for seed in range(asked.rounds):
        row = {"transformers": plain_transformers(training, held_out, size, asked.steps, seed)}
        config = TrainingConfig(
            asked.steps,
            RATE,
            warmup_ratio=0.0,
            lr_scheduler_type="constant",
            weight_decay=0.01,
            seed=seed,
        )
        row["ours, same settings"] = ours(training, held_out, same, config, BATCH, CONTEXT - 1)
        config = TrainingConfig(asked.steps, 4e-3, warmup_ratio=0.05, weight_decay=0.1, seed=seed)
        row["ours, own settings"] = ours(training, held_out, better, config, BATCH, CONTEXT)
        rows.append(row)
        print(json.dumps(row), flush=True)
    facts = {
        "command": f"python benchmarks/chars.py {asked.file.name} --steps {asked.steps} "
        f"--rounds {asked.rounds}",
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": f"torch {torch.__version__}, transformers {transformers.__version__}",
        "text": f"{len(text):,} characters, {size} different ones",
        "own settings": "Falcon block (parallel, multi-query, rotary, no bias), rate 4e-3 with "
        "warm-up and cosine",
        "rounds": rows,
    }
    RESULTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
