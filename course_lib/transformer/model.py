"""``MiniGPT``: one model that is GPT-2 or Falcon, as its configuration says.

    GPT     x + attention(norm(x)),  then  x + mlp(norm(x))          one after the other
    Falcon  x + attention(norm(x)) + mlp(norm(x))                    side by side

GPT-2 learns a vector for each position, Falcon turns queries and keys by their position. The same
weights give the same logits as in transformers: see ``convert``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu

from course_lib.errors import CourseError
from course_lib.transformer.attention import allowed, attend, attend_fused, rotary, share_heads


@dataclass(frozen=True)
class Config:
    """The shape of a model.

    kind         ``gpt`` or ``falcon``
    width        numbers in a token's vector; depth of a head is width / heads
    few_heads    heads of keys and values: 1 is multi-query, None as many as ``heads``
    context      tokens that a text may have (learned positions have no more)
    two_norms    Falcon's larger models: one norm for attention, another for the MLP
    bias         whether the linear layers have one

    Raises ``CourseError`` for a shape that no such model has.
    """

    vocabulary: int
    kind: str = "gpt"
    width: int = 128
    layers: int = 4
    heads: int = 4
    few_heads: int | None = None
    context: int = 256
    hidden: int | None = None
    two_norms: bool = False
    bias: bool = True
    base: float = 10_000.0
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        if self.kind not in ("gpt", "falcon"):
            raise CourseError(f"There is no kind {self.kind!r}: take `gpt` or `falcon`.")
        if min(self.vocabulary, self.width, self.layers, self.heads, self.context) < 1:
            raise CourseError("Vocabulary, width, layers, heads and context are 1 or more.")
        if self.width % self.heads or self.heads % self.kv_heads:
            raise CourseError(
                f"The width is a multiple of the heads, and these of the heads of keys: {self.width}, {self.heads} "
                f"and {self.kv_heads} are not."
            )
        if self.kind == "falcon" and self.width // self.heads % 2:
            raise CourseError("Rotary positions turn pairs: width / heads must be even.")

    @property
    def mlp_width(self) -> int:
        return self.hidden or 4 * self.width

    @property
    def kv_heads(self) -> int:
        return self.few_heads or self.heads


class Cache:
    """Keys and values of what has been read, a pair for each layer, so that nothing is read twice."""

    def __init__(self) -> None:
        self.parts: dict[int, tuple[Tensor, Tensor]] = {}

    def __len__(self) -> int:
        """Tokens read."""
        return self.parts[0][0].shape[2] if self.parts else 0

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add the new ones (batch, heads, time, depth); returns all."""
        if layer in self.parts:
            old_key, old_value = self.parts[layer]
            key, value = torch.cat([old_key, key], 2), torch.cat([old_value, value], 2)
        self.parts[layer] = key, value
        return key, value


