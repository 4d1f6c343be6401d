"""A reward model: from comparisons to one number for a reply.

The body is the language model as it was before reinforcement learning, frozen; what is learned is
one linear head for each goal on the mean of the reply's states. So the fit takes a moment once the
states are there. Christiano et al. 2017 (1706.03741); Ouyang et al. 2022 (2203.02155), section 3.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from course_lib.alignment.policy import Actions, bradley_terry_loss
from course_lib.errors import CourseError


def reply_states(states: Tensor, mask: Tensor) -> Tensor:
    """The mean of each reply's states: (rows, time, width), (rows, time) → (rows, width)."""
    mask = mask[..., None].float()
    return (states.float() * mask).sum(1) / mask.sum(1).clamp(min=1)


def fit_head(first: Tensor, second: Tensor, choices: Tensor, weight_decay: float = 1e-2) -> Tensor:
    """A direction (width,) along which what was chosen lies ahead; by L-BFGS, the loss is convex.

    first, second   states of the replies (pairs, width)
    choices         0: the first was better, 1: the second, 0.5: a tie
    """
    weight = torch.zeros(first.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=100, line_search_fn="strong_wolfe")
    apart = (first - second) * (1 - 2 * choices)[:, None]

    def closure() -> Tensor:
        optimizer.zero_grad()
        ahead = (first - second) @ weight
        loss = torch.nn.functional.binary_cross_entropy_with_logits(ahead, 1 - choices)
        loss = loss + weight_decay * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weight.detach()
