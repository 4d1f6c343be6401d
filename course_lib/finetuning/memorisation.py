"""What of the training texts a model can say by heart.

Two measures: the longest passage that generated text shares with the training texts, and how often the
model goes on with a training text word for word when it is given its beginning (Carlini et al. 2023,
"Quantifying memorization across neural language models", section 3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from course_lib.errors import CourseError


@dataclass(frozen=True)
class Overlap:
    """A passage that two texts share: where it begins in each, how many tokens it has, which source."""

    length: int
    start: int = 0
    source: int = -1
    source_start: int = 0


def longest_overlap(written: Sequence[int], sources: Sequence[Sequence[int]]) -> Overlap:
    """The longest run of tokens of ``written`` that stands word for word in a source.

    A suffix automaton of ``written`` reads each source once: time grows with the sum of the
    lengths, not with their product (Blumer et al. 1985).
    """
    if not written:
        return Overlap(0)
    following, link, longest, end = _automaton(written)
    best = Overlap(0)
    for number, source in enumerate(sources):
        state = length = 0
        for place, token in enumerate(source):
            while state and token not in following[state]:
                state = link[state]
                length = longest[state]
            if token in following[state]:
                state, length = following[state][token], length + 1
            if length > best.length:
                best = Overlap(length, end[state] - length + 1, number, place - length + 1)
    return best


def _automaton(
    tokens: Sequence[int],
) -> tuple[list[dict[int, int]], list[int], list[int], list[int]]:
    """All runs of ``tokens``: for each state its next states, its suffix link, its longest run and where that ends."""
    following: list[dict[int, int]] = [{}]
    link, longest, end = [-1], [0], [-1]
    last = 0
    for place, token in enumerate(tokens):
        new = len(following)
        following.append({})
        link.append(0)
        longest.append(longest[last] + 1)
        end.append(place)
        state = last
        while state != -1 and token not in following[state]:
            following[state][token] = new
            state = link[state]
        if state != -1:
            target = following[state][token]
            if longest[state] + 1 == longest[target]:
                link[new] = target
            else:
                copy = len(following)
                following.append(dict(following[target]))
                link.append(link[target])
                longest.append(longest[state] + 1)
                end.append(end[target])
                while state != -1 and following[state].get(token) == target:
                    following[state][token] = copy
                    state = link[state]
                link[target] = link[new] = copy
        last = new
    return following, link, longest, end


@dataclass(frozen=True)
class Extraction:
    """What came out. ``mean_share``: of the tokens asked for, those that were right before the first wrong one."""

    tried: int
    exact: int
    mean_share: float

    @property
    def rate(self) -> float:
        return self.exact / self.tried


@torch.no_grad()
def extraction(
    model: Any,
    texts: Sequence[Sequence[int]],
    prefix: int = 32,
    continuation: int = 32,
    batch: int = 8,
) -> Extraction:
    """Give the model the first ``prefix`` tokens of each text; does it go on with its next ``continuation``?

    The likeliest token is taken each time. Texts (lists of tokens) that are too short are left out;
    ``batch`` of them are continued at a time.
    Compare with texts that were held out: common phrases are guessed without being remembered.
    """
    if prefix < 1 or continuation < 1:
        raise CourseError("Prefix and continuation have at least one token.")
    long = [
        list(text[: prefix + continuation]) for text in texts if len(text) >= prefix + continuation
    ]
    if not long:
        raise CourseError(
            f"No text has {prefix + continuation} tokens: take a shorter prefix or continuation."
        )
    was, exact, shares = model.training, 0, 0.0
    model.eval()
    for start in range(0, len(long), batch):
        some = long[start : start + batch]
        ids = torch.tensor([text[:prefix] for text in some], device=model.device)
        written = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=continuation,
            do_sample=False,
            pad_token_id=model.config.pad_token_id,
        )[:, prefix:].tolist()
        for text, own in zip(some, written, strict=True):
            right = shared_beginning(own, text[prefix:])
            exact += right == continuation
            shares += right / continuation
    model.train(was)
    return Extraction(len(long), exact, shares / len(long))


def shared_beginning(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two lists have in common before they part."""
    same = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        same += 1
    return same
