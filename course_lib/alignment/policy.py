"""A language model as a policy: it answers, is rewarded, and answers a little differently.

    observation   a letter, read as a prompt       policy   the language model
    action        a whole reply                    reward   one number for it
    environment   what gives letters and rewards; the reward model is a part of it

The losses are a family. From rewards: REINFORCE with a leave-one-out baseline (Kool et al. 2019;
Ahmadian et al. 2024, 2402.14740), PPO's clip (Schulman et al. 2017, 1707.06347), GRPO (Shao et
al. 2024, 2402.03300). From pairs: Bradley and Terry 1952, DPO (Rafailov et al. 2023, 2305.18290).
Log-probabilities are (prompts, replies, time): ``now`` of the policy as it is, ``old`` when it
replied, ``ref`` of its frozen start. Rewards are (prompts, replies), ``mask`` is 1 where a token
belongs to a reply. KL in the reward is that of whole replies, in nats.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from course_lib.alignment.preferences import Comparison
from course_lib.errors import CourseError
from course_lib.finetuning.archive import load_adapter
from course_lib.finetuning.falcon import load_base
from course_lib.transformer.sampling import pad_left
from course_lib.transformer.turns import encode_text, encode_turns
from course_lib.workbook.evaluate import pad_batch
from course_lib.workbook.models import FOLDER
from course_lib.workbook.training import History, TrainingConfig, give_memory_back, train

ASSISTANT = FOLDER / "assistant-adapter"
POLICY, REFERENCE = "default", "reference"  # adapters of one model: the one that learns; its start
SYSTEM = "You work in Support. Answer the customer's letter in one short, kind sentence."


def leave_one_out(rewards: Tensor) -> Tensor:
    """How much better than the other replies to the same prompt, on average."""
    others = rewards.shape[-1] - 1
    return rewards - (rewards.sum(-1, keepdim=True) - rewards) / others


def standardised(rewards: Tensor) -> Tensor:
    """GRPO's advantage: in standard deviations from the group's mean."""
    return (rewards - rewards.mean(-1, keepdim=True)) / (rewards.std(-1, keepdim=True) + 1e-4)


def kl_k1(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Unbiased, widely spread, negative for many a token (Schulman 2020, "Approximating KL")."""
    return logprobs - ref_logprobs


