"""Exercise 4.2: solution, stub, and typical mistakes with their own diagnosis."""

import pytest

from course_lib.cleaning import checks


def shingles(text: str, size: int = 3, lower: bool = True, last: int = 1) -> set[tuple[str, ...]]:
    words = (text.lower() if lower else text).split()
    return {tuple(words[i : i + size]) for i in range(len(words) - size + last)}


def of_sets(a: set, b: set) -> float:
    return len(a & b) / len(a | b) if a | b else 0.0


def jaccard(first: str, second: str) -> float:
    return of_sets(shingles(first), shingles(second))


def with_lists(first: str, second: str) -> float:
    a, b = (
        [tuple(t.lower().split()[i : i + 3]) for i in range(len(t.split()) - 2)]
        for t in (first, second)
    )
    shared = sum(piece in b for piece in a)
    return shared / (len(a) + len(b) - shared) if a else 0.0


def letters(text: str) -> set[str]:
    return {text[i : i + 3] for i in range(len(text) - 2)}


def shared_over(first: str, second: str, size: float) -> float:
    return len(shingles(first) & shingles(second)) / size


def total(first: str, second: str) -> int:
    return len(shingles(first)) + len(shingles(second))


MISTAKES = [
    (lambda a, b: of_sets(shingles(a, last=0), shingles(b, last=0)), "is the last one lost"),
    (lambda a, b: of_sets(shingles(a, lower=False), shingles(b, lower=False)), "lower case first"),
    (lambda a, b: of_sets(shingles(a, 1), shingles(b, 1)), "a shingle has three"),
    (lambda a, b: of_sets(shingles(a, 2), shingles(b, 2)), "a shingle has three"),
    (lambda a, b: of_sets(letters(a), letters(b)), "three letters"),
    (lambda a, b: shared_over(a, b, total(a, b)), "shared shingles stand in both"),
    (lambda a, b: shared_over(a, b, total(a, b) / 2), "take the union"),
    (lambda a, b: shared_over(a, b, max(1, len(shingles(a)))), "not by those of one"),
    (lambda a, b: shared_over(a, b, len(shingles(a) | shingles(b))), "not an error"),
    (lambda a, b: shingles(a) & shingles(b), "A share is a number"),
    (with_lists, "use sets"),
]


def test_solution_passes_and_stub_says_not_yet(fresh_home: object) -> None:
    assert checks.jaccard(jaccard, solution=True).passed
    assert checks.jaccard(lambda first, second: None).status == "Not yet"


@pytest.mark.parametrize(("mistake", "diagnosis"), MISTAKES)
def test_mistakes_get_their_diagnosis(mistake: object, diagnosis: str, fresh_home: object) -> None:
    result = checks.jaccard(mistake)
    assert result.status == "Look again" and diagnosis in result.message, result
