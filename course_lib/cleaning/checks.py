"""The checks of the exercises in notebooks 04 and 04b."""

from collections.abc import Callable, Sequence
from typing import Any

from course_lib.workbook.exercises import exercise, require

NOTEBOOK, TEXT = "04_data_cleaning", "04b_from_text_to_training_data"


def _rounded(value: Any) -> Any:
    return tuple(map(_rounded, value)) if isinstance(value, tuple) else round(value, 6)


def _rule_out(value: Any, mistakes: dict[Any, str]) -> None:
    """``mistakes``: what a typical mistake gives, and its diagnosis."""
    for wrong, diagnosis in mistakes.items():
        require(_rounded(value) != _rounded(wrong), diagnosis)


def _or_none(call: Callable[..., Any], *arguments: Any) -> Any:
    """The result; None where it divides by zero."""
    try:
        return call(*arguments)
    except ZeroDivisionError:
        return None


@exercise(NOTEBOOK, "4.1")
def jaccard(answer: Callable[[str, str], float]) -> str:
    """``answer(first, second)``: shared three-word shingles / all; lower case; 0 without any."""
    first, second = "the cat sat on the mat today", "The cat sat on the mat yesterday evening"
    alike, share = answer("one two three", "one two three"), answer(first, second)
    require(isinstance(alike, int | float), f"It gave {alike!r}. A share is a number.")
    require(alike != 0, "Two equal texts of three words gave 0: is the last one lost?")
    twice = "a shared shingle is in both sets."
    require(alike == 1, f"Two equal texts should give 1, not {alike:g}: {twice}")
    a, b = ({text[i : i + 3] for i in range(len(text) - 2)} for text in (first, second))
    mistakes = {
        3 / 8: "“The cat sat” and “the cat sat” are the same shingle: lower case first.",
        5 / 8: "5/8 is what words, or pairs of words, give: a shingle has three.",
        len(a & b) / len(a | b): "These have three letters: cut the text into words first.",
        8 / 11: "The shared shingles are counted twice there: take the union.",
        4 / 5: "Divide by all shingles of both texts, not by those of one.",
    }
    _rule_out(share, mistakes)
    right = f"4 shingles of 7 are shared, which is 0.571; it gave {share:.3f}."
    require(_rounded(share) == _rounded(4 / 7), right)
    often = "“la la la” comes three times in the first text, and still is one shingle: use sets."
    require(_rounded(answer("la la la la la", "la la la")) == 1, often)
    nothing = "Texts of one or two words have no shingle: give back 0, not an error."
    require(_or_none(answer, "one two", "one") == 0, nothing)
    return "one number from 0 to 1, and one changed word costs up to three shingles."


@exercise(NOTEBOOK, "4.2")
def precision_recall(answer: Callable[[set[int], set[int]], tuple[float, float]]) -> str:
    """``answer(flagged, faulty)``: sets → (precision, recall); 1.0 for nothing to divide."""
    pair = answer({2, 5, 7, 9}, {5, 7, 8, 9, 11, 12})
    two = isinstance(pair, tuple) and len(pair) == 2
    require(two, f"It gave {pair!r}. Give two numbers back: return precision, recall.")
    mistakes = {
        (1 / 2, 3 / 4): "The two have changed places. Precision asks about the flagged lines.",
        (3, 3): "3 lines are in both sets: that is the count. Each share divides it.",
        (75, 50): "These are percentages: give shares between 0 and 1.",
    }
    _rule_out(pair, mistakes)
    for share in pair:
        either = "One divides by all lines in either set, as Jaccard: divide by one set only."
        sizes = "One divides the sizes of the sets. Only lines in both count above the line."
        _rule_out(share, {3 / 7: either, 4 / 6: sizes})
    right = f"Of 4 flagged lines 3 are faulty, of 6 faulty lines 3 are flagged; you have {pair}."
    require(_rounded(pair) == (0.75, 0.5), right)
    for name, sets, expected in (
        ("flagged", (set(), {1}), (1, 0)),
        ("faulty", ({1}, set()), (0, 1)),
    ):
        given = _or_none(answer, *sets)
        nothing = f"Where no line is {name}, the share without anything to divide by is 1.0, and "
        require(given == expected, f"{nothing}the other one 0.0. You have {given}.")
    return "low precision costs good lines, low recall leaves dirt."


