"""Falcon-7B's real shape with random weights: loaded in four bits and trained.

    python benchmarks/falcon7b_shape.py [--folder .course/falcon-7b-shape] [--keep]

Needs 14 GB of disk, no download. The weights are written once, a shard a layer. On a GPU: memory
that loading takes, peak memory, seconds a step and tokens a second at batch 1, 4, 8 and 512, 1,024,
2,048 tokens, beside the prediction of ``memory.py``, and generation. Without one: the most memory
that loading adds, and one training step of 1 × 128 tokens. Writes
``benchmarks/results/falcon7b_shape.json``; a GPU's results and a CPU's stand side by side.
``--layers 2`` makes a smaller one to try (its results are only printed).
"""

import argparse
import json
import os
import platform
import shutil
import threading
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from course_lib.workbook import machine

machine.set_thread_policy()

import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from transformers import FalconConfig, FalconForCausalLM  # noqa: E402

from course_lib.finetuning.falcon import Base, load_base  # noqa: E402
from course_lib.finetuning.memory import estimate, measured  # noqa: E402
from course_lib.finetuning.train import FinetuneConfig, add_adapter  # noqa: E402
from course_lib.transformer.convert import config_of  # noqa: E402
from course_lib.workbook.evaluate import pad_batch  # noqa: E402
from course_lib.workbook.models import FOLDER  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "falcon7b_shape.json"
SHAPE = {
    "vocab_size": 65_024,
    "hidden_size": 4_544,
    "num_hidden_layers": 32,
    "num_attention_heads": 71,
    "multi_query": True,
    "parallel_attn": True,
    "bias": False,
    "alibi": False,
    "new_decoder_architecture": False,
    "tie_word_embeddings": True,
    "max_position_embeddings": 2_048,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 1,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
}
TOKENIZER = ("tokenizer.json", "tokenizer_config.json")
BATCHES, LENGTHS = (1, 4, 8), (512, 1_024, 2_048)


def write_weights(folder: Path, shape: dict) -> int:
    """Random weights in bf16, a shard a layer and one for the rest. Returns their bytes."""
    config = FalconConfig(**shape, architectures=["FalconForCausalLM"], dtype="bfloat16")
    folder.mkdir(parents=True, exist_ok=True)
    with torch.device("meta"):
        shapes = {name: p.shape for name, p in FalconForCausalLM(config).named_parameters()}
    shards: dict[str, list[str]] = {}
    for name in shapes:
        parts = name.split(".")
        shards.setdefault(parts[2] if parts[1] == "h" else "rest", []).append(name)
    places, total = {}, 0
    for number, (shard, names) in enumerate(shards.items(), 1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        generator = torch.Generator().manual_seed(number)
        tensors = {name: _random(name, shapes[name], generator) for name in names}
        save_file(tensors, folder / file, metadata={"format": "pt"})
        places.update(dict.fromkeys(names, file))
        total += sum(tensor.numel() * 2 for tensor in tensors.values())
        del tensors, shard
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    for file in TOKENIZER:
        shutil.copy(FOLDER / "mini-falcon" / file, folder)
    config.save_pretrained(folder)  # last: with it the folder is whole
    return total


def _random(name: str, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    """Small normal numbers; norms as they begin, ones and zeros."""
    if len(shape) == 1:
        return torch.full(shape, float(name.endswith("weight")), dtype=torch.bfloat16)
    return torch.empty(shape, dtype=torch.bfloat16).normal_(0, 0.02, generator=generator)


class Highest:
    """The most memory of this process while the block runs, sampled: its own, and all resident.

    Files that are mapped and read count as resident until the system wants the room.
    """

    def __enter__(self) -> "Highest":
        self.own_start, self.all_start = self._now()
        self.own, self.resident, self._on = self.own_start, self.all_start, True
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._on = False
        self._thread.join()

    def _watch(self) -> None:
        while self._on:
            own, resident = self._now()
            self.own, self.resident = max(self.own, own), max(self.resident, resident)
            time.sleep(0.02)

    @staticmethod
    def _now() -> tuple[int, int]:
        status = Path("/proc/self/status")
        if not status.is_file():  # not Linux: resident only
            import psutil

            return (psutil.Process().memory_info().rss,) * 2
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
        return tuple(1024 * int(lines[name].split()[0]) for name in ("RssAnon", "VmRSS"))

    @property
    def added(self) -> dict[str, float]:
        """Gigabytes."""
        return {
            "own": round((self.own - self.own_start) / 1e9, 2),
            "with mapped files": round((self.resident - self.all_start) / 1e9, 2),
        }


def load(folder: Path) -> tuple[Base, dict]:
    """The base in four bits, and what loading took."""
    start = time.perf_counter()
    with Highest() as highest:
        base = load_base(folder)
    found = measured(base.model)
    predicted = estimate(
        config_of(base.model.config), "inference in 4 bits", dtype_bytes=base.model.dtype.itemsize
    )
    facts = {
        "seconds": round(time.perf_counter() - start, 1),
        "4 bits by": base.quantized_by,
        "most memory added, GB": highest.added,
        "model, GB": round(found.model / 1e9, 3),
        "measured over predicted": round(found.model / predicted.model, 4),
    }
    return base, facts


def train_steps(
    base: Base, model: torch.nn.Module, batch: int, length: int, steps: int = 3
) -> list[tuple]:
    """(seconds, loss) of each step, with a fresh AdamW and gradient checkpointing."""
    device = base.model.device
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(
        6, base.model.config.vocab_size, (batch, length), generator=generator
    ).tolist()
    rows = pad_batch([{"input_ids": row} for row in ids], base.tokenizer.pad_token_id)
    rows = {name: part.to(device) for name, part in rows.items()}
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 2e-4)
    half = device.type == "cuda"
    # fp16 gradients of a T4 need scaling; elsewhere the scaler does nothing.
    scaler = torch.amp.GradScaler(device.type, enabled=half and base.model.dtype == torch.float16)
    done = []
    for _ in range(steps):
        start = time.perf_counter()
        with torch.autocast(device.type, base.model.dtype, enabled=half):
            loss = model(**rows, use_cache=False).loss
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        value = loss.item()
        if half:
            torch.cuda.synchronize()  # the card works behind the program's back
        done.append((time.perf_counter() - start, value))
    return done


def on_a_gpu(base: Base, model: torch.nn.Module) -> list[dict]:
    """Peak memory and speed of each batch and length, beside the prediction."""
    config, found = config_of(base.model.config), []
    for length in (n for n in LENGTHS if n <= base.model.config.max_position_embeddings):
        for batch in BATCHES:
            need = estimate(
                config, "qlora", batch, length, dtype_bytes=base.model.dtype.itemsize
            ).total
            row = {"batch": batch, "length": length, "predicted peak, GB": round(need / 1e9, 2)}
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            try:
                seconds = sorted(
                    s for s, _ in train_steps(base, model, batch, length, steps=5)[1:]
                )[2]
                peak = torch.cuda.max_memory_allocated()
                row |= {
                    "peak, GB": round(peak / 1e9, 2),
                    "peak over predicted": round(peak / need, 3),
                    "seconds a step": round(seconds, 3),
                    "tokens a second": round(batch * length / seconds),
                }
            except torch.OutOfMemoryError:
                row["peak, GB"] = "does not fit"
                model.zero_grad(set_to_none=True)
            print(json.dumps(row), flush=True)
            found.append(row)
    return found


@torch.no_grad()
def generation(base: Base, model: torch.nn.Module, tokens: int) -> dict:
    """Tokens a second, one text at a time. A random model never ends by itself."""
    model.eval()
    ids = torch.randint(6, base.model.config.vocab_size, (1, 32), device=base.model.device)
    start = time.perf_counter()
    out = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=tokens,
        min_new_tokens=tokens,
        do_sample=False,
        pad_token_id=base.tokenizer.pad_token_id,
    )
    made = out.shape[1] - ids.shape[1]
    return {"tokens": made, "tokens a second": round(made / (time.perf_counter() - start), 2)}


