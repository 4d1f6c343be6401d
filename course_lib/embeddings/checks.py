"""The checks of the exercises in notebook 02."""

import math
from collections.abc import Callable, Mapping, Sequence

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
    require(
        all(len(pair) == 2 for pair in found),
        "Each entry is a pair: the centre word and one neighbour.",
    )
    require(
        not any(a == b for a, b in found),
        f"“{found[0][0]}” is listed as its own neighbour: leave out the place of the centre word itself.",
    )
    require(
        ("open", "read") not in found,
        "“open” got “read”, the last word: place −1 counts from the end in Python. Start no lower than 0.",
    )
    right = [(a, b) for a, b in zip(words, words[1:], strict=False)]
    left = [(b, a) for a, b in right]
    require(
        set(found) not in ({*right}, {*left}),
        "Only one side is there: look both ways, and mind that a range ends before its end.",
    )
    require(
        ("open", "file") not in found,
        "“file” is two words from “open” and the window is one: does the range run one too far?",
    )
    require(
        not set(right[-1:]) - set(found) or set(left + right) == set(found),
        "The last word is missing: a range ends before its end.",
    )
    require(
        sorted(found) == sorted(left + right),
        f"For window 1 there are 8 pairs, and these {len(found)}: {found}.",
    )
    wide = [tuple(pair) for pair in answer(words, 2)]
    require(
        len(wide) == 14, f"With window 2 the five words have 14 pairs, and there are {len(wide)}."
    )
    again = [tuple(pair) for pair in answer(["on", "and", "on", "and"], 2)]
    require(
        any(a == b for a, b in again),
        "In “on and on and” two places hold the same word, and both are neighbours: compare places, not words.",
    )
    require(
        len(again) == 10,
        f"“on and on and” has 10 pairs with window 2, equal ones included; there are {len(again)}.",
    )
    return "every word meets its neighbours on both sides, and nothing beyond the window or the sentence."


@exercise(NOTEBOOK, "2.2")
def negative_probabilities(answer: Callable[[Sequence[int]], Sequence[float]]) -> str:
    """``answer(counts)``: the chance of each word to be drawn as a negative, count to the power 0.75."""
    chances = [float(p) for p in answer([16, 1])]
    require(len(chances) == 2, f"Two words have two probabilities, and there are {len(chances)}.")
    total = sum(chances)
    require(
        math.isclose(total, 1, abs_tol=1e-6),
        f"They sum to {total:.3f}: divide by the sum of the powers, after raising, so that they sum to one.",
    )
    require(
        not math.isclose(chances[0], 16 / 17, abs_tol=1e-6),
        "These are the plain shares: raise to the power 0.75.",
    )
    require(
        not math.isclose(chances[0], 0.5, abs_tol=1e-6),
        "All words have the same chance: do the counts play a part?",
    )
    require(
        not math.isclose(chances[0], 4 / 5, abs_tol=1e-6),
        "That is the square root. The paper's power is 0.75, not 0.5.",
    )
    require(
        math.isclose(chances[0], 8 / 9, abs_tol=1e-6),
        f"16 to the power 0.75 is 8 and 1 stays 1, so the first has 8/9 = 0.889; it gives {chances[0]:.3f}.",
    )
    return "frequent words are drawn often, and rare ones more often than their share."


