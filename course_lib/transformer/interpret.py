"""Looking inside: attention maps, and what the layers think so far."""

import torch
from torch import Tensor

from course_lib.transformer.model import MiniGPT


@torch.no_grad()
def attention_maps(model: MiniGPT, input_ids: Tensor) -> Tensor:
    """Who looks at whom: (n_layers, n_heads, time, time) for one text (time,). Rows sum to one."""
    attentions = [block.attention for block in model.blocks]
    for attention in attentions:
        attention.keep_weights = True
    try:
        model(input_ids[None])
        return torch.stack([attention.weights[0] for attention in attentions])
    finally:
        for attention in attentions:
            attention.keep_weights, attention.weights = False, None


@torch.no_grad()
def logit_lens(model: MiniGPT, input_ids: Tensor) -> tuple[Tensor, Tensor]:
    """What would be said if the model stopped after each layer (nostalgebraist 2020).

    The vectors between the blocks go through the last norm and the embedding, as at the end.
    Returns the likeliest tokens, and their probabilities: (n_layers + 1, time) each.
    """
    states = torch.stack(model.hidden_states(input_ids[None]))[:, 0]
    probs, token_ids = model.logits(states).softmax(-1).max(-1)
    return token_ids, probs
