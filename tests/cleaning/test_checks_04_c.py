"""The exercises 4.3 and 4.4: solution, stub, and typical mistakes with their own diagnosis."""

import pytest

from course_lib.cleaning import checks


def precision_recall(flagged: set, faulty: set) -> tuple:
    both = len(flagged & faulty)
    return (both / len(flagged) if flagged else 1.0, both / len(faulty) if faulty else 1.0)


def ask_next(chances: list, count: int) -> list:
    return sorted(range(len(chances)), key=lambda row: abs(chances[row] - 0.5))[:count]


def rank(chances: list, count: int, key) -> list:  # noqa: ANN001
    return sorted(range(len(chances)), key=lambda row: key(chances[row]))[:count]


SOLUTIONS = {"precision_recall": precision_recall, "ask_next": ask_next}
MISTAKES = [
    ("precision_recall", lambda a, b: precision_recall(b, a), "changed places"),
    ("precision_recall", lambda a, b: (len(a & b), len(a & b)), "the count"),
    (
        "precision_recall",
        lambda a, b: tuple(100 * x for x in precision_recall(a, b)),
        "percentages",
    ),
    ("precision_recall", lambda a, b: (len(a & b) / len(a | b), len(a & b) / len(b)), "Jaccard"),
    ("precision_recall", lambda a, b: (len(a & b) / len(a), len(a) / len(b)), "sizes of the sets"),
    ("precision_recall", lambda a, b: len(a & b) / len(a), "two numbers"),
    (
        "precision_recall",
        lambda a, b: (len(a & b) / len(a), len(a & b) / len(b)),
        "no line is flagged",
    ),
    (
        "precision_recall",
        lambda a, b: tuple(len(a & b) / len(x) if x else 0.0 for x in (a, b)),
        "no line is flagged",
    ),
    ("precision_recall", lambda a, b: (0.5, 0.6), "3 are faulty"),
    ("ask_next", lambda c, n: rank(c, n, lambda x: x), "smallest"),
    ("ask_next", lambda c, n: rank(c, n, lambda x: -x), "largest"),
    ("ask_next", lambda c, n: rank(c, n, lambda x: -abs(x - 0.5)), "surest"),
    ("ask_next", lambda c, n: rank(c, n, lambda x: (x > 0.5, 0.5 - x)), "no sign"),
    ("ask_next", lambda c, n: sorted(ask_next(c, n)), "comes first"),
    ("ask_next", lambda c, n: [c[row] for row in ask_next(c, n)], "These are probabilities"),
    ("ask_next", lambda c, n: ask_next(c, n - 1), "3 rows"),
    ("ask_next", lambda c, n: [0, 1, 2], "rows 4, 2 and 1"),
    ("ask_next", lambda c, n: (ask_next(c, n) + [0] * n)[:n], "fewer documents"),
]


@pytest.mark.parametrize("name", SOLUTIONS)
def test_solutions_pass_and_stubs_say_not_yet(name: str, fresh_home: object) -> None:
    check = getattr(checks, name)
    result = check(SOLUTIONS[name], solution=True)
    assert result.passed, result
    assert check(lambda *_: None).status == "Not yet"


@pytest.mark.parametrize(("name", "mistake", "diagnosis"), MISTAKES)
def test_mistakes_get_their_diagnosis(
    name: str, mistake: object, diagnosis: str, fresh_home: object
) -> None:
    result = getattr(checks, name)(mistake)
    assert result.status == "Look again" and diagnosis in result.message, result
