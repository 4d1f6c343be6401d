"""The exercises of notebook 00: solution, stub, and typical mistakes with their own diagnosis."""

import random
from collections import Counter

import pytest

from course_lib.start_here import checks


def triples(words: list[str]) -> list[tuple[str, str, str]]:
    return list(zip(words, words[1:], words[2:], strict=False))


def draw(followers: Counter, rng: random.Random) -> str:
    return rng.choices(list(followers), list(followers.values()))[0]


def test_solutions_pass(fresh_home: object) -> None:
    assert checks.triples(triples, solution=True).passed
    assert checks.draw(draw, solution=True).passed


def test_stubs_say_not_yet(fresh_home: object) -> None:
    assert checks.triples(lambda words: None).status == "Not yet"
    assert checks.draw(lambda followers, rng: ...).status == "Not yet"


@pytest.mark.parametrize(
    ("mistake", "diagnosis"),
    [
        (lambda w: [tuple(w[i : i + 3]) for i in range(len(w) - 3)], "one is missing"),
        (lambda w: [tuple(w[i : i + 3]) for i in range(len(w))], "past the last full triple"),
        (lambda w: [tuple(w[i : i + 3]) for i in range(0, len(w), 3)], "do not overlap"),
        (lambda w: list(zip(w, w[1:], strict=False)), "A triple has three"),
        (lambda w: [tuple(w[i : i + 3]) for i in range(1, len(w) - 2)], "start at the first word"),
        (lambda w: [], "is empty"),
        (
            lambda w: [tuple(w[i : i + 3]) for i in range(len(w) - 2)] + [("a", "b", "c")],
            "there are 5",
        ),
    ],
)
def test_mistakes_in_triples(mistake: object, diagnosis: str, fresh_home: object) -> None:
    result = checks.triples(mistake)
    assert result.status == "Look again" and diagnosis in result.message


@pytest.mark.parametrize(
    ("mistake", "diagnosis"),
    [
        (lambda f, rng: f.most_common(1)[0][0], "always gives"),
        (lambda f, rng: rng.choice(list(f)), "do the counts play no part"),
        (lambda f, rng: rng.choice(list(f.values())), "no word that follows"),
        (lambda f, rng: random.choices(list(f), list(f.values()))[0], "draw with `rng`"),
        (lambda f, rng: rng.choices(list(f), [c * c for c in f.values()])[0], "6 of 10"),
    ],
)
def test_mistakes_in_draw(mistake: object, diagnosis: str, fresh_home: object) -> None:
    result = checks.draw(mistake)
    assert result.status == "Look again" and diagnosis in result.message
