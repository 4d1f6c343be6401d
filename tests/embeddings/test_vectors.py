"""Vectors and their files, as gensim's; counting, scores and search as worked out by hand."""

import random

import numpy as np
import pytest
from gensim.models import KeyedVectors

from course_lib.embeddings import counting, evaluate, search
from course_lib.embeddings.vectors import WordVectors
from course_lib.embeddings.word2vec import Vocabulary, build_vocabulary
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document, load_corpus

WORDS = ["file", "files", "list", "lists", "Zürich", "温", "naïve_word", "\u3042"]


@pytest.fixture
def vectors() -> WordVectors:
    return WordVectors(WORDS, np.random.default_rng(0).normal(size=(len(WORDS), 7)))


@pytest.fixture
def theirs(vectors: WordVectors) -> KeyedVectors:
    gensim = KeyedVectors(7)
    gensim.add_vectors(vectors.words, vectors.matrix)
    return gensim


def test_saved_and_loaded_are_equal_here_and_in_gensim(vectors: WordVectors, tmp_path) -> None:
    path = tmp_path / "a folder é" / "vectors"
    vectors.save(path)
    again = WordVectors.load(path)
    assert again.words == vectors.words and np.array_equal(again.matrix, vectors.matrix)
    gensim = KeyedVectors.load_word2vec_format(str(path))
    assert gensim.index_to_key == vectors.words and np.array_equal(gensim.vectors, vectors.matrix)


def test_we_read_the_text_of_gensim(vectors: WordVectors, theirs: KeyedVectors, tmp_path) -> None:
    theirs.save_word2vec_format(str(tmp_path / "v"))
    ours = WordVectors.load(tmp_path / "v")
    assert ours.words == vectors.words and np.allclose(ours.matrix, vectors.matrix, atol=1e-6)
    theirs.save_word2vec_format(str(tmp_path / "v"), binary=True)
    with pytest.raises(CourseError, match="v cannot be read.* binary=False in gensim"):
        WordVectors.load(tmp_path / "v")


def test_gensim_gives_the_same_neighbours(vectors: WordVectors, theirs: KeyedVectors) -> None:
    for word in vectors.words:
        ours, expected = vectors.most_similar(word, 3), theirs.most_similar(word, topn=3)
        assert [w for w, _ in ours] == [w for w, _ in expected]
        assert [c for _, c in ours] == pytest.approx([c for _, c in expected], abs=1e-5)
    best = theirs.most_similar(positive=["files", "list"], negative=["file"], topn=1)[0][0]
    assert vectors.analogy("file", "files", "list")[0][0] == best
    assert vectors.doesnt_match(WORDS[:4]) == theirs.doesnt_match(WORDS[:4])


DAMAGED = [
    (lambda raw: raw[: raw.index(b"\nlists")][:-20], "line 4: no word with 7"),
    (lambda raw: raw[: raw.index(b"lists ")], "after 3 of 8 words"),
    (lambda raw: raw.replace(b"8 7\n", b"20 7\n"), "after 8 of 20 words"),
    (lambda raw: raw[:-4] + b"1x1\n", "line 9: no word with 7"),
    (lambda raw: raw[: raw.rindex(b" ")] + b" nan\n", "line 9: no word with 7"),
    (lambda raw: raw.replace(b"\nlist ", b"\nlist 66 "), "line 4: no word with 7"),
    (lambda raw: raw[4:], "line 1: a vector file starts with two numbers"),
    (lambda raw: b"", "line 1"),
    (lambda raw: b"0 5\n", "line 1"),
]


@pytest.mark.parametrize(("damage", "sentence"), DAMAGED)
def test_damaged_files_are_refused_with_their_line(vectors, tmp_path, damage, sentence) -> None:
    path = tmp_path / "vectors.txt"
    vectors.save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CourseError) as caught:
        WordVectors.load(path)
    assert sentence in str(caught.value) and "vectors.txt" in str(caught.value)


ROW = " 0.5 -1.25 3e-1"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["3 3", "new york" + ROW, ". . ." + ROW, "to" + ROW], ["new york", ". . .", "to"]),
        (["\ufeff2 3\r", "of" + ROW + "\r", "and\t0.5\t1\t2\r", ""], ["of", "and"]),
        (["1 3", "42" + ROW], ["42"]),
    ],
)
def test_text_files_of_others_are_read_as_text(lines: list, words: list, tmp_path) -> None:
    path = tmp_path / "v.txt"
    path.write_bytes("\n".join(lines).encode())
    found = WordVectors.load(path)
    assert found.words[: len(words)] == words
    assert found.matrix[0].tolist() == pytest.approx([0.5, -1.25, 0.3])


def test_neighbours_leave_out_the_word_and_what_is_rare(vectors: WordVectors) -> None:
    assert {word for word, _ in vectors.most_similar("file", 50)} == set(WORDS[1:])
    assert {word for word, _ in vectors.most_similar("温", 50, 2)} == set(WORDS[:2])
    with pytest.raises(CourseError, match="'rake' has no vector"):
        vectors.most_similar("rake")
    strange = WordVectors(["a", "b", "c", "b"], np.array([[0, 0], [1, 0], [0.5, 0.5], [9, 9]]))
    assert strange.similarity("a", "b") == 0 and len(strange.most_similar("a", 2)) == 2
    assert strange.similarity("b", "b") == 1 and strange.get_index("b") == 1


