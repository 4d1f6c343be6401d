"""Training: what it learns, what it survives, and that it repeats itself."""

import random
import signal
from itertools import pairwise

import numpy as np
import pytest
import torch

from course_lib.embeddings.evaluate import related_pairs_score
from course_lib.embeddings.vocabulary import Vocabulary, build_vocabulary
from course_lib.embeddings.word2vec import Settings, Word2Vec, pairs, reaches
from course_lib.errors import CourseError

SENTENCE = "The leeks in bed four want water in the morning and shade at noon. "


def two_worlds(seed: int, size: int = 3_000) -> list[str]:
    """Sentences of words that stand together within a world and never across."""
    rng = random.Random(seed)
    worlds = [[f"{name}{n}" for n in range(20)] for name in ("garden", "office")]
    return [" ".join(rng.choices(rng.choice(worlds), k=12)) for _ in range(size)]


@pytest.mark.parametrize("model", ["skip-gram", "cbow"])
@pytest.mark.parametrize("seed", range(5))
def test_words_of_one_world_come_close(model: str, seed: int) -> None:
    vocabulary, encoded = build_vocabulary(two_worlds(seed))
    settings = Settings(width=20, model=model, seed=seed, learning_rate=0.05, subsample=0)
    vectors = Word2Vec(vocabulary, settings).train(encoded).vectors
    for word in ("garden0", "office7"):
        assert {near[:6] for near, _ in vectors.neighbours(word, 10)} == {word[:6]}


def test_same_seed_same_vectors_and_another_seed_others() -> None:
    vocabulary, encoded = build_vocabulary(two_worlds(0, 300))
    first, same, other = (
        Word2Vec(vocabulary, Settings(width=8, epochs=1, seed=seed)).train(encoded).vectors.matrix
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, same) and not np.allclose(first, other)


STRANGE = {
    "one sentence": [SENTENCE],
    "one sentence, repeated": [SENTENCE * 16],
    "one sentence, for ever": [SENTENCE * 5_000],
    "one word": ["yes " * 10_000],
    "one word and a few": ["yes " * 100_000 + "no maybe " * 10],
    "two words": ["a b " * 50_000],
    "many documents of two words": ["up up up up down"] * 10_000,
    "distinct words": [" ".join(f"w{n}" for n in range(300_000))],
    "Chinese": ["温室の土が乾いたら水をやってください。\n\n" * 3_000],
    "a few words at random": [
        " ".join(random.Random(0).choices([f"w{n}" for n in range(50)], k=100_000))
    ],
    "numbers in a table": [("0 " * 300 + " ".join(f"n{n % 97}" for n in range(300)) + " ") * 100],
    "nothing": [],
    "blanks": ["  \n "] * 5,
}


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("minimum", [1, 5])
@pytest.mark.parametrize("model", ["skip-gram", "cbow"])
def test_strange_corpora_give_a_sentence_or_finite_vectors(
    name: str, minimum: int, model: str
) -> None:
    try:
        vocabulary, encoded = build_vocabulary(STRANGE[name], minimum)
    except CourseError as error:
        assert "too few to learn from" in str(error)
        assert name in ("one sentence", "one word", "distinct words", "nothing", "blanks")
        return
    for rate in (0.025, 0.05):
        result = Word2Vec(
            vocabulary, Settings(width=16, epochs=2, model=model, learning_rate=rate)
        ).train(encoded)
        assert np.isfinite(result.vectors.matrix).all() and np.abs(result.vectors.matrix).max() < 10
        assert result.losses[-1][0] == 2 * len(encoded) and not result.interrupted


def test_millions_of_distinct_words_are_bounded() -> None:
    texts = [
        " ".join(f"w{n}" for n in range(start, start + 100_000))
        for start in range(0, 1_000_000, 100_000)
    ]
    vocabulary, encoded = build_vocabulary(
        [*texts, "again " * 50], minimum_count=1, most_words=50_000
    )
    assert len(vocabulary) == 50_000 and vocabulary.words[0] == "again"
    assert encoded.ids.max() == 49_999


def test_a_rate_that_is_too_high_gets_a_sentence_and_no_vectors() -> None:
    bursts = [f"w{n} v{n} " * 6 for n in range(3_000)]  # rare in all, frequent where they stand
    vocabulary, encoded = build_vocabulary(bursts)
    with pytest.raises(CourseError, match="lower `learning_rate`, which is 9"):
        Word2Vec(vocabulary, Settings(width=20, learning_rate=9.0)).train(encoded)


@pytest.mark.parametrize(
    "settings", [{"model": "glove"}, {"width": 0}, {"window": 0}, {"epochs": 0}]
)
def test_impossible_settings_get_a_sentence(settings: dict) -> None:
    with pytest.raises(CourseError):
        Settings(**settings)


