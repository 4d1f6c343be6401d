"""The figures bear ordinary and empty input, and their sentence says what they show."""

from course_lib.cleaning import figures
from course_lib.cleaning.exact import drop_exact
from course_lib.cleaning.steps import run_steps
from course_lib.workbook.corpus import Document


def test_the_funnel_names_the_step_that_drops_most() -> None:
    run = run_steps([Document(str(i), f"text {i % 2}") for i in range(10)], {"copies": drop_exact})
    shown = figures.funnel(run, "A funnel")
    assert (
        shown.sentence
        == "Of 10 documents 2 are left, with 20 % of the text; “copies” drops the most documents, 8."
    )
    assert shown.png().startswith(b"\x89PNG")


def test_empty_input_is_drawn() -> None:
    run = run_steps([], {"copies": drop_exact})
    for shown in (
        figures.funnel(run, "A funnel"),
        figures.reasons({}, "Reasons"),
        figures.common_lines({}, 0, "nothing"),
        figures.lengths([0], "one empty document"),
        figures.rule_values({"blanks": []}, 0, 1, "Nothing", "share"),
    ):
        assert shown.png().startswith(b"\x89PNG") and shown.sentence.endswith(".")


def test_reasons_and_lines_count() -> None:
    shown = figures.reasons({("a", "short"): 3, ("b", "copy"): 5}, "Reasons")
    assert shown.sentence == "8 documents were dropped; 5 of them by the rule “copy”."
    assert "25.0 % of the 8" in figures.common_lines({"x $5 $6": 2, "y": 1}, 8, "toy").sentence
    assert figures.common_lines({"x $5 $6": 2}, 8, "toy").png()


def test_the_matrix_tells_the_largest_spread() -> None:
    shares = {"one": {"a": 0.5, "b": 0.6}, "two": {"a": 0.9, "b": 0.1}}
    assert "“two” keeps between 10 % and 90 %" in figures.kept_by_splitter(shares, "Kept").sentence
