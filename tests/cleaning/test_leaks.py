"""The leak check: near duplicates, shared passages, 13-grams, and documents that are clean."""

import random

import pytest

from course_lib.cleaning.leaks import CLEAN, NEAR, PASSAGE, find_leaks, verdicts
from course_lib.errors import CourseError
from course_lib.workbook.corpus import load_corpus


def some_words(chance: random.Random, count: int) -> list[str]:
    return [f"w{chance.randrange(10_000)}" for _ in range(count)]


@pytest.mark.parametrize("seed", range(5))
def test_each_verdict(seed: int) -> None:
    chance = random.Random(seed)
    train = [some_words(chance, 200) for _ in range(30)]
    near = [*train[7][:-2], "other", "words"]
    passage = [*some_words(chance, 150), *train[3][20:75], *some_words(chance, 150)]
    gram = [*some_words(chance, 100), *train[4][5:30]]
    held_out = [near, passage, gram, some_words(chance, 100), ["short"]]
    found = find_leaks([" ".join(t) for t in train], [" ".join(t) for t in held_out])
    assert [(leak.verdict, leak.match) for leak in found] == [
        (NEAR, 7),
        (PASSAGE, 3),
        (CLEAN, -1),
        (CLEAN, -1),
        (CLEAN, -1),
    ]
    assert found[0].jaccard == pytest.approx(194 / 198)
    assert found[1].passage == 55 and found[0].passage == 198
    assert found[2].grams == pytest.approx(
        13 / 113
    )  # 25 shared tokens hold 13 of the 113 runs of 13
    assert found[3].grams == found[4].grams == 0
    assert verdicts(found) == {CLEAN: 3, NEAR: 1, PASSAGE: 1}


def test_the_course_s_split_has_no_near_duplicates() -> None:
    corpus = load_corpus("songbook")
    leaks = find_leaks(list(corpus.train.texts()), list(corpus.validation.texts()))
    assert len(leaks) == len(corpus.validation)
    assert verdicts(leaks)[NEAR] == 0


def test_odd_input() -> None:
    assert [leak.leaked for leak in find_leaks(["", "\ud800"], ["", "\x00"])] == [True, False]
    with pytest.raises(CourseError, match="at least one"):
        find_leaks([], ["a"])