def measure(folder: Path) -> dict:
    """Everything that this machine can do."""
    gpu = torch.cuda.is_available()
    base, loading = load(folder)
    model = add_adapter(base, FinetuneConfig(1, r=16, gradient_checkpointing=True)).train()
    facts = {"loading": loading}
    if gpu:
        facts["training"] = on_a_gpu(base, model)
    else:
        with Highest() as highest:
            ((seconds, loss),) = train_steps(base, model, 1, 128, steps=1)
        facts["one training step of 1 × 128 tokens"] = {
            "seconds": round(seconds, 1),
            "loss": round(loss, 3),
            "most memory added, GB": highest.added,
        }
    facts["generation"] = generation(base, model, 64 if gpu else 2)
    return facts


def machine() -> str:
    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / 1e9
        return f"{torch.cuda.get_device_name()}, {memory:.0f} GB"
    import psutil

    memory = psutil.virtual_memory().total / 1e9
    return f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB"


def versions() -> dict[str, str]:
    found = {}
    for name in ("torch", "transformers", "peft", "bitsandbytes"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def stored_shape(folder: Path) -> dict | None:
    """The shape whose weights lie in ``folder``; None if there are none, or not all of them."""
    path = folder / "config.json"
    if not path.is_file():
        return None
    config = FalconConfig.from_pretrained(folder)
    return {name: getattr(config, name) for name in SHAPE}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path(".course/falcon-7b-shape"))
    parser.add_argument("--layers", type=int, default=SHAPE["num_hidden_layers"])
    parser.add_argument(
        "--keep", action="store_true", help="leave the weights on the disk for the next run"
    )
    asked = parser.parse_args()
    shape = {**SHAPE, "num_hidden_layers": asked.layers}
    there = stored_shape(asked.folder)
    if there not in (None, shape):
        raise SystemExit(
            f"{asked.folder} holds another shape: delete it, or give another --folder."
        )
    try:
        if there is None:
            print(
                f"{write_weights(asked.folder, shape) / 1e9:.1f} GB written to {asked.folder}",
                flush=True,
            )
        facts = {
            "command": "python benchmarks/falcon7b_shape.py",
            "date": time.strftime("%Y-%m-%d"),
            "machine": machine(),
            "versions": versions(),
            **measure(asked.folder),
        }
    finally:
        if there is None and not asked.keep:
            shutil.rmtree(asked.folder, ignore_errors=True)
    print(json.dumps(facts, indent=1))
    if shape == SHAPE:
        kind = "gpu" if torch.cuda.is_available() else "cpu"
        known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
        RESULTS.write_text(json.dumps({**known, kind: facts}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
