"""Train the assistant: read pages, then answer letters as customers like it.

    python assets/models/train_assistant_adapter.py [--sft-steps 120] [--steps 30]

Three steps on SmolLM2, those of notebook 06, run a little longer: supervised fine-tuning on the
handbook's pages (``sft``), a pool of replies for the comparisons (``assets/alignment``), and
reinforcement learning from a reward model. Writes ``assets/models/assistant-adapter`` with its
card and its log. About 20 minutes on two cores.
"""

import argparse
import json
import random
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from course_lib.alignment import instruct, policy, reward
from course_lib.alignment.preferences import compare, read_messages, read_replies, true_reward
from course_lib.finetuning.archive import save_adapter
from course_lib.finetuning.falcon import Base, load_base
from course_lib.finetuning.train import FinetuneResult
from course_lib.workbook.corpus import load_corpus
from course_lib.workbook.settings import write_json

HABITS = {"noise": 0.2, "length_bias": -0.1}  # tired: of two letters they like the shorter one
COMPARISONS = 1_800
QUESTIONS = {  # how the card says what ``evaluate_answers`` counts
    "exact": "answers as the page does, word for word and no more",
    "refused rightly": "says that the page does not say, and that is so",
    "refused wrongly": "says so, and the page does say it",
}
STATES = {"before": "SmolLM2", "after": "`sft`", "after, closed book": "`sft` without the page"}


def own_replies(base: Base, number: int = 42) -> list[tuple[str, str]]:
    """Letters and what the base itself replies, where it comes to an end within 24 tokens.

    A model that learns only to read pages soon reads letters like pages, and repeats them.
    """
    letters = read_messages()[0]
    actions = policy.act(base.model, base.tokenizer, letters, seed=5)
    whole = actions.input_ids[:, -1] == base.tokenizer.eos_token_id
    both = zip(letters, actions.texts, whole.tolist(), strict=True)
    return [(letter, text) for letter, text, ended in both if ended][:number]


def supervised(steps: int, folder: Path, seed: int = 0) -> tuple[Base, FinetuneResult, dict]:
    """The model that reads, and how it answers held-out pages before and after."""
    base, corpus = load_base("smollm2", four_bit=False), load_corpus("handbook")
    asked, new = instruct.pairs(corpus.train, seed), instruct.pairs(corpus.validation)
    learned = instruct.rows(asked, base.tokenizer, seed)
    for letter, reply in own_replies(base):
        turns = [*policy.turns(letter), {"role": "assistant", "content": reply}]
        learned.append(instruct.encode(turns, base.tokenizer))
    random.Random(seed).shuffle(learned)
    checked = instruct.rows(new, base.tokenizer)[:8]
    hits = {"before": instruct.evaluate_answers(base.model, base.tokenizer, new)[1]}
    result = instruct.sft(base, learned, checked, folder, max_steps=steps, seed=seed)
    for name, page in (("after", True), ("after, closed book", False)):
        hits[name] = instruct.evaluate_answers(result.model, base.tokenizer, new, page)[1]
    counts = {
        name: {what: f"{sum(each)} of {len(each)}" for what, each in own.items()}
        for name, own in hits.items()
    }
    return base, result, counts


