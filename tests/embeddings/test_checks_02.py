"""The exercises of notebook 02: solution, stub, and typical mistakes with their own diagnosis."""

import pytest
import torch
from torch import Tensor

from course_lib.embeddings import checks


def all_pairs(
    words: list, window: int, start: int = 0, skip: bool = True, right: int = 1, low: bool = True
) -> list:
    found = []
    for i, centre in enumerate(words):
        first = max(0, i - window) if low else i - window
        for j in range(first if not start else i + start, min(len(words), i + window + right)):
            if j != i or not skip:
                found.append((centre, words[j]))
    return found


def probabilities(counts: list, power: float = 0.75) -> list:
    raised = [count**power for count in counts]
    return [value / sum(raised) for value in raised]


def update(centre: Tensor, neighbour: Tensor, negatives: Tensor, rate: float) -> tuple:
    error, errors = 1 - torch.sigmoid(neighbour @ centre), -torch.sigmoid(negatives @ centre)
    new = centre + rate * (error * neighbour + errors @ negatives)
    return new, neighbour + rate * error * centre, negatives + rate * errors[:, None] * centre


def downhill(centre: Tensor, neighbour: Tensor, negatives: Tensor, rate: float) -> tuple:
    return update(centre, neighbour, negatives, -rate)


def deaf(centre: Tensor, neighbour: Tensor, negatives: Tensor, rate: float) -> tuple:
    error = 1 - torch.sigmoid(neighbour @ centre)
    return centre + rate * error * neighbour, *update(centre, neighbour, negatives, rate)[1:]


def in_turn(centre: Tensor, neighbour: Tensor, negatives: Tensor, rate: float) -> tuple:
    new, _, rest = update(centre, neighbour, negatives, rate)
    return new, neighbour + rate * (1 - torch.sigmoid(neighbour @ centre)) * new, rest


def attracted(centre: Tensor, neighbour: Tensor, negatives: Tensor, rate: float) -> tuple:
    first, second, third = update(centre, neighbour, negatives, rate)
    return first, second, 2 * negatives - third


def confident(centre: Tensor, neighbour: Tensor, negatives: Tensor, rate: float) -> tuple:
    first, _, third = update(centre, neighbour, negatives, rate)
    return first, neighbour + rate * torch.sigmoid(neighbour @ centre) * centre, third


def averaged(centre: Tensor, neighbour: Tensor, negatives: Tensor, rate: float) -> tuple:
    error, errors = 1 - torch.sigmoid(neighbour @ centre), -torch.sigmoid(negatives @ centre)
    new = centre + rate * (error * neighbour + errors @ negatives / len(negatives))
    return new, *update(centre, neighbour, negatives, rate)[1:]


def welcomed(centre: Tensor, neighbour: Tensor, negatives: Tensor, rate: float) -> tuple:
    first, second, _ = update(centre, neighbour, negatives, rate)
    return (
        first,
        second,
        negatives + rate * (1 - torch.sigmoid(negatives @ centre))[:, None] * centre,
    )


def nearest_by_distance(vectors: dict, a: str, b: str, c: str) -> str:
    target = vectors[b] - vectors[a] + vectors[c]
    return min(
        (w for w in vectors if w not in (a, b, c)),
        key=lambda w: (vectors[w] - target).norm().item(),
    )


def least(vectors: dict, a: str, b: str, c: str) -> str:
    target = vectors[b] - vectors[a] + vectors[c]
    words = (w for w in vectors if w not in (a, b, c))
    return min(words, key=lambda w: torch.cosine_similarity(vectors[w], target, dim=0).item())


def only_c_left_out(vectors: dict, a: str, b: str, c: str) -> str:
    target = vectors[b] - vectors[a] + vectors[c]
    words = (w for w in vectors if w != c)
    return max(words, key=lambda w: torch.cosine_similarity(vectors[w], target, dim=0).item())


