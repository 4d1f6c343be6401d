"""Word vectors: asking them, and their files, also as gensim writes and reads them."""

from collections.abc import Callable

import numpy as np
import pytest
from gensim.models import KeyedVectors

from course_lib.embeddings.vectors import WordVectors
from course_lib.errors import CourseError

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
def test_damaged_files_are_refused_with_their_line(
    vectors: WordVectors, tmp_path, damage: Callable[[bytes], bytes], sentence: str
) -> None:
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
