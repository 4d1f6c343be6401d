"""Runs of the loop of notebook 06, longer and by seed; the notebook plots this log.

    python benchmarks/alignment_runs.py [NAMES …] [--seeds 5] [--steps 24]

Every run starts from the shipped ``assistant-adapter/sft`` and learns from comparisons of the
shipped replies. A run that ``benchmarks/results/alignment_runs.json`` has already is not made
again: delete it there first. About two minutes a run on two quiet cores.
"""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "assets" / "models"))

from train_assistant_adapter import environment, measure, reward_model

from course_lib.alignment import policy
from course_lib.workbook.settings import write_json

RESULTS = Path(__file__).parent / "results" / "alignment_runs.json"
VARIANTS: dict[str, dict] = {
    "recommended": {},
    "no KL": {"beta": 0.0},
    "strong KL": {"beta": 1.0},
    "30 comparisons": {"comparisons": 30},
    "ppo": {"loss": "ppo", "num_iterations": 2},
    "grpo": {"loss": "grpo", "num_iterations": 2, "beta": 0.1},
    "only alignment": {"weights": {"alignment": 1.0}},
    "only safety": {"weights": {"safety": 1.0}},
    "only quality": {"weights": {"quality": 1.0}},
}


def one(name: str, steps: int, seed: int) -> dict:
    """A run, and the truth on letters that chose nothing, at its best state and at its last."""
    options = dict(VARIANTS[name])
    learned = {key: options.pop(key) for key in ("comparisons", "weights") if key in options}
    torch.manual_seed(seed)
    model, tokenizer = policy.load_policy(policy.ASSISTANT / "sft")
    config = policy.PolicyConfig(max_steps=steps, seed=seed, **options)
    world, started = environment(reward_model(seed=seed, **learned)), time.perf_counter()
    history, log = policy.reinforce(model, tokenizer, world, config)
    seconds = time.perf_counter() - started
    truth = {part: measure(model, tokenizer, part)[0] for part in (policy.REFERENCE, policy.POLICY)}
    return {
        "name": name,
        "seed": seed,
        "config": vars(config) | learned,
        "seconds": round(seconds),
        "truth": truth,
        "evaluations": [(step, -loss) for step, loss in history.evaluations],
        "log": log,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=list(VARIANTS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=24)
    asked = parser.parse_args()
    runs = json.loads(RESULTS.read_text(encoding="utf-8"))["runs"] if RESULTS.is_file() else []
    for seed in range(asked.seeds):
        for name in asked.names:
            if any((run["name"], run["seed"]) == (name, seed) for run in runs):
                continue
            runs.append(one(name, asked.steps, seed))
            print(name, seed, runs[-1]["seconds"], runs[-1]["truth"], flush=True)
            machine = f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}"
            facts = {"command": "python benchmarks/alignment_runs.py", "machine": machine}
            write_json(RESULTS, facts | {"date": time.strftime("%Y-%m-%d"), "runs": runs})


if __name__ == "__main__":
    main()
