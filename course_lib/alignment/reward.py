"""A reward model: from comparisons to a number for a reply.

The body is the language model as it was before it learned from rewards, frozen. What is learned is
a linear head for each goal, on the mean of the reply's states: once these are there, the fit takes
a moment. Christiano et al. 2017 (1706.03741); Ouyang et al. 2022 (2203.02155), section 3.5.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from course_lib.alignment.preferences import LETTERS, Comparison
from course_lib.errors import CourseError

States = Mapping[tuple[str, str], Tensor]
POOL = LETTERS.with_name("replies.safetensors")


def read_pool(path: Path = POOL) -> tuple[dict[str, list[str]], dict[tuple[str, str], Tensor]]:
    """Replies of the tuned model to each letter, and the mean state of each, fp32 (width,)."""
    with safe_open(path, framework="pt") as file:
        pool, rows = json.loads(file.metadata()["replies"]), file.get_tensor("states").float()
    return pool, dict(
        zip([(letter, r) for letter in pool for r in pool[letter]], rows, strict=True)
    )


def mean_states(states: Tensor, mask: Tensor) -> Tensor:
    """(rows, time, width), 1 where a token counts (rows, time) → (rows, width)."""
    mask = mask[..., None].float()
    return (states.float() * mask).sum(1) / mask.sum(1).clamp(min=1)


class RewardModel:
    """Heads for goals, and how much each goal counts.

    heads     goal → (width,)
    weights   goal → its weight in the sum
    usual     states of the reference's own replies (rows, width): among them the reward has mean 0
              and standard deviation 1
    """

    def __init__(
        self, heads: Mapping[str, Tensor], weights: Mapping[str, float], usual: Tensor
    ) -> None:
        self.head = sum(weight * heads[goal] for goal, weight in weights.items())
        before = usual @ self.head
        self.mean, self.std = before.mean(), before.std().clamp(min=1e-6)

    def __call__(self, states: Tensor) -> Tensor:
        """States of replies (rows, width) → rewards (rows,)."""
        return (states.to(self.head.device) @ self.head - self.mean) / self.std


def fit_head(
    comparisons: Sequence[Comparison], states: States, weight_decay: float = 0.1
) -> Tensor:
    """The direction (width,) along which chosen replies lie ahead: Bradley and Terry's likelihood.

    A tie is half a win for either. Comparisons that contradict each other pull towards 0, and so
    does the weight decay, with which the loss is strictly convex: there is one best direction.
    """
    if not comparisons:
        raise CourseError("There is no comparison to learn from: make some first.")
    sides = [[states[c.prompt, reply] for reply in (c.first, c.second)] for c in comparisons]
    first, second = (torch.stack(side).float() for side in zip(*sides, strict=True))
    wins = torch.tensor([0.5 if c.choice is None else 1.0 - c.choice for c in comparisons])
    scale = first.std().clamp(min=1e-6)
    apart, head = (first - second) / scale, torch.zeros(first.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([head], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = binary_cross_entropy_with_logits(apart @ head, wins)
        loss = loss + weight_decay * head.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return head.detach() / scale


def accuracy(head: Tensor, comparisons: Sequence[Comparison], states: States) -> float:
    """The fraction of comparisons in which the chosen reply has the higher reward; ties aside."""
    right = [
        bool((states[c.prompt, c.first] - states[c.prompt, c.second]) @ head > 0) == (c.choice == 0)
        for c in comparisons
        if c.choice is not None
    ]
    return sum(right) / max(1, len(right))
