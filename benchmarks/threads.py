"""How waiting threads should wait: seconds a training step, quiet and with busy neighbours.

    python benchmarks/threads.py

Trains a small transformer for a few steps in a fresh process for each policy, first on a
quiet machine, then with one busy process a core beside it, and writes
``benchmarks/results/threads.json``. The ratio to the default policy is what counts.
"""

import json
import multiprocessing
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from course_lib.workbook.machine import SPIN_COUNT

RESULTS = Path(__file__).parent / "results" / "threads.json"
POLICIES = {
    "default": {},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "bounded spin": {"GOMP_SPINCOUNT": str(SPIN_COUNT)},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
STEPS = """
import time, torch
from torch import nn
torch.manual_seed(0)
layer = nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True, dropout=0.0)
encoder = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
model = nn.Sequential(encoder, nn.Linear(256, 2048))
optimiser = torch.optim.AdamW(model.parameters())
batch, target = torch.randn(8, 128, 256), torch.randint(2048, (8 * 128,))
times = []
for _ in range(25):
    started = time.perf_counter()
    loss = nn.functional.cross_entropy(model(batch).flatten(0, 1), target)
    optimiser.zero_grad(); loss.backward(); optimiser.step()
    times.append(time.perf_counter() - started)
print(sorted(times[5:])[10])
"""


def spin() -> None:
    """A neighbour that never rests."""
    while True:
        pass


def seconds_a_step(policy: dict[str, str]) -> float:
    """The median of twenty steps, after five to warm up."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    run = subprocess.run(
        [sys.executable, "-c", STEPS],
        env={**clean, **policy},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(run.stdout)


def main() -> None:
    rows: dict[str, dict[str, float]] = {name: {} for name in POLICIES}
    for neighbours in (0, os.cpu_count() or 1):
        busy = [multiprocessing.Process(target=spin, daemon=True) for _ in range(neighbours)]
        for process in busy:
            process.start()
        for name, policy in POLICIES.items():
            rows[name]["busy" if busy else "quiet"] = round(seconds_a_step(policy), 4)
        for process in busy:
            process.terminate()
    for name, row in rows.items():
        ratios = {state: row[state] / rows["default"][state] for state in row}
        print(
            f"{name:14}"
            + "".join(f"  {s} {row[s]:.3f} s ({ratios[s]:.2f} of default)" for s in row)
        )
    import torch

    facts = {
        "command": "python benchmarks/threads.py",
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}",
        "seconds a step": rows,
    }
    RESULTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
