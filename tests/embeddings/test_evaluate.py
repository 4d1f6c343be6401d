"""Related pairs, scores and their coverage, stability, the association test."""

import numpy as np
import pytest

from course_lib.embeddings import evaluate
from course_lib.embeddings.counting import cooccurrence_pairs, see_also_pairs, split_see_also
from course_lib.embeddings.vectors import WordVectors
from course_lib.workbook.corpus import Document, load_corpus

NUMPYDOC = """Add arguments element-wise.

Parameters
----------
x1 : array_like
    The arrays.

See Also
--------
numpy.subtract : The inverse.
    More about it.
:func:`multiply`, divide
`~scipy.special.logaddexp` : Of logarithms.

Notes
-----
Equivalent to x1 + x2.
"""


def test_see_also_is_read_and_removed() -> None:
    text, names = split_see_also(NUMPYDOC)
    assert names == ["subtract", "multiply", "divide", "logaddexp"]
    assert "See Also" not in text and "subtract" not in text
    assert text.startswith("Add arguments") and "Equivalent to x1 + x2." in text
    assert split_see_also("See also the manual.") == ("See also the manual.", [])


def test_pairs_come_once_and_never_of_a_word_with_itself() -> None:
    other = Document("m.subtract", "x\n\nSee Also\n--------\nadd : y\nsubtract\n")
    texts, pairs = see_also_pairs([Document("numpy:add", NUMPYDOC), other])
    names = ("subtract", "multiply", "divide", "logaddexp")
    assert pairs == [("add", name) for name in names]
    assert not any("See Also" in text for text in texts)


def test_words_that_share_documents_are_pairs() -> None:
    texts = ["red apple tree", "red apple pie", "red apple", "blue sky x", "blue sky", "blue sky"]
    assert set(cooccurrence_pairs(texts)) == {("apple", "red"), ("blue", "sky")}
    assert cooccurrence_pairs([]) == cooccurrence_pairs(["one page"]) == []
    assert len(cooccurrence_pairs(list(load_corpus("handbook").texts()), max_pairs=50)) == 50


def random_vectors(num_words: int, seed: int = 0) -> WordVectors:
    matrix = np.random.default_rng(seed).normal(size=(num_words, 8))
    return WordVectors([f"w{n}" for n in range(num_words)], matrix)


@pytest.mark.parametrize("seed", range(5))
def test_random_vectors_score_like_guessing(seed: int) -> None:
    pairs = [(f"w{n}", f"w{n + 1_000}") for n in range(1_000)]
    score = evaluate.related_pairs_score(random_vectors(2_000, seed), pairs, seed)
    assert 0.45 < score.value < 0.55


def test_twins_score_one_and_missing_words_lower_the_coverage() -> None:
    matrix = np.repeat(np.random.default_rng(0).normal(size=(50, 30)), 2, axis=0)
    vectors = WordVectors([f"w{n}" for n in range(100)], matrix)
    pairs = [(f"w{2 * n}", f"w{2 * n + 1}") for n in range(50)]
    score = evaluate.related_pairs_score(vectors, [*pairs, ("w0", "rake"), ("rake", "hoe")])
    assert score.value == 1 and str(score).endswith("on 50 of 52 pairs (96%)")
    for few in ([], [("a", "b")], [("w0", "w1")]):
        assert "cannot be measured" in str(evaluate.related_pairs_score(random_vectors(3), few))


def test_analogies_and_odd_one_out() -> None:
    words = ["file", "files", "list", "lists", "sine"]
    matrix = np.array([(1, 0, 0), (1, 0, 1), (0, 1, 0), (0, 1, 1), (-1, -1, 0.2)])
    vectors = WordVectors(words, matrix)
    questions = [words[:4], [*words[2:4], *words[:2]], ("file", "files", "rake", "rakes")]
    score = evaluate.analogy_score(vectors, questions)
    assert (score.value, score.answered, score.asked) == (1.0, 2, 3)
    odd = [(["file", "files", "list", "sine"], "sine"), (["file", "x"], "x")]
    score = evaluate.odd_one_out_score(vectors, odd)
    assert (score.value, score.answered, score.asked) == (1.0, 1, 2)
    assert np.isnan(evaluate.analogy_score(vectors, []).value)


def test_the_question_sets_are_large_and_clean() -> None:
    analogies = [tuple(q) for group in evaluate.read_analogies().values() for q in group]
    assert len(analogies) >= 150 and len(set(analogies)) == len(analogies)
    assert all(len(set(question)) == 4 for question in analogies)
    odd = evaluate.read_odd_one_out()
    assert len(odd) >= 60
    assert all(word in words and len(set(words)) == len(words) for words, word in odd)


def test_stability_is_one_with_itself_and_low_with_chance() -> None:
    vectors, words = random_vectors(300), [f"w{n}" for n in range(100)]
    assert evaluate.neighbour_stability([vectors, vectors], words) == 1
    assert evaluate.neighbour_stability([vectors, random_vectors(300, seed=1)], words) < 0.15


def test_association_test_finds_a_planted_association() -> None:
    rng, lean = np.random.default_rng(0), [(1, 0), (0, 1), (1, 0), (0, 1)]
    groups = [[f"{name}{n}" for n in range(5)] for name in ("first", "second", "one", "other")]
    matrix = [np.array([*x, 0, 0, 0]) + 0.3 * rng.normal(size=5) for x in lean for _ in range(5)]
    vectors = WordVectors([word for group in groups for word in group], np.array(matrix))
    found = evaluate.association_test(vectors, *groups)
    assert found.effect > 1 and found.p_value <= 2 / 252 + 1e-9
    first, second, one, other = groups
    swapped = evaluate.association_test(vectors, second, first, one, other)
    assert swapped.effect == pytest.approx(-found.effect)
    few = evaluate.association_test(vectors, *groups, lambda word: not word.startswith("first"))
    assert np.isnan(few.effect) and "cannot be measured here: 0 and 5 words" in str(few)


def test_association_by_chance_is_rarely_significant() -> None:
    groups = [[f"w{n}" for n in range(start, start + 5)] for start in (0, 5, 10, 15)]
    tests = (evaluate.association_test(random_vectors(20, seed), *groups) for seed in range(40))
    assert sum(test.p_value < 0.05 for test in tests) <= 7
    groups = [[f"w{n}" for n in range(start, start + 15)] for start in (0, 15, 30, 45)]
    assert 0 < evaluate.association_test(random_vectors(60), *groups).p_value <= 1
