"""Exercise 4.5 of notebook 04: solution, stub, and typical mistakes with their own diagnosis."""

import random

import pytest

from course_lib.cleaning import checks


def take(
    documents: list,
    budget: int,
    seed: int,
    cut: bool = True,
    over: bool = False,
    chance: bool = True,
) -> list:
    shuffled = list(documents)
    if chance:
        random.Random(seed).shuffle(shuffled)
    taken, left = [], budget
    for document in shuffled:
        if left <= 0 or (not cut and not over and len(document) > left):
            break
        taken.append(document[:left] if cut else document)
        left -= len(taken[-1])
    return taken


def in_place(documents: list, budget: int, seed: int) -> list:
    random.Random(seed).shuffle(documents)
    return take(documents, budget, seed)


MISTAKES = [
    (lambda d, b, s: take(d, 10_000, s), "stop when the budget"),
    (lambda d, b, s: take(d, b, s, cut=False, over=True), "cut the document"),
    (lambda d, b, s: take(d, b, 0, cut=False)[:-1], "may be cut"),
    (lambda d, b, s: take(d, b, s, chance=False), "no fair sample"),
    (lambda d, b, s: take(d, b, 3), "does `seed` reach"),
    (lambda d, b, s: take(d, b, random.randrange(10**9)), "repeats"),
    (lambda d, b, s: [*take(d, b, s), []], "empty document"),
    (in_place, "shuffle a copy"),
]


def test_the_solution_passes_and_the_stub_is_not_yet() -> None:
    assert checks.take(take, solution=True).passed
    assert checks.take(lambda documents, budget, seed: None).status == "Not yet"


@pytest.mark.parametrize(("answer", "words"), MISTAKES, ids=[words for _, words in MISTAKES])
def test_a_mistake_gets_its_diagnosis(answer: object, words: str) -> None:
    result = checks.take(answer, solution=True)
    assert result.status == "Look again" and words in result.message, result
