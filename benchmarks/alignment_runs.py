"""Runs of the loop of notebook 06, longer and by seed; the notebook plots this log.

    python benchmarks/alignment_runs.py [NAMES …] [--seeds 5] [--steps 24] [--out FILE]

Every run starts from the shipped ``assistant-adapter/sft`` and learns from comparisons of the
shipped replies. A run that ``benchmarks/results/alignment_runs.json`` has already is not made
again: delete it there first. 24 updates take about five minutes on one core.
"""

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "assets" / "models"))

from train_assistant_adapter import COMPARISONS, HABITS, environment, measure, reward_model

from course_lib.alignment import policy, reward
from course_lib.alignment.preferences import GOALS, compare, read_messages, true_preference
from course_lib.workbook.settings import write_json
from course_lib.workbook.training import TrainingConfig

RESULTS = Path(__file__).parent / "results" / "alignment_runs.json"
VARIANTS: dict[str, dict] = {
    "KL weight 0.5": {},
    "KL weight 0.2": {"beta": 0.2},
    "no KL": {"beta": 0.0},
    "ppo": {"loss": "ppo", "num_iterations": 2},
    "grpo": {"loss": "grpo", "num_iterations": 2},
    "dpo": {},
    "30 comparisons": {},
    **{f"only {goal}": {"beta": 0.2} for goal in GOALS},  # nobody rewards or asks for the others
}
PAIRS = {"30 comparisons": 30}


def one(name: str, steps: int, seed: int) -> dict:
    """A run, and the truth of start and kept state on letters that chose nothing."""
    model, tokenizer = policy.load_policy(policy.ASSISTANT / "sft")
    config = {"max_steps": steps, "seed": seed} | VARIANTS[name]
    started, log, number = time.process_time(), [], PAIRS.get(name, COMPARISONS)
    if name == "dpo":
        pool, letters = reward.read_pool()[0], read_messages()[0]
        pairs = compare({one: pool[one] for one in letters}, number, seed, **HABITS)
        training = TrainingConfig(steps, 2e-4, lr_scheduler_type="constant", seed=seed)
        history = policy.dpo(model, tokenizer, pairs, training)
        config = {"max_steps": steps, "learning_rate": 2e-4, "beta": 0.1, "seed": seed}
    else:
        goal = name.removeprefix("only ")
        habits = {"weights": {goal: 1.0}} if goal in GOALS else {}
        world = environment(reward_model(number, seed, **habits))
        if goal in GOALS:
            world = replace(world, truth=lambda text: true_preference(text)[goal])
        asked = policy.PolicyConfig(**config)
        history, log = policy.reinforce(model, tokenizer, world, asked)
        config = vars(asked)
    seconds = time.process_time() - started  # of all threads: a busy machine changes it little
    truth = {part: measure(model, tokenizer, part)[0] for part in (policy.REFERENCE, policy.POLICY)}
    return {
        "name": name,
        "seed": seed,
        "config": config | {"comparisons": number},
        "core_seconds": round(seconds),
        "truth": truth,
        "goals": {part: goals_of(model, tokenizer, part) for part in truth},
        "evaluations": [(step, -loss) for step, loss in history.evaluations],
        "log": log,
    }


def goals_of(model: Any, tokenizer: Any, adapter: str) -> dict[str, float]:
    """The mean of each goal on the letters that ``measure`` asks, too."""
    model.set_adapter(adapter)
    said = policy.act(model, tokenizer, read_messages()[1][24:], 2, seed=1).texts
    return {goal: sum(true_preference(text)[goal] for text in said) / len(said) for goal in GOALS}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=VARIANTS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    runs = json.loads(asked.out.read_text(encoding="utf-8"))["runs"] if asked.out.is_file() else []
    for seed in range(asked.seeds):
        for name in asked.names or VARIANTS:
            if any((run["name"], run["seed"]) == (name, seed) for run in runs):
                continue
            runs.append(one(name, asked.steps, seed))
            print(name, seed, runs[-1]["core_seconds"], runs[-1]["truth"], flush=True)
            machine = f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}"
            facts = {"command": "python benchmarks/alignment_runs.py", "machine": machine}
            write_json(asked.out, facts | {"date": time.strftime("%Y-%m-%d"), "runs": runs})


if __name__ == "__main__":
    main()
