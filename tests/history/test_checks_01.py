"""The exercises of notebook 01: solution, stub, and typical mistakes with their own diagnosis."""

import math

import pytest

from course_lib.history import checks

RULE = "(WEATHER ((0 WEATHER 0) (WHY IS THE WEATHER 3) (WHY DOES IT MATTER)))"
SOLUTIONS = {
    "bits": lambda ps: sum(-math.log2(p) for p in ps) / len(ps),
    "weather_rule": RULE,
    "bigram_probability": lambda pairs, words, a, b: pairs[a, b] / words[a] if words[a] else 0.0,
    "causal": lambda n: [[j <= i for j in range(n)] for i in range(n)],
}
MISTAKES = [
    ("bits", lambda ps: sum(math.log2(p) for p in ps) / len(ps), "turn the sign"),
    ("bits", lambda ps: sum(-math.log(p) for p in ps) / len(ps), "natural logarithm"),
    ("bits", lambda ps: sum(-math.log2(p) for p in ps), "divide by the number"),
    ("bits", lambda ps: -math.log2(sum(ps) / len(ps)), "logarithm of the mean"),
    ("weather_rule", "(SOUP ((0) (A)))", "no entry for WEATHER"),
    ("weather_rule", "(WEATHER ((0 WEATHER 0) (A 3))", "is never closed"),
    ("weather_rule", "(WEATHER ((WEATHER 0) (A 2) (B)))", "words on both sides"),
    ("weather_rule", "(WEATHER ((0 WEATHER 0) (OH) (B)))", "hands back"),
    ("weather_rule", "(WEATHER ((0 WEATHER 0) (A 3)))", "same thing twice"),
    ("bigram_probability", lambda p, w, a, b: p[a, b] / max(1, w.total()), "not by all words"),
    ("bigram_probability", lambda p, w, a, b: p[a, b] / max(1, w[b]), "count of the second word"),
    ("bigram_probability", lambda p, w, a, b: p[a, b] / w[a], "a division by zero"),
    ("causal", lambda n: [[True] * n for _ in range(n)], "BERT's mask"),
    ("causal", lambda n: [[j >= i for j in range(n)] for i in range(n)], "wrong way round"),
    ("causal", lambda n: [[j < i for j in range(n)] for i in range(n)], "may not look at itself"),
]


@pytest.mark.parametrize("name", SOLUTIONS)
def test_solutions_pass_and_stubs_say_not_yet(name: str, fresh_home: object) -> None:
    check = getattr(checks, name)
    assert check(SOLUTIONS[name], solution=True).passed
    assert check(... if name == "weather_rule" else lambda *_: None).status == "Not yet"


@pytest.mark.parametrize(("name", "mistake", "diagnosis"), MISTAKES)
def test_mistakes_get_their_diagnosis(
    name: str, mistake: object, diagnosis: str, fresh_home: object
) -> None:
    result = getattr(checks, name)(mistake)
    assert result.status == "Look again" and diagnosis in result.message
