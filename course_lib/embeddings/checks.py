"""The checks of the exercises in notebook 02."""

from collections.abc import Callable, Mapping, Sequence
from math import isclose

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from course_lib.workbook.exercises import exercise, require

NOTEBOOK = "02_word2vec"


@exercise(NOTEBOOK, "2.1")
def neighbour_pairs(answer: Callable[[Sequence[str], int], list[tuple[str, str]]]) -> str:
    """``answer(words, window)``: all (centre, neighbour) within ``window`` words on either side."""
    words = ["open", "the", "file", "and", "read"]
    found = [tuple(pair) for pair in answer(words, 1)]
    require(found, "The list is empty: does the inner loop run at all?")
    two = all(len(pair) == 2 for pair in found)
    require(two, "Each entry is a pair: the centre word and one neighbour.")
    itself = any(a == b for a, b in found)
    require(not itself, "A word is its own neighbour: leave out the place of the centre itself.")
    why = "“open” got “read”, the last word: place −1 counts from the end. Start no lower than 0."
    require(("open", "read") not in found, why)
    right = set(zip(words, words[1:], strict=False))
    left = {(b, a) for a, b in right}
    why = "Only one side is there: look both ways, and mind that a range ends before its end."
    require(set(found) not in (right, left), why)
    why = "“file” is two words from “open” and the window is one: does the range run one too far?"
    require(("open", "file") not in found, why)
    why = f"For window 1 there are 8 pairs, and these {len(found)}: {found}."
    require(sorted(found) == sorted(left | right), why)
    again = [tuple(pair) for pair in answer(["on", "and", "on", "and"], 2)]
    why = f"“on and on and” has 10 pairs with window 2, not {len(again)}"
    require(len(again) == 10, f"{why}: equal words are neighbours, too. Compare places, not words.")
    return "every word meets its neighbours on both sides, and nothing beyond the window."


@exercise(NOTEBOOK, "2.2")
def negative_probabilities(answer: Callable[[Sequence[int]], Sequence[float]]) -> str:
    """``answer(counts)``: the probability of each word as a negative, count to the power 0.75."""
    probs = [float(p) for p in answer([16, 1])]
    require(len(probs) == 2, f"Two words have two probabilities, and there are {len(probs)}.")
    why = f"They sum to {sum(probs):.3f}: divide by the sum of the powers, so that they sum to one."
    require(isclose(sum(probs), 1, abs_tol=1e-6), why)
    mistakes = {
        16 / 17: "These are the plain fractions: raise to the power 0.75.",
        1 / 2: "All words have the same probability: do the counts play a part?",
        4 / 5: "That is the square root. The paper's power is 0.75, not 0.5.",
    }
    for wrong, why in mistakes.items():
        require(not isclose(probs[0], wrong, abs_tol=1e-6), why)
    why = f"16 to the power 0.75 is 8 and 1 stays 1: 8/9 = 0.889 is right, not {probs[0]:.3f}."
    require(isclose(probs[0], 8 / 9, abs_tol=1e-6), why)
    return "frequent words are drawn often, and rare ones more often than their share."


