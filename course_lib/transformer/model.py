"""``MiniGPT``: one model that is GPT-2, Falcon or Llama, as its configuration says.

    GPT, Llama   x + attention(norm(x)),  then  x + mlp(norm(x))     one after the other
    Falcon       x + attention(norm(x)) + mlp(norm(x))               side by side

GPT-2 learns a vector for each position, the others turn queries and keys. Llama has simpler norms,
and a gate in its MLP. The same weights give the logits of transformers: see ``convert``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, silu

from course_lib.errors import CourseError
from course_lib.transformer.attention import (
    attend,
    attend_fused,
    cos_sin,
    make_attention_mask,
    rotate,
)

Angles = tuple[Tensor, Tensor] | None  # see ``cos_sin``; None where positions are learned


@dataclass(frozen=True)
class Config:
    """The shape of a model. What is None is filled in.

    kind                      ``gpt``, ``falcon`` or ``llama``
    d_model                   numbers in a token's vector, the width of the model
    n_kv_heads                heads of keys and values: 1 is multi-query, None: ``n_heads``
    block_size                tokens that a text may have
    intermediate_size         width inside the MLP, None: four times ``d_model``, or 8/3 with a gate
    num_ln_in_parallel_attn   2 in Falcon's larger models: one norm for attention, one for the MLP
    bias                      whether the linear layers have one; in Llama none has
    layer_norm_epsilon        added under the root in each norm, Llama's ``rms_norm_eps``

    Raises ``CourseError`` for a shape that no such model has.
    """

    vocab_size: int
    kind: str = "gpt"
    d_model: int = 128
    n_layers: int = 4
    n_heads: int = 4
    n_kv_heads: int | None = None
    block_size: int = 256
    intermediate_size: int | None = None
    num_ln_in_parallel_attn: int = 1
    bias: bool = True
    rope_theta: float = 10_000.0
    layer_norm_epsilon: float = 1e-5

    def __post_init__(self) -> None:
        if self.kind not in ("gpt", "falcon", "llama"):
            raise CourseError(f"There is no kind {self.kind!r}: take `gpt`, `falcon` or `llama`.")
        if min(self.vocab_size, self.d_model, self.n_layers, self.n_heads, self.block_size) < 1:
            raise CourseError(
                "vocab_size, d_model, n_layers, n_heads and block_size are 1 or more."
            )
        object.__setattr__(self, "n_kv_heads", self.n_kv_heads or self.n_heads)
        inner = 8 * self.d_model // 3 if self.kind == "llama" else 4 * self.d_model
        object.__setattr__(self, "intermediate_size", self.intermediate_size or inner)
        object.__setattr__(self, "bias", self.bias and self.kind != "llama")
        if self.d_model % self.n_heads or self.n_heads % self.n_kv_heads:
            raise CourseError(
                "d_model is a multiple of n_heads, and n_heads of n_kv_heads: "
                f"{self.d_model}, {self.n_heads} and {self.n_kv_heads} are not."
            )
        if self.kind != "gpt" and self.head_dim % 2:
            raise CourseError("Rotary positions turn pairs: d_model / n_heads must be even.")

    @property
    def head_dim(self) -> int:
        return self.d_model // self.n_heads


class KVCache:
    """Keys and values of what has been read, for each layer, so that nothing is read twice.

    When the room is used up it is doubled: one copy now and then, not one with every token.
    """

    def __init__(self) -> None:
        self.layers: dict[int, tuple[Tensor, int]] = {}  # keys and values, and how many are in use

    def __len__(self) -> int:
        """Tokens read."""
        return self.layers[0][1] if self.layers else 0

    def update(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add the new ones (batch, n_kv_heads, time, head_dim); returns all. Keeps no gradient."""
        new = torch.stack([key, value]).detach()
        room, past = self.layers.get(layer, (new[..., :0, :], 0))
        total = past + new.shape[-2]
        if room.shape[-2] < total:
            room = nn.functional.pad(room[..., :past, :], (0, 0, 0, 2 * total - past))
        room[..., past:total, :] = new
        self.layers[layer] = room, total
        return room[0, :, :, :total], room[1, :, :, :total]


