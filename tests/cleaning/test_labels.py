"""What decides about a document: labels, a mix with known truth, a classifier, perplexity."""

from pathlib import Path

import numpy as np
import pytest

from course_lib.cleaning.classifier import KeepClassifier, PerplexityFilter, word_features
from course_lib.cleaning.labels import (
    JUNK,
    LabelBook,
    LabelledDocument,
    ask,
    make_labelled_mix,
    simulated_labels,
)
from course_lib.cleaning.steps import RemovalLog
from course_lib.workbook.corpus import Document, load_corpus

Half = tuple[list[str], list[bool]]


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return [*load_corpus("handbook"), *load_corpus("songbook")]


def halves(mix: list[LabelledDocument]) -> tuple[Half, Half]:
    rows = [(one.document.text, one.keep) for one in mix]
    cut = len(rows) // 2
    return tuple(list(map(list, zip(*part, strict=True))) for part in (rows[:cut], rows[cut:]))


def test_half_of_the_mix_is_good_and_all_junk_occurs(documents: list[Document]) -> None:
    mix = make_labelled_mix(documents, 3)
    assert {one.document.id for one in mix} == {document.id for document in documents}
    assert abs(sum(one.keep for one in mix) - len(mix) / 2) <= 1
    assert {one.kind for one in mix} == {"good", *JUNK}
    assert mix == make_labelled_mix(documents, 3) != make_labelled_mix(documents, 4)


@pytest.mark.parametrize("text", ["", "one", "只有中文，没有空格。", "3 5 7", "\x00", "!!!"])
def test_any_text_becomes_junk(text: str) -> None:
    mix = make_labelled_mix([Document(str(n), text) for n in range(14)])
    assert all(one.document.text.strip() for one in mix if not one.keep)


@pytest.mark.parametrize("seed", range(3))
def test_each_judge_has_its_blind_spot(seed: int, documents: list[Document]) -> None:
    """Perplexity sees that words are out of order, words alone do not; lists fool perplexity."""
    mix = make_labelled_mix(documents, seed)
    (texts, labels), (test_texts, _) = halves(mix)
    test = mix[len(mix) // 2 :]
    good = [text for text, keep in zip(texts, labels, strict=True) if keep]
    step = PerplexityFilter(good).step
    passed = {document.id for document in step([one.document for one in test], RemovalLog())}
    probs = KeepClassifier().fit(texts, labels).prob(test_texts)

    def fraction(answers: list[bool], kind: str) -> float:
        return np.mean([a for a, one in zip(answers, test, strict=True) if one.kind == kind])

    answers = [one.document.id in passed for one in test]
    assert fraction(answers, "good") > 0.6
    assert fraction(answers, "word salad") < 0.2 and fraction(answers, "keywords") > 0.5
    answers = [prob >= 0.5 for prob in probs]
    assert fraction(answers, "good") > 0.9 and fraction(answers, "word salad") > 0.5
    assert fraction(answers, "numbers") == fraction(answers, "keywords") == 0


def test_the_threshold_of_a_perplexity_filter(documents: list[Document]) -> None:
    judge = PerplexityFilter([document.text for document in documents], keep=0.5)
    assert judge.perplexity("zebra quilt ox") > judge.perplexity("in the morning")
    log = RemovalLog()
    assert list(judge.step([Document("a", ""), Document("b", "zebra quilt ox")], log)) == []
    assert [entry.reason for entry in log.entries] == ["no-words", "perplexity"]
    assert log.entries[1].evidence["perplexity"] > log.entries[1].evidence["threshold"]


def test_a_classifier_explains_itself() -> None:
    words = ["call", "0", "!", "↵", "日"]
    pairs = ["call 0", "0 !", "! ↵", "↵ 日"]
    assert word_features("Call 0800!\n日") == words + pairs and word_features("") == []
    texts, labels = ["buy now", "buy cheap", "read this", "read on"], [False, False, True, True]
    model = KeepClassifier().fit(texts, labels)
    assert model.weights()[0][0] == "buy" and model.weights()[-1][0] == "read"
    probs = model.prob(["buy", "read", "unknown"])
    assert probs[0] < 0.5 < probs[1] and np.all((probs >= 0) & (probs <= 1))
    log = RemovalLog()
    assert [d.id for d in model.step([Document("a", "buy"), Document("b", "read")], log)] == ["b"]
    assert log.entries[0].evidence["prob"] < 0.5


def test_labels_survive_and_belong_to_the_text(tmp_path: Path) -> None:
    """Also those of a notebook that is open beside this one."""
    one, two = LabelBook("mine", tmp_path), LabelBook("mine", tmp_path)
    for book, text, keep in (
        (one, "a", True),
        (two, "b", False),
        (one, "c", True),
        (two, "a", None),
    ):
        book.put(text, keep)
    documents = [Document("x", text) for text in "abc"]
    assert two.of(documents) == LabelBook("mine", tmp_path).of(documents) == [None, False, True]


def test_the_simulated_annotator_wants_prose_and_errs(documents: list[Document]) -> None:
    prose, lists = Document("a", "A line\nof five words."), Document("b", "Buy | now")
    assert simulated_labels([prose, lists], noise=0) == [True, False]
    labels, plain = simulated_labels(documents), simulated_labels(documents, noise=0)
    assert 0.3 < np.mean(labels) < 0.7 and labels == simulated_labels(documents)
    assert 0 < np.mean(np.array(labels) != np.array(plain)) < 0.15


def test_buttons_note_labels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown: list = []
    monkeypatch.setenv("COURSE_HEADLESS", "")
    monkeypatch.setattr("IPython.display.display", shown.append)
    book = LabelBook("mine", tmp_path)
    documents = [Document("a", "<b>one</b> me@example.org"), Document("b", "two")]
    ask(documents, book)
    buttons, page = shown[1].children
    for value in (repr(shown[0]), page.value):
        assert "[e-mail]" in value and "me@example.org" not in value
    assert "&lt;b&gt;" in page.value
    for button in buttons.children[:2]:
        button.click()
    assert book.of(documents) == [True, False] and "All shown" in page.value
