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
