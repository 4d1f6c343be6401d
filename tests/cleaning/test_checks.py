"""The exercises of notebooks 04 and 04b: typical mistakes get their own diagnosis."""

import random

from exercise_tests import mistakes_are_diagnosed

from course_lib.cleaning import checks


def shingles(text: str, size: int = 3, lower: bool = True, last: int = 1) -> set[tuple[str, ...]]:
    words = (text.lower() if lower else text).split()
    return {tuple(words[i : i + size]) for i in range(len(words) - size + last)}


def jaccard(first: str, second: str, cut=shingles, over=None, **options):
    """``over`` gives the number to divide by, in place of the size of the union."""
    a, b = (cut(text, **options) for text in (first, second))
    return len(a & b) / over(a, b) if over else len(a & b) / len(a | b) if a | b else 0.0


def letters(text: str) -> set[str]:
    return {text[i : i + 3] for i in range(len(text) - 2)}


def precision_recall(flagged: set, faulty: set) -> tuple:
    both = len(flagged & faulty)
    return (both / len(flagged) if flagged else 1.0, both / len(faulty) if faulty else 1.0)


def rank(key):
    return lambda probs, count: sorted(range(len(probs)), key=lambda row: key(probs[row]))[:count]


def take(documents: list, budget: int, seed: int, shuffle: bool = True) -> list:
    documents = random.Random(seed).sample(documents, len(documents)) if shuffle else documents
    taken = []
    for document in documents:
        taken.append(document[: budget - sum(map(len, taken))])
    return [document for document in taken if document]


def in_place(documents: list, budget: int, seed: int) -> list:
    random.Random(seed).shuffle(documents)
    return take(documents, budget, seed)


def luhn(digits: str, first: int = 0, nine: int = 9, left: bool = False) -> bool:
    places = enumerate(digits if left else reversed(digits), start=first)
    values = [int(digit) * (1 + place % 2) for place, digit in places]
    return sum(value - nine if value > 9 else value for value in values) % 10 == 0


ask_next = rank(lambda prob: abs(prob - 0.5))
MISTAKES = {
    "jaccard": [
        (lambda a, b: jaccard(a, b, last=0), "is the last one lost"),
        (lambda a, b: jaccard(a, b, lower=False), "lower case first"),
        (lambda a, b: jaccard(a, b, size=2), "a shingle has three"),
        (lambda a, b: jaccard(a, b, cut=letters), "three letters"),
        (lambda a, b: jaccard(a, b, over=lambda a, b: (len(a) + len(b)) / 2), "take the union"),
        (lambda a, b: jaccard(a, b, over=lambda a, b: len(a | b)), "not an error"),
        (lambda a, b: shingles(a) & shingles(b), "A share is a number"),
    ],
    "precision_recall": [
        (lambda a, b: precision_recall(b, a), "changed places"),
        (lambda a, b: (len(a & b), len(a & b)), "the count"),
        (lambda a, b: (len(a & b) / len(a | b), len(a & b) / len(b)), "Jaccard"),
        (lambda a, b: len(a & b) / len(a), "two numbers"),
        (lambda a, b: (len(a & b) / len(a), len(a & b) / len(b)), "no line is flagged"),
    ],
    "ask_next": [
        (rank(lambda x: x), "smallest"),
        (rank(lambda x: -abs(x - 0.5)), "surest"),
        (rank(lambda x: (x > 0.5, 0.5 - x)), "no sign"),
        (lambda c, n: sorted(ask_next(c, n)), "comes first"),
        (lambda c, n: [c[row] for row in ask_next(c, n)], "These are probabilities"),
        (lambda c, n: (ask_next(c, n) + [0] * n)[:n], "fewer documents"),
    ],
    "take": [
        (lambda d, b, s: take(d, 10_000, s), "stop when the budget"),
        (lambda d, b, s: take(d, b + 3, s), "cut the document"),
        (lambda d, b, s: take(d, b, s)[:-1], "may be cut"),
        (lambda d, b, s: take(d, b, s, shuffle=False), "no fair sample"),
        (lambda d, b, s: take(d, b, 3), "does `seed` reach"),
        (lambda d, b, s: take(d, b, random.randrange(10**9)), "repeats"),
        (lambda d, b, s: [*take(d, b, s), []], "empty document"),
        (in_place, "shuffle a copy"),
    ],
    "luhn": [
        (lambda d: sum(map(int, d)), "True or False"),
        (lambda d: luhn(d, first=1), "Is the last digit doubled"),
        (lambda d: luhn(d, nine=0), "loses 9"),
        (lambda d: luhn(d, first=1, left=True), "from the left"),
        (lambda d: True, "only a sum that ends in 0"),
    ],
}

test_mistakes_get_their_diagnosis = mistakes_are_diagnosed(checks, MISTAKES)
