"""Looking inside: attention maps, the surprise at each token, and what the layers think so far."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.transformer.model import MiniGPT


@contextmanager
def keeping_weights(model: MiniGPT) -> Iterator[None]:
    """Within it the model's attention is written out, and its weights stay on every layer."""
    for block in model.blocks:
        block.attention.keep_weights = True
    try:
        yield
    finally:
        for block in model.blocks:
            block.attention.keep_weights = False


@torch.no_grad()
def attention_maps(model: MiniGPT, ids: Tensor) -> Tensor:
    """Who looks at whom: (layers, heads, time, time) for one text ``ids`` (time,). Rows sum to one."""
    with keeping_weights(model):
        model(ids[None])
        return torch.stack([block.attention.weights[0] for block in model.blocks])


@torch.no_grad()
def surprises(model: MiniGPT, ids: Tensor) -> Tensor:
    """Bits that each token of ``ids`` (time,) cost, given those before it; (time − 1,), from the second on."""
    if len(ids) < 2:
        return torch.empty(0, device=ids.device)
    logits = model(ids[None, :-1])[0]
    return -logits.log_softmax(-1).gather(-1, ids[1:, None])[:, 0] / math.log(2)


@dataclass(frozen=True)
class Lens:
    """For each layer and position the likeliest next token, and its probability; both (layers + 1, time)."""

    tokens: Tensor
    chances: Tensor


@torch.no_grad()
def logit_lens(model: MiniGPT, ids: Tensor) -> Lens:
    """What would be said if the model stopped after each layer (nostalgebraist 2020).

    The vectors between the blocks go through the last norm and the embedding, as at the end.
    """
    states = torch.stack(model.hidden_states(ids[None]))[:, 0]
    chances, tokens = model.logits(states).softmax(-1).max(-1)
    return Lens(tokens, chances)
