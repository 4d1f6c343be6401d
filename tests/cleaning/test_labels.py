"""Labels, a classifier, perplexity, and what models learn from each version of the text."""

import random
from pathlib import Path

import numpy as np
import pytest

from course_lib.cleaning.classifier import KeepClassifier, PerplexityFilter, word_features
from course_lib.cleaning.downstream import (
    MODES,
    chain_of_models,
    ngram_train_fn,
    one_source,
    relative_improvement,
    run_experiment,
    transformer_train_fn,
)
from course_lib.cleaning.labels import LabelBook, ask, make_labelled_mix
from course_lib.cleaning.steps import RemovalLog
from course_lib.workbook.corpus import Corpus, Document, load_corpus
from course_lib.workbook.corpus.document import table_of


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return [*load_corpus("handbook"), *load_corpus("songbook")]


@pytest.mark.parametrize("seed", range(3))
def test_each_judge_has_its_blind_spot(seed: int, documents: list[Document]) -> None:
    """Perplexity sees that words are out of order, words alone do not; lists fool perplexity."""
    mix = make_labelled_mix(documents, seed)
    first, test = mix[: len(mix) // 2], mix[len(mix) // 2 :]
    step = PerplexityFilter([one.document.text for one in first if one.keep]).step
    passed = {document.id for document in step([one.document for one in test], RemovalLog())}
    judge = KeepClassifier().fit([one.document.text for one in first], [o.keep for o in first])
    probs = judge.prob([one.document.text for one in test])

    def fraction(answers: list[bool], kind: str) -> float:
        return np.mean([a for a, one in zip(answers, test, strict=True) if one.kind == kind])

    answers = [one.document.id in passed for one in test]
    assert fraction(answers, "good") > 0.6
    assert fraction(answers, "word salad") < 0.2 and fraction(answers, "keywords") > 0.5
    answers = [prob >= 0.5 for prob in probs]
    assert fraction(answers, "good") > 0.9 and fraction(answers, "word salad") > 0.5
    assert fraction(answers, "numbers") == fraction(answers, "keywords") == 0


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
    one.put("a", True)
    two.put("b", False)
    one.put("c", True)
    two.put("a", None)
    documents = [Document("x", text) for text in "abc"]
    assert two.of(documents) == LabelBook("mine", tmp_path).of(documents) == [None, False, True]


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


# --- What models learn from it ---

PATTERN = [1, 2, 3, 4, 5, 6] * 20
NOISE = [[(7 * n * n + 3 * k) % 40 for n in range(60)] for k in range(40)]
TARGETS = {"pattern": ([PATTERN[:60]], 60)}
SMALL = transformer_train_fn(3, d_model=24, n_layers=1, block_size=16, batch_size=8)


@pytest.mark.parametrize("train_fn", [ngram_train_fn(3), SMALL])
def test_text_like_the_target_wins(train_fn: object) -> None:
    versions = {"raw": [*NOISE, PATTERN], "clean": [PATTERN] * 20}
    results = run_experiment(versions, TARGETS, train_fn, 40, budget=900)
    assert len(results) == 6 and all(result.num_tokens == 900 for result in results)
    better = relative_improvement(results)
    assert list(better) == [("clean", "pattern")] and min(better["clean", "pattern"]) > 0


def test_one_source_is_the_largest() -> None:
    documents = [Document(f"d{n}", "words " * 9, {"origin": "ab"[n % 3 == 0]}) for n in range(30)]
    corpus = Corpus(table_of(documents, ["train"] * 30), name="x", source="x")
    assert {document.meta["origin"] for document in one_source(corpus, 10**6)} == {"a"}
    assert one_source(corpus, 200).bytes <= 200


def toy_text(seed: int, documents: int = 120) -> list[list[str]]:
    """Words with a long tail: the n-th is drawn in proportion to 1 / n."""
    rng = random.Random(seed)
    weights = [1 / n for n in range(1, 2_000)]
    return [[f"w{n}" for n in rng.choices(range(1_999), weights, k=60)] for _ in range(documents)]


def test_words_die_out_and_real_text_keeps_them() -> None:
    setting = {"num_tokens": 1_200, "num_generations": 4, "order": 2, "seed": 0}
    chains = {
        mode: chain_of_models(toy_text(0), toy_text(50, 10), mode, **setting) for mode in MODES
    }
    types = {mode: [model.num_types for model in models] for mode, models in chains.items()}
    own = types["replace"]
    assert own == sorted(own, reverse=True) and own[-1] < 0.6 * own[0]
    assert own[-1] < types["a tenth real"][-1] < types["accumulate"][-1] == own[0]
    assert own[0] < types["more real text"][-1]
    assert [model.num_tokens for model in chains["a tenth real"]] == [1_200] * 5
    assert [model.num_tokens for model in chains["accumulate"]] == [1_200 * n for n in range(1, 6)]
    ends = {mode: (models[0].perplexity, models[-1].perplexity) for mode, models in chains.items()}
    assert ends["replace"][0] == ends["accumulate"][0] < ends["replace"][1]
    assert ends["more real text"][1] < ends["accumulate"][1]
