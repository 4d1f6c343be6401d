"""The exercises of notebook 09b: typical mistakes get their own diagnosis."""

import math
from itertools import combinations

import torch
from exercise_tests import mistakes_are_diagnosed

from course_lib.security import checks


def rank(losses, place):
    return 1 + sum(loss < losses[place] for loss in losses)


def limit(others, max_fpr, extra=0):
    return sorted(others, reverse=True)[int(max_fpr * len(others)) + extra]


def left_of(words: list[str], most: int, gaps: bool = False) -> list[list[str]]:
    """The prompt, and what is left when up to ``most`` words are erased, in a row or anywhere."""
    numbers = range(min(most, len(words) - 1) + 1)
    if gaps:
        return [list(kept) for n in numbers for kept in combinations(words, len(words) - n)]
    return [words[:i] + words[i + n :] for n in numbers for i in range(len(words) - n + 1)]


MISTAKES = {
    "exposure": [
        (lambda losses, place: math.log(len(losses) / rank(losses, place)), "natural logarithm"),
        (lambda losses, place: len(losses) / rank(losses, place), "logarithm is missing"),
        (lambda losses, place: math.log2(8 / (rank(losses, place) - 1)), "from 1"),
        (lambda losses, place: math.log2(rank(losses, place)), "divide"),
    ],
    "clip": [
        (lambda g, norm: norm * g / g.norm(dim=1, keepdim=True), "nan"),
        (lambda g, norm: norm * g / g.norm(dim=1, keepdim=True).clamp(min=1e-9), "longer"),
        (lambda g, norm: g.clamp(-norm, norm), "still has length"),
        (lambda g, norm: torch.where(g.norm(dim=1, keepdim=True) > 2, g.clamp(max=1.4), g), "turn"),
        (lambda g, norm: g * (norm / g.norm()).clamp(max=1), "leave it alone"),
        (lambda g, norm: g, "still has length"),
    ],
    "caught_at": [
        (lambda m, o, f: sum(s > limit(o, f) for s in m), "share"),
        (lambda m, o, f: sum(s >= limit(o, f) for s in m) / len(m), "not above"),
        (lambda m, o, f: sum(s > limit(o, f, -1) for s in m) / len(m), "fewer"),
        (lambda m, o, f: sum(s > sorted(o)[int(f * len(o))] for s in m) / len(m), "low end"),
    ],
    "guarded": [
        (lambda refuses, words, n: True, "you refuse all the same"),
        (
            lambda refuses, words, n: any(refuses(s) for s in left_of(words, n) if s != words),
            "as it is, too",
        ),
        (
            lambda refuses, words, n: any(refuses(words[: len(words) - k]) for k in range(3)),
            "empty",
        ),
        (lambda refuses, words, n: any(map(refuses, left_of(words, n, gaps=True))), "side by side"),
        (lambda refuses, words, n: any(map(refuses, left_of(words, 9))), "not more"),
    ],
}
test_mistakes = mistakes_are_diagnosed(checks, MISTAKES)


def test_the_vulnerable_gate_has_not_yet_passed(fresh_home) -> None:
    result = checks.guarded(lambda refuses, words, n: refuses(words))
    assert result.status == "Not yet" and "comes through" in result.message
    for number, tail in ((1, False), (2, True)):  # one word less; at the end alone
        some = checks.guarded(
            lambda refuses, words, n, number=number, tail=tail: any(
                refuses(left)
                for left in left_of(words, number)
                if not tail or left == words[: len(left)]
            )
        )
        assert some.status == "Not yet", some
