"""The exercises of notebook 04: solution, stub, and typical mistakes with their own diagnosis."""

import random
from collections import Counter

import pytest

from course_lib.cleaning import checks


def share(text: str, strip: bool = True, blank: bool = False, first: bool = False) -> float:
    lines = [line.strip() if strip else line for line in text.split("\n")]
    lines = lines if blank else [line for line in lines if line.strip()]
    repeats = sum(count - (not first) for count in Counter(lines).values() if count > 1)
    return repeats / len(lines) if lines else 0.0


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def different(text: str) -> int:
    return len(set(lines_of(text)))


def shingles(text: str, size: int = 3, lower: bool = True, last: int = 1) -> set[tuple[str, ...]]:
    words = (text.lower() if lower else text).split()
    return {tuple(words[i : i + size]) for i in range(len(words) - size + last)}


def of_sets(a: set, b: set) -> float:
    return len(a & b) / len(a | b) if a | b else 0.0


def with_options(**options: object):  # noqa: ANN201
    return lambda a, b: of_sets(shingles(a, **options), shingles(b, **options))


def letters(text: str) -> set[str]:
    return {text[i : i + 3] for i in range(len(text) - 2)}


def shared_over(size):  # noqa: ANN001, ANN201
    """The shared shingles, divided by ``size`` of both sets."""
    return lambda a, b: len(shingles(a) & shingles(b)) / size(shingles(a), shingles(b))


def with_lists(first: str, second: str) -> float:
    words = first.lower().split(), second.lower().split()
    a, b = ([tuple(w[i : i + 3]) for i in range(len(w) - 2)] for w in words)
    shared = sum(piece in b for piece in a)
    return shared / (len(a) + len(b) - shared) if a else 0.0


def precision_recall(flagged: set, faulty: set) -> tuple:
    both = len(flagged & faulty)
    return (both / len(flagged) if flagged else 1.0, both / len(faulty) if faulty else 1.0)


def ask_next(probs: list, count: int) -> list:
    return rank(lambda prob: abs(prob - 0.5))(probs, count)


def rank(key):  # noqa: ANN001, ANN201
    return lambda probs, count: sorted(range(len(probs)), key=lambda row: key(probs[row]))[:count]


def take(documents: list, budget: int, seed: int, cut: bool = True, over: bool = False) -> list:
    shuffled = list(documents)
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


def in_order(documents: list, budget: int, seed: int) -> list:
    return [[0] * 5, [1] * 9, [2] * 3, [3] * 7, [4] * 6]


SOLUTIONS = {
    "repeated_share": share,
    "jaccard": with_options(),
    "precision_recall": precision_recall,
    "ask_next": ask_next,
    "take": take,
}
MISTAKES = {
    "repeated_share": [
        (lambda text: share(text) > 0.3, "decided later"),
        (lambda text: len(lines_of(text)) - different(text), "that is the count"),
        (lambda text: 100 * share(text), "percentage"),
        (lambda text: share(text, first=True), "It is new when it comes"),
        (lambda text: share(text, blank=True), "Blank lines take part"),
        (lambda t: share(t) * len(lines_of(t)) / len(t.split("\n")), "Blank lines take part"),
        (lambda text: len(lines_of(text)) / max(1, different(text)) - 1, "different ones"),
        (
            lambda t: sum(n > 1 for n in Counter(lines_of(t)).values()) / len(lines_of(t)),
            "every later copy",
        ),
        (lambda text: share(text, strip=False), "take them off"),
        (lambda text: 1 - different(text) / len(lines_of(text)), "not an error"),
        (lambda text: 0.123, "0.123"),
    ],
    "jaccard": [
        (with_options(last=0), "is the last one lost"),
        (with_options(lower=False), "lower case first"),
        (with_options(size=1), "a shingle has three"),
        (with_options(size=2), "a shingle has three"),
        (lambda a, b: of_sets(letters(a), letters(b)), "three letters"),
        (shared_over(lambda a, b: len(a) + len(b)), "shared shingles stand in both"),
        (shared_over(lambda a, b: (len(a) + len(b)) / 2), "take the union"),
        (shared_over(lambda a, b: max(1, len(a))), "not by those of one"),
        (shared_over(lambda a, b: len(a | b)), "not an error"),
        (lambda a, b: shingles(a) & shingles(b), "A share is a number"),
        (with_lists, "use sets"),
    ],
    "precision_recall": [
        (lambda a, b: precision_recall(b, a), "changed places"),
        (lambda a, b: (len(a & b), len(a & b)), "the count"),
        (lambda a, b: tuple(100 * x for x in precision_recall(a, b)), "percentages"),
        (lambda a, b: (len(a & b) / len(a | b), len(a & b) / len(b)), "Jaccard"),
        (lambda a, b: (len(a & b) / len(a), len(a) / len(b)), "sizes of the sets"),
        (lambda a, b: len(a & b) / len(a), "two numbers"),
        (lambda a, b: (len(a & b) / len(a), len(a & b) / len(b)), "no line is flagged"),
        (lambda a, b: tuple(len(a & b) / max(1, len(x)) for x in (a, b)), "no line is flagged"),
        (lambda a, b: (0.5, 0.6), "3 are faulty"),
    ],
    "ask_next": [
        (rank(lambda x: x), "smallest"),
        (rank(lambda x: -x), "largest"),
        (rank(lambda x: -abs(x - 0.5)), "surest"),
        (rank(lambda x: (x > 0.5, 0.5 - x)), "no sign"),
        (lambda c, n: sorted(ask_next(c, n)), "comes first"),
        (lambda c, n: [c[row] for row in ask_next(c, n)], "These are probabilities"),
        (lambda c, n: ask_next(c, n - 1), "3 rows"),
        (lambda c, n: [0, 1, 2], "rows 4, 2 and 1"),
        (lambda c, n: (ask_next(c, n) + [0] * n)[:n], "fewer documents"),
    ],
    "take": [
        (lambda d, b, s: take(d, 10_000, s), "stop when the budget"),
        (lambda d, b, s: take(d, b, s, cut=False, over=True), "cut the document"),
        (lambda d, b, s: take(d, b, 0, cut=False)[:-1], "may be cut"),
        (in_order, "no fair sample"),
        (lambda d, b, s: take(d, b, 3), "does `seed` reach"),
        (lambda d, b, s: take(d, b, random.randrange(10**9)), "repeats"),
        (lambda d, b, s: [*take(d, b, s), []], "empty document"),
        (lambda d, b, s: sum(take(d, b, s), []), "flat list"),
        (in_place, "shuffle a copy"),
    ],
}
CASES = [(name, *mistake) for name, mistakes in MISTAKES.items() for mistake in mistakes]


@pytest.mark.parametrize("name", SOLUTIONS)
def test_solutions_pass_and_stubs_say_not_yet(name: str, fresh_home: object) -> None:
    check = getattr(checks, name)
    result = check(SOLUTIONS[name], solution=True)
    assert result.passed, result
    assert check(lambda *_: None).status == "Not yet"


@pytest.mark.parametrize(("name", "mistake", "diagnosis"), CASES)
def test_mistakes_get_their_diagnosis(
    name: str, mistake: object, diagnosis: str, fresh_home: object
) -> None:
    result = getattr(checks, name)(mistake)
    assert result.status == "Look again" and diagnosis in result.message, result
