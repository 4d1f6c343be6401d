"""Text and the models that learn from it: versions on fair terms, and chains of models."""

import random

import pytest

from course_lib.cleaning.downstream import (
    MODES,
    RunResult,
    chain_of_models,
    ngram_train_fn,
    one_source,
    relative_improvement,
    run_experiment,
    sample_tokens,
    transformer_train_fn,
)
from course_lib.workbook.corpus import Corpus, Document
from course_lib.workbook.corpus.document import table_of

PATTERN = [1, 2, 3, 4, 5, 6] * 20
NOISE = [[(7 * n * n + 3 * k) % 40 for n in range(60)] for k in range(40)]
TARGETS = {"pattern": ([PATTERN[:60]], 60)}


def test_a_budget_is_exact_and_the_choice_depends_on_the_seed_alone() -> None:
    documents = [[n] * (n + 1) for n in range(60)]
    first, again, other = (sample_tokens(documents, 100, random.Random(n)) for n in (0, 0, 1))
    assert sum(map(len, first)) == 100 and all(first)
    assert first == again != other
    assert max(map(len, sample_tokens([[1] * 5_000], None, random.Random(0)))) == 512


SMALL = transformer_train_fn(3, d_model=24, n_layers=1, block_size=16, batch_size=8)


@pytest.mark.parametrize("train_fn", [ngram_train_fn(3), SMALL])
def test_text_like_the_target_wins(train_fn: object) -> None:
    versions = {"raw": [*NOISE, PATTERN], "clean": [PATTERN] * 20}
    results = run_experiment(versions, TARGETS, train_fn, 40, budget=900)
    assert len(results) == 6 and all(result.num_tokens == 900 for result in results)
    better = relative_improvement(results)
    assert list(better) == [("clean", "pattern")] and min(better["clean", "pattern"]) > 0


def test_the_same_text_is_learned_once() -> None:
    learned: list[int] = []

    def train_fn(documents: list, vocab_size: int, seed: int) -> object:
        learned.append(sum(map(len, documents)))
        return lambda target: float(learned[-1])

    versions = {"raw": NOISE, "same": [list(row) for row in NOISE], "half": NOISE[:20]}
    run_experiment(versions, TARGETS, train_fn, 40, fraction=0.5, seeds=range(2))
    assert learned == [1_200, 1_200, 600, 600]  # "same" gives what "raw" gives


def test_improvements_are_paired_by_seed() -> None:
    bits = (("raw", 0, 2.0), ("raw", 1, 4.0), ("new", 0, 1.0), ("new", 1, 3.0))
    results = [RunResult(name, "t", seed, 9, value) for name, seed, value in bits]
    assert relative_improvement(results) == {("new", "t"): [50, 25]}


def test_a_budget_that_a_version_cannot_give_is_refused() -> None:
    versions = {"raw": [PATTERN], "more": NOISE}
    with pytest.raises(ValueError, match="smallest version has 120 tokens"):
        run_experiment(versions, TARGETS, ngram_train_fn(2), 40, budget=10_000)


def test_one_source_is_the_largest() -> None:
    documents = [Document(f"d{n}", "words " * 9, {"origin": "ab"[n % 3 == 0]}) for n in range(30)]
    corpus = Corpus(table_of(documents, ["train"] * 30), name="x", source="x")
    assert {document.meta["origin"] for document in one_source(corpus, 10**6)} == {"a"}
    assert one_source(corpus, 200).bytes <= 200


def toy_text(seed: int, documents: int = 120) -> list[list[str]]:
    """Words with a long tail: the n-th is drawn in proportion to 1 / n."""
    rng = random.Random(seed)
    weights = [1 / n for n in range(1, 2_000)]
    return [[f"w{n}" for n in rng.choices(range(1_999), weights, k=60)] for _ in range(documents)]


def test_words_die_out_and_real_text_keeps_them() -> None:
    setting = {"num_tokens": 1_200, "num_generations": 4, "order": 2, "seed": 0}
    chains = {
        mode: chain_of_models(toy_text(0), toy_text(50, 10), mode, **setting) for mode in MODES
    }
    types = {mode: [model.num_types for model in models] for mode, models in chains.items()}
    own = types["replace"]
    assert own == sorted(own, reverse=True) and own[-1] < 0.6 * own[0]
    assert own[-1] < types["a tenth real"][-1] < types["accumulate"][-1]
    assert types["accumulate"] == [own[0]] * 5  # what was there stays, and nothing new is written
    assert types["more real text"][-1] > types["accumulate"][-1]
    assert [model.num_tokens for model in chains["a tenth real"]] == [1_200] * 5
    assert [model.num_tokens for model in chains["accumulate"]] == [1_200 * n for n in range(1, 6)]
    ends = {mode: (models[0].perplexity, models[-1].perplexity) for mode, models in chains.items()}
    assert ends["replace"][0] == ends["accumulate"][0] < ends["replace"][1]
    assert ends["more real text"][1] < ends["accumulate"][1]