@exercise(NOTEBOOK, "2.3")
def update(answer: Callable[[Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor, Tensor]]) -> str:
    """``answer(centre, neighbour, negatives, rate)``: the three after one step uphill."""
    rate = 0.1
    centre = torch.tensor([1.0, -0.5], dtype=torch.float64)
    neighbour = torch.tensor([0.5, 2.0], dtype=torch.float64)
    negatives = torch.tensor([[1.0, 1.0], [-2.0, 0.5], [0.25, 0.0]], dtype=torch.float64)
    before = [tensor.clone() for tensor in (centre, neighbour, negatives)]
    expected = _one_step(*before, rate)
    found = answer(centre.clone(), neighbour.clone(), negatives.clone(), rate)
    require(
        isinstance(found, tuple | list) and len(found) == 3,
        "Give back three things: the new centre, the new neighbour, the new negatives.",
    )
    for name, value, old in zip(("centre", "neighbour", "negatives"), found, before, strict=True):
        require(
            isinstance(value, Tensor) and value.shape == old.shape,
            f"The {name} came back with another shape: it was {tuple(old.shape)}.",
        )
    new, target = list(found), expected
    moved = [value - old for value, old in zip(new, before, strict=True)]
    wanted = [value - old for value, old in zip(target, before, strict=True)]
    require(
        any(bool(step.abs().max() > 1e-12) for step in moved),
        "Nothing moved: are the new vectors given back?",
    )
    require(
        not all(torch.allclose(a, -b, atol=1e-9) for a, b in zip(moved, wanted, strict=True)),
        "Every step has the wrong sign: it makes the real neighbour less likely. Step uphill.",
    )
    require(
        not all(torch.allclose(a * rate, b, atol=1e-9) for a, b in zip(moved, wanted, strict=True)),
        "The directions are right and the steps too long: multiply by the rate.",
    )
    pull = rate * (1 - torch.sigmoid(neighbour @ centre)) * neighbour
    require(
        not torch.allclose(moved[0] - pull, (wanted[0] - pull) / len(negatives), atol=1e-9),
        "The centre hears the mean of its negatives: their pushes add up.",
    )
    require(
        not torch.allclose(
            moved[2],
            rate * (1 - torch.sigmoid(before[2] @ before[0]))[:, None] * before[0],
            atol=1e-9,
        ),
        "The negatives are treated like real neighbours. For them 0 would be right, so the error is 0 − σ(score).",
    )
    require(
        not torch.allclose(
            moved[0], rate * (1 - torch.sigmoid(neighbour @ centre)) * neighbour, atol=1e-9
        ),
        "The centre word hears only its real neighbour: the negatives push it, too.",
    )
    later = new[0]
    require(
        not torch.allclose(
            moved[1], rate * (1 - torch.sigmoid(before[1] @ before[0])) * later, atol=1e-9
        )
        or torch.allclose(moved[1], wanted[1], atol=1e-9),
        "The neighbour's step uses the centre word after its own step: work out all steps first, then take them.",
    )
    require(
        not torch.allclose(moved[2], -wanted[2], atol=1e-9),
        "The negatives are pulled closer: their step has the wrong sign.",
    )
    require(
        not torch.allclose(
            moved[1], rate * torch.sigmoid(before[1] @ before[0]) * before[0], atol=1e-9
        ),
        "The neighbour's step is the larger the better it fits already: the factor is 1 − σ(score), the error.",
    )
    for name, a, b in zip(("centre word", "neighbour", "negatives"), moved, wanted, strict=True):
        shown = [[round(number, 3) for number in step.flatten().tolist()] for step in (b, a)]
        require(
            torch.allclose(a, b, atol=1e-9),
            f"With centre (1, −0.5), neighbour (0.5, 2), rate 0.1 the {name} should move "
            f"by {shown[0]}, not by {shown[1]}.",
        )
    return "real neighbours come closer, drawn ones move away, each by how wrong its score was."


def _one_step(centre: Tensor, neighbour: Tensor, negatives: Tensor, rate: float) -> list[Tensor]:
    """The step from autograd, so that this file does not give the formula away."""
    leaves = [tensor.clone().requires_grad_() for tensor in (centre, neighbour, negatives)]
    likelihood = logsigmoid(leaves[1] @ leaves[0]) + logsigmoid(-leaves[2] @ leaves[0]).sum()
    likelihood.backward()
    return [(leaf + rate * leaf.grad).detach() for leaf in leaves]


@exercise(NOTEBOOK, "2.4")
def complete_analogy(answer: Callable[[Mapping[str, Tensor], str, str, str], str]) -> str:
    """``answer(vectors, a, b, c)``: the word nearest in direction to b − a + c, none of the three."""
    vectors = {
        "file": torch.tensor([1.0, 0.0, 0.0]),
        "files": torch.tensor([1.0, 0.0, 0.2]),
        "list": torch.tensor([0.0, 1.0, 0.0]),
        "lists": torch.tensor([0.8, 4.0, 1.6]),
        "set": torch.tensor([0.0, 1.0, -0.4]),
        "row": torch.tensor([-0.25, 1.0, -0.05]),
        "everything": torch.tensor([5.0, 5.0, 5.0]),
        "nothing": torch.tensor([-1.0, -1.0, -1.0]),
    }
    word = answer(vectors, "file", "files", "list")
    require(isinstance(word, str), f"Give back a word; it gave {word!r}.")
    require(
        word not in ("file", "files", "list"),
        f"It answers “{word}”, one of the three words of the question: leave those out.",
    )
    require(
        word != "nothing",
        "It answers “nothing”, which points the other way: take the largest cosine, not the smallest.",
    )
    require(
        word != "everything",
        "It answers “everything”, whose vector is long. Compare directions: divide by the lengths (cosine).",
    )
    require(
        word != "set",
        "It answers “set”: the step went backwards. From “file” to “files” is files − file, added to list.",
    )
    require(
        word != "row",
        "It answers “row”, which is near “list”. Is files − file added? Are directions compared, not distances?",
    )
    require(word == "lists", f"“files” is to “file” as “lists” is to “list”; it answers “{word}”.")
    near = {
        "big": torch.tensor([1.0, 0.0]),
        "bigger": torch.tensor([1.0, 1.0]),
        "small": torch.tensor([0.9, 0.1]),
        "smaller": torch.tensor([0.5, 1.0]),
    }
    word = answer(near, "big", "bigger", "small")
    require(
        word == "smaller",
        f"To “big, bigger, small” it answers “{word}”: leave out all three words, not one of them.",
    )
    return "the step from one word to the other, taken from a third, and the question's own words left out."
