"""The losses against their formulas in float64, the loop and DPO on a tiny model, what ships."""

import difflib
import inspect
import json
import math
from pathlib import Path

import pytest
import torch
from torch.nn.functional import logsigmoid

from course_lib.alignment import policy
from course_lib.alignment.policy import LOSSES, Environment, PolicyConfig
from course_lib.alignment.preferences import Comparison
from course_lib.errors import CourseError
from course_lib.finetuning.falcon import load_base
from course_lib.finetuning.train import FinetuneConfig, add_adapter
from course_lib.workbook.training import TrainingConfig


def numbers(seed: int, near: bool = False) -> dict:
    draw = torch.Generator().manual_seed(seed)
    shape, options = (2, 3, 4), dict(generator=draw, dtype=torch.double)
    now = -torch.rand(shape, **options)
    apart = 0.01 if near else 0.4
    old, ref = (now + apart * torch.randn(shape, **options) for _ in range(2))
    mask = (torch.arange(4) < torch.randint(1, 5, (2, 3, 1), generator=draw)).double()
    return dict(
        now=now.requires_grad_(),
        old=old,
        ref=ref,
        mask=mask,
        rewards=torch.randn(2, 3, **options),
        beta=0.3,
        clip=0.2,
    )


@pytest.mark.parametrize("seed", range(5))
def test_losses_are_their_formulas(seed: int) -> None:
    """Written out reply by reply, in plain Python."""
    given = numbers(seed)
    expected = dict.fromkeys(LOSSES, 0.0)
    for p in range(2):
        kls = [
            sum(((given["old"] - given["ref"]) * given["mask"])[p, r].tolist()) for r in range(3)
        ]
        scores = [given["rewards"][p, r].item() for r in range(3)]
        held = [score - 0.3 * kl for score, kl in zip(scores, kls, strict=True)]
        mean, std = sum(scores) / 3, torch.tensor(scores, dtype=torch.double).std().item()
        for r in range(3):
            length = int(given["mask"][p, r].sum())
            now, old, ref = (given[name][p, r, :length].tolist() for name in ("now", "old", "ref"))
            advantage = held[r] - (sum(held) - held[r]) / 2
            ratio = math.exp(sum(now) - sum(old))
            expected["rloo"] -= advantage * sum(now) / 6
            clipped = min(max(ratio, 0.8), 1.2)
            expected["ppo"] -= min(advantage * ratio, advantage * clipped) / 6
            score, each = (scores[r] - mean) / (std + 1e-4), 0.0
            for a, b, c in zip(now, old, ref, strict=True):
                ratio = math.exp(a - b)
                kept = min(score * ratio, score * min(max(ratio, 0.8), 1.2))
                each += kept - 0.3 * (math.exp(c - a) - 1 - (c - a))
            expected["grpo"] -= each / length / 6
    for name, loss in LOSSES.items():
        assert loss(**given).item() == pytest.approx(expected[name], abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_ppo_begins_as_rloo(seed: int) -> None:
    """At the old policy the ratio is 1, and the gradients are the same."""
    given = numbers(seed)
    given["old"] = given["now"].detach().clone()
    grads = [
        torch.autograd.grad(LOSSES[name](**given), given["now"])[0] for name in ("rloo", "ppo")
    ]
    assert torch.allclose(*grads, atol=1e-12)


def test_dpo_is_bradley_terry_on_how_much_likelier() -> None:
    chosen, rejected, ref_chosen, ref_rejected = torch.randn(4, 5, dtype=torch.double)
    expected = -logsigmoid(0.1 * ((chosen - ref_chosen) - (rejected - ref_rejected))).mean()
    found = policy.dpo_loss(chosen, rejected, ref_chosen, ref_rejected, 0.1)
    assert found.item() == pytest.approx(expected.item(), abs=1e-12)


@pytest.mark.parametrize(
    ("parent", "child"),
    [("rloo_loss", "ppo_loss"), ("ppo_loss", "grpo_loss"), ("bradley_terry_loss", "dpo_loss")],
)
def test_a_child_adds_five_lines_at_most(parent: str, child: str) -> None:
    sources = (inspect.getsource(getattr(policy, name)) for name in (parent, child))
    bodies = [source.split('"""')[2].splitlines() for source in sources]
    added = [line for line in difflib.ndiff(*bodies) if line.startswith("+ ")]
    assert 1 <= len(added) <= 5


# --- The loop and DPO on a tiny model ---
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


def test_one_letter_is_enough_and_none_or_a_reward_that_is_no_number_gets_a_sentence(model) -> None:
    environment = Environment(LETTERS, LETTERS, lambda a, s: even(a, s) * torch.nan, len)
    with pytest.raises(CourseError, match="no finite number"):
        policy.reinforce(*model, environment, config())
    assert all(value.isfinite().all() for value in model[0].parameters())
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


def test_its_card_says_what_its_log_says() -> None:
    log = json.loads((policy.ASSISTANT / "log.json").read_text(encoding="utf-8"))
    assert log["kept"] == max(log["evaluations"], key=lambda row: row[1])[0]
    assert log["truth"]["assistant"] > log["truth"]["sft"]
    card = (policy.ASSISTANT / "README.md").read_text(encoding="utf-8")
    assert f"assistant {log['truth']['assistant']:.2f}" in card
    assert log["reading"]["after"]["exact"] in card
