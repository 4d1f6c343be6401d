"""MinHash clusters against exact Jaccard similarities of all pairs."""

import random

import numpy as np
import pytest

from course_lib.cleaning.steps import RemovalLog
from course_lib.cleaning.near import (
    drop_near,
    exact_pairs,
    find_clusters,
    meeting_probability,
    meetings,
)
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document, minhash
from course_lib.workbook.corpus.words import words


def edited_texts(seed: int, families: int = 60) -> list[str]:
    """Families of a text and a copy with up to four changed words of 120."""
    chance = random.Random(seed)
    texts = []
    for _ in range(families):
        base = [f"w{chance.randrange(5000)}" for _ in range(120)]
        copy = list(base)
        for place in chance.sample(range(120), chance.randrange(5)):
            copy[place] = "changed"
        texts += [" ".join(base), " ".join(copy)]
    return texts


def exact_jaccard(first: str, second: str) -> float:
    """From sets of word 5-grams, without hashes."""
    sets = []
    for text in (first, second):
        tokens = words(text)
        sets.append({tuple(tokens[i : i + 5]) for i in range(len(tokens) - 4)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_found_pairs_against_exact_similarity_over_seeds() -> None:
    true = found = 0
    for seed in range(5):
        texts = edited_texts(seed)
        clusters = find_clusters(texts, seed=seed)
        for row in range(0, len(texts), 2):
            exact = exact_jaccard(texts[row], texts[row + 1])
            joined = clusters.kept[row + 1] == row
            assert not joined or exact >= 0.8
            assert not joined or clusters.similarity[row + 1] == pytest.approx(exact)
            true += exact >= 0.8
            found += bool(joined)
        assert set(clusters.kept[::2]) == set(
            range(0, len(texts), 2)
        )  # different families stay apart
    assert true > 100
    assert found / true >= 0.9


@pytest.mark.parametrize("seed", range(5))
def test_all_pairs_against_sets(seed: int) -> None:
    texts = [*edited_texts(seed, 12), "short", "short", "other", ""]
    by_hand = [
        (a, b)
        for a in range(24)
        for b in range(a + 1, 24)
        if exact_jaccard(texts[a], texts[b]) >= 0.8
    ]
    assert exact_pairs(texts, block=7) == [*by_hand, (24, 25)]
    for first, other, alike in meetings(texts, seed=seed):
        assert alike == pytest.approx(exact_jaccard(texts[first], texts[other]))
    assert exact_pairs([]) == [] and meetings(["a"]) == []


def test_many_bands_find_more_than_the_literal_misreading() -> None:
    texts = edited_texts(7)
    many = find_clusters(texts, bands=90, rows=4).kept != np.arange(len(texts))
    few = find_clusters(texts, bands=4, rows=90).kept != np.arange(len(texts))
    assert many.sum() > few.sum()
    assert meeting_probability(0.8, 450, 20) > 0.99
    assert meeting_probability(0.8, 20, 450) < 1e-6


def test_a_hundred_thousand_copies_need_no_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minhash, "jaccard", lambda *_: pytest.fail("compared"))
    assert not find_clusters(["the same few words again"] * 100_000).kept.any()


def test_the_log_names_the_kept_document_and_the_match() -> None:
    base = [f"w{i}" for i in range(100)]
    texts = [
        " ".join(base),
        "something else altogether",
        " ".join([*base[:-1], "x"]),
        " ".join(base),
    ]
    log = RemovalLog()
    kept = list(
        drop_near((Document(f"d{i}", t) for i, t in enumerate(texts)), log, bands=90, rows=4)
    )
    assert [d.id for d in kept] == ["d0", "d1"]
    assert [(e.id, e.evidence["kept"], e.evidence["match"]) for e in log.entries] == [
        ("d2", "d0", "d0"),
        ("d3", "d0", "d0"),
    ]
    assert log.entries[0].evidence["jaccard"] == pytest.approx(95 / 97)


def test_odd_input() -> None:
    assert len(find_clusters([]).kept) == 0
    assert find_clusters(["", "\x00", "\ud800", "word " * 1000]).kept.tolist() == [0, 1, 2, 3]
    with pytest.raises(CourseError, match="at least one band"):
        find_clusters(["a"], bands=0)
