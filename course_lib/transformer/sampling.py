"""From scores to the next token: who may be drawn, and how likely."""

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


def distribution(logits: Tensor, params: SamplingParams, seen: Tensor) -> Tensor:
    """Probabilities to draw the next token from, in the order of transformers.

    logits   scores (…, vocab_size); −inf means never
    seen     the tokens so far (…, time)

    Raises ``CourseError`` for scores that are no numbers.
    """
    if not logits.amax(-1).isfinite().all():
        raise CourseError(
            "The model's scores are no numbers (nan or infinite): its weights are broken, so load "
            "them again, or train again with a smaller learning rate."
        )
    if params.repetition_penalty != 1:  # Keskar et al. 2019, section 4.1
        scores, penalty = logits.gather(-1, seen), params.repetition_penalty
        less = torch.where(scores < 0, scores * penalty, scores / penalty)
        logits = logits.scatter(-1, seen, less)
    if params.temperature == 0:
        return torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0)
    logits = logits / params.temperature
    if params.top_k is not None:  # only the k likeliest, and those that tie with the last of them
        smallest = logits.topk(min(params.top_k, logits.shape[-1])).values[..., -1:]
        logits = logits.masked_fill(logits < smallest, -math.inf)
    if params.top_p is not None:  # the fewest that together reach p (Holtzman et al. 2020)
        ordered, order = logits.sort(-1)
        out = ordered.softmax(-1).cumsum(-1) <= 1 - params.top_p
        out[..., -1] = False
        logits = logits.masked_fill(out.scatter(-1, order, out), -math.inf)
    if params.min_p is not None:  # at least p times the likeliest one's (Nguyen et al. 2024)
        probs = logits.softmax(-1)
        few = probs < params.min_p * probs.amax(-1, keepdim=True)
        logits = logits.masked_fill(few, -math.inf)
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
