"""From scores to the next token: who may be drawn, and how likely.

Each function takes logits (…, vocabulary) and returns them changed; −inf means never. The order of
``distribution`` is that of transformers: repetition, temperature, top-k, top-p, min-p.
"""

import codecs
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.transformer.model import Cache, MiniGPT


@dataclass(frozen=True)
class SamplingParams:
    """How to choose. ``temperature`` 0 is greedy: always the likeliest."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if (
            self.temperature < 0
            or self.repetition_penalty <= 0
            or (self.top_k is not None and self.top_k < 1)
        ):
            raise CourseError(
                "Temperature is 0 or more, the repetition penalty more than 0, top-k 1 or more."
            )
        if any(p is not None and not 0 <= p <= 1 for p in (self.top_p, self.min_p)):
            raise CourseError("Top-p and min-p are probabilities: between 0 and 1.")


GREEDY = SamplingParams(temperature=0.0)


def penalise_repetition(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Make tokens that were ``seen`` (…, time) less likely: positive scores are divided, negative multiplied.

    Keskar et al. 2019, "CTRL", section 4.1.
    """
    own = logits.gather(-1, seen)
    return logits.scatter(-1, seen, torch.where(own < 0, own * penalty, own / penalty))


def keep_top_k(logits: Tensor, count: int) -> Tensor:
    """Only the ``count`` likeliest, and those that tie with the last of them."""
    smallest = logits.topk(min(count, logits.shape[-1])).values[..., -1:]
    return logits.masked_fill(logits < smallest, -math.inf)


def keep_top_p(logits: Tensor, share: float) -> Tensor:
    """The fewest tokens that together reach ``share`` of the probability (Holtzman et al. 2020)."""
    ordered, order = logits.sort(-1)
    out = ordered.softmax(-1).cumsum(-1) <= 1 - share
    out[..., -1] = False
    return logits.masked_fill(out.scatter(-1, order, out), -math.inf)


def keep_min_p(logits: Tensor, share: float) -> Tensor:
    """Those with at least ``share`` of the likeliest one's probability (Nguyen et al. 2024)."""
    probabilities = logits.softmax(-1)
    return logits.masked_fill(
        probabilities < share * probabilities.amax(-1, keepdim=True), -math.inf
    )


def distribution(logits: Tensor, how: SamplingParams, seen: Tensor) -> Tensor:
    """Probabilities (…, vocabulary) to draw the next token from. ``seen``: the tokens so far (…, time)."""
    if how.repetition_penalty != 1:
        logits = penalise_repetition(logits, seen, how.repetition_penalty)
    if how.temperature == 0:
        return torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0)
    logits = logits / how.temperature
    if how.top_k is not None:
        logits = keep_top_k(logits, how.top_k)
    if how.top_p is not None:
        logits = keep_top_p(logits, how.top_p)
    if how.min_p is not None:
        logits = keep_min_p(logits, how.min_p)
    return logits.softmax(-1)


@torch.no_grad()
def generate(
    model: MiniGPT,
    ids: Iterable[int],
    most: int = 100,
    how: SamplingParams = GREEDY,
    *,
    stop: int | None = None,
    seed: int = 0,
) -> Iterator[int]:
    """Go on from ``ids``, one token at a time, until ``most`` or ``stop``.

    What was read is kept in a cache, so a token costs one step. A text that outgrows the context
    forgets its first half, which is then read again.
    """
    text = list(ids)
    if not text:
        raise CourseError(
            "There is nothing to go on from: give at least one token, for example the end-of-text token."
        )
    device = model.embedding.weight.device
    generator = torch.Generator(device="cpu").manual_seed(seed)
    context, cache = model.config.block_size, Cache()
    unread = text[-context:]
    for _ in range(most):
        if len(cache) + len(unread) > context:
            cache, unread = Cache(), text[-max(1, context // 2) :]
        logits = model(torch.tensor([unread], device=device), cache=cache)[0, -1].float().cpu()
        chances = distribution(logits, how, torch.tensor(text))
        number = int(torch.multinomial(chances, 1, generator=generator))
        if number == stop:
            return
        text.append(number)
        unread = [number]
        yield number


def stream(numbers: Iterable[int], to_bytes: Callable[[list[int]], bytes]) -> Iterator[str]:
    """Text as it comes. A character whose bytes are spread over tokens is held back until it is whole."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for number in numbers:
        if text := decoder.decode(to_bytes([number])):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text
