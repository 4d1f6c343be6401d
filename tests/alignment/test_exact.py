"""The counted world: the closed form, true gradients, and estimators held against them."""

import math

import pytest
import torch
from torch import Tensor

from course_lib.alignment import exact
from course_lib.alignment.policy import kl_k1, kl_k2, kl_k3, leave_one_out

SEEDS = range(5)
# torch.func.jacfwd compiles a few formulas of torch in a way that torch itself calls old.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")


def plain(rewards: Tensor) -> Tensor:
    return rewards


def mean_baseline(rewards: Tensor) -> Tensor:
    return rewards - rewards.mean(1, keepdim=True)


def random_policy(seed: int) -> list[Tensor]:
    generator, shapes = torch.Generator().manual_seed(seed), [(6,)] + [(6, 6)] * 4
    return [torch.randn(shape, generator=generator).double() for shape in shapes]


def random_rewards(seed: int, count: int = 7776) -> Tensor:
    return 3 + torch.randn(count, generator=torch.Generator().manual_seed(seed)).double()


def slope(policy: list[Tensor], loss) -> Tensor:
    """The gradient of ``loss(log π)`` by all logits, (logits,)."""
    leaves = [table.clone().requires_grad_() for table in policy]
    loss(exact.log_probs(leaves)).backward()
    return torch.cat([leaf.grad.flatten() for leaf in leaves])


def test_probabilities_are_products_of_the_tables_in_the_order_of_the_replies() -> None:
    policy = [torch.randn((6,) * (n + 1), dtype=torch.double) for n in range(5)]
    logp, ids = exact.log_probs(policy), (4, 0, 3, 3, 5)
    assert logp.exp().sum().item() == pytest.approx(1)
    place = exact.REPLIES.index(tuple(exact.TOKENS[token] for token in ids))
    expected = math.fsum(policy[n].log_softmax(-1)[ids[: n + 1]].item() for n in range(5))
    assert logp[place].item() == pytest.approx(expected)
    assert exact.score(lambda reply: reply.count("sorry"))[place] == 1


def test_the_reference_has_counted() -> None:
    first, *others = exact.reference(["we help .", "we will help ."], smoothing=0.5)
    assert first.exp().tolist() == pytest.approx([0.5, 0.5, 2.5, 0.5, 0.5, 0.5])
    assert others[0][2].exp().tolist() == pytest.approx([0.5, 0.5, 0.5, 1.5, 1.5, 0.5])
    assert others[3][5, 5].exp().item() == pytest.approx(3.5)  # filled up to five


@pytest.mark.parametrize("seed", SEEDS)
def test_no_policy_is_better_than_the_closed_form(seed: int) -> None:
    ref, rewards = exact.log_probs(random_policy(seed)), random_rewards(seed)
    best = exact.optimum(ref, rewards, 0.7)
    highest = exact.objective(best, ref, rewards, 0.7).item()
    assert highest == pytest.approx(0.7 * (ref + rewards / 0.7).logsumexp(0).item())
    for other in (ref, best + 0.01 * random_rewards(seed + 9), exact.optimum(ref, rewards, 0.8)):
        assert exact.objective(other.log_softmax(0), ref, rewards, 0.7) < highest


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradient_climbs_to_the_closed_form(seed: int) -> None:
    """Where the reward is a sum over tokens, one token of memory can express π*."""
    policy, rewards = random_policy(seed), exact.score(lambda reply: reply.count("help"))
    ref = exact.log_probs(policy)
    reached = exact.log_probs(exact.ascend(policy, rewards, 0.5, memory=1))
    assert (reached.exp() - exact.optimum(ref, rewards, 0.5).exp()).abs().max() < 1e-6


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_all_groups_of_a_small_world_average_to_the_true_gradient(seed: int, size: int) -> None:
    """Two places, 36 replies, every group with its probability: exact, nothing is drawn."""
    policy, rewards = random_policy(seed)[:2], random_rewards(seed, 36)
    true = slope(policy, lambda logp: logp.exp() @ rewards)
    groups = torch.cartesian_prod(*[torch.arange(36)] * size)
    chances = exact.log_probs(policy)[groups].sum(1).exp()
    fractions = {plain: 1, leave_one_out: 1, mean_baseline: (size - 1) / size}
    for judge, fraction in fractions.items():
        average = chances @ exact.group_gradients(groups, policy, rewards, judge)
        assert torch.allclose(average, fraction * true, atol=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
def test_sampled_groups_agree_with_the_regularised_gradient(seed: int) -> None:
    """The KL enters as −β · k1 in the reward; within five standard errors along the truth."""
    policy, ref = random_policy(seed), exact.log_probs(random_policy(seed + 50))
    rewards, logp = random_rewards(seed), exact.log_probs(policy)
    true = slope(policy, lambda logp: exact.objective(logp, ref, rewards, 0.3))
    penalised = rewards - 0.3 * kl_k1(logp, ref)
    generator = torch.Generator().manual_seed(seed)
    groups = torch.multinomial(logp.exp(), 8_000, True, generator=generator).view(2_000, 4)
    spreads = []
    for judge, fraction in {plain: 1, leave_one_out: 1, mean_baseline: 3 / 4}.items():
        along = exact.group_gradients(groups, policy, penalised, judge) @ true / true.square().sum()
        spreads.append(along.std().item())
        assert abs(along.mean().item() - fraction) < 5 * spreads[-1] / 2_000**0.5
    assert spreads[1] < spreads[0] and spreads[2] == pytest.approx(3 / 4 * spreads[1])


@pytest.mark.parametrize("seed", SEEDS)
def test_k1_and_k3_are_unbiased_and_k2_is_not(seed: int) -> None:
    logp, ref = (exact.log_probs(random_policy(n)) for n in (seed, seed + 50))
    probs, kl = logp.exp(), (logp.exp() @ (logp - ref)).item()
    for estimate in (kl_k1, kl_k3):
        assert (probs @ estimate(logp, ref)).item() == pytest.approx(kl, rel=1e-9)
    assert abs((probs @ kl_k2(logp, ref)).item() / kl - 1) > 0.05
    assert kl_k3(logp, ref).min() >= 0


@pytest.mark.parametrize("seed", SEEDS)
def test_as_a_loss_only_k2_has_the_gradient_of_the_kl(seed: int) -> None:
    policy, ref = random_policy(seed), exact.log_probs(random_policy(seed + 50))
    probs = exact.log_probs(policy).exp()
    k1, k2, k3 = (
        slope(policy, lambda logp, estimate=estimate: probs @ estimate(logp, ref))
        for estimate in (kl_k1, kl_k2, kl_k3)
    )
    assert k1.abs().max() < 1e-12
    assert torch.allclose(k2, slope(policy, lambda logp: logp.exp() @ (logp - ref)))
    assert torch.allclose(k3, slope(policy, lambda logp: ref.exp() @ (ref - logp)))
