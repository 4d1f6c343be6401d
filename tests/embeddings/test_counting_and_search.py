"""Counting against its definition; search against what can be worked out by hand."""

import numpy as np
import pytest

from course_lib.embeddings.counting import cooccurrences, count_vectors, ppmi
from course_lib.embeddings.search import (
    MeanVectors,
    SearchTask,
    recall_at,
    senses,
    standardised,
    tfidf_scores,
    title_queries,
)
from course_lib.embeddings.vectors import WordVectors
from course_lib.embeddings.word2vec import Vocabulary, build_vocabulary
from course_lib.workbook.corpus import load_corpus

TEXTS = ["a b a c", "b c", "a"] * 3


def test_counts_are_those_of_a_loop() -> None:
    vocabulary, encoded = build_vocabulary(TEXTS, 1)
    expected = np.zeros((3, 3))
    for text in TEXTS:
        row = [vocabulary.index[word] for word in text.split()]
        for i, a in enumerate(row):
            for j, b in enumerate(row):
                if 0 < abs(i - j) <= 3:
                    expected[a, b] += (4 - abs(i - j)) / 3
    assert np.allclose(cooccurrences(encoded, len(vocabulary), window=3).toarray(), expected)


@pytest.mark.parametrize("smoothing", [1.0, 0.75])
def test_ppmi_is_its_definition(smoothing: float) -> None:
    vocabulary, encoded = build_vocabulary(TEXTS, 1)
    counts = cooccurrences(encoded, len(vocabulary), 2)
    dense = counts.toarray().astype(float)
    columns = dense.sum(0) ** smoothing
    with np.errstate(divide="ignore"):
        pmi = np.log(dense / np.outer(dense.sum(1), columns / columns.sum()))
    assert np.allclose(ppmi(counts, smoothing).toarray(), np.maximum(pmi, 0), atol=1e-6)


@pytest.mark.parametrize(
    "texts", [["a b"] * 5, ["a b c d e f " * 50], ["a " * 100 + "b " * 100], ["x\n" * 9, "y\n" * 9]]
)
def test_count_vectors_of_tiny_and_strange_texts_are_finite(texts: list) -> None:
    vocabulary, encoded = build_vocabulary(texts, 1)
    vectors = count_vectors(vocabulary, encoded)
    assert len(vectors) == len(vocabulary) and np.isfinite(vectors.matrix).all()


def test_a_text_is_the_weighted_mean_of_its_words() -> None:
    vectors = WordVectors(["the", "leek", "rake"], np.array([[1.0, 0], [0, 1], [0.6, 0.8]]))
    means = MeanVectors(vectors, Vocabulary(["the", "leek", "rake"], [9_990, 5, 5]))
    expected = np.array([1e-3 / (1e-3 + fraction) for fraction in (0.999, 0.0005)])
    found = means.embed(["The leek!", "", "unknown"])
    assert np.allclose(found[0], expected / np.linalg.norm(expected)) and not found[1:].any()
    assert np.argmax(means.scores(["the rake"], ["the leek", "a rake"])) == 1


def test_recall_counts_ranks_and_ties_against_the_method() -> None:
    task = SearchTask(["q1", "q2", "q3"], ["d1", "d2", "d3"])
    table = np.array([[3.0, 2, 1], [3, 2, 1], [1, 1, 1]])
    assert recall_at(task, lambda q, d: table, 1).value == pytest.approx(1 / 3)
    assert recall_at(task, lambda q, d: table, 2).value == pytest.approx(2 / 3)
    assert "cannot be measured" in str(recall_at(SearchTask([], []), tfidf_scores))
    scores = standardised(np.array([[1.0, 2, 3], [5, 5, 5]]))
    assert np.allclose(scores.mean(1), 0) and np.allclose(scores.std(1), [1, 0])


def test_queries_are_cut_off_their_documents_and_found_again() -> None:
    long = "word " * 25
    texts = [f"# How to water\n\n{long}", f"One\n{long}", "Too short\nreally", f"A title\n{long}"]
    task = title_queries(texts)
    assert task.queries == ["How to water", "A title"] and task.documents == [long.strip()] * 2
    assert len(title_queries([f"A title\n{long}"] * 9, max_queries=4)) == 4
    score = recall_at(title_queries(list(load_corpus("handbook").texts())), tfidf_scores)
    assert score.asked >= 50 and score.value > 0.35  # guessing gives 0.17


def test_senses_splits_two_uses_of_a_word_and_leaves_one_whole() -> None:
    water, money = ["river", "water", "flows", "deep"], ["money", "loan", "pays", "interest"]
    texts = ["river water bank flows deep"] * 40 + ["money loan bank pays interest"] * 60
    vocabulary, encoded = build_vocabulary(texts)
    rng = np.random.default_rng(0)
    worlds = [0 if word in water else 1 if word in money else 2 for word in vocabulary.words]
    matrix = np.eye(3)[worlds] + 0.1 * rng.normal(size=(9, 3))
    vectors = WordVectors(vocabulary.words, matrix)
    (larger, first), (smaller, second) = senses(vectors, vocabulary, encoded, "bank")
    assert (larger, smaller) == (0.6, 0.4)
    assert set(first[:4]) == set(money) and set(second[:4]) == set(water)
    vocabulary, encoded = build_vocabulary(["a b"] * 20)
    found = senses(WordVectors(vocabulary.words, np.eye(2)), vocabulary, encoded, "a")
    assert len(found) == 1 and found[0][0] == 1
