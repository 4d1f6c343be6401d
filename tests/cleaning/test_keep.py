"""What decides about a document: a pile with known truth, perplexity, a classifier, labels."""

import json
from pathlib import Path

import numpy as np
import pytest

from course_lib.cleaning.classifier import (
    KeepClassifier,
    learning_curve,
    most_uncertain,
    word_features,
)
from course_lib.cleaning.labels import Asker, LabelBook, ask, noisy, prose_share, simulated_labels
from course_lib.cleaning.steps import RemovalLog
from course_lib.cleaning.perplexity_filter import PerplexityFilter
from course_lib.cleaning.spoilt import SPOILERS, Judged, make_pile
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document, load_corpus


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return [*load_corpus("handbook"), *load_corpus("songbook")]


def halves(pile: list[Judged]) -> tuple[list[Judged], list[Judged]]:
    return pile[: len(pile) // 2], pile[len(pile) // 2 :]


def texts(pile: list[Judged]) -> list[str]:
    return [judged.document.text for judged in pile]


def test_half_of_the_pile_is_good_and_all_junk_occurs(documents: list[Document]) -> None:
    pile = make_pile(documents, 3)
    assert {judged.document.id for judged in pile} == {document.id for document in documents}
    assert abs(sum(judged.keep for judged in pile) - len(pile) / 2) <= 1
    assert {judged.kind for judged in pile} == {"good", *SPOILERS}
    assert pile == make_pile(documents, 3) != make_pile(documents, 4)


@pytest.mark.parametrize("text", ["", "one", "只有中文，没有空格。", "3 5 7", "\x00", "!!!"])
def test_any_text_can_be_spoilt(text: str) -> None:
    pile = make_pile([Document(str(n), text) for n in range(14)])
    assert all(judged.document.text.strip() for judged in pile if not judged.keep)
    with pytest.raises(CourseError, match="at least two"):
        make_pile([Document("a", text)])


@pytest.mark.parametrize("seed", range(5))
def test_each_way_has_its_blind_spot(seed: int, documents: list[Document]) -> None:
    """Perplexity sees that words are out of order, and words alone cannot; lists of words fool perplexity."""
    learn, test = halves(make_pile(documents, seed))
    perplexity = PerplexityFilter([judged.document.text for judged in learn if judged.keep])
    kept = {document.id for document in perplexity.step()([j.document for j in test], RemovalLog())}
    passed = {
        kind: np.mean([j.document.id in kept for j in test if j.kind == kind])
        for kind in ("good", *SPOILERS)
    }
    assert passed["good"] > 0.6 and passed["word salad"] < 0.2 and passed["keywords"] > 0.5
    chances = KeepClassifier().fit(texts(learn), [j.keep for j in learn]).chance(texts(test))
    right = {
        kind: np.mean([c >= 0.5 for c, j in zip(chances, test, strict=True) if j.kind == kind])
        for kind in passed
    }
    assert (
        right["good"] > 0.9
        and right["numbers"] == 0
        and right["keywords"] == 0
        and right["word salad"] > 0.5
    )


def test_the_line_of_a_perplexity_filter(documents: list[Document]) -> None:
    reference = [document.text for document in documents]
    loose, tight = PerplexityFilter(reference, keep=0.99), PerplexityFilter(reference, keep=0.5)
    assert tight.line < loose.line and tight.perplexity("zebra quilt ox") > tight.perplexity(
        "in the morning"
    )
    log = RemovalLog()
    assert list(tight.step()([Document("a", ""), Document("b", "zebra quilt ox")], log)) == []
    assert [entry.reason for entry in log.entries] == ["no-words", "surprising"]
    assert log.entries[1].evidence["perplexity"] > log.entries[1].evidence["line"]
    with pytest.raises(CourseError, match="five"):
        PerplexityFilter(["a", "b", "", " "])


def test_words_that_a_classifier_sees() -> None:
    assert word_features("Call 0800 NOW!\n日本") == ["call", "0", "now", "!", "↵", "日", "本"]


def test_a_classifier_explains_itself() -> None:
    model = KeepClassifier().fit(
        ["buy now", "buy cheap", "read this", "read on"], [False, False, True, True]
    )
    weights = model.weights()
    assert weights[0][0] == "buy" and weights[-1][0] == "read"
    chances = model.chance(["buy", "read", "unknown"])
    assert chances[0] < 0.5 < chances[1] and np.all((chances >= 0) & (chances <= 1))
    log = RemovalLog()
    assert [d.id for d in model.step()([Document("a", "buy"), Document("b", "read")], log)] == ["b"]
    assert log.entries[0].evidence["chance"] < 0.5
    with pytest.raises(CourseError, match="same"):
        KeepClassifier().fit(["a", "b"], [True, True])


def test_the_most_uncertain_documents() -> None:
    assert most_uncertain(np.array([0.9, 0.45, 0.5, 0.1, 0.52]), 2) == [2, 4]
    assert most_uncertain(np.array([0.9, 0.45, 0.5, 0.1, 0.52]), 2, known=[2]) == [4, 1]
    assert most_uncertain(np.array([0.5]), 3, known=[0]) == []


def test_asking_where_it_is_uncertain_pays_on_average(documents: list[Document]) -> None:
    gains = []
    for seed in range(5):
        learn, test = halves(make_pile(documents, seed))
        one, two = (
            learning_curve(
                texts(learn),
                [j.keep for j in learn],
                texts(test),
                [j.keep for j in test],
                (10, 20, 40),
                uncertain=uncertain,
                seed=seed,
            )[-1]
            for uncertain in (True, False)
        )
        gains.append(one - two)
    assert np.mean(gains) > 0.03, gains
    with pytest.raises(CourseError, match="learning curve"):
        learning_curve(["a", "b"], [True, True], ["a"], [True], (1,), uncertain=True)


def test_labels_survive_and_belong_to_the_text(tmp_path: Path) -> None:
    book = LabelBook("mine", tmp_path)
    book.put("one", True)
    book.put("two", False)
    book.put("two", None)
    again = LabelBook("mine", tmp_path)
    assert len(again) == 1 and again.of([Document("x", "one"), Document("y", "two")]) == [
        True,
        None,
    ]
    with pytest.raises(CourseError, match="no name"):
        LabelBook("../mine")


@pytest.mark.parametrize("content", ["{", "[1]", '{"a": 3}', ""])
def test_a_damaged_file_of_labels_is_set_aside(tmp_path: Path, content: str) -> None:
    (tmp_path / "mine.json").write_text(content)
    book = LabelBook("mine", tmp_path)
    book.put("one", True)
    assert (tmp_path / "mine.damaged.json").read_text() == content
    assert list(json.loads((tmp_path / "mine.json").read_text()).values()) == [True]


def test_labels_lie_in_the_state_folder(fresh_home: Path) -> None:
    LabelBook("mine").put("one", True)
    assert (fresh_home / ".course" / "labels" / "mine.json").is_file()


def test_the_simulated_annotator_wants_prose(documents: list[Document]) -> None:
    assert prose_share("A line\nof five words.\n\nBuy | now") == pytest.approx(21 / 30)
    labels = simulated_labels(documents)
    assert 0.3 < np.mean(labels) < 0.7 and labels == simulated_labels(documents)
    plain = simulated_labels(documents, noise=0)
    assert 0 < np.mean(np.array(labels) != np.array(plain)) < 0.15
    assert set(simulated_labels([Document("a", ""), Document("b", "word")])) == {True, False}
    assert noisy([True, True], documents[:2], noise=1) == [True, True]


def test_going_through_documents(tmp_path: Path) -> None:
    book = LabelBook("mine", tmp_path)
    asker = Asker(
        [Document("a", "<b>one</b> me@example.org"), Document("b", "two"), Document("c", "three")],
        book,
    )
    assert "&lt;b&gt;" in asker.page() and "me@example.org" not in asker.page()
    asker.answer(True)
    asker.answer(None)
    asker.answer(False)
    assert book.of(asker.documents) == [True, None, False] and "All shown" in asker.page()
    asker.answer(True)
    asker.back()
    assert book.of(asker.documents) == [True, None, None]
    assert Asker(asker.documents, book).place == 1


def test_headless_shows_what_would_be_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shown: list[object] = []
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    monkeypatch.setattr("IPython.display.display", shown.append)
    ask([Document("a", "one")], LabelBook("mine", tmp_path))
    assert len(shown) == 1 and "one" in repr(shown[0])


def test_the_buttons_note_labels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown: list = []
    monkeypatch.setenv("COURSE_HEADLESS", "")
    monkeypatch.setattr("IPython.display.display", shown.append)
    book, document = LabelBook("mine", tmp_path), Document("a", "one")
    ask([document], book)
    keep = shown[1].children[0].children[0]
    keep.click()
    assert book.get("one") is True and "All shown" in shown[1].children[1].value
