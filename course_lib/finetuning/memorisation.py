"""What of the training texts a model can say by heart.

Two measures: the longest passage that generated text shares with the training texts, and how often
the model goes on with a training text word for word when it is given its beginning (Carlini et al.
2023, "Quantifying memorization across neural language models", section 3).
"""

import string
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from course_lib.finetuning.falcon import continue_greedily


def longest_overlap(written: Sequence[int], sources: Sequence[Sequence[int]]) -> list[int]:
    """The longest run of tokens of ``written`` that stands word for word in a source.

    Look for any shared run that is longer than the best so far, follow it to its end, look again.
    """
    best: list[int] = []
    while True:
        size = len(best) + 1
        starts = {tuple(written[n : n + size]): n for n in range(len(written) - size + 1)}
        matches = (
            (starts[run], source[place:])
            for source in sources
            for place in range(len(source) - size + 1)
            if (run := tuple(source[place : place + size])) in starts
        )
        start, rest = next(matches, (0, []))
        if not rest:
            return best
        best = list(rest[: common_prefix(written[start:], rest)])


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two lists have in common before they part."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(first), len(second)))


def copied_lines(written: Sequence[str], sources: Sequence[str], min_words: int = 5) -> list[str]:
    """Lines of ``min_words`` words or more that also stand in a source, in their order, once each.

    Blanks, capitals and marks at a line's ends do not count.
    """

    def bare(line: str) -> str:
        return " ".join(line.lower().split()).strip(string.punctuation + "“”‘’ ")

    known = {bare(line) for text in sources for line in text.splitlines()}
    lines = dict.fromkeys(line.strip() for text in written for line in text.splitlines())
    return [line for line in lines if len(line.split()) >= min_words and bare(line) in known]


class Extraction(NamedTuple):
    """``mean_fraction``: of the tokens, how many were right before the first mistake."""

    num_texts: int
    num_exact: int
    mean_fraction: float


def extraction(
    model: Any, texts: Sequence[Sequence[int]], prefix: int, continuation: int, batch_size: int = 8
) -> Extraction:
    """Given the first ``prefix`` tokens of a text, does it go on with the next ``continuation``?

    The likeliest token is taken each time. Texts (lists of token ids) that are too short are left
    out. Compare with held-out texts: common phrases are guessed without being remembered.
    """
    size, right = prefix + continuation, []
    rows = [list(text[:size]) for text in texts if len(text) >= size]
    if not rows:
        raise ValueError(f"no text has {size} tokens: take a shorter prefix or continuation")
    for start in range(0, len(rows), batch_size):
        some = torch.tensor(rows[start : start + batch_size], device=model.device)
        written = continue_greedily(model, some[:, :prefix], continuation)
        right += map(common_prefix, written, some[:, prefix:].tolist())
    exact = sum(count == continuation for count in right)
    return Extraction(len(rows), exact, sum(right) / continuation / len(rows))
