"""Figures and tables about duplicates say what they show, also when there is nothing to show."""

import pytest

from course_lib.cleaning import figures_duplicates as drawn
from course_lib.cleaning.near import find_clusters
from course_lib.cleaning.personal_truth import labelled_set, measure
from course_lib.workbook.corpus import Document


def clusters_of(documents: list[Document]):  # noqa: ANN201
    return find_clusters([document.text for document in documents])


def test_the_largest_cluster_comes_first_and_differences_are_marked() -> None:
    base = [f"w{number}" for number in range(60)]
    texts = [
        "alone",
        " ".join(base),
        " ".join([*base[:-1], "other"]),
        "twice",
        "twice",
        "twice",
        "twice",
        "twice",
        "twice",
    ]
    documents = [Document(f"d{row}", text) for row, text in enumerate(texts)]
    first = repr(drawn.cluster_table(documents, clusters_of(documents), 0))
    assert "d3" in first and "and 1 more" in first
    second = repr(drawn.cluster_table(documents, clusters_of(documents), 1))
    assert "d1" in second and "[other]" in second and "0.96" in second
    assert drawn.differences("a b c", "a x c") == "a [x] c"
    assert drawn.differences("a b c", "a c") == "a [–] c"


def test_addresses_are_masked_in_tables() -> None:
    documents = [Document(name, "write to ann@example.org about this") for name in "ab"]
    assert "ann@" not in repr(drawn.cluster_table(documents, clusters_of(documents), 0))


def test_nothing_to_show() -> None:
    documents = [Document("a", "one"), Document("b", "two")]
    assert "no near duplicates" in repr(drawn.cluster_table(documents, clusters_of(documents), 5))
    assert (
        drawn.candidate_similarities([], 0.8).sentence
        == "No two different documents met in a bucket."
    )
    assert drawn.removed_shares({"copies": 0.0}).sentence == "None of them removes anything here."


@pytest.mark.parametrize(
    ("figure", "told"),
    [
        (drawn.s_curves({"one": (14, 8)}), "0.92 (one)"),
        (
            drawn.shared_shingles(["a", "b"], ["b", "c"]),
            "1 shingles are in both texts, of 3 in all.",
        ),
        (drawn.candidate_similarities([0.5, 0.9], 0.8), "Of 2 pairs that met, 1 reach"),
        (drawn.removed_shares({"copies": 0.1, "lines": 0.2}), "lines removes most: 20.0%"),
        (drawn.leaked_perplexities({"leaked": 10.2, "clean": 76}), "leaked: 10, clean: 76."),
        (drawn.precision_and_recall(measure(labelled_set())), "precision of"),
    ],
)
def test_each_sentence(figure: drawn.DescribedFigure, told: str) -> None:
    assert told in figure.sentence
    assert figure.png().startswith(b"\x89PNG")
