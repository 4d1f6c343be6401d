"""The checks of the exercises in notebook 04."""

from collections.abc import Callable, Sequence

from course_lib.workbook.exercises import exercise, require

NOTEBOOK = "04_data_cleaning"


@exercise(NOTEBOOK, "4.1")
def repeated_share(answer: Callable[[str], float]) -> str:
    """``answer(text)``: lines that stood before, as a share of all lines that are not blank; 0 without lines."""
    song = "la la la\nthe river\n\nla la la\n\nthe sea\nla la la"
    share = answer(song)
    require(
        isinstance(share, (int, float)) and not isinstance(share, bool),
        f"It gave {share!r}. Give the share back as a number: whether that is too much is decided later.",
    )

    def near(value: float) -> bool:
        return abs(share - value) < 1e-6

    require(not near(2), "2 lines stood before: that is the count. Divide by the number of lines.")
    require(not near(40), "40 is a percentage, and the published limits are shares: 0.3, not 30.")
    require(
        not near(3 / 5) and not near(5 / 7),
        "The first “la la la” is counted, too. It is new when it comes: only what stood before is a repeat.",
    )
    require(
        not near(3 / 7) and not near(2 / 7),
        "Blank lines take part. They say nothing, so leave them out above and below the line of the fraction.",
    )
    require(not near(2 / 3), "Divide by all lines with text, not by the different ones.")
    require(
        not near(1 / 5) and not near(1 / 3),
        "“la la la” repeats twice, and only one repeat is counted: every later copy counts.",
    )
    require(
        near(2 / 5), f"Five lines have text, two of them stood before; your share is {share:.3f}."
    )
    require(
        abs(answer("the sea  \n  the sea") - 0.5) < 1e-6,
        "“the sea” with blanks around it is the same line: take them off before you compare.",
    )
    try:
        empty = answer("\n \n")
    except ZeroDivisionError:
        empty = None
    require(
        empty == 0,
        "A text of blank lines only: nothing repeats there, so the share is 0, not an error.",
    )
    return "that is Gopher's first rule; its authors drop a text whose share is above 0.3."


@exercise(NOTEBOOK, "4.2")
def jaccard(answer: Callable[[str, str], float]) -> str:
    """``answer(first, second)``: shared three-word shingles / all of them, words in lower case; 0 if there are none."""
    first, second = "the cat sat on the mat today", "The cat sat on the mat yesterday evening"
    alike = answer("one two three", "one two three")
    require(
        isinstance(alike, (int, float)) and not isinstance(alike, bool),
        f"It gave {alike!r}. A share is a number.",
    )
    require(
        alike != 0,
        "Two equal texts of three words have one shingle in common, and it gave 0: is the last one lost?",
    )
    require(
        alike == 1,
        f"Two equal texts should give 1, and they give {alike:g}: shared shingles stand in both sets.",
    )
    share = answer(first, second)

    def near(value: float) -> bool:
        return abs(share - value) < 1e-6

    letters = (
        {first[i : i + 3] for i in range(len(first) - 2)},
        {second[i : i + 3] for i in range(len(second) - 2)},
    )
    require(
        not near(3 / 8),
        "“The cat sat” and “the cat sat” should be the same shingle: lower case first.",
    )
    require(
        not near(5 / 8), "5/8 is what single words, or pairs of words, give: a shingle has three."
    )
    require(
        not near(len(letters[0] & letters[1]) / len(letters[0] | letters[1])),
        "These shingles are made of three letters: cut the text into words first.",
    )
    require(
        not near(4 / 11) and not near(8 / 11),
        "Five and six shingles are eleven, but the four shared ones are counted twice there: take the union.",
    )
    require(
        not near(4 / 5) and not near(4 / 6),
        "Divide by all different shingles of both texts, not by those of one.",
    )
    require(near(4 / 7), f"4 shingles of 7 are shared, which is 0.571; it gave {share:.3f}.")
    require(
        abs(answer("la la la la la", "la la la") - 1) < 1e-6,
        "“la la la” stands three times in the first text, and still is one shingle: use sets.",
    )
    try:
        empty = answer("one two", "one")
    except ZeroDivisionError:
        empty = None
    require(empty == 0, "Texts of one or two words have no shingle: give back 0, not an error.")
    return "one number from 0 to 1, and one changed word costs up to three shingles."