class Attention(nn.Module):
    """Queries, keys and values from a vector each, attention, and back to the width."""

    def __init__(self, config: Config, layer: int) -> None:
        super().__init__()
        self.config, self.layer = config, layer
        depth = config.width // config.heads
        self.query = nn.Linear(config.width, config.heads * depth, bias=config.bias)
        self.key = nn.Linear(config.width, config.kv_heads * depth, bias=config.bias)
        self.value = nn.Linear(config.width, config.kv_heads * depth, bias=config.bias)
        self.out = nn.Linear(config.width, config.width, bias=config.bias)
        self.keep_weights = False  # set by ``interpret``
        self.weights: Tensor | None = None

    def forward(
        self, x: Tensor, positions: Tensor, mask: Tensor | None, cache: Cache | None
    ) -> Tensor:
        batch, time, width = x.shape
        depth = width // self.config.heads
        query, key, value = (
            part(x).view(batch, time, -1, depth).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        if self.config.kind == "falcon":
            query, key = (rotary(part, positions, self.config.base) for part in (query, key))
        if cache is not None:
            key, value = cache.append(self.layer, key, value)
        key, value = (share_heads(part, self.config.heads) for part in (key, value))
        if self.keep_weights:
            mask = allowed(time, key.shape[2], None, x.device) if mask is None else mask
            mixed, self.weights = attend(query, key, value, mask)
        else:
            mixed = attend_fused(query, key, value, mask)
        return self.out(mixed.transpose(1, 2).reshape(batch, time, width))


class MLP(nn.Module):
    """Each vector for itself: wider, bent, and back."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.up = nn.Linear(config.width, config.mlp_width, bias=config.bias)
        self.down = nn.Linear(config.mlp_width, config.width, bias=config.bias)
        self.approximate = "tanh" if config.kind == "gpt" else "none"  # GPT-2 has the quicker curve

    def forward(self, x: Tensor) -> Tensor:
        return self.down(gelu(self.up(x), approximate=self.approximate))


class Block(nn.Module):
    """One layer. GPT: attention, then MLP. Falcon: both from the same input."""

    def __init__(self, config: Config, layer: int) -> None:
        super().__init__()
        self.parallel = config.kind == "falcon"
        self.norm = nn.LayerNorm(config.width, eps=config.epsilon)
        two = not self.parallel or config.two_norms
        self.mlp_norm = nn.LayerNorm(config.width, eps=config.epsilon) if two else None
        self.attention = Attention(config, layer)
        self.mlp = MLP(config)

    def forward(
        self, x: Tensor, positions: Tensor, mask: Tensor | None, cache: Cache | None
    ) -> Tensor:
        normed = self.norm(x)
        mixed = self.attention(normed, positions, mask, cache)
        if self.parallel:
            return x + mixed + self.mlp(normed if self.mlp_norm is None else self.mlp_norm(x))
        x = x + mixed
        return x + self.mlp(self.mlp_norm(x))


class MiniGPT(nn.Module):
    """Tokens in, a score for every possible next token out. The embedding serves as the last layer, too."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.positions = (
            nn.Embedding(config.context, config.width) if config.kind == "gpt" else None
        )
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        self.norm = nn.LayerNorm(config.width, eps=config.epsilon)
        self.apply(self._start)

    @staticmethod
    def _start(module: nn.Module) -> None:
        """Small random weights, as GPT-2 (Radford et al. 2019, section 2.3, without its depth scaling)."""
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def hidden(
        self, ids: Tensor, real: Tensor | None = None, cache: Cache | None = None
    ) -> list[Tensor]:
        """The vectors (batch, time, width) before the first block and after each one.

        ids     tokens (batch, time)
        real    False for padding, bool (batch, past + time); None when there is none
        cache   what was read before; it is added to
        """
        time, past = ids.shape[1], len(cache) if cache is not None else 0
        if self.positions is not None and past + time > self.config.context:
            raise CourseError(
                f"This model reads at most {self.config.context} tokens: give it a shorter text."
            )
        if real is None:
            positions = torch.arange(past, past + time, device=ids.device)[None]
        else:
            positions = (real.long().cumsum(1) - 1).clamp(min=0)[:, past:]
        mask = (
            None
            if real is None and (past == 0 or time == 1)
            else allowed(time, past + time, real, ids.device)
        )
        x = self.embedding(ids)
        if self.positions is not None:
            x = x + self.positions(positions)
        states = [x]
        for block in self.blocks:
            states.append(block(states[-1], positions, mask, cache))
        return states

    def forward(
        self, ids: Tensor, real: Tensor | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Logits (batch, time, vocabulary) of the token after each one."""
        return self.logits(self.hidden(ids, real, cache)[-1])

    def logits(self, state: Tensor) -> Tensor:
        """A vector (…, width) as scores for every token (…, vocabulary)."""
        return self.norm(state) @ self.embedding.weight.T

    def loss(self, ids: Tensor) -> Tensor:
        """Nats a token: the mean surprise at each next token of ``ids`` (batch, time)."""
        return cross_entropy(self(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
