"""The figures bear ordinary and empty input, and their sentence says what they show."""

import pytest

from course_lib.cleaning import figures
from course_lib.cleaning.downstream import Generation
from course_lib.cleaning.duplicates import find_clusters
from course_lib.workbook.corpus import Document

GAINS = {("new", "a"): [50.0, 33.4], ("new", "b"): [1.0, 1.0]}
MODELS = [Generation(n, 100.0 * (n + 1), 50 - n, 90, "the") for n in range(3)]


@pytest.mark.parametrize(
    ("figure", "sentence"),
    [
        (figures.s_curves({"one": (14, 8)}), "0.92 (one)"),
        (figures.improvements({"equal budget": GAINS, "rest": GAINS}, "T"), "to +41.7 % (new)"),
        (figures.chains({"replace": MODELS, "new real text": MODELS}), "replace 100 → 300"),
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
