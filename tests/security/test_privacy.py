"""Memory, measured; the private step and its promise, against slow and literal versions."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy.stats import binom

from course_lib.security import privacy
from course_lib.transformer.model import MiniGPT
from course_lib.workbook.evaluate import next_token_loss

LINES = [f"Drawer {n * 7} holds {n * n} screws." for n in range(40)]


@pytest.fixture
def model() -> MiniGPT:
    torch.manual_seed(0)
    return MiniGPT(privacy.SHAPE).eval()


def test_exposure_is_the_rank_among_all_codes(model: MiniGPT) -> None:
    canary = privacy.canaries(1)[0]
    nats = []
    for code in range(0, privacy.CODES, 7):
        ids = list(f"{canary.prompt}{code:03}".encode())
        with torch.no_grad():
            logp = model(torch.tensor([ids]))[0, -4:-1, 48:58].log_softmax(-1)
        nats.append(-sum(logp[n, int(digit)].item() for n, digit in enumerate(f"{code:03}")))
    found = privacy.code_nll(model, canary.prompt)
    assert found[::7].tolist() == pytest.approx(nats, abs=1e-4) and len(found) == 1000
    rank = sorted(found.tolist()).index(found[int(canary.code)]) + 1
    assert privacy.exposure(model, canary) == pytest.approx(math.log2(1000 / rank))


def test_gradients_are_those_of_each_line_alone(model: MiniGPT) -> None:
    rows = privacy.encode(LINES[:3])
    for row, found in zip(rows, privacy.gradients(model, rows), strict=True):
        model.zero_grad()
        (next_token_loss(model, row[None]) * 31).backward()
        alone = torch.cat([weight.grad.flatten() for weight in model.parameters()])
        torch.testing.assert_close(found, alone, rtol=1e-3, atol=1e-4)


def test_the_private_step_is_adam_on_the_clipped_sum(model: MiniGPT) -> None:
    rows, sums = privacy.encode(LINES[:4]), 0
    for row in rows:  # one after the other, each clipped by torch itself
        alone = copy.deepcopy(model)
        (next_token_loss(alone, row[None]) * 31).backward()
        torch.nn.utils.clip_grad_norm_(alone.parameters(), 1.0)
        sums = sums + torch.cat([weight.grad.flatten() for weight in alone.parameters()])
    ours = privacy.dp_sgd(rows, model, 1, 1.0, 0.0)
    got = torch.cat([weight.grad.flatten() for weight in ours.parameters()])
    torch.testing.assert_close(got * 4, sums, rtol=1e-3, atol=1e-5)
    moved = (ours.embedding.weight - model.embedding.weight)[ours.embedding.weight.grad != 0]
    assert moved.abs().max() < 2.01e-3  # Adam's first step is the learning rate


def test_a_line_moves_the_sum_by_one_at_most_and_the_noise_is_as_stated(model: MiniGPT) -> None:
    each = privacy.clip(privacy.gradients(model, privacy.encode(LINES)), 1.0)
    assert each.norm(dim=1).max() <= 1 + 1e-5
    short = torch.tensor([[0.3, 0.4], [0.0, 0.0]])
    assert privacy.clip(short, 1.0).equal(short)
    rows, sums = privacy.encode(LINES), []
    for noise, kept in ((0.0, 40), (3.0, 40), (3.0, 39)):
        generator = torch.Generator().manual_seed(1)
        sums.append(privacy.noisy_sum(model, rows[:kept], noise, generator))
    assert (sums[1] - sums[0]).std().item() == pytest.approx(3.0, rel=0.02)
    assert (sums[1] - sums[2]).norm() <= 1 + 1e-3
    one, again = (privacy.dp_sgd(rows, model, 2, 0.5, 3.0) for _ in range(2))
    assert one.embedding.weight.equal(again.embedding.weight)


@pytest.mark.parametrize(
    ("noise", "rate", "steps"), [(1.0, 0.1, 100), (2.0, 0.02, 1000), (4, 1, 9)]
)
def test_epsilon_against_integration(noise: float, rate: float, steps: int) -> None:
    """Rényi's divergence by its definition: an integral over the outcome of one step."""
    at = np.linspace(-60, 80, 400_001)

    def density(mean: float) -> np.ndarray:
        return np.exp(-((at - mean) ** 2) / (2 * noise**2)) / (noise * np.sqrt(2 * np.pi))

    without, found = density(0), []
    ratio = 1 - rate + rate * np.exp((2 * at - 1) / (2 * noise**2))
    for a in range(2, 40):
        with np.errstate(over="ignore"):
            moment = np.nansum(without * ratio**a) * (at[1] - at[0])
        spent = steps * np.log(moment) / (a - 1) + np.log1p(-1 / a) - np.log(1e-5 * a) / (a - 1)
        found.append(spent if np.isfinite(spent) else np.inf)
    assert privacy.epsilon(noise, rate, steps, 1e-5) == pytest.approx(min(found), rel=1e-3)