@exercise(NOTEBOOK, "4.3")
def precision_recall(answer: Callable[[set[int], set[int]], tuple[float, float]]) -> str:
    """``answer(flagged, faulty)``: sets of line numbers → (precision, recall); 1.0 where there is nothing to divide."""
    flagged, faulty = {2, 5, 7, 9}, {5, 7, 8, 9, 11, 12}
    found = answer(set(flagged), set(faulty))
    require(
        isinstance(found, tuple) and len(found) == 2,
        f"It gave {found!r}. Give two numbers back: return precision, recall.",
    )
    precision, recall = found

    def near(one: float, two: float) -> bool:
        return abs(precision - one) < 1e-6 and abs(recall - two) < 1e-6

    require(
        not near(1 / 2, 3 / 4),
        "The two have changed places. Precision asks about the lines that were flagged, recall about the faulty ones.",
    )
    require(
        not near(3, 3),
        "3 lines are in both sets: that is the count. Each share divides it by another number.",
    )
    require(not near(75, 50), "These are percentages: give shares between 0 and 1.")
    require(
        abs(precision - 3 / 7) > 1e-6 and abs(recall - 3 / 7) > 1e-6,
        "One of them divides by all lines in either set. That is the Jaccard similarity: divide by one set only.",
    )
    require(
        abs(precision - 4 / 6) > 1e-6 and abs(recall - 4 / 6) > 1e-6,
        "One of them divides the sizes of the sets. Only lines that are in both count above the line of the fraction.",
    )
    require(
        near(3 / 4, 1 / 2),
        f"Of 4 flagged lines 3 are faulty, of 6 faulty lines 3 are flagged; you have {found}.",
    )
    for some, name in (((set(), {1}), "no line is flagged"), (({1}, set()), "no line is faulty")):
        try:
            first, second = answer(*some)
        except ZeroDivisionError:
            first = second = None
        require(
            (first, second) == ((1, 0) if name.endswith("flagged") else (0, 1)),
            f"Where {name}, one share has nothing to divide by and is 1.0; the other one is 0, for there a line is "
            f"wrong. You have {(first, second)}.",
        )
    return "precision is what you lose in good lines, recall what stays in as dirt."


@exercise(NOTEBOOK, "4.4")
def ask_next(answer: Callable[[Sequence[float], int], list[int]]) -> str:
    """``answer(chances, count)``: rows of the ``count`` chances closest to one half, the closest first."""
    chances = [0.98, 0.35, 0.56, 0.03, 0.48, 0.71]
    found = answer(list(chances), 3)
    require(
        isinstance(found, (list, tuple)) and len(found) == 3,
        f"Give a list of 3 rows back; it gave {found!r}.",
    )
    rows = list(found)
    require(
        not any(isinstance(row, float) for row in rows),
        "These are chances. The reader has to find the documents: give their rows (0 is the first).",
    )
    require(
        rows != [3, 1, 4],
        "These are the smallest chances: junk, and the model is sure of it. Where is it unsure?",
    )
    require(
        rows != [0, 5, 2],
        "These are the largest chances: the model is sure to keep them. Where is it unsure?",
    )
    require(rows != [0, 3, 5], "These are the answers that it is surest of. Turn the order round.")
    require(
        rows != [4, 1, 3],
        "Only chances below one half are there: distance has no sign, so take the absolute value.",
    )
    require(
        sorted(rows) != [1, 2, 4] or rows == [4, 2, 1],
        f"The right three, in the order {rows}. The closest to one half comes first: a reader may stop early.",
    )
    require(
        rows == [4, 2, 1],
        f"0.48, 0.56 and 0.35 are closest to one half: rows 4, 2 and 1; you have {rows}.",
    )
    require(
        len(answer([0.2], 3)) == 1,
        "Where fewer documents are left than asked for, give those that there are.",
    )
    return "the model asks where an answer tells it most."


@exercise(NOTEBOOK, "4.5")
def take(answer: Callable[[list[list[int]], int, int], list[list[int]]]) -> str:
    """``answer(documents, budget, seed)``: documents in random order that hold ``budget`` tokens in all."""
    documents = [[number] * size for number, size in enumerate((5, 9, 3, 7, 6, 8, 4, 2, 9, 7))]
    before = [list(document) for document in documents]
    given = list(answer(documents, 30, 0))
    require(
        all(isinstance(document, (list, tuple)) for document in given),
        "Give back a list of documents, each a list of tokens: yours is one flat list.",
    )
    taken = [list(document) for document in given]
    require(
        documents == before,
        "The list that was given has changed: shuffle a copy, others still need the original.",
    )
    size = sum(map(len, taken))
    require(size != 60, "All 60 tokens were taken: stop when the budget of 30 is reached.")
    require(
        size <= 30, f"It took {size} tokens of a budget of 30: cut the document that goes over it."
    )
    require(
        size == 30,
        f"It took {size} tokens of a budget of 30: the last document may be cut, so that all is used.",
    )
    require(
        [] not in taken,
        "There is an empty document at the end: stop when nothing is left of the budget.",
    )
    firsts = [[document[0] for document in answer(documents, 30, seed)] for seed in range(4)]
    require(
        firsts[0] != list(range(len(firsts[0]))) or len(set(map(tuple, firsts))) > 1,
        "It always takes the first documents: a corpus is sorted, and its beginning is no fair sample.",
    )
    require(
        len(set(map(tuple, firsts))) > 1,
        "Four seeds chose the same documents: does `seed` reach the shuffling?",
    )
    again = [document[0] for document in answer(documents, 30, 0)]
    require(
        again == firsts[0],
        "The same seed chose other documents: use `random.Random(seed)`, so that it repeats.",
    )
    return "every version now gives the same number of tokens, chosen by chance, and a seed repeats the choice."
