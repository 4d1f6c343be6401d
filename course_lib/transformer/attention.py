"""Attention: a weighted mean of values, the weights from queries and keys (Vaswani et al. 2017).

Shapes: ``query`` (batch, n_heads, time, head_dim); ``key`` and ``value`` (batch, n_heads, past,
head_dim), where ``past`` counts everything that may be looked at, ``time`` of it new.
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
    itself = torch.eye(past, dtype=torch.bool, device=device)[past - time :]
    return (mask & attention_mask.bool()[:, None, None, :]) | itself


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Attention written out: outputs, shaped like ``query``, and the weights (…, time, past)."""
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    weights = scores.masked_fill(~mask, -math.inf).softmax(-1)
    return weights @ value, weights


def attend_fused(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """The same in one kernel, which never stores the weights. ``mask`` None: causal, no padding."""
    if mask is None:
        return scaled_dot_product_attention(query, key, value, is_causal=query.shape[-2] > 1)
    return scaled_dot_product_attention(query, key, value, attn_mask=mask)


def repeat_kv(states: Tensor, n_heads: int) -> Tensor:
    """Keys or values of a few heads (batch, n_kv_heads, past, head_dim), given to all ``n_heads``.

    One for all is multi-query attention (Shazeer 2019), one for each group grouped-query
    attention (Ainslie et al. 2023).
    """
    n_kv_heads = states.shape[1]
    return states if n_kv_heads == n_heads else states.repeat_interleave(n_heads // n_kv_heads, 1)


def apply_rotary_emb(x: Tensor, positions: Tensor, rope_theta: float = 10_000.0) -> Tensor:
    """Turn each pair of numbers by an angle that grows with the position (Su et al. 2021).

    x           queries or keys (batch, heads, time, head_dim), head_dim even
    positions   (1 or batch, time)

    Number i is paired with number i + head_dim / 2. After it the dot product of a query and a key
    depends on how far apart they stand, not on where.
    """
    half = x.shape[-1] // 2
    inv_freq = rope_theta ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angle = positions[:, None, :, None].float() * inv_freq  # (batch, 1, time, half)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)