def literal(number: int, guesses: int, right: int, eps: float, delta: float) -> float:
    """The chance of so many right guesses under (eps, delta)-privacy, as the paper writes it."""
    coin = math.exp(eps) / (math.exp(eps) + 1)
    best, tail = 0.0, 0.0
    for i in range(1, right + 1):
        tail += binom.pmf(right - i, guesses, coin)
        best = max(best, tail / i)
    enough = sum(binom.pmf(n, guesses, coin) for n in range(right, guesses + 1))
    return enough + 2 * number * delta * best


def test_audit_is_the_papers_test() -> None:
    included = torch.arange(200) < 100
    for wrong in (0, 3, 12, 50):
        scores = torch.linspace(1, -1, 200)
        scores[:wrong] = -2  # they were in, and look as if they were not
        right, proved = privacy.audit(scores, included, 100, 1e-5)
        assert right == 100 - min(wrong, 50)
        if proved:
            assert literal(200, 100, right, proved - 0.02, 1e-5) <= 0.05
        assert literal(200, 100, right, proved, 1e-5) > 0.05


def test_an_audit_accuses_nobody_honest() -> None:
    """A mechanism whose ε is known: a coin, told rightly with e^ε / (1 + e^ε)."""
    accused = 0
    for seed in range(40):
        draw = torch.Generator().manual_seed(seed)
        included, told = (torch.rand(200, generator=draw) < p for p in (0.5, math.e / (1 + math.e)))
        score = (included == told).float() + torch.rand(200, generator=draw) / 100
        accused += privacy.audit(score, included, 100, 0.0)[1] > 1.0
    assert accused <= 5


@pytest.mark.parametrize("seed", range(5))
def test_the_audit_finds_a_step_without_clipping(model: MiniGPT, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    coins = torch.rand(200, generator=generator) < 0.5
    rows = privacy.encode([f"{c.prompt}{c.code}." for c in privacy.canaries(200, seed)])
    each, found = privacy.gradients(model, rows), []
    among = each @ each.T
    among += 1e-4 * among.diagonal().mean() * torch.eye(200)
    for clip in (privacy.clip, lambda gradients, norm: gradients):
        total = privacy.noisy_sum(model, rows[coins], 4.0, generator, clip)
        found.append(privacy.audit(torch.linalg.solve(among, each @ total), coins, 100, 1e-5)[1])
    assert found[0] <= privacy.epsilon(4.0, 1.0, 1, 1e-5) < found[1]


@pytest.mark.parametrize(
    "setting", [(1.0, 0.1, 60), (0.5, 0.1, 30), (4.0, 1.0, 1), (2.0, 0.02, 500)]
)
def test_epsilon_is_that_of_opacus(setting: tuple[float, float, int]) -> None:
    """The same Rényi accountant; the tighter one of numerical convolution lies a little below."""
    accountants = pytest.importorskip("opacus.accountants", reason="pip install opacus")
    noise, sample_rate, steps = setting
    orders = list(range(2, 200))
    spent = accountants.analysis.rdp.compute_rdp(
        q=sample_rate, noise_multiplier=noise, steps=steps, orders=orders
    )
    theirs, _ = accountants.analysis.rdp.get_privacy_spent(orders=orders, rdp=spent, delta=1e-5)
    ours = privacy.epsilon(noise, sample_rate, steps, delta=1e-5)
    assert ours == pytest.approx(theirs, rel=1e-9)
    tight = accountants.PRVAccountant()
    tight.history = [(noise, sample_rate, steps)]
    assert 0.7 * ours < tight.get_epsilon(1e-5) < ours


@pytest.mark.filterwarnings("ignore")
def test_gradients_a_line_are_those_of_opacus(model: MiniGPT) -> None:
    """But for two tables: it sees one use of tied weights, and one row of places for all lines."""
    grad_sample = pytest.importorskip("opacus.grad_sample", reason="pip install opacus")
    rows = privacy.encode(LINES[:4])
    ours = privacy.gradients(model, rows)
    sizes = [weight.numel() for weight in model.parameters()]
    wrapped = grad_sample.GradSampleModule(
        copy.deepcopy(model).train(), loss_reduction="sum", force_functorch=True
    )
    logits = wrapped(rows[:, :-1])
    labels = rows[:, 1:].flatten()
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels, reduction="sum").backward()
    weights = wrapped._module.named_parameters()
    for (name, weight), own in zip(weights, ours.split(sizes, 1), strict=True):
        if name not in ("embedding.weight", "positions.weight"):
            torch.testing.assert_close(own, weight.grad_sample.flatten(1), rtol=1e-4, atol=1e-4)
