"""Looking into a model: which token mattered, and which direction says no.

``embeds`` are a prompt's token vectors (1, time, width), in the model's number type; a baseline
(width,) is the vector of a token that says nothing. A score gives a number for each of several
prompts (batch, time, width) → (batch,).
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.transformer.chat import read_talk
from course_lib.transformer.sampling import pad_left

Score = Callable[[Tensor], Tensor]


def next_token(model: Any, target: int) -> Score:
    """The score "ln p that ``target`` comes next"."""

    def score(embeds: Tensor) -> Tensor:
        logits = model(inputs_embeds=embeds, logits_to_keep=1, use_cache=False).logits[:, -1]
        return logits.float().log_softmax(-1)[:, target]

    return score


@torch.no_grad()
def occlusion(score: Score, embeds: Tensor, baseline: Tensor) -> Tensor:
    """How much the score falls when one token is covered: (time,)."""
    covered = embeds.repeat(embeds.shape[1], 1, 1)
    covered.diagonal(dim1=0, dim2=1)[:] = baseline[:, None]
    return score(embeds) - score(covered)


def integrated_gradients(
    score: Score, embeds: Tensor, baseline: Tensor, steps: int
) -> tuple[Tensor, float]:
    """Gradients along the straight way from the baseline to the prompt: (time,), and their debt.

    Sundararajan et al. 2017, 1703.01365, with the middles of ``steps`` parts. Completeness: their
    sum is the score of the prompt less that of the baseline; the debt is what is missing.
    """
    base, total = baseline.expand_as(embeds), torch.zeros_like(embeds[0])
    for some in ((torch.arange(steps) + 0.5) / steps).to(embeds).split(16):
        points = torch.lerp(base, embeds, some[:, None, None]).requires_grad_()
        total += torch.autograd.grad(score(points).sum(), points)[0].sum(0)
    found = ((embeds - base)[0] * total / steps).float().sum(-1)
    with torch.no_grad():
        nothing, prompt = score(torch.cat([base, embeds])).tolist()
    return found, prompt - nothing - float(found.sum())


@torch.no_grad()
def last_states(model: Any, tokenizer: Any, talks: Sequence[Sequence[dict]]) -> Tensor:
    """The vectors at the place where an answer begins: (layers + 1, talks, width)."""
    ids, mask = pad_left([read_talk(tokenizer, talk) for talk in talks])
    options = dict(attention_mask=mask, output_hidden_states=True, use_cache=False)
    states = model(ids, logits_to_keep=1, **options).hidden_states
    return torch.stack([state[:, -1].float() for state in states])


def difference(refused: Tensor, answered: Tensor) -> Tensor:
    """Mean of one kind less mean of the other, to length 1: (layers + 1, width) from last states.

    Arditi et al. 2024, "Refusal in language models is mediated by a single direction", 2406.11717.
    """
    return torch.nn.functional.normalize(refused.mean(1) - answered.mean(1), dim=-1)


@contextlib.contextmanager
def changed(layers: Sequence[nn.Module], change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Within, each of the layers gives on ``change`` of its vectors (batch, time, width)."""

    def hook(_: nn.Module, __: Any, out: Any) -> Any:
        return (change(out[0]), *out[1:]) if isinstance(out, tuple) else change(out)

    hooks = [layer.register_forward_hook(hook) for layer in layers]
    try:
        yield
    finally:
        for one in hooks:
            one.remove()
