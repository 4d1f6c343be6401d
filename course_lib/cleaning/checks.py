"""The checks of the exercises in notebook 04."""

from collections.abc import Callable, Sequence
from typing import Any

from course_lib.workbook.exercises import exercise, require

NOTEBOOK = "04_data_cleaning"


def _rounded(value: Any) -> Any:
    return tuple(map(_rounded, value)) if isinstance(value, tuple) else round(value, 6)


def _rule_out(value: Any, *mistakes: tuple) -> None:
    """Each of ``mistakes``: what a typical mistake gives (one value or more), and its diagnosis."""
    for *wrong, diagnosis in mistakes:
        require(_rounded(value) not in map(_rounded, wrong), diagnosis)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _or_none(call: Callable[[], Any]) -> Any:
    """The result; None where it divides by zero."""
    try:
        return call()
    except ZeroDivisionError:
        return None


@exercise(NOTEBOOK, "4.1")
def repeated_share(answer: Callable[[str], float]) -> str:
    """``answer(text)``: lines that stood before, as a share of all with text; 0 without lines."""
    share = answer("la la la\nthe river\n\nla la la\n\nthe sea\nla la la")
    require(
        _is_number(share),
        f"It gave {share!r}. Give the share as a number: whether it is too much is decided later.",
    )
    first = "The first “la la la” is counted, too. It is new when it comes: only what stood before "
    _rule_out(
        share,
        (2, "2 lines stood before: that is the count. Divide by the number of lines."),
        (40, "40 is a percentage, and the published limits are shares: 0.3, not 30."),
        (3 / 5, 5 / 7, first + "is a repeat."),
        (3 / 7, 2 / 7, "Blank lines take part. Leave them out above and below the line."),
        (2 / 3, "Divide by all lines with text, not by the different ones."),
        (1 / 5, 1 / 3, "“la la la” repeats twice, and is counted once: every later copy counts."),
    )
    require(
        _rounded(share) == 0.4,
        f"Five lines have text, two of them stood before; your share is {share:.3f}.",
    )
    require(
        _rounded(answer("the sea  \n  the sea")) == 0.5,
        "“the sea” with blanks around it is the same line: take them off before you compare.",
    )
    require(
        _or_none(lambda: answer("\n \n")) == 0,
        "A text of blank lines only: nothing repeats there, so the share is 0, not an error.",
    )
    return "that is Gopher's first rule; its authors drop a text whose share is above 0.3."


@exercise(NOTEBOOK, "4.2")
def jaccard(answer: Callable[[str, str], float]) -> str:
    """``answer(first, second)``: shared three-word shingles / all; lower case; 0 without any."""
    first, second = "the cat sat on the mat today", "The cat sat on the mat yesterday evening"
    alike = answer("one two three", "one two three")
    require(_is_number(alike), f"It gave {alike!r}. A share is a number.")
    require(alike != 0, "Two equal texts of three words gave 0: is the last one lost?")
    require(
        alike == 1,
        f"Two equal texts should give 1, not {alike:g}: shared shingles stand in both sets.",
    )
    share = answer(first, second)
    a, b = ({text[i : i + 3] for i in range(len(text) - 2)} for text in (first, second))
    _rule_out(
        share,
        (3 / 8, "“The cat sat” and “the cat sat” are the same shingle: lower case first."),
        (5 / 8, "5/8 is what words, or pairs of words, give: a shingle has three."),
        (len(a & b) / len(a | b), "These have three letters: cut the text into words first."),
        (4 / 11, 8 / 11, "The shared shingles are counted twice there: take the union."),
        (4 / 5, 4 / 6, "Divide by all shingles of both texts, not by those of one."),
    )
    require(
        _rounded(share) == _rounded(4 / 7),
        f"4 shingles of 7 are shared, which is 0.571; it gave {share:.3f}.",
    )
    require(
        _rounded(answer("la la la la la", "la la la")) == 1,
        "“la la la” stands three times in the first text, and still is one shingle: use sets.",
    )
    require(
        _or_none(lambda: answer("one two", "one")) == 0,
        "Texts of one or two words have no shingle: give back 0, not an error.",
    )
    return "one number from 0 to 1, and one changed word costs up to three shingles."


