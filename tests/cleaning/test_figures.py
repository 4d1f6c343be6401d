"""The figures bear ordinary and empty input, and their sentence says what they show."""

import pytest

from course_lib.cleaning import figures
from course_lib.cleaning.duplicates import drop_exact, find_clusters
from course_lib.cleaning.steps import run_steps
from course_lib.workbook.corpus import Document

COPIES = {"copies": drop_exact}
TEN = [Document(str(number), f"text {number % 2}") for number in range(10)]


@pytest.mark.parametrize(
    ("figure", "sentence"),
    [
        (
            figures.funnel(run_steps(TEN, COPIES), "A funnel"),
            "10 documents 2 are left, with 20 % of the text; “copies” drops the most documents, 8.",
        ),
        (figures.funnel(run_steps([], COPIES), "A funnel"), "Of 0 documents 0 are left"),
        (figures.reasons({}, "Reasons"), "0 documents were dropped."),
        (
            figures.reasons({("a", "short"): 3, ("b", "copy"): 5}, "Reasons"),
            "8 documents were dropped; 5 of them by the rule “copy”.",
        ),
        (figures.common_lines({}, 0, "nothing"), "No line is long enough"),
        (figures.common_lines({"x $5 $6": 2, "y": 1}, 8, "toy"), "25.0 % of the 8"),
        (figures.lengths([0], "one empty document"), "Lengths run from"),
        (figures.rule_values({"blanks": []}, 0, 1, "Nothing", "share"), "0 of 0 with “blanks”."),
        (figures.s_curves({"one": (14, 8)}), "0.92 (one)"),
        (figures.shared_shingles(["a", "b"], ["b", "c"]), "1 shingles are in both texts, of 3"),
        (figures.candidate_similarities([0.5, 0.9], 0.8), "Of 2 pairs that met, 1 reach"),
        (figures.candidate_similarities([], 0.8), "No two different documents met in a bucket."),
        (figures.removed_fractions({"copies": 0.1, "lines": 0.2}), "lines removes most: 20.0%"),
        (figures.removed_fractions({"copies": 0.0}), "None of them removes anything here."),
        (figures.leaked_perplexities({"leaked": 10.2, "clean": 76}), "leaked: 10, clean: 76."),
    ],
)
def test_each_sentence(figure: figures.DescribedFigure, sentence: str) -> None:
    assert sentence in figure.sentence and figure.sentence.endswith(".")
    assert figure.png().startswith(b"\x89PNG")


def table(texts: list[str], number: int = 0) -> str:
    documents = [Document(f"d{row}", text) for row, text in enumerate(texts)]
    return repr(figures.cluster_table(documents, find_clusters(texts), number))


def test_the_largest_cluster_comes_first_and_differences_are_marked() -> None:
    base = [f"w{number}" for number in range(60)]
    texts = ["alone", " ".join(base), " ".join([*base[:-1], "other"]), *["twice"] * 6]
    assert "d3" in table(texts) and "and 1 more" in table(texts)
    second = table(texts, 1)
    assert "d1" in second and "[other]" in second and "0.96" in second
    assert figures.differences("a b c", "a x c") == "a [x] c"
    assert figures.differences("a b c", "a c") == "a [–] c"
    assert "no near duplicates" in table(["one", "two"], 5)
    assert "ann@" not in table(["write to ann@example.org about this"] * 2)


def test_long_lines_that_begin_alike_stay_apart() -> None:
    shown = figures.common_lines({"x" * 60 + "1": 2, "x" * 60 + "2": 1}, 8, "toy")
    assert len(shown.figure.axes[0].get_yticklabels()) == 2
