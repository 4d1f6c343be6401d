"""Word vectors: asking them, and both file formats, also as gensim writes and reads them."""

from pathlib import Path

import numpy as np
import pytest

from course_lib.embeddings.vectors import WordVectors
from course_lib.errors import CourseError

WORDS = ["file", "files", "list", "lists", "Zürich", "温", "naïve_word", "\u3042"]


@pytest.fixture
def vectors() -> WordVectors:
    return WordVectors(
        WORDS, np.random.default_rng(0).normal(size=(len(WORDS), 7)).astype(np.float32)
    )


@pytest.mark.parametrize("binary", [False, True])
def test_saved_and_loaded_are_equal_to_the_bit(
    vectors: WordVectors, tmp_path: Path, binary: bool
) -> None:
    path = tmp_path / "a folder é" / "vectors"
    path.parent.mkdir()
    vectors.save(path, binary=binary)
    again = WordVectors.load(path)
    assert again.words == vectors.words and np.array_equal(again.matrix, vectors.matrix)


@pytest.mark.parametrize("binary", [False, True])
def test_gensim_reads_what_we_write(vectors: WordVectors, tmp_path: Path, binary: bool) -> None:
    keyed = pytest.importorskip("gensim.models").KeyedVectors
    vectors.save(tmp_path / "v", binary=binary)
    theirs = keyed.load_word2vec_format(str(tmp_path / "v"), binary=binary)
    assert theirs.index_to_key == vectors.words and np.array_equal(theirs.vectors, vectors.matrix)


@pytest.mark.parametrize("binary", [False, True])
def test_we_read_what_gensim_writes(vectors: WordVectors, tmp_path: Path, binary: bool) -> None:
    keyed = pytest.importorskip("gensim.models").KeyedVectors
    theirs = keyed(7)
    theirs.add_vectors(vectors.words, vectors.matrix)
    theirs.save_word2vec_format(str(tmp_path / "v"), binary=binary)
    ours = WordVectors.load(tmp_path / "v")
    assert ours.words == vectors.words and np.allclose(ours.matrix, vectors.matrix, atol=1e-6)


def test_gensim_gives_the_same_neighbours_and_analogies(vectors: WordVectors) -> None:
    theirs = pytest.importorskip("gensim.models").KeyedVectors(7)
    theirs.add_vectors(vectors.words, vectors.matrix)
    for word in vectors.words:
        ours = vectors.neighbours(word, 3)
        assert [w for w, _ in ours] == [w for w, _ in theirs.most_similar(word, topn=3)]
        assert [c for _, c in ours] == pytest.approx(
            [c for _, c in theirs.most_similar(word, topn=3)], abs=1e-5
        )
    best = theirs.most_similar(positive=["files", "list"], negative=["file"], topn=1)[0][0]
    assert vectors.analogy("file", "files", "list")[0][0] == best
    assert vectors.odd_one_out(WORDS[:4]) == theirs.doesnt_match(WORDS[:4])


DAMAGED = {
    "text cut in a line": ("t", lambda raw: raw[: raw.index(b"\nlists")][:-20], "line 4: "),
    "text cut after a line": (
        "t",
        lambda raw: raw[: raw.index(b"lists ")],
        "ends after 3 of 8 words (line 4)",
    ),
    "wrong width": (
        "t",
        lambda raw: raw.replace(b"8 7\n", b"8 9\n"),
        "line 2: 7 numbers where the first line promises 9",
    ),
    "more words promised": (
        "t",
        lambda raw: raw.replace(b"8 7\n", b"20 7\n"),
        "ends after 8 of 20 words (line 9)",
    ),
    "a word for a number": (
        "t",
        lambda raw: raw.replace(b"\nlist ", b"\nlist much "),
        "line 4: 8 numbers",
    ),
    "letters in a number": (
        "t",
        lambda raw: raw[:-4] + b"1x1\n",
        "line 9: not all of its values are numbers",
    ),
    "not a number": ("t", lambda raw: raw[: raw.rindex(b" ")] + b" nan\n", "line 9: the vector of"),
    "no first line": ("t", lambda raw: raw[4:], "line 1: a vector file starts with two numbers"),
    "empty": ("t", lambda raw: b"", "line 1"),
    "zero words": ("t", lambda raw: b"0 5\n", "line 1"),
    "binary cut short": ("b", lambda raw: raw[:-30], "ends after"),
    "binary of another width": ("b", lambda raw: raw.replace(b"8 7\n", b"8 90\n"), "ends after"),
    "an image": ("b", lambda raw: b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "line 1"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_refused_with_their_line(
    vectors: WordVectors, tmp_path: Path, name: str
) -> None:
    kind, damage, sentence = DAMAGED[name]
    path = tmp_path / "vectors.bin"
    vectors.save(path, binary=kind == "b")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CourseError) as caught:
        WordVectors.load(path)
    assert sentence in str(caught.value) and "vectors.bin" in str(caught.value)


def test_a_missing_file_and_an_unknown_word_get_a_sentence(
    vectors: WordVectors, tmp_path: Path
) -> None:
    with pytest.raises(CourseError, match="cannot be read"):
        WordVectors.load(tmp_path / "none")
    with pytest.raises(CourseError, match="'rake' has no vector"):
        vectors.neighbours("rake")


def test_neighbours_leave_out_the_word_and_what_is_rare(vectors: WordVectors) -> None:
    assert "file" not in [word for word, _ in vectors.neighbours("file", 50)]
    assert len(vectors.neighbours("file", 50)) == len(WORDS) - 1
    assert {word for word, _ in vectors.neighbours("file", 50, among=4)} == {
        "files",
        "list",
        "lists",
    }
    assert {word for word, _ in vectors.neighbours("温", 50, among=2)} == {"file", "files"}
    assert vectors.analogy("file", "files", "list", 3)[0][0] not in ("file", "files", "list")


def test_a_word_without_direction_does_no_harm() -> None:
    vectors = WordVectors(["a", "b", "c"], np.array([[0, 0], [1, 0], [0.5, 0.5]]))
    assert vectors.similarity("a", "b") == 0 and len(vectors.neighbours("a", 2)) == 2
