"""The losses against their formulas in float64, and the loop on a tiny model."""

import difflib
import inspect
import math

import pytest
import torch
from torch.nn.functional import logsigmoid

from course_lib.alignment import policy
from course_lib.alignment.policy import LOSSES, leave_one_out


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


def test_equal_rewards_teach_nothing() -> None:
    assert leave_one_out(torch.ones(2, 4)).abs().max() == 0
