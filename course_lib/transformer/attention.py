"""Attention: a weighted mean of values, the weights from queries and keys (Vaswani et al. 2017).

Shapes: ``query`` (batch, heads, time, depth); ``key`` and ``value`` (batch, heads, past, depth),
where ``past`` counts everything that may be looked at, ``time`` of it new.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from course_lib.history.neural import causal_mask


def allowed(
    time: int, past: int, real: Tensor | None, device: torch.device | None = None
) -> Tensor:
    """Who may look at whom: nobody at what comes later, nobody at padding.

    real   True for real tokens, bool ``(batch, past)``; None when there is no padding

    Returns bool ``(1 or batch, 1, time, past)``. Each position may see itself, so that a row of
    padding has something to average and does not become nan.
    """
    mask = causal_mask(time, past, device)[None, None]
    if real is None:
        return mask
    itself = torch.eye(past, dtype=torch.bool, device=device)[past - time :]
    return (mask & real[:, None, None, :]) | itself


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Attention written out. Returns the outputs, shaped like ``query``, and the weights (…, time, past)."""
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    weights = scores.masked_fill(~mask, -math.inf).softmax(-1)
    return weights @ value, weights


def attend_fused(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """The same in one kernel, which never stores the weights. ``mask`` None means causal, no padding."""
    if mask is None:
        return scaled_dot_product_attention(query, key, value, is_causal=query.shape[-2] > 1)
    return scaled_dot_product_attention(query, key, value, attn_mask=mask)


def share_heads(part: Tensor, heads: int) -> Tensor:
    """Keys or values of a few heads (batch, few, past, depth), given to all: (batch, heads, past, depth).

    One for all is multi-query attention (Shazeer 2019), one for each group grouped-query
    attention (Ainslie et al. 2023).
    """
    few = part.shape[1]
    return part if few == heads else part.repeat_interleave(heads // few, dim=1)


def rotary(part: Tensor, positions: Tensor, base: float = 10_000.0) -> Tensor:
    """Turn each pair of numbers by an angle that grows with the position (Su et al. 2021).

    part        queries or keys (batch, heads, time, depth), depth even
    positions   (1 or batch, time)

    Number i is paired with number i + depth / 2. After it the dot product of a query and a key
    depends on how far apart they stand, not on where.
    """
    half = part.shape[-1] // 2
    speed = base ** (-torch.arange(half, device=part.device, dtype=torch.float32) / half)
    angle = positions[:, None, :, None].float() * speed  # (batch, 1, time, half)
    cosine, sine = angle.cos().to(part.dtype), angle.sin().to(part.dtype)
    first, second = part[..., :half], part[..., half:]
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)
