"""The loop and DPO on a tiny model: what is rewarded becomes likelier, and the best stays."""

import math
from pathlib import Path

import pytest
import torch

from course_lib.alignment import policy
from course_lib.alignment.policy import Environment, PolicyConfig
from course_lib.alignment.preferences import Comparison
from course_lib.errors import CourseError
from course_lib.finetuning.falcon import load_base
from course_lib.finetuning.train import FinetuneConfig, add_adapter
from course_lib.workbook.training import TrainingConfig

LETTERS = ["The sensor is silent.", "My parcel is late.", "The app is slow.", "It rains in."]


@pytest.fixture
def model(tiny_llama: Path):
    base = load_base(str(tiny_llama), four_bit=False)
    base.model.get_input_embeddings().weight.data *= 3  # surer, so that it can move
    return add_adapter(base, FinetuneConfig(0, r=8, lora_dropout=0.0)), base.tokenizer


def even(actions: policy.Actions, states: torch.Tensor) -> torch.Tensor:
    """The fraction of a reply's tokens with an even number."""
    tokens = actions.input_ids[:, -actions.mask.shape[1] :]
    return ((tokens % 2 == 0) * actions.mask).sum(1) / actions.mask.sum(1)


def config(**options) -> PolicyConfig:
    small = dict(max_steps=8, learning_rate=2e-2, beta=0.0, max_new_tokens=6, eval_steps=8)
    return PolicyConfig(**small | dict(num_prompts=4, num_generations=8, temperature=1.0) | options)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("loss", ["rloo", "ppo", "grpo"])
def test_what_is_rewarded_becomes_likelier(model, loss: str, seed: int) -> None:
    options = dict(num_iterations=1 if loss == "rloo" else 2, max_steps=14, seed=seed)
    environment = Environment(LETTERS, LETTERS[:1], even, lambda text: 0.0)
    history, log = policy.reinforce(*model, environment, config(loss=loss, **options))
    rewards = [row["reward"] for row in log]
    assert sum(rewards[-4:]) / 4 > sum(rewards[:2]) / 2 + 0.05
    assert history.evaluations[0][0] == 0 and log[0]["kl"] == pytest.approx(0, abs=1e-4)


def test_the_leash_holds(model) -> None:
    """A KL that costs more than any reward: the policy stays near, where it went far before."""
    environment, far = Environment(LETTERS, LETTERS[:1], even, lambda text: 0.0), []
    for beta in (0.0, 1.0):
        options = dict(beta=beta, max_steps=16, learning_rate=5e-3)
        log = policy.reinforce(*model, environment, config(**options))[1]
        far.append(sum(row["kl"] for row in log[-6:]))
    assert far[1] < far[0]


def test_the_best_by_truth_stays(model) -> None:
    """The truth only falls: in the end the policy is as it was."""
    judged = iter([1.0] * 3 + [0.0] * 10_000)
    environment = Environment(LETTERS, LETTERS[:3], even, lambda text: next(judged))
    actions = policy.act(*model, LETTERS, max_new_tokens=4)
    policy.start_policy(model[0])
    with torch.no_grad():
        before = policy.read(model[0], actions, policy.POLICY)[0]
    policy.reinforce(*model, environment, config())
    with torch.no_grad():
        after = policy.read(model[0], actions, policy.POLICY)[0]
    assert torch.equal(before, after)


def test_a_reward_that_is_no_number(model) -> None:
    environment = Environment(LETTERS, LETTERS, lambda a, s: even(a, s) * torch.nan, len)
    with pytest.raises(CourseError, match="no finite number"):
        policy.reinforce(*model, environment, config())
    assert all(value.isfinite().all() for value in model[0].parameters())


def test_one_letter_is_enough_and_none_gets_a_sentence(model) -> None:
    one = Environment(LETTERS[:1], LETTERS[:1], even, lambda text: 0.0)
    _, log = policy.reinforce(*model, one, config(max_steps=2))
    assert len(log) == 2 and all(map(math.isfinite, (row["loss"] for row in log)))
    none = Environment([], LETTERS, even, lambda text: 0.0)
    for environment, options in ((none, {}), (one, {"num_generations": 1})):
        with pytest.raises(CourseError, match="two replies to each"):
            policy.reinforce(*model, environment, config(**options))


def test_each_batch_is_drawn_with_a_seed_of_its_own(model, monkeypatch) -> None:
    act, seeds = policy.act, []

    def spy(*args, seed: int, **options):
        seeds.append(int(seed))
        return act(*args, seed=seed, **options)

    monkeypatch.setattr(policy, "act", spy)
    environment = Environment(LETTERS, LETTERS[:1], even, lambda text: 0.0)
    policy.reinforce(*model, environment, config(max_steps=12, max_new_tokens=2, eval_steps=12))
    assert len(set(seeds[1:-1])) == 12


def test_given_replies_are_read_like_drawn_ones(model) -> None:
    """Also beside an empty one; a reply ends with the mark that the model learns to stop at."""
    texts = ["I am sorry.", "", "Please look again."]
    actions = policy.replied(model[1], LETTERS[:3], texts)
    assert actions.mask[1].tolist() == [1] + [0] * (actions.mask.shape[1] - 1)
    policy.start_policy(model[0])
    with torch.no_grad():
        together = policy.read(model[0], actions, policy.POLICY)[0]
        alone = policy.replied(model[1], LETTERS[2:3], texts[2:])
        own = policy.read(model[0], alone, policy.POLICY)[0]
    assert torch.allclose(together[2][: own.shape[1]], own[0], atol=1e-3)


def test_dpo_makes_the_chosen_likelier(model) -> None:
    pairs = [Comparison(letter, "I am sorry.", "No.", 0) for letter in LETTERS]
    pairs += [Comparison(letter, "No.", "I am sorry.", 1) for letter in LETTERS]
    training = TrainingConfig(12, 1e-2, weight_decay=0.0)
    losses = policy.dpo(*model, [*pairs, Comparison("a", "b", "c", None)], training).losses
    assert losses[0] == pytest.approx(torch.log(torch.tensor(2.0)).item(), abs=1e-3)
    assert losses[-1] < 0.6
    with pytest.raises(CourseError, match="ties"):
        policy.dpo(*model, [Comparison("a", "b", "c", None)], training)