@exercise(NOTEBOOK, "2.3")
def update(answer: Callable[[Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor, Tensor]]) -> str:
    """``answer(centre, neighbour, negatives, rate)``: the three after one step uphill."""
    rate, names = 0.1, ("centre", "neighbour", "negatives")
    numbers = [1.0, -0.5], [0.5, 2.0], [[1.0, 1.0], [-2.0, 0.5], [0.25, 0.0]]
    before = [torch.tensor(values, dtype=torch.float64) for values in numbers]
    found = answer(*(tensor.clone() for tensor in before), rate)
    three = isinstance(found, tuple | list) and len(found) == 3
    require(three, "Give back three things: the new centre, the new neighbour, the new negatives.")
    for name, new, old in zip(names, found, before, strict=True):
        same = isinstance(new, Tensor) and new.shape == old.shape
        require(same, f"The {name} came back with another shape: it was {tuple(old.shape)}.")
    leaves = centre, neighbour, negatives = [tensor.clone().requires_grad_() for tensor in before]
    (logsigmoid(neighbour @ centre) + logsigmoid(-negatives @ centre).sum()).backward()
    right = [rate * leaf.grad for leaf in leaves]  # from autograd: it gives no formula away
    steps = [new - old for new, old in zip(found, before, strict=True)]
    factors = {
        0: "Nothing moved: are the new vectors given back?",
        -1: "Every step has the wrong sign: it makes the real neighbour less likely. Step uphill.",
        1 / rate: "The directions are right and the steps too long: multiply by the rate.",
    }
    for factor, why in factors.items():
        wrong = (factor * step for step in right)
        require(not all(map(_near, steps, wrong)), why)
    for number, wrong, why in _mistakes(before, right, found[0], rate):
        require(not _near(steps[number], wrong), why)
    for name, step, wanted in zip(names, steps, right, strict=True):
        shown = [[round(x, 3) for x in s.flatten().tolist()] for s in (wanted, step)]
        why = f"should move by {shown[0]}, not by {shown[1]}"
        require(_near(step, wanted), f"With (1, −0.5), (0.5, 2) and rate 0.1 the {name} {why}.")
    return "real neighbours come closer, drawn ones move away, each by how wrong its score was."


def _near(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, atol=1e-9)


def _mistakes(
    before: Sequence[Tensor], right: Sequence[Tensor], new_centre: Tensor, rate: float
) -> list[tuple[int, Tensor, str]]:
    """Which of the three, the step that a known mistake gives it, and what to say."""
    centre, neighbour, negatives = before
    score = torch.sigmoid(neighbour @ centre)
    pull = rate * (1 - score) * neighbour
    attracted = rate * (1 - torch.sigmoid(negatives @ centre))[:, None] * centre
    in_turn = rate * (1 - score) * new_centre
    return [
        (0, pull, "The centre word hears only its real neighbour: the negatives push it, too."),
        (1, in_turn, "The neighbour uses the centre after its own step: first work out all steps."),
        (1, rate * score * centre, "The neighbour's factor is the error, 1 − σ(score)."),
        (2, attracted, "The negatives are treated like real neighbours: their error is −σ(score)."),
        (2, -right[2], "The negatives are pulled closer: their step has the wrong sign."),
    ]


@exercise(NOTEBOOK, "2.4")
def complete_analogy(answer: Callable[[Mapping[str, Tensor], str, str, str], str]) -> str:
    """``answer(vectors, a, b, c)``: the word nearest in direction to b − a + c, not one of them."""
    numbers = {
        "file": [1.0, 0.0, 0.0],
        "files": [1.0, 0.0, 0.2],
        "list": [0.0, 1.0, 0.0],
        "lists": [0.8, 4.0, 1.6],
        "set": [0.0, 1.0, -0.4],
        "row": [-0.25, 1.0, -0.05],
        "everything": [5.0, 5.0, 5.0],
        "nothing": [-1.0, -1.0, -1.0],
    }
    vectors = {word: torch.tensor(values) for word, values in numbers.items()}
    word = answer(vectors, "file", "files", "list")
    require(isinstance(word, str), f"Give back a word; it gave {word!r}.")
    asked = "It is one of the three words of the question: leave those out."
    mistakes = {
        **dict.fromkeys(("file", "files", "list"), asked),
        "nothing": "It points the other way: take the largest cosine, not the smallest.",
        "everything": "Its vector is long. Compare directions: divide by the lengths (cosine).",
        "set": "The step went backwards: from “file” to “files” is files − file, added to list.",
        "row": "It is near “list”. Is files − file added? Compare directions, not distances.",
    }
    require(word not in mistakes, f"It answers “{word}”. {mistakes.get(word)}")
    require(word == "lists", f"“files” is to “file” as “lists” is to “list”; it answers “{word}”.")
    numbers = {"big": [1.0, 0], "bigger": [1.0, 1], "small": [0.9, 0.1], "smaller": [0.5, 1]}
    near = {word: torch.tensor(values) for word, values in numbers.items()}
    word = answer(near, "big", "bigger", "small")
    why = f"To “big, bigger, small” it answers “{word}”: leave out all three words, not one."
    require(word == "smaller", why)
    return "the step from one word to the other, taken from a third, the question's words left out."
