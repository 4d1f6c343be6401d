"""What a reward model gains if all of it learns: frozen states against a body that learns, too.

    python benchmarks/reward_models.py [--seeds 1] [--epochs 1] [--comparisons 1800]

Comparisons of the shipped replies, as in notebook 06; agreement is with the truth, on letters that
nobody learned from. *Mean* and *last* are heads on frozen states of all tokens of a reply and of
its last one; *adapter* learns a head on the mean together with LoRA matrices (rank 8) on the upper
half of the layers. Writes ``benchmarks/results/reward_models.json``.
"""

import argparse
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from course_lib.alignment import policy
from course_lib.alignment.policy import POLICY, bradley_terry_loss, read, replied
from course_lib.alignment.preferences import Comparison, compare, read_messages
from course_lib.alignment.reward import accuracy, fit_head, mean_states, read_pool
from course_lib.workbook.settings import write_json
from course_lib.workbook.training import TrainingConfig, train

RESULTS = Path(__file__).parent / "results" / "reward_models.json"
HABITS = {"noise": 0.2, "length_bias": -0.1}  # the annotators of notebook 06


def states_of(model: Any, tokenizer: Any, pairs: Sequence[tuple], last: bool = False) -> dict:
    """(letter, reply) → its state (width,): the mean of its tokens, or the last."""
    found = {}
    for start in range(0, len(pairs), 32):
        some = pairs[start : start + 32]
        actions = replied(tokenizer, *zip(*some, strict=True))
        with torch.no_grad():
            states = read(model, actions, POLICY)[2]
        ends = actions.mask.sum(1) - 1
        rows = states[range(len(some)), ends] if last else mean_states(states, actions.mask)
        found |= zip(some, rows.float(), strict=True)
    return found


def learn(model: Any, tokenizer: Any, judged: Sequence[Comparison], epochs: int, seed: int) -> Any:
    """Adapter and head (width,) together, on decided comparisons, six a batch."""
    policy.start_policy(model)
    decided = [one for one in judged if one.choice is not None]
    width = model.config.hidden_size
    head = torch.nn.Parameter(torch.zeros(width))
    model.register_parameter("head", head)

    def get_batch(generator: torch.Generator) -> list[Comparison]:
        return [decided[n] for n in torch.randint(len(decided), (6,), generator=generator)]

    def loss_fn(model: Any, some: list[Comparison]) -> torch.Tensor:
        sides = [(one.first, one.second)[:: 1 - 2 * one.choice] for one in some]
        texts = [chosen for chosen, _ in sides] + [rejected for _, rejected in sides]
        actions = replied(tokenizer, 2 * [one.prompt for one in some], texts)
        rewards = mean_states(read(model, actions, POLICY)[2], actions.mask) @ head
        return bradley_terry_loss(*rewards.chunk(2))

    steps = epochs * len(decided) // 6
    train(model, get_batch, loss_fn, TrainingConfig(steps, 3e-4, 0.05, seed=seed))
    return head.detach()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--comparisons", type=int, default=1_800)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    pool, mean = read_pool()
    known, new = ({one: pool[one] for one in part} for part in read_messages())
    pairs = [(letter, reply) for letter in pool for reply in dict.fromkeys(pool[letter])]
    model, tokenizer = policy.load_policy(policy.ASSISTANT / "sft")
    last = states_of(model, tokenizer, pairs, last=True)
    truths, runs = compare(new, 1_000, seed=1, noise=0.0, tie=0.0), []
    for seed in range(asked.seeds):
        judged = compare(known, asked.comparisons, seed, **HABITS)
        for name, states in (("mean", mean), ("last", last)):
            started = time.process_time()
            found = accuracy(fit_head(judged, states), truths, states)
            runs.append((name, seed, found, time.process_time() - started))
        started = time.process_time()
        model, tokenizer = policy.load_policy(policy.ASSISTANT / "sft")
        head = learn(model, tokenizer, judged, asked.epochs, seed)
        seconds = time.process_time() - started
        found = accuracy(head, truths, states_of(model.eval(), tokenizer, pairs))
        runs.append(("adapter", seed, found, seconds))
        print(runs[-3:], flush=True)
    columns = ("name", "seed", "agreement", "core_seconds")
    rows = [
        dict(zip(columns, (*run[:2], round(run[2], 3), round(run[3], 1)), strict=True))
        for run in runs
    ]
    command = f"python benchmarks/reward_models.py --seeds {asked.seeds} --epochs {asked.epochs}"
    machine = f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}"
    facts = {"command": command, "date": time.strftime("%Y-%m-%d"), "machine": machine}
    write_json(asked.out, facts | {"comparisons": asked.comparisons, "runs": rows})


if __name__ == "__main__":
    main()
