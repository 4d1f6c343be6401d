"""From scores to the next token: who may be drawn, and how likely."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

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
        ordered, order = logits.topk(int(logits.isfinite().sum(-1).max()))
        probs = ordered.softmax(-1)
        out = probs.cumsum(-1) - probs >= params.top_p
        out[..., 0] = False
        logits = logits.scatter(-1, order, ordered.masked_fill(out, -math.inf))
    if params.min_p is not None:  # at least p times the likeliest one's (Nguyen et al. 2024)
        probs = logits.softmax(-1)
        few = probs < params.min_p * probs.amax(-1, keepdim=True)
        logits = logits.masked_fill(few, -math.inf)
    return logits.softmax(-1)


def draw(
    logits: Tensor,
    params: SamplingParams,
    seen: Tensor,
    generators: Sequence[torch.Generator],
    constraint: Any = None,
) -> Tensor:
    """The next token of each row (batch, 1), each row by a generator of its own.

    constraint   what it does not allow behind ``seen`` is taken out first, so that top-k and top-p
                 choose among the allowed (a ``prompting.constrained.Constraint``)
    """
    if constraint:
        states = [reduce(constraint.advance, row, constraint.start()) for row in seen.tolist()]
        masks = torch.stack([constraint.mask(state) for state in states])
        logits = logits.masked_fill(~pad(masks, (0, logits.shape[-1] - masks.shape[-1])), -math.inf)
    probs = distribution(logits, params, seen)
    if params.temperature == 0:
        return probs.argmax(-1, keepdim=True)
    rows = zip(probs, generators, strict=True)
    return torch.stack([torch.multinomial(row, 1, generator=own) for row, own in rows])


def row_generators(number: int, seed: int) -> list[torch.Generator]:
    """Row n gets ``seed`` + n."""
    return [torch.Generator().manual_seed(seed + row) for row in range(number)]


@torch.no_grad()
def generate_batch(
    model: MiniGPT,
    prompts: Sequence[Iterable[int]],
    max_new_tokens: int = 100,
    params: SamplingParams = GREEDY,
    *,
    eos_token_id: int | None = None,
    seed: int = 0,
    constraint: Any = None,
) -> Iterator[Tensor]:
    """Go on from each of ``prompts``: a step yields the next token of every text (batch,).

    A text that has met ``eos_token_id`` goes on with it until all have. Row n draws with ``seed`` +
    n, and writes what it would write alone. The penalty is for repeating what it wrote itself: a
    prompt may be quoted. What was read is kept in a cache, so a step reads one token a text. A full
    context forgets its first half, and the rest is read again.
    """
    seen, mask = pad_left(prompts)
    device, ended = model.embedding.weight.device, torch.zeros(len(seen), dtype=torch.bool)
    generators = row_generators(len(seen), seed)
    size, cache, given = model.config.block_size, KVCache(), seen.shape[1]
    unread, mask = seen[:, -size:], mask[:, -size:]
    for _ in range(max_new_tokens):
        if len(cache) + unread.shape[1] > size:
            cache, keep = KVCache(), max(1, size // 2)
            unread, mask = seen[:, -keep:], mask[:, -keep:]
        padding = None if mask.all() else mask.to(device)
        state = model.hidden_states(unread.to(device), padding, cache)[-1][:, -1]
        logits, written = model.logits(state).float().cpu(), seen[:, given:]
        unread = draw(logits, params, written, generators, constraint)
        if eos_token_id is not None:
            unread[ended] = eos_token_id
            ended |= unread[:, 0] == eos_token_id
        if ended.all():
            return
        yield unread[:, 0]
        seen = torch.cat([seen, unread], 1)
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], 1)


def generate(model: MiniGPT, input_ids: Iterable[int], *args: Any, **options: Any) -> Iterator[int]:
    """One text, token by token, without its end: ``generate_batch`` for a single row."""
    return (int(token_id) for token_id in generate_batch(model, [input_ids], *args, **options))


def pad_left(prompts: Sequence[Iterable[int]]) -> tuple[Tensor, Tensor]:
    """Tokens (batch, time), and a mask, False where a short text was filled up on the left."""
    texts = [list(prompt) for prompt in prompts]
    if not texts or not all(texts):
        raise CourseError(
            "There is nothing to go on from: give at least one token, say the end-of-text token."
        )
    missing = [max(map(len, texts)) - len(text) for text in texts]
    ids = [text[:1] * few + text for few, text in zip(missing, texts, strict=True)]
    mask = [[place >= few for place in range(len(ids[0]))] for few in missing]
    return torch.tensor(ids), torch.tensor(mask)
