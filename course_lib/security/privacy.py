"""What a model gives away of the lines that it has read, and training that bounds it.

The models are tiny and read bytes; a line is ``WIDTH`` of them, filled up with blanks. Losses are
in nats a line. DP-SGD is that of Abadi et al. 2016 (1607.00133).
"""

import copy
import random
import textwrap
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import gammaln, logsumexp, xlog1py
from scipy.stats import binom
from torch import Tensor
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy

from course_lib.transformer.model import Config, MiniGPT
from course_lib.transformer.sampling import generate_batch
from course_lib.workbook.evaluate import next_token_loss, token_nll
from course_lib.workbook.training import TrainingConfig, train

WIDTH, CODES = 32, 1_000
SHAPE = Config(vocab_size=256, d_model=64, n_layers=2, n_heads=4, block_size=WIDTH)
SYLLABLES = ("ba", "ke", "li", "mo", "nu", "ra", "so", "ti", "ve", "zo")


class Canary(NamedTuple):
    """A made-up secret. ``code``: 000 to 999."""

    prompt: str
    code: str


def canaries(number: int, seed: int = 0) -> list[Canary]:
    """Door codes of rooms, each room once, at most 1,000."""
    draw = random.Random(seed)
    rooms = draw.sample(["".join(parts).title() for parts in product(SYLLABLES, repeat=3)], number)
    return [Canary(f"Room {r} opens with ", f"{draw.randrange(CODES):03}") for r in rooms]


def lines(texts: Iterable[str]) -> list[str]:
    """Texts cut into lines, each different one once."""
    wrapped = (textwrap.wrap(" ".join(text.split()), WIDTH) for text in texts)
    return list(dict.fromkeys(line for text in wrapped for line in text))


def encode(texts: Sequence[str]) -> Tensor:
    """Lines as bytes (lines, WIDTH)."""
    return torch.tensor([list(text.encode().ljust(WIDTH)[:WIDTH]) for text in texts])


def learn(rows: Tensor, max_steps: int, start: MiniGPT | None = None, seed: int = 0) -> MiniGPT:
    """A new model, or a copy of ``start``, that has read the rows, 32 at a time."""
    torch.manual_seed(seed)
    model = copy.deepcopy(start) if start else MiniGPT(SHAPE)

    def get_batch(generator: torch.Generator) -> Tensor:
        return rows[torch.randint(len(rows), (32,), generator=generator)]

    train(model, get_batch, next_token_loss, TrainingConfig(max_steps, 8e-3, seed=seed))
    return model.eval()


def line_nll(model: MiniGPT, rows: Tensor) -> Tensor:
    """-ln p of each line (lines,), its first byte given."""
    return torch.cat([token_nll(model, some).sum(1) for some in rows.split(500)])


def says(model: MiniGPT, prompts: Sequence[str], number: int = 3) -> list[str]:
    """The likeliest bytes behind each prompt."""
    steps = torch.stack(list(generate_batch(model, [p.encode() for p in prompts], number)), 1)
    return [bytes(row).decode(errors="replace") for row in steps.tolist()]


@torch.no_grad()
def code_nll(model: MiniGPT, prompt: str) -> Tensor:
    """-ln p of each code behind the prompt: (1000,), from one batch of its first two digits."""
    rows = torch.tensor([list(f"{prompt}{first:02}".encode()) for first in range(100)])
    logp = model(rows)[:, -3:, 48:58].log_softmax(-1)  # 48 is the byte of 0: among digits only
    first, second = torch.arange(100) // 10, torch.arange(100) % 10
    before = logp[:, 0].gather(1, first[:, None]) + logp[:, 1].gather(1, second[:, None])
    return -(before + logp[:, 2]).flatten()


def exposure(model: MiniGPT, canary: Canary) -> float:
    """log2 of the number of codes less log2 of the right one's rank: 0 to 9.97 bits, exact.

    Carlini et al. 2019, "The secret sharer", 1802.08232, section 4.
    """
    nats = code_nll(model, canary.prompt)
    return float(np.log2(CODES) - np.log2(1 + int((nats < nats[int(canary.code)]).sum())))


