"""The checks of the exercises in notebook 04."""

from collections.abc import Callable

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
    require(near(2 / 5), f"Five lines have text, two of them stood before; your share is {share:.3f}.")
    require(
        abs(answer("the sea  \n  the sea") - 0.5) < 1e-6,
        "“the sea” with blanks around it is the same line: take them off before you compare.",
    )
    try:
        empty = answer("\n \n")
    except ZeroDivisionError:
        empty = None
    require(empty == 0, "A text of blank lines only: nothing repeats there, so the share is 0, not an error.")
    return "that is Gopher's first rule; its authors drop a text whose share is above 0.3."


@exercise(NOTEBOOK, "4.2")
def jaccard(answer: Callable[[str, str], float]) -> str:
    """``answer(first, second)``: shared three-word shingles / all of them, words in lower case; 0 if there are none."""
    first, second = "the cat sat on the mat today", "The cat sat on the mat yesterday evening"
    alike = answer("one two three", "one two three")
    require(isinstance(alike, (int, float)) and not isinstance(alike, bool), f"It gave {alike!r}. A share is a number.")
    require(
        alike != 0, "Two equal texts of three words have one shingle in common, and it gave 0: is the last one lost?"
    )
    require(alike == 1, f"Two equal texts should give 1, and they give {alike:g}: shared shingles stand in both sets.")
    share = answer(first, second)

    def near(value: float) -> bool:
        return abs(share - value) < 1e-6

    letters = {first[i : i + 3] for i in range(len(first) - 2)}, {second[i : i + 3] for i in range(len(second) - 2)}
    require(not near(3 / 8), "“The cat sat” and “the cat sat” should be the same shingle: lower case first.")
    require(not near(5 / 8), "5/8 is what single words, or pairs of words, give: a shingle has three.")
    require(
        not near(len(letters[0] & letters[1]) / len(letters[0] | letters[1])),
        "These shingles are made of three letters: cut the text into words first.",
    )
    require(
        not near(4 / 11) and not near(8 / 11),
        "Five and six shingles are eleven, but the four shared ones are counted twice there: take the union.",
    )
    require(not near(4 / 5) and not near(4 / 6), "Divide by all different shingles of both texts, not by those of one.")
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
