"""Kneser–Ney against a brute-force definition; the small networks: masks, and that they learn."""

import math
import random
from collections import Counter

import pytest
import torch

from course_lib.history import neural
from course_lib.history.ngrams import END, START, UNKNOWN, KneserNey, padded
from course_lib.transformer import attention
from course_lib.workbook.evaluate import evaluate


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


# --- The small networks ---
TEXT = neural.as_bytes("the cat sat on the mat. the dog sat on the log. " * 60)
KINDS = pytest.mark.parametrize("kind", neural.HYPERPARAMETERS)


@pytest.mark.parametrize("kind", [*neural.HYPERPARAMETERS, "both sides"])
@pytest.mark.parametrize("seed", range(3))
def test_no_prediction_sees_its_future_but_that_of_both_sides(kind: str, seed: int) -> None:
    both = neural.SmallTransformer(causal=False)
    model = (both if kind == "both sides" else neural.new_model(kind, seed)).eval()
    ids = torch.randint(256, (1, 30), generator=torch.Generator().manual_seed(seed))
    changed = ids.clone()
    changed[0, 20] = (changed[0, 20] + 1) % 256
    before, after = model(ids), model(changed)
    assert before.shape == (1, 30, 256)
    assert torch.allclose(before[:, :20], after[:, :20], atol=1e-5) is (model is not both)
    assert not torch.allclose(before[:, 20:], after[:, 20:], atol=1e-5)


def test_true_in_the_one_causal_mask_is_may_look() -> None:
    assert neural.causal_mask(3).int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert neural.causal_mask(2, 4).int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert attention.causal_mask is neural.causal_mask
    query, key, value = torch.randn(3, 1, 1, 5, 8, generator=torch.Generator().manual_seed(0))
    attend = torch.nn.functional.scaled_dot_product_attention
    with_mask = attend(query, key, value, attn_mask=neural.causal_mask(5))
    assert torch.allclose(with_mask, attend(query, key, value, is_causal=True), atol=1e-6)


@KINDS
@pytest.mark.parametrize("seed", range(2))
def test_they_learn_and_bits_fall(kind: str, seed: int) -> None:
    options = {"max_steps": 40, "eval_steps": 20, "seed": seed}
    model, curve = neural.train_on_bytes(kind, TEXT, TEXT[:500], **options)
    before = evaluate(neural.new_model(kind, seed), TEXT[:500]).bits_per_token
    assert before > 7 and curve[-1][1] < before / 2
    assert evaluate(model, TEXT[:500]).bits_per_token == pytest.approx(curve[-1][1])
    a_step = neural.HYPERPARAMETERS[kind]["block_size"] * neural.HYPERPARAMETERS[kind]["batch_size"]
    assert [read for read, _ in curve] == [20 * a_step, 40 * a_step]


def test_influence_is_a_distance_and_falls_for_a_model_of_one_letter() -> None:
    class LastByte(torch.nn.Module):
        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return 20 * torch.nn.functional.one_hot(ids, 256).float()

    near, far = neural.influence_by_distance(LastByte(), TEXT, [1, 5])
    assert near > 0.5 and far == pytest.approx(0, abs=1e-6)


@KINDS
def test_generation_repeats_itself_and_an_empty_prompt_begins_a_line(kind: str) -> None:
    model = neural.new_model(kind, 0)
    first = neural.generate_bytes(model, "The ", 20, seed=3)
    assert first.startswith("The ") and first == neural.generate_bytes(model, "The ", 20, seed=3)
    assert "\n" + neural.generate_bytes(model, "", 5) == neural.generate_bytes(model, "\n", 5)


@pytest.mark.parametrize("seed", range(2))
def test_the_right_side_helps_where_it_decides(seed: int) -> None:
    """ "a ? x" is always "left", "a ? y" always "right": only who sees both sides can know."""
    words = []
    generator = torch.Generator().manual_seed(seed)
    for choice in torch.randint(2, (1500,), generator=generator).tolist():
        words += ["a", ("left", "right")[choice], ("x", "y")[choice], "end"]
    tokenizer = neural.WordTokenizer([words])
    ids = tokenizer.encode(words)
    gpt, bert = neural.train_gpt_and_bert(ids, len(tokenizer), max_steps=60, seed=seed)
    assert neural.masked_word_accuracy(bert, ids) > 0.95 > neural.masked_word_accuracy(gpt, ids)
    assert neural.fill_mask(bert, tokenizer, ["end", "a", "[MASK]", "y", "end"], 2)[0][0] == "right"
    assert len(neural.fill_mask(gpt, tokenizer, ["[MASK]", "y"], 9)) == len(tokenizer) - 2