# --- Counting, scores, search ---
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
    found = counting.cooccurrences(encoded, len(vocabulary), window=3)
    assert np.allclose(found.toarray(), expected)


@pytest.mark.parametrize("smoothing", [1.0, 0.75])
def test_ppmi_is_its_definition(smoothing: float) -> None:
    vocabulary, encoded = build_vocabulary(TEXTS, 1)
    counts = counting.cooccurrences(encoded, len(vocabulary), 2)
    dense = counts.toarray().astype(float)
    columns = dense.sum(0) ** smoothing
    with np.errstate(divide="ignore"):
        pmi = np.log(dense / np.outer(dense.sum(1), columns / columns.sum()))
    assert np.allclose(counting.ppmi(counts, smoothing).toarray(), np.maximum(pmi, 0), atol=1e-6)


def test_a_text_is_the_weighted_mean_of_its_words() -> None:
    vectors = WordVectors(["the", "leek", "rake"], np.array([[1.0, 0], [0, 1], [0.6, 0.8]]))
    means = search.MeanVectors(vectors, Vocabulary(["the", "leek", "rake"], [9_990, 5, 5]))
    expected = np.array([1e-3 / (1e-3 + fraction) for fraction in (0.999, 0.0005)])
    found = means.embed(["The leek!", "", "unknown"])
    assert np.allclose(found[0], expected / np.linalg.norm(expected)) and not found[1:].any()
    assert np.argmax(means.scores(["the rake"], ["the leek", "a rake"])) == 1


def test_recall_counts_ranks_and_ties_against_the_method() -> None:
    task = search.SearchTask(["q1", "q2", "q3"], ["d1", "d2", "d3"])
    table = np.array([[3.0, 2, 1], [3, 2, 1], [1, 1, 1]])
    assert search.recall_at(task, lambda q, d: table, 1).value == pytest.approx(1 / 3)
    assert search.recall_at(task, lambda q, d: table, 2).value == pytest.approx(2 / 3)
    nothing = search.recall_at(search.SearchTask([], []), search.tfidf_scores)
    assert "cannot be measured" in str(nothing)
    scores = search.standardised(np.array([[1.0, 2, 3], [5, 5, 5]]))
    assert np.allclose(scores.mean(1), 0) and np.allclose(scores.std(1), [1, 0])


def test_queries_are_cut_off_their_documents_and_found_again() -> None:
    long = "word " * 25
    texts = [f"# How to water\n\n{long}", f"One\n{long}", "Too short\nreally", f"A title\n{long}"]
    task = search.title_queries(texts)
    assert task.queries == ["How to water", "A title"] and task.documents == [long.strip()] * 2
    assert len(search.title_queries([f"A title\n{long}"] * 9, max_queries=4)) == 4
    task = search.title_queries(list(load_corpus("handbook").texts()))
    score = search.recall_at(task, search.tfidf_scores)
    assert score.asked >= 50 and score.value > 0.35  # guessing gives 0.17


NUMPYDOC = """Add arguments element-wise.

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


def test_see_also_is_cut_out_and_its_pairs_come_once_and_never_of_a_word_with_itself() -> None:
    other = Document("m.subtract", "x\n\nSee Also\n--------\nadd : y\nsubtract\n")
    prose = Document("m.prose", "See also the manual.")
    texts, pairs = counting.see_also_pairs([Document("numpy:add", NUMPYDOC), other, prose])
    names = ("subtract", "multiply", "divide", "logaddexp")
    assert pairs == [("add", name) for name in names]
    assert texts[0].startswith("Add arguments") and "Equivalent to x1 + x2." in texts[0]
    assert "See Also" not in texts[0] and "subtract" not in texts[0] and texts[2] == prose.text


def test_words_that_share_documents_are_pairs() -> None:
    rng = random.Random(0)
    pairs = [(f"red{n}", f"apple{n}") for n in range(200)]
    noise = [f"w{n}" for n in range(400)]
    texts = [" ".join([*rng.choice(pairs), *rng.choices(noise, k=9)]) for _ in range(9_000)]
    found = {tuple(sorted(pair)) for pair in counting.cooccurrence_pairs(texts, max_pairs=200)}
    assert found == {tuple(sorted(pair)) for pair in pairs}
    assert counting.cooccurrence_pairs([]) == counting.cooccurrence_pairs(["one page"]) == []
    found = counting.cooccurrence_pairs(list(load_corpus("handbook").texts()), max_pairs=50)
    assert len(found) == 50 and all(a != b for a, b in found)


def random_vectors(num_words: int) -> WordVectors:
    matrix = np.random.default_rng(0).normal(size=(num_words, 8))
    return WordVectors([f"w{n}" for n in range(num_words)], matrix)


def test_twins_score_one_chance_a_half_and_missing_words_lower_the_coverage() -> None:
    strangers = [(f"w{n}", f"w{n + 1_000}") for n in range(1_000)]
    assert 0.45 < evaluate.related_pairs_score(random_vectors(2_000), strangers).value < 0.55
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
