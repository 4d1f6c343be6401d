"""One update from rewards, ours and TRL's: same model, letters, replies a letter and settings.

    python benchmarks/alignment.py [--steps 12] [--rounds 2]

Needs ``trl`` (``pip install trl``). Each side runs in a fresh process, in turn, with one policy for
waiting threads: SmolLM2 with an adapter of rank 8 on the upper half of its layers, 3 letters ×
8 replies of at most 24 tokens, RLOO, KL weight 0.5. The reward is the truth itself, so that both
are rewarded alike without a reward model. The last three updates' own replies, 24 each, tell how
far each side came. Writes ``benchmarks/results/alignment.json``.
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


def facts_of(times: list[float], truths: list[float]) -> dict[str, float]:
    """Seconds an update after the first; the truth of the first replies and of the last."""
    seconds = (times[-1] - times[0]) / (len(times) - 1)
    return {"seconds": seconds, "first": truths[0], "last": statistics.mean(truths[-3:])}


def ours(steps: int) -> dict[str, float]:
    """By ``reinforce``."""
    import torch

    from course_lib.alignment import policy
    from course_lib.alignment.preferences import read_messages, true_reward

    model, tokenizer = policy.load_policy(policy.ASSISTANT / "sft")
    letters, held_out = read_messages()
    times, truths = [], []

    def judge(actions: policy.Actions, states: torch.Tensor) -> torch.Tensor:
        times.append(time.perf_counter())
        found = [true_reward(text) for text in actions.texts]
        truths.append(statistics.mean(found))
        return torch.tensor(found)

    environment = policy.Environment(letters, held_out[:1], judge, true_reward)
    config = policy.PolicyConfig(max_steps=steps, eval_steps=steps + 1)
    policy.reinforce(model, tokenizer, environment, config)
    return facts_of(times, truths)


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
    times, truths = [], []

    def judge(completions: list, **_: object) -> list[float]:
        times.append(time.perf_counter())
        found = [true_reward(turn[0]["content"]) for turn in completions]
        truths.append(statistics.mean(found))
        return found

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
    return facts_of(times, truths)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps({"ours": ours, "trl": trl}[asked.one](asked.steps)))
        return
    set_thread_policy()
    found: dict[str, list[dict]] = {way: [] for way in WAYS}
    for _ in range(asked.rounds):
        for way in WAYS:
            command = [sys.executable, __file__, "--one", way, "--steps", str(asked.steps)]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            found[way].append(json.loads(run.stdout.splitlines()[-1]))
    seconds = {way: [round(run["seconds"], 3) for run in found[way]] for way in WAYS}
    facts = {
        "command": f"python benchmarks/alignment.py --steps {asked.steps} --rounds {asked.rounds}",
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in ("torch", "transformers", "peft", "trl")},
        "seconds an update": seconds,
        "trl over ours": round(
            statistics.median(seconds["trl"]) / statistics.median(seconds["ours"]), 2
        ),
        "truth of the first and of the last replies, 0 to 3": {
            way: [[round(run[when], 3) for when in ("first", "last")] for run in found[way]]
            for way in WAYS
        },
    }
    print(json.dumps(facts, indent=1))
    write_json(RESULTS, facts)


if __name__ == "__main__":
    main()