def draw_pool(model: Any, tokenizer: Any, path: Path) -> None:
    """Four replies to each letter to learn from, eight to each held-out one, and their states.

    Where there are replies written by hand, they stand behind the model's own.
    """
    (training, held_out), by_hand = read_messages(), read_replies()
    pool, states = {}, []
    for letters, count in ((training, 4), (held_out, 8)):
        for start in range(0, len(letters), 64 // count):
            some = letters[start : start + 64 // count]
            actions = policy.act(model, tokenizer, some, count, seed=start)
            for place, letter in enumerate(some):
                own = actions.texts[place * count : (place + 1) * count]
                pool[letter] = [*own, *by_hand.get(letter, [])]
    rows = [(letter, text) for letter, texts in pool.items() for text in texts]
    for start in range(0, len(rows), 64):
        actions = policy.replied(tokenizer, *zip(*rows[start : start + 64], strict=True))
        with torch.no_grad():
            of_tokens = policy.read(model, actions, policy.POLICY)[2]
        states.append(reward.mean_states(of_tokens, actions.mask))
    metadata = {"replies": json.dumps(pool, ensure_ascii=False)}
    save_file({"states": torch.cat(states).bfloat16()}, path, metadata=metadata)


def reward_model(
    comparisons: int = COMPARISONS, seed: int = 0, **habits: Any
) -> reward.RewardModel:
    """A head on comparisons of the pool's replies to the letters to learn from."""
    pool, states = reward.read_pool()
    known = {letter: pool[letter] for letter in read_messages()[0]}
    judged = compare(known, comparisons, seed, **HABITS | habits)
    usual = torch.stack([states[letter, text] for letter in known for text in known[letter][:4]])
    return reward.RewardModel({"all": reward.fit_head(judged, states)}, {"all": 1.0}, usual)


def environment(model: reward.RewardModel) -> policy.Environment:
    """Letters, the reward model, and the truth, which only judges."""
    training, held_out = read_messages()

    def judge(actions: policy.Actions, states: torch.Tensor) -> torch.Tensor:
        return model(reward.mean_states(states, actions.mask))

    return policy.Environment(training, held_out[:24], judge, true_reward)


def measure(model: Any, tokenizer: Any, adapter: str) -> tuple[float, list[str]]:
    """The true preference on letters that chose nothing, and the replies."""
    model.set_adapter(adapter)
    said = policy.act(model, tokenizer, read_messages()[1][24:], 2, seed=1).texts
    return sum(map(true_reward, said)) / len(said), said[:6:2]


def write_card(log: dict) -> str:
    found = "\n".join(
        f"| {STATES[name]}: {QUESTIONS[what]} | {value} |"
        for name, own in log["reading"].items()
        for what, value in own.items()
    )
    samples = "\n".join(
        f"- {letter}\n" + "\n".join(f"  - {name}: {said[n]}" for name, said in log["said"].items())
        for n, letter in enumerate(read_messages()[1][24:27])
    )
    truth = ", ".join(f"{name} {value:.2f}" for name, value in log["truth"].items())
    return f"""# assistant-adapter

Two LoRA adapters that make SmolLM2-135M-Instruct (`load_model("smollm2")`, Apache-2.0) an assistant
of the course's fictional company: `sft` has learned to read pages, and the adapter beside it, which
went on from there, also how customers like their letters answered. Made by
`train_assistant_adapter.py` with the steps of notebook 06.

## Data

Questions and answers made by rules from the course's handbook, letters and replies written for the
course (CC-BY-4.0); {COMPARISONS:,} comparisons by synthetic annotators (noise
{HABITS["noise"]}; ten words more cost {-HABITS["length_bias"]} points). No data of others.

## Measured

| what | value |
|---|---|
{found}
| true preference of replies to 26 letters that chose nothing (at most 3) | {truth} |
| adapter | r 8, lora_alpha 16, upper half of the layers, kept in bf16, learned in fp32 |
| steps | {log["sft steps"]} of 4 rows, then {log["config"]["max_steps"]} of \
{log["config"]["num_prompts"]} × {log["config"]["num_generations"]} replies; \
kept: {log["kept"]} |
| made | {log["made"]} |

## Samples

The first reply each, at temperature 0.7, nothing chosen.

{samples}

## Limits

It reads one short page and answers in its words; it does not know the company without the page,
cannot reckon, and refuses some questions that the page does answer. What it says to customers is
polite and empty: it was rewarded for manners. It belongs to this base (`base.json`).
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sft-steps", type=int, default=120)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--out", type=Path, default=policy.ASSISTANT)
    parser.add_argument("--pool", type=Path, default=reward.POOL)
    asked = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        base, result, reading = supervised(asked.sft_steps, Path(folder))
    model, tokenizer = result.model, base.tokenizer
    print(json.dumps(reading, indent=1), flush=True)
    policy.start_policy(model)
    draw_pool(model, tokenizer, asked.pool)
    # A long leash: the best state by truth is kept, and the log shows the fall behind it.
    config = policy.PolicyConfig(max_steps=asked.steps, learning_rate=8e-4, beta=0.05)
    history, log = policy.reinforce(model, tokenizer, environment(reward_model()), config)
    names = {"sft": policy.REFERENCE, "assistant": policy.POLICY}
    measured = {name: measure(model, tokenizer, adapter) for name, adapter in names.items()}
    facts = {
        "reading": reading,
        "sft steps": asked.sft_steps,
        "sft losses": [round(loss, 4) for loss in result.history.losses],
        "config": vars(config),
        "evaluations": [(step, -loss) for step, loss in history.evaluations],
        "kept": min(history.evaluations, key=lambda row: row[1])[0],
        "log": log,
        "truth": {name: truth for name, (truth, _) in measured.items()},
        "said": {name: said for name, (_, said) in measured.items()},
        "made": f"{time.strftime('%Y-%m-%d')} in {time.perf_counter() - started:,.0f} s, torch "
        f"{torch.__version__}, transformers {version('transformers')}, peft {version('peft')}",
    }
    save(base, model, asked.out, facts)


def save(base: Base, model: Any, out: Path, facts: dict) -> None:
    """Both states in bf16, the card and the log."""
    for value in model.parameters():
        value.data = value.data.bfloat16()
    model.peft_config[policy.REFERENCE].base_model_name_or_path = "smollm2"
    with tempfile.TemporaryDirectory() as name:
        folder = save_adapter(base, model, Path(name), write_card(facts))
        adapter = ("adapter_config.json", "adapter_model.safetensors")
        states = {out: (folder, *adapter, "base.json", "README.md")}
        states[out / "sft"] = (folder / policy.REFERENCE, *adapter)
        for target, (source, *files) in states.items():
            target.mkdir(parents=True, exist_ok=True)
            for file in files:
                (target / file).write_bytes((source / file).read_bytes())
    write_json(out / "log.json", facts)


if __name__ == "__main__":
    main()