class RMSNorm(nn.Module):
    """Divide a vector by its root mean square: no mean is taken, none added (Zhang, Sennrich 2019).

    The squares are summed in fp32, whatever the type of the model.
    """

    def __init__(self, d_model: int, eps: float) -> None:
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(d_model)), eps

    def forward(self, x: Tensor) -> Tensor:
        exact = x.float()
        one_over_root = torch.rsqrt(exact.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * (exact * one_over_root).to(x.dtype)


def make_norm(config: Config) -> nn.Module:
    norm = RMSNorm if config.kind == "llama" else nn.LayerNorm
    return norm(config.d_model, eps=config.layer_norm_epsilon)


class Attention(nn.Module):
    """Queries, keys and values from a vector each, attention, and back to the width."""

    def __init__(self, config: Config, layer: int) -> None:
        super().__init__()
        self.config, self.layer = config, layer
        kv_dim = config.n_kv_heads * config.head_dim
        self.q_proj = nn.Linear(config.d_model, config.d_model, bias=config.bias)
        self.k_proj = nn.Linear(config.d_model, kv_dim, bias=config.bias)
        self.v_proj = nn.Linear(config.d_model, kv_dim, bias=config.bias)
        self.o_proj = nn.Linear(config.d_model, config.d_model, bias=config.bias)
        self.keep_weights = False  # set by ``interpret``
        self.weights: Tensor | None = None

    def forward(
        self, x: Tensor, angles: Angles, mask: Tensor | None, cache: KVCache | None
    ) -> Tensor:
        batch, time, d_model = x.shape
        query, key, value = (
            proj(x).view(batch, time, -1, self.config.head_dim).transpose(1, 2)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        if angles is not None:
            turned = rotate(torch.cat([query, key], 1), *angles)
            query, key = turned.split([self.config.n_heads, self.config.n_kv_heads], 1)
        if cache is not None:
            key, value = cache.update(self.layer, key, value)
        if self.keep_weights:
            if mask is None:
                mask = make_attention_mask(time, key.shape[2], device=x.device)
            mixed, self.weights = attend(query, key, value, mask)
        else:
            mixed = attend_fused(query, key, value, mask)
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, time, d_model))


class MLP(nn.Module):
    """Each vector for itself: wider, bent, and back.

    Llama's has a second way up, the gate: what passes is a product of the two (Shazeer 2020).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, inner, bias = config.d_model, config.intermediate_size, config.bias
        self.gate_proj = nn.Linear(width, inner, bias) if config.kind == "llama" else None
        self.up_proj, self.down_proj = nn.Linear(width, inner, bias), nn.Linear(inner, width, bias)
        self.approximate = "tanh" if config.kind == "gpt" else "none"  # GPT-2 has the quicker curve

    def forward(self, x: Tensor) -> Tensor:
        if self.gate_proj is not None:
            return self.down_proj(silu(self.gate_proj(x)) * self.up_proj(x))
        return self.down_proj(gelu(self.up_proj(x), approximate=self.approximate))


class Block(nn.Module):
    """One layer. GPT and Llama: attention, then MLP. Falcon: both from the same input."""

    def __init__(self, config: Config, layer: int) -> None:
        super().__init__()
        self.parallel = config.kind == "falcon"
        self.norm = make_norm(config)
        one_norm = self.parallel and config.num_ln_in_parallel_attn == 1
        self.mlp_norm = None if one_norm else make_norm(config)
        self.attention = Attention(config, layer)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, *context: Tensor | tuple | KVCache | None) -> Tensor:
        normed = self.norm(x)
        mixed = self.attention(normed, *context)
        if self.parallel:
            return x + mixed + self.mlp(normed if self.mlp_norm is None else self.mlp_norm(x))
        x = x + mixed
        return x + self.mlp(self.mlp_norm(x))


class MiniGPT(nn.Module):
    """Tokens in, a score for every possible next token out; the last layer is the embedding."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.positions = (
            nn.Embedding(config.block_size, config.d_model) if config.kind == "gpt" else None
        )
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.n_layers))
        self.norm = make_norm(config)
        self.apply(self._init_weights)

    @staticmethod
    def _init_weights(module: nn.Module) -> None:
        """Small random weights, as GPT-2's (Radford et al. 2019), without its depth scaling."""
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def hidden_states(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, cache: KVCache | None = None
    ) -> list[Tensor]:
        """The vectors (batch, time, d_model) before the first block and after each one.

        input_ids        tokens (batch, time)
        attention_mask   0 or False for padding, (batch, past + time); None when there is none
        cache            what was read before; it is added to
        """
        time, past = input_ids.shape[1], len(cache) if cache is not None else 0
        if past + time > self.config.block_size:
            raise CourseError(
                f"This model reads at most {self.config.block_size} tokens: give it a shorter text."
            )
        if attention_mask is None:
            positions = torch.arange(past, past + time, device=input_ids.device)[None]
        else:
            positions = (attention_mask.long().cumsum(1) - 1).clamp(min=0)[:, past:]
        mask = None  # causal, in the fused kernel's own words
        if attention_mask is not None or (past and time > 1):
            mask = make_attention_mask(time, past + time, attention_mask, input_ids.device)
        x, angles = self.embedding(input_ids), None
        if self.positions is not None:
            x = x + self.positions(positions)
        else:
            exact = cos_sin(positions, self.config.head_dim, self.config.rope_theta)
            angles = tuple(part.to(x.dtype) for part in exact)
        states = [x]
        for block in self.blocks:
            states.append(block(states[-1], angles, mask, cache))
        return states

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, cache: KVCache | None = None
    ) -> Tensor:
        """Logits (batch, time, vocab_size) of the token after each one."""
        return self.logits(self.hidden_states(input_ids, attention_mask, cache)[-1])

    def logits(self, state: Tensor) -> Tensor:
        """A vector (…, d_model) as scores for every token (…, vocab_size)."""
        return linear(self.norm(state), self.embedding.weight)