def test_it_leaves_the_number_of_threads_as_it_was() -> None:
    vocabulary, encoded = build_vocabulary(two_worlds(0, 300))
    before, seen = torch.get_num_threads(), []
    model = Word2Vec(vocabulary, Settings(width=8, epochs=1))
    update = model._update
    model._update = lambda *arguments: (seen.append(torch.get_num_threads()), update(*arguments))
    model.train(encoded)
    assert set(seen) == {1} and torch.get_num_threads() == before


def test_an_interruption_keeps_what_was_learned(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    vocabulary, encoded = build_vocabulary(two_worlds(0))
    model, calls = Word2Vec(vocabulary, Settings(width=8)), []
    update = model._update

    def interrupted(*arguments: object) -> None:
        update(*arguments)
        calls.append(1)
        if len(calls) == 300:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(model, "_update", interrupted)
    result = model.train(encoded)
    assert result.interrupted and result.losses[-1][0] < 5 * len(encoded)
    assert "The vectors learned so far are kept." in capsys.readouterr().out
    assert np.abs(result.vectors.matrix).max() > 0.05


def test_windows_end_with_their_document() -> None:
    documents = np.array([0, 0, 0, 1, 2, 2], dtype=np.int32)
    for seed in range(5):
        left, right = reaches(documents, 5, np.random.default_rng(seed))
        assert (left <= [0, 1, 2, 0, 0, 1]).all() and (right <= [2, 1, 0, 0, 1, 0]).all()
        assert left[3] == right[3] == 0 and right[0] >= 1
        found = pairs(np.array([10, 11, 12, 20, 30, 31]), left, right)
        assert (
            all(abs(a - b) <= 2 and a // 10 == b // 10 for a, b in found)
            and len(found) == (left + right).sum()
        )


def test_pairs_of_a_full_window_are_those_of_a_loop() -> None:
    words = list(range(9))
    left, right = np.minimum(words, 2), np.minimum(words[::-1], 2)
    expected = [(i, j) for i in words for j in words if i != j and abs(i - j) <= 2]
    assert sorted(map(tuple, pairs(np.array(words), left, right).tolist())) == sorted(expected)


def test_near_neighbours_are_used_more_often() -> None:
    left, _ = reaches(np.zeros(20_000, np.int32), 4, np.random.default_rng(0))
    shares = [(left >= distance).mean() for distance in range(1, 5)]
    assert np.allclose(shares, [1, 0.75, 0.5, 0.25], atol=0.02)


def test_frequent_words_take_shorter_steps_and_rare_ones_the_whole() -> None:
    vocabulary = Vocabulary([str(n) for n in range(10_001)], [50_000] + [5] * 10_000)
    model = Word2Vec(vocabulary, Settings(width=4, subsample=0))
    for rates in model.rates(positions=512):
        assert 0 < rates[0] < 0.2 and bool((rates[1:] == 1).all())


def test_thinning_and_negatives_follow_the_papers() -> None:
    vocabulary = Vocabulary(["the", "leek", "rake"], [900_000, 99_990, 10])
    keep = vocabulary.keep_probability(1e-3)
    ratio = 1e-3 / 0.9
    assert keep[0] == pytest.approx(ratio**0.5 + ratio) and keep[2] == 1
    assert (vocabulary.keep_probability(0) == 1).all()
    drawn = vocabulary.negative_distribution()
    assert drawn.sum() == pytest.approx(1) and drawn[0] / drawn[2] == pytest.approx(90_000**0.75)


def test_the_loss_starts_at_guessing_and_falls() -> None:
    vocabulary, encoded = build_vocabulary(two_worlds(1))
    losses = [loss for _, loss in Word2Vec(vocabulary, Settings(width=20)).train(encoded).losses]
    assert losses[0] == pytest.approx(6 * np.log(2), abs=0.02) and losses[-1] < 0.9 * losses[0]
    read = [words for words, _ in Word2Vec(vocabulary, Settings(width=20)).train(encoded).losses]
    assert all(a < b for a, b in pairwise(read))


def test_related_pairs_are_told_from_chance_after_training() -> None:
    vocabulary, encoded = build_vocabulary(two_worlds(2))
    vectors = (
        Word2Vec(vocabulary, Settings(width=20, learning_rate=0.05, subsample=0))
        .train(encoded)
        .vectors
    )
    related = [(f"{name}{n}", f"{name}{n + 1}") for name in ("garden", "office") for n in range(19)]
    score = related_pairs_score(vectors, related)
    assert score.coverage == 1 and score.value > 0.7
