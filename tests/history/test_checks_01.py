"""The exercises of notebook 01: typical mistakes get their own diagnosis."""

import math

from exercise_tests import mistakes_are_diagnosed

from course_lib.history import checks

MISTAKES = {
    "bits": [
        (lambda ps: sum(math.log2(p) for p in ps) / len(ps), "turn the sign"),
        (lambda ps: sum(-math.log(p) for p in ps) / len(ps), "natural logarithm"),
        (lambda ps: sum(-math.log2(p) for p in ps), "divide by the number"),
        (lambda ps: -math.log2(sum(ps) / len(ps)), "logarithm of the mean"),
    ],
    "weather_rule": [
        ("(SOUP ((0) (A)))", "no entry for WEATHER"),
        ("(WEATHER ((0 WEATHER 0) (A 3))", "is never closed"),
        ("(WEATHER ((WEATHER 0) (A 2) (B)))", "words on both sides"),
        ("(WEATHER ((0 WEATHER 0) (OH) (B)))", "hands back"),
        ("(WEATHER ((0 WEATHER 0) (A 3)))", "same thing twice"),
    ],
    "add_one": [
        (lambda p, w, a, b: p[a, b] / max(1, w[a]), "nothing was added"),
        (lambda p, w, a, b: (p[a, b] + 1) / (w[a] + w.total()), "number of *different* words"),
        (lambda p, w, a, b: (p[a, b] + 1) / max(1, w[a] + len(w) * (w[a] > 0)), "sum to 4.00"),
    ],
    "causal": [
        (lambda n: [[True] * n for _ in range(n)], "BERT's mask"),
        (lambda n: [[j >= i for j in range(n)] for i in range(n)], "wrong way round"),
        (lambda n: [[j < i for j in range(n)] for i in range(n)], "may not look at itself"),
    ],
}

test_mistakes_get_their_diagnosis = mistakes_are_diagnosed(checks, MISTAKES)
