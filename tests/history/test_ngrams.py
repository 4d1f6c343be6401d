"""Kneser–Ney against a brute-force definition, and by hand."""

import math
import random
from collections import Counter

import pytest

from course_lib.history.ngrams import END, START, UNKNOWN, KneserNey, padded


def random_documents(seed: int, letters: str = "abcd", count: int = 12) -> list[list[str]]:
    rng = random.Random(seed)
    return [[rng.choice(letters) for _ in range(rng.randint(1, 15))] for _ in range(count)]


class BruteForce:
    """The textbook definition, written down without any thought of speed."""

    def __init__(self, documents: list[list[str]], order: int) -> None:
        self.order = order
        self.vocabulary = {t for d in documents for t in d} | {END, UNKNOWN}
        self.grams = [gram for d in documents for gram in self.of(padded(d, order), order)]

    @staticmethod
    def of(tokens: list[str], length: int) -> list[tuple]:
        return [tuple(tokens[i : i + length]) for i in range(len(tokens) - length + 1)]

    def count(self, gram: tuple) -> int:
        """Raw at the highest order and where a document begins, else: different left neighbours."""
        n = len(gram)
        longer = [g for g in self.grams if g[self.order - n :] == gram]
        if n == self.order or (n > 1 and gram[0] == START):
            return len(longer)
        return len({g[self.order - n - 1] for g in longer})

    def discount(self, n: int) -> float:
        counts = Counter(self.count(g) for g in {g[self.order - n :] for g in self.grams})
        return counts[1] / (counts[1] + 2 * counts[2]) if counts[1] and counts[2] else 0.5

    def probability(self, token: str, history: tuple, n: int | None = None) -> float:
        if n is None:
            history = history[len(history) - min(len(history), self.order - 1) :]
            n = len(history) + 1
        if n == 0:
            return 1 / len(self.vocabulary)
        context = history[len(history) - n + 1 :]
        followers = {g[-1] for g in self.grams if g[self.order - n : -1] == context}
        lower = self.probability(token, history, n - 1)
        if not followers:
            return lower
        total = sum(self.count((*context, f)) for f in followers)
        d = self.discount(n)
        return (max(self.count((*context, token)) - d, 0) + d * len(followers) * lower) / total


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_probabilities_equal_the_brute_force_definition(seed: int, order: int) -> None:
    documents = random_documents(seed)
    fast, slow = KneserNey(documents, order), BruteForce(documents, order)
    rng = random.Random(seed)
    for _ in range(25):
        history = (*[START] * (order - 1), *rng.choices("abcd", k=rng.randint(0, 5)))
        assert sum(fast.probability(t, history) for t in fast.vocabulary) == pytest.approx(1)
        for token in fast.vocabulary:
            expected = slow.probability(token, history)
            assert fast.probability(token, history) == pytest.approx(expected, rel=1e-12)


def test_perplexity_of_a_toy_text_by_hand() -> None:
    """One document "a a b": unigram counts a 2, b 1, end 1; discount 2/(2+2·1) = 0.5; 4 tokens."""
    model = KneserNey([["a", "a", "b"]], order=1)
    uniform = 1 / 4  # a, b, end, unknown
    left = 0.5 * 3 / 4 * uniform
    p = {"a": 1.5 / 4 + left, "b": 0.5 / 4 + left, END: 0.5 / 4 + left}
    assert model.probability("a") == pytest.approx(p["a"])
    expected = (p["a"] * p["b"] * p[END]) ** (-1 / 3)
    assert model.perplexity([["a", "b"]]) == pytest.approx(expected)
    assert model.log2_probability(["a", "b"]) == pytest.approx(-3 * math.log2(expected))


@pytest.mark.parametrize("seed", range(5))
def test_generated_tokens_come_as_often_as_their_probability(seed: int) -> None:
    model = KneserNey(random_documents(seed), 2)
    rng = random.Random(seed)
    drawn = Counter(tuple(model.generate(2, rng)[:2]) for _ in range(4000))
    expected = model.probability("a", [START]) * model.probability("b", ["a"])
    assert drawn["a", "b"] / 4000 == pytest.approx(expected, abs=0.03)


def test_unknown_tokens_have_a_probability_and_nothing_is_refused() -> None:
    assert math.isfinite(KneserNey([list("abab")], 3).perplexity([list("zzz")]))
    with pytest.raises(ValueError, match="a document"):
        KneserNey([], 3)
