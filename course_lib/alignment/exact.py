"""A world small enough to count: six tokens, five places, 6⁵ = 7,776 replies, all of them listed.

A **policy** is a list of tables of logits in float64, one a place: shape (6,) knows no past, (6, 6)
the token before, (6, 6, 6) the two before. What ``reward − β · KL`` makes best is known in closed
form: π* ∝ π_ref · exp(reward / β) (Korbak and others 2022, 2205.11275; Rafailov and others 2023,
2305.18290, equation 4). Only ``group_gradients`` estimates: it is here to be judged.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise, product

import torch
from torch import Tensor

TOKENS = ("sorry", "please", "we", "will", "help", ".")
SIZE, PLACES = len(TOKENS), 5
REPLIES = list(product(TOKENS, repeat=PLACES))  # the last token changes first


def score(rule: Callable[[tuple[str, ...]], float]) -> Tensor:
    """What ``rule`` gives for the five tokens of each reply, (7776,)."""
    return torch.tensor([float(rule(reply)) for reply in REPLIES], dtype=torch.double)


def reference(sentences: Sequence[str], smoothing: float = 0.3) -> list[Tensor]:
    """The policy that has counted which of ``TOKENS`` follows which in these sentences.

    A sentence is filled up with "." to five; ``smoothing``, above 0, is added to each count.
    """
    first = torch.full((SIZE,), smoothing, dtype=torch.double)
    following = first.repeat(SIZE, 1)
    for sentence in sentences:
        ids = [TOKENS.index(word) for word in [*sentence.split(), *["."] * PLACES][:PLACES]]
        first[ids[0]] += 1
        for pair in pairwise(ids):
            following[pair] += 1
    return [first.log()] + [following.log()] * (PLACES - 1)


def log_probs(policy: Sequence[Tensor]) -> Tensor:
    """log π of every reply in the order of ``REPLIES``, (7776,); of two tables (36,)."""
    total = torch.zeros((), dtype=torch.double)
    for table in policy:  # a table with less memory is the same for all earlier tokens
        total = total[..., None] + table.log_softmax(-1)
    return total.flatten()


def objective(logp: Tensor, ref: Tensor, rewards: Tensor, beta: float) -> Tensor:
    """Expected reward − β · KL(π ‖ π_ref), by listing; log π, log π_ref, rewards: (replies,)."""
    return logp.exp() @ (rewards - beta * (logp - ref))


def optimum(ref: Tensor, rewards: Tensor, beta: float) -> Tensor:
    """log π* (replies,): no policy has a higher objective. ``beta`` above 0, in units of reward."""
    return (ref + rewards / beta).log_softmax(0)


def ascend(ref: Sequence[Tensor], rewards: Tensor, beta: float, memory: int) -> list[Tensor]:
    """Follow the true gradient (300 steps of L-BFGS), with 1 to 4 tokens of ``memory``."""
    policy = [t.expand((SIZE,) * (min(n, memory) + 1)).clone() for n, t in enumerate(ref)]
    leaves = [table.requires_grad_() for table in policy]
    options = dict(max_iter=300, history_size=50, tolerance_grad=1e-12, tolerance_change=0)
    optimizer = torch.optim.LBFGS(leaves, line_search_fn="strong_wolfe", **options)

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = -objective(log_probs(policy), log_probs(ref), rewards, beta)
        value.backward()
        return value

    optimizer.step(loss)
    return [table.detach() for table in policy]


def group_gradients(
    groups: Tensor, policy: Sequence[Tensor], rewards: Tensor, advantage: Callable[[Tensor], Tensor]
) -> Tensor:
    """REINFORCE's gradient from each group, (count, logits); ``groups`` are numbers of replies.

    ``advantage`` makes of rewards (count, K) the numbers that multiply each reply's ∇ log π.
    """
    slopes = torch.func.jacfwd(log_probs)(list(policy))  # for policies of 1 token of memory
    slopes = torch.cat([part.flatten(1) for part in slopes], 1)  # (replies, logits)
    weights = advantage(rewards[groups]).to(slopes) / groups.shape[1]
    return torch.einsum("gk,gkl->gl", weights, slopes[groups])
