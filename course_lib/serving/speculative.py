"""Speculative decoding: notebook 01's n-grams draft some tokens, the transformer reads all at once.

A call that reads five tokens costs little more than one that reads one: the weights must come from
memory either way. A rule then keeps or mends the draft so that what is written has exactly the
transformer's distribution (Leviathan, Kalman and Matias 2023, arXiv 2211.17192, section 2.3).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.history.ngrams import KneserNey
from course_lib.serving.slots import Slots
from course_lib.transformer.sampling import GREEDY, SamplingParams, distribution, row_generators

Draft = Callable[[Sequence[int]], Mapping[int, float]]  # tokens so far → weights of what may follow


def ngram_draft(model: KneserNey) -> Draft:
    """What followed the longest context that the n-gram model, made of token ids, has seen."""

    def draft(tokens: Sequence[int]) -> Mapping[int, float]:
        for length in range(min(model.order, len(tokens) + 1), 1, -1):
            followers = model.followers[length].get(tuple(tokens[1 - length :]), {})
            if known := {token: n for token, n in followers.items() if isinstance(token, int)}:
                return known
        return {}

    return draft


def lookup_draft(tokens: Sequence[int], context: int = 2) -> Mapping[int, float]:
    """What followed the last tokens earlier in the text itself: for answers that quote."""
    last = tuple(tokens[-context:])
    windows = zip(*(tokens[n:] for n in range(context + 1)), strict=False)
    return Counter(after for *before, after in windows if tuple(before) == last)


def choose(probs: Tensor, generator: torch.Generator) -> int:
    """All that is left to chance here: a number, drawn with these probabilities."""
    return int(torch.multinomial(probs, 1, generator=generator))


def speculative_generate(
    model: Any,
    prompt_ids: Sequence[int],
    draft: Draft,
    max_new_tokens: int = 100,
    params: SamplingParams = GREEDY,
    seed: int = 0,
    num_drafts: int = 4,
) -> tuple[list[int], dict[str, int]]:
    """New tokens, without the end, and facts: calls of the model, tokens drafted and accepted.

    model   transformers' Llama; or its ``Slots``, made once, whose weights are packed
    draft   see ``Draft``; where it gives nothing, the step is an ordinary one

    Greedy, the tokens are those of ``model.generate``; drawn, they have the same distribution.
    Raises ``CourseError`` for an empty or too long prompt.
    """
    slots = model if isinstance(model, Slots) else Slots(model, packed=False)
    ids, given = list(prompt_ids), len(prompt_ids)
    [generator], facts = row_generators(1, seed), {"calls": 0, "drafted": 0, "accepted": 0}
    end = min(given + max_new_tokens, slots.max_length)
    if not 0 < given < slots.max_length:
        raise CourseError(f"Give a prompt of 1 to {slots.max_length - 1:,} tokens.")
    read = 0  # tokens that the slot holds and that count
    while len(ids) < end:
        drafted, guesses = [], []
        while len(drafted) < min(num_drafts, end - len(ids) - 1):
            if not (weights := draft(ids + drafted)):
                break
            q = torch.zeros(slots.vocab_size, dtype=torch.double)
            if params.temperature == 0:
                weights = {max(weights, key=weights.__getitem__): 1.0}
            for token, weight in weights.items():
                q[token] = weight
            guesses.append(q / q.sum())
            drafted.append(choose(guesses[-1], generator))
        scores = slots.read([(0, read, ids[read:] + drafted)], last=len(drafted) + 1)
        facts["calls"] += 1
        facts["drafted"] += len(drafted)
        for place, row in enumerate(scores):
            seen = torch.tensor([ids[given:]], dtype=torch.long)
            p = distribution(row[None], params, seen)[0].double()
            if accepted := place < len(drafted):
                token, q = drafted[place], guesses[place]
                kept = min(1.0, float(p[token] / q[token]))
                accepted = choose(torch.tensor([1 - kept, kept]), generator) == 1
                if not accepted:
                    p = (p - q).clamp(min=0)  # what the draft proposed too rarely
            if not accepted:
                token = choose(p, generator)
            facts["accepted"] += accepted
            if token in slots.ends:
                return ids[given:], facts
            ids.append(token)
            if not accepted:
                break
        read = len(ids) - 1
    return ids[given:], facts