def caught(members: Sequence[float], others: Sequence[float], max_fpr: float) -> tuple[int, int]:
    """Of how many members the score is above all but ``max_fpr`` of the others' (2112.03570)."""
    limit = sorted(others, reverse=True)[int(max_fpr * len(others))]
    return sum(score > limit for score in members), len(members)


def gradients(model: MiniGPT, rows: Tensor) -> Tensor:
    """The gradient of each line's own loss (lines, parameters)."""
    weights = {name: weight.detach() for name, weight in model.named_parameters()}

    def loss(weights: dict[str, Tensor], row: Tensor) -> Tensor:
        logits = functional_call(model, weights, (row[None, :-1],))[0]
        return cross_entropy(logits, row[1:], reduction="sum")

    with sdpa_kernel(SDPBackend.MATH):
        each = vmap(grad(loss), (None, 0))(weights, rows)
    return torch.cat([part.flatten(1) for part in each.values()], 1)


def clip(gradients: Tensor, max_grad_norm: float) -> Tensor:
    """Each row shortened to ``max_grad_norm``; a shorter one stays as it is."""
    norms = gradients.norm(dim=1, keepdim=True)
    return gradients * (max_grad_norm / norms.clamp(min=max_grad_norm))


def noisy_sum(
    model: MiniGPT,
    rows: Tensor,
    noise_multiplier: float,
    generator: torch.Generator,
    clip: Callable[[Tensor, float], Tensor] = clip,
) -> Tensor:
    """All that a step may see of some lines: clipped to 1, added, and noise: (parameters,)."""
    total = clip(gradients(model, rows), 1.0).sum(0)
    return total + noise_multiplier * torch.randn(len(total), generator=generator)


def dp_sgd(
    rows: Tensor,
    start: MiniGPT,
    max_steps: int,
    sample_rate: float,
    noise_multiplier: float,
    learning_rate: float = 2e-3,
    seed: int = 0,
) -> MiniGPT:
    """A copy of ``start`` that has learned from noisy sums; Adam takes the steps.

    In a step each line takes part with probability ``sample_rate``.
    """
    model, generator = copy.deepcopy(start), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    for _ in range(max_steps):
        taken = rows[torch.rand(len(rows), generator=generator) < sample_rate]
        total = noisy_sum(model, taken, noise_multiplier, generator)
        parts = total.split([weight.numel() for weight in model.parameters()])
        for weight, part in zip(model.parameters(), parts, strict=True):
            weight.grad = part.view_as(weight) / (sample_rate * len(rows))
        optimizer.step()
    return model


def epsilon(noise_multiplier: float, sample_rate: float, steps: int, delta: float) -> float:
    """What ``dp_sgd`` may claim: Rényi divergences of the steps add up (1908.10530, section 3.3).

    For each order a one ε (Canonne et al. 2020, 2004.00010, proposition 12); the smallest counts.
    """
    found = []
    for a in range(2, 200):
        k = np.arange(a + 1)
        drawn = gammaln(a + 1) - gammaln(k + 1) - gammaln(a - k + 1) + xlog1py(a - k, -sample_rate)
        drawn += k * np.log(sample_rate) + (k * k - k) / (2 * noise_multiplier**2)
        rdp = steps * logsumexp(drawn) / (a - 1)
        found.append(rdp + np.log1p(-1 / a) - np.log(delta * a) / (a - 1))
    return max(0.0, float(min(found)))


def audit(scores: Tensor, included: Tensor, guesses: int, delta: float) -> tuple[int, float]:
    """Half of the guesses: the highest scores were in, half: the lowest out. How many are right?

    Steinke et al. 2023, 2305.08846, theorem 5.2: under (ε, δ)-privacy no better than coins that
    are right with e^ε / (1 + e^ε), but for δ. Gives the right ones, and the ε they prove (95 %).
    """
    order, half = scores.argsort(), guesses // 2
    right = int(included[order[-half:]].sum() + (~included[order[:half]]).sum())
    for claimed in np.arange(0, 10, 0.01):
        coin = binom(2 * half, 1 / (1 + np.exp(-claimed)))
        fewer = coin.pmf(np.arange(right - 1, -1, -1)).cumsum() / np.arange(1, right + 1)
        if coin.sf(right - 1) + 2 * len(scores) * delta * max(fewer, default=0) > 0.05:
            return right, float(claimed)
    return right, 10.0
