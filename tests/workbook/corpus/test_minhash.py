"""The MinHash core against its definitions."""

import random

import numpy as np
import pytest

from course_lib.workbook.corpus import minhash


def random_text(rng: random.Random, words: int) -> str:
    return " ".join(f"w{rng.randrange(3000)}" for _ in range(words))


def edited(text: str, rng: random.Random, edits: int) -> str:
    words = text.split()
    for place in rng.sample(range(len(words)), edits):
        words[place] = f"new{rng.randrange(10**6)}"
    return " ".join(words)


def exact_jaccard(first: str, second: str) -> float:
    def grams(text: str) -> set:
        words = minhash.words(text)
        return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}

    return len(grams(first) & grams(second)) / len(grams(first) | grams(second))


def test_words_split_scripts_without_spaces_by_character() -> None:
    assert minhash.words("Don't PANIC, 42!") == ["don", "t", "panic", "42"]
    assert minhash.words("日本語 text") == ["日", "本", "語", "text"]


@pytest.mark.parametrize("seed", range(5))
def test_jaccard_of_hashed_shingles_is_that_of_word_5_grams(seed: int) -> None:
    rng = random.Random(seed)
    first = random_text(rng, 300)
    second = edited(first, rng, 9)
    hashes, starts = minhash.shingles([first, second])
    one, two = hashes[: starts[1]], hashes[starts[1] :]
    assert minhash.jaccard(one, two) == pytest.approx(exact_jaccard(first, second))


@pytest.mark.parametrize("seed", range(5))
def test_signatures_agree_as_often_as_the_jaccard_similarity_says(seed: int) -> None:
    rng = random.Random(seed)
    first = random_text(rng, 400)
    second = edited(first, rng, 12)
    hashes, starts = minhash.shingles([first, second])
    signature = minhash.signatures(hashes, starts, minhash._constants(2000, 1))
    expected = exact_jaccard(first, second)
    assert np.mean(signature[0] == signature[1]) == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize("seed", range(5))
def test_shingles_do_not_depend_on_the_chunk(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    texts = [
        *(random_text(rng, rng.randrange(12)) for _ in range(60)),
        "",
        "\x00",
        "\ud800",
        "word " * 40,
    ]
    hashes, starts = minhash.shingles(texts)
    own = [minhash.shingles([text])[0] for text in texts]
    assert starts.tolist() == [0, *np.cumsum([len(piece) for piece in own]).tolist()]
    assert hashes.tolist() == np.concatenate(own).tolist()
    monkeypatch.setattr(minhash, "_CHUNK", 17)
    again = minhash.shingles(texts)
    assert again[0].tolist() == hashes.tolist() and again[1].tolist() == starts.tolist()


def test_signatures_do_not_depend_on_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(0)
    hashes, starts = minhash.shingles(random_text(rng, rng.randrange(1, 80)) for _ in range(60))
    constants = minhash._constants(112, 1)
    whole = minhash.signatures(hashes, starts, constants)
    monkeypatch.setattr(minhash, "_CHUNK", 37)
    assert np.array_equal(minhash.signatures(hashes, starts, constants), whole)


@pytest.mark.parametrize("seed", range(5))
def test_cluster_finds_planted_copies_and_nothing_else(seed: int) -> None:
    rng = random.Random(seed)
    originals = [random_text(rng, 200) for _ in range(100)]
    copies = [edited(text, rng, 2) for text in originals[:40]]  # Jaccard about 0.9
    texts = [*originals, *copies, originals[50]]
    labels = minhash.find_clusters(texts).kept
    found = sum(labels[100 + i] == i for i in range(40))
    assert found >= 38  # 14 bands of 8 rows meet with probability above 0.99 there
    assert labels[140] == 50
    assert len(set(labels[:100])) == 100


@pytest.mark.parametrize("seed", range(4))
def test_a_twin_does_not_hide_the_pair_behind_it(seed: int) -> None:
    """A is like B and like C, B and C are less alike: all three are one cluster in any order."""
    rng = random.Random(seed)
    texts = []
    for _ in range(30):
        middle = random_text(rng, 240)
        texts.append([edited(middle, rng, 4), middle, edited(middle, rng, 4)])  # Jaccard about 0.85
    for order in ((0, 2, 1), (1, 0, 2), (0, 1, 2)):
        labels = minhash.find_clusters([row[place] for row in texts for place in order]).kept
        whole = sum(len(set(labels[3 * n : 3 * n + 3])) == 1 for n in range(30))
        assert whole >= 27  # each pair meets with probability 0.98


def test_thousands_of_equal_documents_cost_little_and_form_one_cluster() -> None:
    labels = minhash.find_clusters(["the same words again and again, in every file"] * 20_000).kept
    assert set(labels) == {0}


@pytest.mark.parametrize("text", ["", "one", "😀😀😀", "a b c d", "\x00\x00", "\ud800 lone"])
def test_odd_documents_have_a_shingle(text: str) -> None:
    hashes, starts = minhash.shingles([text, "another document with more than five words"])
    assert starts[1] == 1
    assert list(minhash.find_clusters([text, text]).kept) == [0, 0]
