"""The exercises of notebook 09b: typical mistakes get their own diagnosis."""

import math

import torch
from exercise_tests import mistakes_are_diagnosed

from course_lib.security import checks


def rank(losses, place):
    return 1 + sum(loss < losses[place] for loss in losses)


def limit(others, max_fpr, extra=0):
    return sorted(others, reverse=True)[int(max_fpr * len(others)) + extra]


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
        (lambda refuses, words, n: True, "honest"),
        (
            lambda refuses, words, n: any(refuses(words[: len(words) - k]) for k in range(3)),
            "empty",
        ),
        (
            lambda refuses, words, n: (
                any(refuses(words[k:]) for k in range(min(n, len(words)))) or "secret" in words
            ),
            "Erase the end",
        ),
        (lambda refuses, words, n: any(map(refuses, (words[:k] for k in range(1, 9)))), "not more"),
    ],
}
test_mistakes = mistakes_are_diagnosed(checks, MISTAKES)


def test_the_vulnerable_gate_has_not_yet_passed(fresh_home) -> None:
    result = checks.guarded(lambda refuses, words, n: refuses(words))
    assert result.status == "Not yet" and "comes through" in result.message
    one = checks.guarded(lambda refuses, words, n: refuses(words) or refuses(words[:-1] or ["x"]))
    assert result.status == one.status  # one word is not enough for a tail of two