@exercise(NOTEBOOK, "4.3")
def take(answer: Callable[[list[list[int]], int, int], list[list[int]]]) -> str:
    """``answer(documents, budget, seed)``: documents in random order, ``budget`` tokens in all."""
    documents = [[number] * size for number, size in enumerate((5, 9, 3, 7, 6, 8, 4, 2, 9, 7))]
    before = [list(document) for document in documents]
    taken = list(answer(documents, 30, 0))
    flat = "Give back a list of documents, each a list of tokens: yours is one flat list."
    require(all(isinstance(document, list | tuple) for document in taken), flat)
    require(documents == before, "The list that was given has changed: shuffle a copy of it.")
    size = sum(map(len, taken))
    require(size != 60, "All 60 tokens were taken: stop when the budget of 30 is reached.")
    require(size <= 30, f"It took {size} of 30 tokens: cut the document that goes over it.")
    require(size == 30, f"It took {size} of 30 tokens: the last may be cut, so that all is used.")
    require([] not in map(list, taken), "There is an empty document at the end: stop before it.")
    firsts, again = (
        [[document[0] for document in answer(documents, 30, seed)] for seed in range(4)]
        for _ in range(2)
    )
    alike = all(first == firsts[0] for first in firsts)
    in_order = (
        "It always takes the first documents: a corpus is sorted, and that is no fair sample."
    )
    require(not (alike and firsts[0] == sorted(firsts[0])), in_order)
    require(not alike, "Four seeds chose the same documents: does `seed` reach the shuffling?")
    other = "The same seed chose other documents: use `random.Random(seed)`, so that it repeats."
    require(firsts == again, other)
    return "every version gives as many tokens, chosen by chance, and a seed repeats the choice."


@exercise(TEXT, "4b.1")
def ask_next(answer: Callable[[Sequence[float], int], list[int]]) -> str:
    """``answer(probs, count)``: rows of the ``count`` nearest to one half, the nearest first."""
    rows = answer([0.98, 0.35, 0.56, 0.03, 0.48, 0.71], 3)
    three = isinstance(rows, list | tuple) and len(rows) == 3
    require(three, f"Give a list of 3 rows back; it gave {rows!r}.")
    some = "These are probabilities. The reader has to find the documents: give rows, from 0."
    require(not any(isinstance(row, float) for row in rows), some)
    mistakes = {
        (3, 1, 4): "These are the smallest: junk, and the model is sure. Where is it unsure?",
        (0, 5, 2): "These are the largest: the model is sure to keep them. Where is it unsure?",
        (0, 3, 5): "These are the answers that it is surest of. Turn the order round.",
        (4, 1, 3): "Only those below one half: distance has no sign, take the absolute value.",
    }
    _rule_out(tuple(rows), mistakes)
    order = f"The right three, in the order {rows}. The closest to one half comes first."
    require(sorted(rows) != [1, 2, 4] or list(rows) == [4, 2, 1], order)
    right = f"0.48, 0.56 and 0.35 are closest to one half: rows 4, 2 and 1; you have {rows}."
    require(list(rows) == [4, 2, 1], right)
    require(len(answer([0.2], 3)) == 1, "Where fewer documents are left, give those there are.")
    return "the model asks where an answer tells it most."


@exercise(TEXT, "4b.2")
def luhn(answer: Callable[[str], bool]) -> str:
    """``answer(digits)``: every second digit from the right doubled, the sum ends in 0."""
    verdict = answer("26")
    require(isinstance(verdict, bool), f"It gave {verdict!r}: a card or not, True or False.")
    last = "26: the 6 stays, the 2 becomes 4, the sum is 10. Is the last digit doubled in yours?"
    require(verdict, last)
    nine = "59: the 5 becomes 10, which is above 9 and loses 9: 1 + 9 ends in 0."
    require(answer("59"), nine)
    left = "125: from the right 5, 2 · 2 and 1 make 10. Do you count the places from the left?"
    require(answer("125"), left)
    require(not answer("27"), "27 makes 11: only a sum that ends in 0 passes.")
    return "nine of ten random numbers fail it, so the search takes far less by mistake."
