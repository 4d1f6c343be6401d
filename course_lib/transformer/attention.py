"""Attention: a weighted mean of values, the weights from queries and keys (Vaswani et al. 2017).

Shapes: ``query`` (batch, n_heads, time, head_dim); ``key`` and ``value`` (batch, n_kv_heads, past,
head_dim), where ``past`` counts everything that may be looked at, ``time`` of it new. A head of
keys serves all queries (multi-query attention, Shazeer 2019), a group of them (grouped-query
attention, Ainslie et al. 2023), or one.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from course_lib.history.neural import causal_mask


def make_attention_mask(
    time: int, past: int, attention_mask: Tensor | None = None, device: torch.device | None = None
) -> Tensor:
    """Who may look at whom: nobody at what comes later, nobody at padding.

    attention_mask   1 or True for tokens, 0 or False for padding, (batch, past); None: no padding

    Returns bool ``(1 or batch, 1, time, past)``. Each position may see itself, so that a row of
    padding has something to average and does not become nan.
    """
    mask = causal_mask(time, past, device)[None, None]
    if attention_mask is None:
        return mask
    places = torch.arange(past, device=device)
    itself = places == places[past - time :, None]
    return (mask & attention_mask.bool()[:, None, None, :]) | itself


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Attention written out: outputs, shaped like ``query``, and the weights (…, time, past)."""
    group = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(group, 1), value.repeat_interleave(group, 1)
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    weights = scores.masked_fill(~mask, -math.inf).softmax(-1)
    return weights @ value, weights


def attend_fused(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """The same in one kernel, which stores no weights and copies no keys.

    ``mask`` None: causal, no padding.
    """
    causal, few = mask is None and query.shape[-2] > 1, key.shape[1] < query.shape[1]
    return scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=causal, enable_gqa=few
    )


def apply_rotary_emb(x: Tensor, positions: Tensor, rope_theta: float = 10_000.0) -> Tensor:
    """Turn each pair of numbers by an angle that grows with the position (Su et al. 2021).

    x           queries or keys (batch, heads, time, head_dim), head_dim even
    positions   (1 or batch, time)

    Number i is paired with number i + head_dim / 2. After it the dot product of a query and a key
    depends on how far apart they stand, not on where.
    """
    cos, sin = cos_sin(positions, x.shape[-1], rope_theta)
    return rotate(x, cos.to(x.dtype), sin.to(x.dtype))


def cos_sin(positions: Tensor, head_dim: int, rope_theta: float) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the angles (1 or batch, 1, time, head_dim / 2): the same in all layers."""
    pairs = torch.arange(head_dim // 2, device=positions.device, dtype=torch.float32)
    inv_freq = 1 / rope_theta ** (2 * pairs / head_dim)
    angle = positions[:, None, :, None].float() * inv_freq
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """The turn itself."""
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)