def analogy(
    vectors: dict, a: str, b: str, c: str, leave: bool = True, sign: int = 1, cosine: bool = True
) -> str:
    target = sign * (vectors[b] - vectors[a]) + vectors[c]
    candidates = [word for word in vectors if not leave or word not in (a, b, c)]
    compare = (
        (lambda x: torch.cosine_similarity(x, target, dim=0).item())
        if cosine
        else (lambda x: (x @ target).item())
    )
    return max(candidates, key=lambda word: compare(vectors[word]))


SOLUTIONS = {
    "neighbour_pairs": all_pairs,
    "negative_probabilities": probabilities,
    "update": update,
    "complete_analogy": analogy,
}
MISTAKES = [
    ("neighbour_pairs", lambda w, n: [], "does the inner loop run"),
    ("neighbour_pairs", lambda w, n: all_pairs(w, n, skip=False), "own neighbour"),
    ("neighbour_pairs", lambda w, n: all_pairs(w, n, low=False), "place −1"),
    ("neighbour_pairs", lambda w, n: all_pairs(w, n, start=1), "Only one side"),
    ("neighbour_pairs", lambda w, n: all_pairs(w, n, right=2), "one too far"),
    ("neighbour_pairs", lambda w, n: all_pairs(w, n, right=0), "Only one side"),
    ("neighbour_pairs", lambda w, n: all_pairs(w, 1), "14 pairs"),
    ("neighbour_pairs", lambda w, n: sorted(set(all_pairs(w, n))), "10 pairs with window 2"),
    (
        "neighbour_pairs",
        lambda w, n: [pair for pair in all_pairs(w, n) if pair[0] != pair[1]],
        "compare places",
    ),
    ("negative_probabilities", lambda c: [x**0.75 for x in c], "sum to one"),
    ("negative_probabilities", lambda c: probabilities(c, 1), "plain fractions"),
    ("negative_probabilities", lambda c: probabilities(c, 0), "same probability"),
    ("negative_probabilities", lambda c: probabilities(c, 0.5), "square root"),
    ("update", lambda c, u, n, r: c, "Give back three things"),
    ("update", lambda c, u, n, r: (c, u, n.sum(0)), "another shape"),
    ("update", lambda c, u, n, r: (c, u, n), "Nothing moved"),
    ("update", downhill, "wrong sign"),
    ("update", deaf, "hears only its real neighbour"),
    ("update", in_turn, "after its own step"),
    ("update", attracted, "pulled closer"),
    ("update", confident, "1 − σ(score)"),
    ("complete_analogy", lambda v, a, b, c: analogy(v, a, b, c, leave=False), "leave those out"),
    ("complete_analogy", lambda v, a, b, c: analogy(v, a, b, c, sign=-1), "went backwards"),
    (
        "complete_analogy",
        lambda v, a, b, c: analogy(v, a, b, c, cosine=False),
        "divide by the lengths",
    ),
    ("update", lambda c, u, n, r: update(c, u, n, 1.0), "multiply by the rate"),
    ("update", averaged, "their pushes add up"),
    ("update", welcomed, "treated like real neighbours"),
    ("complete_analogy", least, "points the other"),
    ("complete_analogy", lambda v, a, b, c: analogy(v, a, a, c), "near “list”"),
    ("complete_analogy", nearest_by_distance, "not distances"),
    ("complete_analogy", only_c_left_out, "leave out all three"),
    ("complete_analogy", lambda v, a, b, c: 3, "Give back a word"),
]


@pytest.mark.parametrize("name", SOLUTIONS)
def test_solutions_pass_and_stubs_say_not_yet(name: str, fresh_home: object) -> None:
    check = getattr(checks, name)
    assert check(SOLUTIONS[name], solution=True).passed
    assert check(lambda *_: None).status == "Not yet"


@pytest.mark.parametrize(("name", "mistake", "diagnosis"), MISTAKES)
def test_mistakes_get_their_diagnosis(
    name: str, mistake: object, diagnosis: str, fresh_home: object
) -> None:
    result = getattr(checks, name)(mistake)
    assert result.status == "Look again" and diagnosis in result.message, result