def kl_k2(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Never negative, little spread, biased."""
    return (logprobs - ref_logprobs) ** 2 / 2


def kl_k3(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Never negative, little spread, unbiased. ``expm1`` keeps its digits near zero."""
    log_ratio = ref_logprobs - logprobs
    return torch.expm1(log_ratio) - log_ratio


def rloo_loss(
    now: Tensor, old: Tensor, ref: Tensor, rewards: Tensor, mask: Tensor, beta: float, clip: float
) -> Tensor:
    """REINFORCE with leave-one-out; the KL of a whole reply is taken off its reward."""
    kl = ((old - ref) * mask).sum(-1)
    advantages = leave_one_out(rewards - beta * kl)
    return -(advantages * (now * mask).sum(-1)).mean()


def ppo_loss(
    now: Tensor, old: Tensor, ref: Tensor, rewards: Tensor, mask: Tensor, beta: float, clip: float
) -> Tensor:
    """Several updates from one batch: a reply counts no more once it moved by ``clip``."""
    kl = ((old - ref) * mask).sum(-1)
    advantages = leave_one_out(rewards - beta * kl)
    ratio = ((now - old) * mask).sum(-1).exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(advantages * ratio, advantages * clipped).mean()


def grpo_loss(
    now: Tensor, old: Tensor, ref: Tensor, rewards: Tensor, mask: Tensor, beta: float, clip: float
) -> Tensor:
    """PPO token by token, advantages in standard deviations, and the KL in the loss."""
    kl = kl_k3(now, ref)
    advantages = standardised(rewards)[..., None]
    ratio = (now - old).exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    each = torch.minimum(advantages * ratio, advantages * clipped) - beta * kl
    return -((each * mask).sum(-1) / mask.sum(-1)).mean()


def bradley_terry_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """-ln of the probability that the chosen one wins; rewards (pairs,)."""
    return -logsigmoid(chosen - rejected).mean()


def dpo_loss(
    chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float
) -> Tensor:
    """The same, where a reply's reward is how much likelier it became; (pairs,) in nats."""
    chosen, rejected = beta * (chosen - ref_chosen), beta * (rejected - ref_rejected)
    return -logsigmoid(chosen - rejected).mean()


LOSSES = {"rloo": rloo_loss, "ppo": ppo_loss, "grpo": grpo_loss}


@dataclass
class Actions:
    """Replies, ``count`` a letter and all below one another.

    ``input_ids`` and ``attention_mask`` (rows, prompt + time), prompts filled up on the left;
    ``mask`` (rows, time) is 1 for a reply's tokens up to its end mark.
    """

    letters: list[str]
    texts: list[str]
    input_ids: Tensor
    attention_mask: Tensor
    mask: Tensor


def load_policy(adapter: Path = ASSISTANT) -> tuple[Any, Any]:
    """SmolLM2 with an adapter to go on from, and the tokenizer.

    The finished assistant's folder also holds ``sft``, its state before it learned from rewards.
    """
    base = load_base("smollm2", four_bit=False)
    model = load_adapter(base, adapter)
    if (adapter / "sft").is_dir():
        model.load_adapter(str(adapter / "sft"), adapter_name="sft")
    return model, base.tokenizer


def start_policy(model: Any) -> None:
    """Keep the adapter as it is under the name ``reference``; ``default`` is the one to learn."""
    if REFERENCE not in model.peft_config:
        model.add_adapter(REFERENCE, replace(model.peft_config[POLICY]))
    own = dict(model.named_parameters())
    for name, value in own.items():
        if f".{POLICY}." in name:
            value.data = value.data.float()  # small updates vanish in 16 bits
            own[name.replace(f".{POLICY}.", f".{REFERENCE}.")].data = value.data.clone()
    model.set_adapter(POLICY)


def turns(letter: str) -> list[dict[str, str]]:
    """A letter as a conversation."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": letter}]


def observe(tokenizer: Any, letters: Sequence[str]) -> list[list[int]]:
    """Letters as prompts that end where the assistant's turn begins."""
    return [sum(encode_turns(turns(one), tokenizer, True), []) for one in letters]


def replied(tokenizer: Any, letters: Sequence[str], texts: Sequence[str]) -> Actions:
    """Replies that somebody else wrote, one a letter, as if the policy had drawn them."""
    end, prompts = tokenizer.eos_token_id, observe(tokenizer, letters)
    said = [[*encode_text(text, tokenizer), end] for text in texts]
    (ids, attention), behind = pad_left(prompts), pad_batch([{"input_ids": r} for r in said], end)
    ids = torch.cat([ids, behind["input_ids"]], 1)
    attention = torch.cat([attention.long(), mask := behind["attention_mask"]], 1)
    return Actions(list(letters), list(texts), ids, attention, mask)


def act(
    model: Any,
    tokenizer: Any,
    letters: Sequence[str],
    count: int = 1,
    *,
    max_new_tokens: int = 24,
    temperature: float = 0.7,
    seed: int = 0,
) -> Actions:
    """Draw ``count`` replies to each letter from the policy as it is."""
    prompts, end = observe(tokenizer, letters), tokenizer.eos_token_id
    repeated = pad_left([prompt for prompt in prompts for _ in range(count)])
    ids, attention = (part.long().to(model.device) for part in repeated)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        out = model.generate(
            input_ids=ids,
            attention_mask=attention,
            max_new_tokens=max_new_tokens,
            do_sample=True,
            temperature=temperature,
            top_k=0,
            top_p=1.0,
            eos_token_id=end,
            pad_token_id=end,
        )
    said = out[:, ids.shape[1] :]
    ends = (said == end).long()
    mask = ((ends.cumsum(1) - ends) == 0).long()  # up to the first end mark, with it
    texts = tokenizer.batch_decode(said, skip_special_tokens=True)
    names = [letter for letter in letters for _ in range(count)]
    return Actions(names, texts, out, torch.cat([attention, mask], 1), mask)


def read(
    model: Any, actions: Actions, adapter: str, temperature: float = 0.7
) -> tuple[Tensor, Tensor, Tensor]:
    """What one adapter makes of replies: log-probabilities and entropies (rows, time), states.

    States (rows, time, width) are those of the reply's tokens behind the last layer.
    """
    model.set_adapter(adapter)
    whole, number = model.get_base_model(), actions.mask.shape[1]
    ids, mask = (part.to(model.device) for part in (actions.input_ids, actions.attention_mask))
    given = dict(input_ids=ids, attention_mask=mask, position_ids=(mask.cumsum(1) - 1).clamp(min=0))
    states = whole.base_model(**given, use_cache=False).last_hidden_state[:, -number - 1 :]
    every = (whole.get_output_embeddings()(states[:, :-1]).float() / temperature).log_softmax(-1)
    drawn = every.gather(2, ids[:, -number:, None])[..., 0]
    with torch.no_grad():  # row by row: with a vocabulary as large as this, a batch takes 100 MB
        entropy = torch.stack([-(row.exp() * row).sum(-1) for row in every])
    model.set_adapter(POLICY)
    return drawn, entropy, states[:, 1:]


@dataclass(frozen=True)
class PolicyConfig:
    """How to learn from rewards; where TRL has a setting, it is called as there.

    beta                weight of the KL to the reference, in points of reward a nat
    num_generations     replies to each of the ``num_prompts`` letters of a batch
    num_iterations      updates with each batch of replies
    loss                a name of ``LOSSES``; ``clip`` is PPO's and GRPO's
    eval_steps          updates between looks at the held-out letters
    """

    max_steps: int = 12
    learning_rate: float = 6e-4
    beta: float = 0.5
    num_prompts: int = 3
    num_generations: int = 8
    num_iterations: int = 1
    max_new_tokens: int = 24
    temperature: float = 0.7
    loss: str = "rloo"
    clip: float = 0.2
    eval_steps: int = 4
    seed: int = 0


@dataclass
class Environment:
    """Gives letters to answer, and a reward for each reply.

    reward      (replies, their states in the reference) → (rows,)
    truth       what customers really think of a reply: written down, never learned from
    held_out    letters by which the best policy is chosen
    """

    letters: Sequence[str]
    held_out: Sequence[str]
    reward: Callable[[Actions, Tensor], Tensor]
    truth: Callable[[str], float]


def reinforce(
    model: Any, tokenizer: Any, environment: Environment, config: PolicyConfig
) -> tuple[History, list[dict]]:
    """Move the adapter towards what is rewarded; what stays is where the *truth* was best.

    Gives the history, whose evaluations are (step, -truth on held-out letters), and for each update
    the means of reward, truth, KL (nats a reply), entropy (nats a token) and length, and the
    fractions of replies that are distinct, were cut off or clipped, or in a group of equal rewards,
    from which nothing is learned. Ctrl-C keeps the best so far. Raises ``CourseError`` for a
    reward that is no finite number, and where there is nothing to compare.
    """
    if not (environment.letters and environment.held_out) or config.num_generations < 2:
        raise CourseError("Give a letter to learn from, a held-out one, and two replies to each.")
    start_policy(model)
    own = [value for value in model.parameters() if value.requires_grad]
    num_prompts, log = min(config.num_prompts, len(environment.letters)), []
    rows, held = (num_prompts, config.num_generations, -1), environment.held_out
    drawn = dict(max_new_tokens=config.max_new_tokens, temperature=config.temperature)
    batch, best = {}, (-math.inf, [])

    def get_batch(generator: torch.Generator) -> dict:
        if len(log) % config.num_iterations:
            return batch
        give_memory_back()  # of the last batch, and of whatever ran before
        chosen = torch.randperm(len(environment.letters), generator=generator)[: rows[0]]
        letters = [environment.letters[n] for n in chosen]
        seed = int(torch.randint(2**31, (), generator=generator))
        actions = act(model, tokenizer, letters, rows[1], seed=seed, **drawn)
        with torch.no_grad():
            before, _, states = read(model, actions, REFERENCE, config.temperature)
        rewards = environment.reward(actions, states).float().to(before.device)
        if not rewards.isfinite().all():
            raise CourseError("A reward is no finite number: look at the reward function.")
        batch.update(actions=actions, before=before.view(rows), rewards=rewards.view(rows[:2]))
        batch.pop("old", None)
        return batch

    def loss_fn(model: Any, batch: dict) -> Tensor:
        actions, before, rewards = batch["actions"], batch["before"], batch["rewards"]
        now, entropy, _ = read(model, actions, POLICY, config.temperature)
        now, mask = now.view(rows), actions.mask.view(rows)
        old = batch.setdefault("old", now.detach())
        loss = LOSSES[config.loss](now, old, before, rewards, mask, config.beta, config.clip)
        texts, tokens = actions.texts, actions.mask.sum()
        ratio = ((now.detach() - old) * mask).sum(-1).exp()
        numbers = {
            "reward": rewards.mean(),
            "truth": sum(map(environment.truth, texts)) / len(texts),
            "kl": ((old - before) * mask).sum(-1).mean(),
            "entropy": (entropy * actions.mask).sum() / tokens,
            "length": tokens / len(texts),
            "distinct": len(set(texts)) / len(texts),
            "cut off": (actions.input_ids[:, -1] != tokenizer.eos_token_id).float().mean(),
            "clipped": ((ratio - 1).abs() > config.clip).float().mean(),
            "equal": (rewards.std(-1) < 1e-6).float().mean(),
            "loss": loss.detach(),
        }
        log.append({name: round(float(n), 4) for name, n in numbers.items()} | {"text": texts[0]})
        return loss

    def judge(model: Any) -> float:
        nonlocal best
        said = act(model, tokenizer, held, seed=config.seed, **drawn).texts
        found = sum(map(environment.truth, said)) / len(said)
        if found > best[0]:
            best = (found, [value.detach().clone() for value in own])
        return -found

    settings = TrainingConfig(
        config.max_steps,
        config.learning_rate,
        0.1,
        "constant",
        0.0,
        eval_steps=config.eval_steps,
        seed=config.seed,
    )
    start = judge(model)
    try:
        history = train(model, get_batch, loss_fn, settings, evaluate=judge, description="Feedback")
    finally:
        with torch.no_grad():
            for value, kept in zip(own, best[1], strict=True):
                value.copy_(kept)
        model.eval()
    history.evaluations.insert(0, (0, start))
    return history, log


def dpo(
    model: Any,
    tokenizer: Any,
    comparisons: Sequence[Comparison],
    config: TrainingConfig,
    beta: float = 0.1,
    batch_size: int = 6,
) -> History:
    """Learn from pairs directly, without reward model and loop. Ties are left out."""
    start_policy(model)
    decided = [c for c in comparisons if c.choice is not None]
    if not decided:
        raise CourseError("All comparisons are ties: there is nothing to learn from.")

    def get_batch(generator: torch.Generator) -> Actions:
        some = [decided[n] for n in torch.randint(len(decided), (batch_size,), generator=generator)]
        sides = [(c.first, c.second)[:: 1 - 2 * c.choice] for c in some]
        texts = [chosen for chosen, _ in sides] + [rejected for _, rejected in sides]
        return replied(tokenizer, 2 * [c.prompt for c in some], texts)

    def loss_fn(model: Any, both: Actions) -> Tensor:
        now, before = (
            (read(model, both, adapter, 1.0)[0] * both.mask.to(model.device)).sum(-1)
            for adapter in (POLICY, REFERENCE)
        )
        return dpo_loss(*now.chunk(2), *before.detach().chunk(2), beta)

    return train(model, get_batch, loss_fn, config, description="DPO")
