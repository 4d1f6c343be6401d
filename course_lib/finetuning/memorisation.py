"""What of the training texts a model can say by heart.

Two measures: the lines that it writes and that stand in a training text, and how often it goes on
with a training text word for word when it is given its beginning (Carlini et al. 2023, "Quantifying
memorization across neural language models", section 3).
"""

import statistics
import string
from collections.abc import Sequence
from typing import Any

import torch

from course_lib.finetuning.falcon import continue_ids


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two lists have in common before they part."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(first), len(second)))


def copied_lines(written: Sequence[str], sources: Sequence[str], min_words: int = 5) -> list[str]:
    """Lines of ``min_words`` words or more that also stand in a source, in their order, once each.

    Capitals, and marks at a line's ends, do not count.
    """
    marks = string.punctuation + "“”‘’ "
    known = {line.lower().strip(marks) for text in sources for line in text.splitlines()}
    lines = dict.fromkeys(line.strip() for text in written for line in text.splitlines())
    long_ones = (line for line in lines if len(line.split()) >= min_words)
    return [line for line in long_ones if line.lower().strip(marks) in known]


def may_have_been_read(bits: float, unread: Sequence[float]) -> bool:
    """Whether a text with so few bits per byte may have been in a model's training.

    unread   bits per byte of texts of a like kind that it cannot have read: newer, or never public

    Suspicious is what lies 3 standard deviations below their mean: one of 740 if spread as a bell.
    """
    return bits < statistics.mean(unread) - 3 * statistics.stdev(unread)


def extraction(
    model: Any, texts: Sequence[Sequence[int]], prefix: int, continuation: int, batch_size: int = 8
) -> tuple[int, int, float]:
    """Given the first ``prefix`` tokens of a text, does it go on with the next ``continuation``?

    The likeliest token is taken each time. Texts (lists of token ids) that are too short are left
    out. Compare with held-out texts: common phrases are guessed without being remembered. Returns
    the numbers of texts and of exact ones, and how much was right before the first mistake.
    """
    size, right = prefix + continuation, []
    rows = [list(text[:size]) for text in texts if len(text) >= size]
    if not rows:
        raise ValueError(f"no text has {size} tokens: take a shorter prefix or continuation")
    for start in range(0, len(rows), batch_size):
        some = torch.tensor(rows[start : start + batch_size], device=model.device)
        written = continue_ids(model, some[:, :prefix], continuation)
        right += map(common_prefix, written, some[:, prefix:].tolist())
    exact = sum(count == continuation for count in right)
    return len(rows), exact, sum(right) / continuation / len(rows)
