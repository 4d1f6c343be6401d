"""Word2Vec: its gradients against autograd, what it learns, and what it survives."""

import random
import signal
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from course_lib.embeddings import objective, word2vec
from course_lib.embeddings.evaluate import related_pairs_score
from course_lib.embeddings.objective import block_size, skip_gram_gradients, weight_table
from course_lib.embeddings.word2vec import Word2Vec, Word2VecConfig, build_vocabulary
from course_lib.errors import CourseError


def random_blocks(window: int, negative: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Two sides in float64 and weights drawn from the table, one block with padding."""
    generator = torch.Generator().manual_seed(seed)
    block, reach = block_size(window), window + 1
    left, right = (torch.randint(0, reach, (3, block), generator=generator) for _ in range(2))
    left[2, block // 2 :], right[2, block // 2 :] = 0, 0
    place = torch.arange(block).repeat(3, 1)
    weights = weight_table(window, negative).double()[(place * reach + left) * reach + right]
    centres, others = (
        torch.randn(3, size, 6, generator=generator, dtype=torch.float64)
        for size in (block, 2 * block + 2 * window)
    )
    return centres, others, weights


@pytest.mark.parametrize(("window", "negative"), [(1, 1), (5, 5), (3, 8), (12, 2)])
@pytest.mark.parametrize("seed", range(5))
def test_gradients_agree_with_autograd(window: int, negative: int, seed: int) -> None:
    *sides, weights = random_blocks(window, negative, seed)
    leaves = [side.clone().requires_grad_() for side in sides]
    objective.skip_gram_likelihood(*leaves, weights).backward()
    for found, leaf in zip(skip_gram_gradients(*sides, weights), leaves, strict=True):
        torch.testing.assert_close(found, leaf.grad, rtol=1e-10, atol=1e-12)


def test_a_block_is_the_sum_of_its_pairs() -> None:
    """Every position with its own window: neighbours once, negatives negative·n/block times."""
    window, negative, block = 2, 5, block_size(2)
    assert not weight_table(window, negative)[0].any()  # padding at the end of the text uses it
    generator = torch.Generator().manual_seed(3)
    left, right = torch.randint(0, 3, (2, block), generator=generator)
    rows = (torch.arange(block) * 3 + left) * 3 + right
    weights = weight_table(window, negative)[rows][None]
    centres = torch.randn(1, block, 4, generator=generator)
    others = torch.randn(1, block + 2 * window + block, 4, generator=generator)
    found, _ = skip_gram_gradients(centres, others, weights)
    for place in range(block):
        steps = [n for n in range(-int(left[place]), int(right[place]) + 1) if n]
        expected = torch.zeros(4)
        for other in (others[0, window + place + n] for n in steps):
            expected += (1 - torch.sigmoid(other @ centres[0, place])) * other
        for other in others[0, block + 2 * window :]:
            share = negative * len(steps) / block
            expected -= share * torch.sigmoid(other @ centres[0, place]) * other
        torch.testing.assert_close(found[0, place], expected, rtol=1e-5, atol=1e-6)


SENTENCE = "The leeks in bed four want water in the morning and shade at noon. "


def two_worlds(seed: int, size: int = 3_000) -> list[str]:
    """Sentences of words that stand together within a world and never across."""
    rng = random.Random(seed)
    worlds = [[f"{name}{n}" for n in range(20)] for name in ("garden", "office")]
    return [" ".join(rng.choices(rng.choice(worlds), k=12)) for _ in range(size)]


@pytest.mark.parametrize("seed", range(5))
def test_words_of_one_world_come_close_and_the_loss_falls(seed: int) -> None:
    vocabulary, encoded = build_vocabulary(two_worlds(seed))
    config = Word2VecConfig(vector_size=20, seed=seed, learning_rate=0.05, sample=0)
    result = Word2Vec(vocabulary, config).train(encoded)
    again = Word2Vec(vocabulary, config).train(encoded)
    assert np.array_equal(result.vectors.matrix, again.vectors.matrix)
    for word in ("garden0", "office7"):
        near = result.vectors.most_similar(word, 10)
        assert {other[:6] for other, _ in near} == {word[:6]}
    related = [(f"{name}{n}", f"{name}{n + 1}") for name in ("garden", "office") for n in range(19)]
    assert related_pairs_score(result.vectors, related).value > 0.7
    read, losses = zip(*result.losses, strict=True)
    assert losses[0] == pytest.approx(6 * np.log(2), abs=0.02) and losses[-1] < 0.9 * losses[0]
    assert all(a < b for a, b in pairwise(read)) and read[-1] == 5 * len(encoded)


STRANGE = {
    "one sentence": [SENTENCE],
    "one sentence, for ever": [SENTENCE * 5_000],
    "one word": ["yes " * 10_000],
    "many documents of two words": ["up up up up down"] * 10_000,
    "Chinese": ["温室の土が乾いたら水をやってください。\n\n" * 3_000],
    "nothing": [],
}
TOO_FEW = ("one sentence", "one word", "nothing")


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("min_count", [1, 5])
def test_strange_corpora_give_a_sentence_or_finite_vectors(name: str, min_count: int) -> None:
    try:
        vocabulary, encoded = build_vocabulary(STRANGE[name], min_count)
    except CourseError as error:
        assert "too few to learn from" in str(error) and name in TOO_FEW
        return
    config = Word2VecConfig(vector_size=16, epochs=2, learning_rate=0.05)
    result = Word2Vec(vocabulary, config).train(encoded)
    assert np.isfinite(result.vectors.matrix).all() and np.abs(result.vectors.matrix).max() < 10
    assert result.losses[-1][0] == 2 * len(encoded)


def test_with_which_settings_nothing_can_be_learned_is_told() -> None:
    for name in ("vector_size", "learning_rate", "epochs"):
        with pytest.raises(CourseError, match=f"`{name}` is 0"):
            Word2VecConfig(**{name: 0})
    bursts = [f"w{n} v{n} " * 6 for n in range(3_000)]  # rare in all, frequent where they stand
    vocabulary, encoded = build_vocabulary(bursts)
    with pytest.raises(CourseError, match="lower `learning_rate`, which is 9"):
        Word2Vec(vocabulary, Word2VecConfig(vector_size=20, learning_rate=9.0)).train(encoded)


def test_an_interruption_keeps_what_was_learned_and_the_threads(monkeypatch, capsys) -> None:
    vocabulary, encoded = build_vocabulary(two_worlds(0))
    model, threads, before = Word2Vec(vocabulary, Word2VecConfig(8)), [], torch.get_num_threads()
    update = model._update

    def interrupted(*arguments: object) -> None:
        update(*arguments)
        threads.append(torch.get_num_threads())
        if len(threads) == 300:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(model, "_update", interrupted)
    result = model.train(encoded)
    assert result.losses[-1][0] < 5 * len(encoded)
    assert "The vectors learned are kept." in capsys.readouterr().out
    assert np.abs(result.vectors.matrix).max() > 0.05
    assert set(threads) == {1} and torch.get_num_threads() == before


def test_windows_end_with_their_document_and_prefer_near_words() -> None:
    documents = np.array([0, 0, 0, 1, 2, 2], dtype=np.int32)
    left, right = word2vec.sample_windows(documents, 5, np.random.default_rng(0))
    assert (left <= [0, 1, 2, 0, 0, 1]).all() and (right <= [2, 1, 0, 0, 1, 0]).all()
    assert right[0] >= 1
    left, _ = word2vec.sample_windows(np.zeros(20_000, np.int32), 4, np.random.default_rng(0))
    used = [(left >= distance).mean() for distance in range(1, 5)]
    assert np.allclose(used, [1, 0.75, 0.5, 0.25], atol=0.02)


def test_thinning_and_negatives_follow_the_papers() -> None:
    assert build_vocabulary(["a b " * 5, "हिन्दी में " * 9])[0].words[0] == "हिन्दी"  # by frequency
    vocabulary = word2vec.Vocabulary(["the", "leek", "rake"], [900_000, 99_990, 10])
    keep, ratio = vocabulary.keep_probability(1e-3), 1e-3 / 0.9
    assert keep[0] == pytest.approx(ratio**0.5 + ratio) and keep[2] == 1
    assert (vocabulary.keep_probability(0) == 1).all()
    drawn = vocabulary.negative_distribution()
    assert drawn.sum() == pytest.approx(1) and drawn[0] / drawn[2] == pytest.approx(90_000**0.75)
