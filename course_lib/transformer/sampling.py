"""From scores to the next token: who may be drawn, and how likely.

Each function takes logits (…, vocab_size) and returns them changed; −inf means never. The order of
``distribution`` is that of transformers: repetition, temperature, top-k, top-p, min-p.
"""

import codecs
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.transformer.model import KVCache, MiniGPT


@dataclass(frozen=True)
class SamplingParams:
    """How to choose. ``temperature`` 0 is greedy: always the likeliest."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        positive = self.temperature >= 0 and self.repetition_penalty > 0
        if not positive or (self.top_k is not None and self.top_k < 1):
            raise CourseError(
                "Temperature is 0 or more, the repetition penalty more than 0, top-k 1 or more."
            )
        if any(p is not None and not 0 <= p <= 1 for p in (self.top_p, self.min_p)):
            raise CourseError("Top-p and min-p are probabilities: between 0 and 1.")


GREEDY = SamplingParams(temperature=0.0)


def penalise_repetition(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Make tokens that were ``seen`` (…, time) less likely (Keskar et al. 2019, section 4.1).

    Positive scores are divided, negative ones multiplied.
    """
    scores = logits.gather(-1, seen)
    return logits.scatter(-1, seen, torch.where(scores < 0, scores * penalty, scores / penalty))


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """Only the ``k`` likeliest, and those that tie with the last of them."""
    smallest = logits.topk(min(k, logits.shape[-1])).values[..., -1:]
    return logits.masked_fill(logits < smallest, -math.inf)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """The fewest tokens that together reach the probability ``p`` (Holtzman et al. 2020)."""
    ordered, order = logits.sort(-1)
    out = ordered.softmax(-1).cumsum(-1) <= 1 - p
    out[..., -1] = False
    return logits.masked_fill(out.scatter(-1, order, out), -math.inf)


def keep_min_p(logits: Tensor, p: float) -> Tensor:
    """Those with at least ``p`` times the likeliest one's probability (Nguyen et al. 2024)."""
    probs = logits.softmax(-1)
    return logits.masked_fill(probs < p * probs.amax(-1, keepdim=True), -math.inf)


def distribution(logits: Tensor, params: SamplingParams, seen: Tensor) -> Tensor:
    """Probabilities (…, vocab_size) to draw the next token from; ``seen``: the tokens so far.

    Raises ``CourseError`` for scores that are no numbers.
    """
    if not logits.amax(-1).isfinite().all():
        raise CourseError(
            "The model's scores are no numbers (nan or infinite): its weights are broken, so load "
            "them again, or train again with a smaller learning rate."
        )
    if params.repetition_penalty != 1:
        logits = penalise_repetition(logits, seen, params.repetition_penalty)
    if params.temperature == 0:
        return torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0)
    logits = logits / params.temperature
    if params.top_k is not None:
        logits = keep_top_k(logits, params.top_k)
    if params.top_p is not None:
        logits = keep_top_p(logits, params.top_p)
    if params.min_p is not None:
        logits = keep_min_p(logits, params.min_p)
    return logits.softmax(-1)


@torch.no_grad()
def generate(
    model: MiniGPT,
    input_ids: Iterable[int],
    max_new_tokens: int = 100,
    params: SamplingParams = GREEDY,
    *,
    eos_token_id: int | None = None,
    seed: int = 0,
) -> Iterator[int]:
    """Go on from ``input_ids``, one token at a time, up to ``max_new_tokens`` or ``eos_token_id``.

    What was read is kept in a cache, so a token costs one step. A text that outgrows the context
    forgets its first half, which is then read again.
    """
    text = list(input_ids)
    if not text:
        raise CourseError(
            "There is nothing to go on from: give at least one token, say the end-of-text token."
        )
    device = model.embedding.weight.device
    generator = torch.Generator(device="cpu").manual_seed(seed)
    block_size, cache = model.config.block_size, KVCache()
    unread = text[-block_size:]
    for _ in range(max_new_tokens):
        if len(cache) + len(unread) > block_size:
            cache, unread = KVCache(), text[-max(1, block_size // 2) :]
        logits = model(torch.tensor([unread], device=device), cache=cache)[0, -1].float().cpu()
        probs = distribution(logits, params, torch.tensor(text))
        token_id = int(torch.multinomial(probs, 1, generator=generator))
        if token_id == eos_token_id:
            return
        text.append(token_id)
        unread = [token_id]
        yield token_id


def stream(token_ids: Iterable[int], decode_bytes: Callable[[list[int]], bytes]) -> Iterator[str]:
    """Text as it comes. A character that is spread over tokens is held back until it is whole."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token_id in token_ids:
        if text := decoder.decode(decode_bytes([token_id])):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text