@exercise(NOTEBOOK, "4.3")
def precision_recall(answer: Callable[[set[int], set[int]], tuple[float, float]]) -> str:
    """``answer(flagged, faulty)``: sets → (precision, recall); 1.0 for nothing to divide."""
    pair = answer({2, 5, 7, 9}, {5, 7, 8, 9, 11, 12})
    require(
        isinstance(pair, tuple) and len(pair) == 2,
        f"It gave {pair!r}. Give two numbers back: return precision, recall.",
    )
    _rule_out(
        pair,
        ((1 / 2, 3 / 4), "The two have changed places. Precision asks about the flagged lines."),
        ((3, 3), "3 lines are in both sets: that is the count. Each share divides it."),
        ((75, 50), "These are percentages: give shares between 0 and 1."),
    )
    for share in pair:
        _rule_out(
            share,
            (3 / 7, "One divides by all lines in either set, as Jaccard: divide by one set only."),
            (4 / 6, "One divides the sizes of the sets. Only lines in both count above the line."),
        )
    require(
        _rounded(pair) == (0.75, 0.5),
        f"Of 4 flagged lines 3 are faulty, of 6 faulty lines 3 are flagged; you have {pair}.",
    )
    empty = [_or_none(lambda s=some: answer(*s)) for some in ((set(), {1}), ({1}, set()))]
    for name, given, expected in zip(("flagged", "faulty"), empty, ((1, 0), (0, 1)), strict=True):
        require(
            given == expected,
            f"Where no line is {name}, one share has nothing to divide by and is 1.0; the other "
            f"is 0, for there a line is wrong. You have {given}.",
        )
    return "precision is what you lose in good lines, recall what stays in as dirt."


@exercise(NOTEBOOK, "4.4")
def ask_next(answer: Callable[[Sequence[float], int], list[int]]) -> str:
    """``answer(probs, count)``: rows of the ``count`` nearest to one half, the nearest first."""
    rows = answer([0.98, 0.35, 0.56, 0.03, 0.48, 0.71], 3)
    require(
        isinstance(rows, list | tuple) and len(rows) == 3,
        f"Give a list of 3 rows back; it gave {rows!r}.",
    )
    require(
        not any(isinstance(row, float) for row in rows),
        "These are probabilities. The reader has to find the documents: give rows, from 0.",
    )
    _rule_out(
        tuple(rows),
        ((3, 1, 4), "These are the smallest: junk, and the model is sure. Where is it unsure?"),
        ((0, 5, 2), "These are the largest: the model is sure to keep them. Where is it unsure?"),
        ((0, 3, 5), "These are the answers that it is surest of. Turn the order round."),
        ((4, 1, 3), "Only those below one half: distance has no sign, take the absolute value."),
    )
    require(
        sorted(rows) != [1, 2, 4] or list(rows) == [4, 2, 1],
        f"The right three, in the order {rows}. The closest to one half comes first.",
    )
    require(
        list(rows) == [4, 2, 1],
        f"0.48, 0.56 and 0.35 are closest to one half: rows 4, 2 and 1; you have {rows}.",
    )
    require(len(answer([0.2], 3)) == 1, "Where fewer documents are left, give those there are.")
    return "the model asks where an answer tells it most."


@exercise(NOTEBOOK, "4.5")
def take(answer: Callable[[list[list[int]], int, int], list[list[int]]]) -> str:
    """``answer(documents, budget, seed)``: documents in random order, ``budget`` tokens in all."""
    documents = [[number] * size for number, size in enumerate((5, 9, 3, 7, 6, 8, 4, 2, 9, 7))]
    before = [list(document) for document in documents]
    taken = list(answer(documents, 30, 0))
    require(
        all(isinstance(document, list | tuple) for document in taken),
        "Give back a list of documents, each a list of tokens: yours is one flat list.",
    )
    require(documents == before, "The list that was given has changed: shuffle a copy of it.")
    size = sum(map(len, taken))
    require(size != 60, "All 60 tokens were taken: stop when the budget of 30 is reached.")
    require(size <= 30, f"It took {size} of 30 tokens: cut the document that goes over it.")
    require(size == 30, f"It took {size} of 30 tokens: the last may be cut, so that all is used.")
    require([] not in map(list, taken), "There is an empty document at the end: stop before it.")
    firsts = [[document[0] for document in answer(documents, 30, seed)] for seed in range(4)]
    alike = len(set(map(tuple, firsts))) == 1
    require(
        not (alike and firsts[0] == sorted(firsts[0])),
        "It always takes the first documents: a corpus is sorted, and that is no fair sample.",
    )
    require(not alike, "Four seeds chose the same documents: does `seed` reach the shuffling?")
    require(
        [document[0] for document in answer(documents, 30, 0)] == firsts[0],
        "The same seed chose other documents: use `random.Random(seed)`, so that it repeats.",
    )
    return (
        "every version now gives as many tokens, chosen by chance, and a seed repeats the choice."
    )
