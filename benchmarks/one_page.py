"""What torch saves: the forward pass of the one-page GPT in plain loops, in NumPy and in torch.

    python benchmarks/one_page.py [--tokens 32] [--rounds 5]

The same weights and tokens; the three give the same scores, and that is checked before a time is
taken. Seconds are the medians of rounds that take turns; the loops run once. The result lies in
``benchmarks/results/one_page.json``.
"""

import argparse
import json
import math
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from scipy.special import erf

REPOSITORY = Path(__file__).parents[1]
sys.path[:0] = [str(REPOSITORY / "assets" / "models")]
import mini_gpt_in_one_page as page  # noqa: E402

RESULT = REPOSITORY / "benchmarks" / "results" / "one_page.json"


def dot(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def in_loops(weights: dict, ids: list[int]) -> list[list[float]]:
    """Only numbers, lists and loops: (time, vocab_size)."""

    def linear(rows: list[list[float]], name: str) -> list[list[float]]:
        matrix, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        lines = list(zip(matrix, bias, strict=True))
        return [[dot(row, line) + b for line, b in lines] for row in rows]

    def norm(rows: list[list[float]], name: str) -> list[list[float]]:
        gain, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        out = []
        for row in rows:
            mean = sum(row) / len(row)
            spread = math.sqrt(sum((a - mean) ** 2 for a in row) / len(row) + 1e-5)
            out.append(
                [(a - mean) / spread * g + b for a, g, b in zip(row, gain, bias, strict=True)]
            )
        return out

    def add(left: list[list[float]], right: list[list[float]]) -> list[list[float]]:
        pairs = zip(left, right, strict=True)
        return [[a + b for a, b in zip(*rows, strict=True)] for rows in pairs]

    def attention(rows: list[list[float]], name: str) -> list[list[float]]:
        fused, size, mixed = linear(rows, f"{name}.qkv"), page.D_MODEL // page.N_HEADS, []
        for n in range(len(rows)):
            new = []
            for head in range(page.N_HEADS):
                query, key, value = (part * page.D_MODEL + head * size for part in range(3))
                asked = fused[n][query : query + size]
                keys = (fused[m][key : key + size] for m in range(n + 1))
                scores = [dot(asked, found) / math.sqrt(size) for found in keys]
                powers = [math.exp(score - max(scores)) for score in scores]
                for i in range(size):
                    seen = sum(p * fused[m][value + i] for m, p in enumerate(powers))
                    new.append(seen / sum(powers))
            mixed.append(new)
        return linear(mixed, f"{name}.out")

    def gelu(a: float) -> float:
        return a * 0.5 * (1 + math.erf(a / math.sqrt(2)))

    x = add([weights["wte.weight"][n] for n in ids], weights["wpe.weight"][: len(ids)])
    for layer in range(page.N_LAYERS):
        name = f"blocks.{layer}"
        x = add(x, attention(norm(x, f"{name}.ln_1"), name))
        up = linear(norm(x, f"{name}.ln_2"), f"{name}.up")
        x = add(x, linear([[gelu(a) for a in row] for row in up], f"{name}.down"))
    last = norm(x, "ln_f")
    return [[dot(row, out) for out in weights["wte.weight"]] for row in last]


def in_numpy(weights: dict, ids: list[int]) -> np.ndarray:
    """The same with arrays: the loops run inside of NumPy's own functions."""

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        spread = np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return centred / spread * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def attention(x: np.ndarray, name: str) -> np.ndarray:
        time_, size = len(x), page.D_MODEL // page.N_HEADS
        fused = linear(x, f"{name}.qkv").reshape(time_, 3, page.N_HEADS, size)
        query, key, value = fused.transpose(1, 2, 0, 3)
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(size)
        scores = np.where(np.triu(np.ones((time_, time_), bool), 1), -np.inf, scores)
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = powers / powers.sum(-1, keepdims=True) @ value
        return linear(mixed.transpose(1, 0, 2).reshape(time_, -1), f"{name}.out")

    x = weights["wte.weight"][ids] + weights["wpe.weight"][: len(ids)]
    for layer in range(page.N_LAYERS):
        name = f"blocks.{layer}"
        x = x + attention(norm(x, f"{name}.ln_1"), name)
        up = linear(norm(x, f"{name}.ln_2"), f"{name}.up")
        x = x + linear(up * 0.5 * (1 + erf(up / math.sqrt(2))), f"{name}.down")
    return norm(x, "ln_f") @ weights["wte.weight"].T


def timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def main(arguments: list[str] | None = None, result: Path = RESULT) -> None:
    parser = argparse.ArgumentParser(description="One forward pass, three ways.")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args(arguments)
    torch.manual_seed(0)
    model = page.GPT()
    ids = torch.randint(256 + page.MERGES, (asked.tokens,)).tolist()
    arrays = {name: weight.numpy() for name, weight in model.state_dict().items()}
    lists = {name: weight.tolist() for name, weight in arrays.items()}
    with torch.no_grad():
        ours = model(torch.tensor([ids]))[0].numpy()
        slow: list = []
        seconds = {"loops": [timed(lambda: slow.extend(in_loops(lists, ids)))]}
        difference = max(abs(in_numpy(arrays, ids) - ours).max(), abs(np.array(slow) - ours).max())
        assert difference < 1e-4, difference
        for _ in range(asked.rounds):
            seconds.setdefault("NumPy", []).append(timed(lambda: in_numpy(arrays, ids)))
            seconds.setdefault("torch", []).append(timed(lambda: model(torch.tensor([ids]))))
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    record = {
        "command": f"python benchmarks/one_page.py --tokens {asked.tokens} --rounds {asked.rounds}",
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "largest difference of a score": float(f"{difference:.1g}"),
        "milliseconds": {name: round(1000 * value, 2) for name, value in medians.items()},
        "times slower than torch": {n: round(v / medians["torch"], 1) for n, v in medians.items()},
    }
    result.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
