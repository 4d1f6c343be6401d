"""One update from rewards, ours and TRL's: same model, letters, replies a letter and settings.

    python benchmarks/alignment.py [--steps 6] [--rounds 2]

Needs ``trl`` (``pip install trl``). Each side runs in a fresh process, in turn, with one policy for
waiting threads: SmolLM2 with an adapter of rank 8 on the upper half of its layers, 3 letters ×
8 replies of at most 24 tokens, RLOO, KL weight 0.5. The reward is the truth itself, so that both
are rewarded alike without a reward model. Writes ``benchmarks/results/alignment.json``.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from course_lib.workbook.machine import set_thread_policy
from course_lib.workbook.settings import write_json

RESULTS = Path(__file__).parent / "results" / "alignment.json"
WAYS = ("ours", "trl")


def ours(steps: int) -> dict[str, float]:
    """Seconds an update after the first, and the truth of held-out letters before and after."""
    import torch

    from course_lib.alignment import policy
    from course_lib.alignment.preferences import read_messages, true_reward

    model, tokenizer = policy.load_policy(policy.ASSISTANT / "sft")
    letters, held_out = read_messages()
    times = []

    def judge(actions: policy.Actions, states: torch.Tensor) -> torch.Tensor:
        times.append(time.perf_counter())
        return torch.tensor([true_reward(text) for text in actions.texts])

    environment = policy.Environment(letters, held_out[:1], judge, true_reward)
    config = policy.PolicyConfig(max_steps=steps, eval_steps=steps + 1)
    policy.reinforce(model, tokenizer, environment, config)
    return {"seconds": (times[-1] - times[0]) / (steps - 1)}


def trl(steps: int) -> dict[str, float]:
    """The same by ``RLOOTrainer``."""
    from datasets import Dataset
    from trl import RLOOConfig, RLOOTrainer

    from course_lib.alignment import policy
    from course_lib.alignment.preferences import read_messages, true_reward

    model, tokenizer = policy.load_policy(policy.ASSISTANT / "sft")
    for name, value in model.named_parameters():
        value.requires_grad_(".default." in name)
        value.data = value.data.float() if ".default." in name else value.data
    times = []

    def judge(completions: list, **_: object) -> list[float]:
        times.append(time.perf_counter())
        return [true_reward(turn[0]["content"]) for turn in completions]

    rows = Dataset.from_list([{"prompt": policy.turns(letter)} for letter in read_messages()[0]])
    with tempfile.TemporaryDirectory() as folder:
        same = dict(num_generations=8, max_completion_length=24, temperature=0.7, beta=0.5)
        config = RLOOConfig(
            folder,
            **same,
            per_device_train_batch_size=24,
            max_steps=steps,
            learning_rate=6e-4,
            lr_scheduler_type="constant",
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            logging_steps=steps,
        )
        RLOOTrainer(model, judge, config, rows, processing_class=tokenizer).train()
    return {"seconds": (times[-1] - times[0]) / (steps - 1)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps({"ours": ours, "trl": trl}[asked.one](asked.steps)))
        return
    set_thread_policy()
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(asked.rounds):
        for way in WAYS:
            command = [sys.executable, __file__, "--one", way, "--steps", str(asked.steps)]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            found[way].append(json.loads(run.stdout.splitlines()[-1])["seconds"])
    best = {way: round(min(times), 3) for way, times in found.items()}
    facts = {
        "command": f"python benchmarks/alignment.py --steps {asked.steps} --rounds {asked.rounds}",
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in ("torch", "transformers", "peft", "trl")},
        "seconds an update": best,
        "by round": found,
        "trl over ours": round(
            statistics.median(found["trl"]) / statistics.median(found["ours"]), 2
        ),
    }
    print(json.dumps(facts, indent=1))
    write_json(RESULTS, facts)


if __name__ == "__main__":
    main()
