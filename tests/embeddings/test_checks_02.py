"""The exercises of notebook 02: typical mistakes get their own diagnosis."""

from collections.abc import Iterable

import torch
from exercise_tests import mistakes_are_diagnosed
from torch import Tensor

from course_lib.embeddings import checks

sigmoid, cosine = torch.sigmoid, torch.cosine_similarity


def pairs_at(words: list, offsets: Iterable[int], low: int = 0) -> list:
    places = [(i, i + step) for i in range(len(words)) for step in offsets]
    return [(words[i], words[j]) for i, j in places if low <= j < len(words)]


def all_pairs(words: list, window: int) -> list:
    return pairs_at(words, [step for step in range(-window, window + 1) if step])


def probabilities(counts: list, power: float = 0.75) -> list:
    raised = [count**power for count in counts]
    return [value / sum(raised) for value in raised]


def update(centre: Tensor, neighbour: Tensor, negatives: Tensor, rate: float) -> tuple:
    error, errors = 1 - sigmoid(neighbour @ centre), -sigmoid(negatives @ centre)
    new = centre + rate * (error * neighbour + errors @ negatives)
    return new, neighbour + rate * error * centre, negatives + rate * errors[:, None] * centre


def but(place: int, wrong: object) -> object:
    """The right update, with one of the three made by ``wrong(c, u, n, r, right)`` instead."""

    def answer(*given: object) -> list:
        result = list(update(*given))
        result[place] = wrong(*given, result)
        return result

    return answer


def analogy(
    vectors: dict, a: str, b: str, c: str, out: str = "abc", sign: int = 1, how: str = "cosine"
) -> str:
    target = sign * (vectors[b] - vectors[a]) + vectors[c]
    left_out = [word for letter, word in zip("abc", (a, b, c), strict=True) if letter in out]
    compare = {
        "cosine": lambda x: cosine(x, target, dim=0).item(),
        "least": lambda x: -cosine(x, target, dim=0).item(),
        "product": lambda x: (x @ target).item(),
    }[how]
    return max((w for w in vectors if w not in left_out), key=lambda word: compare(vectors[word]))


MISTAKES = {
    "neighbour_pairs": [
        (lambda w, n: [], "does the inner loop run"),
        (lambda w, n: pairs_at(w, range(-n, n + 1)), "own neighbour"),
        (lambda w, n: pairs_at(w, (-n, n), low=-n), "place −1"),
        (lambda w, n: pairs_at(w, range(1, n + 1)), "Only one side"),
        (lambda w, n: pairs_at(w, (-n, n, n + 1)), "one too far"),
        (lambda w, n: sorted(set(all_pairs(w, n))), "10 pairs with window 2"),
        (lambda w, n: [p for p in all_pairs(w, n) if p[0] != p[1]], "Compare places"),
    ],
    "negative_probabilities": [
        (lambda c: [x**0.75 for x in c], "sum to one"),
        (lambda c: probabilities(c, 1), "plain fractions"),
        (lambda c: probabilities(c, 0), "same probability"),
        (lambda c: probabilities(c, 0.5), "square root"),
    ],
    "update": [
        (lambda c, u, n, r: c, "Give back three things"),
        (lambda c, u, n, r: (c, u, n), "Nothing moved"),
        (lambda c, u, n, r: update(c, u, n, -r), "wrong sign"),
        (lambda c, u, n, r: update(c, u, n, 1.0), "multiply by the rate"),
        (but(0, lambda c, u, n, r, _: c + r * (1 - sigmoid(u @ c)) * u), "only its real neighbour"),
        (but(1, lambda c, u, n, r, new: u + r * (1 - sigmoid(u @ c)) * new[0]), "after its own"),
        (but(2, lambda c, u, n, r, new: 2 * n - new[2]), "pulled closer"),
        (but(1, lambda c, u, n, r, _: u + r * sigmoid(u @ c) * c), "1 − σ(score)"),
        (but(2, lambda c, u, n, r, _: n + r * (1 - sigmoid(n @ c))[:, None] * c), "like real"),
    ],
    "complete_analogy": [
        (lambda *q: analogy(*q, out=""), "leave those out"),
        (lambda *q: analogy(*q, sign=-1), "went backwards"),
        (lambda *q: analogy(*q, how="product"), "divide by the lengths"),
        (lambda *q: analogy(*q, how="least"), "points the other"),
        (lambda v, a, b, c: analogy(v, a, a, c), "near “list”"),
        (lambda *q: analogy(*q, out="c"), "leave out all three"),
    ],
}

test_mistakes_get_their_diagnosis = mistakes_are_diagnosed(checks, MISTAKES)
