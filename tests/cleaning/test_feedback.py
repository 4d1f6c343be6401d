"""Models that learn from models: what must hold in every chain."""

import random

import pytest

from course_lib.cleaning.feedback import MODES, chain_of_models, cut, write
from course_lib.cleaning.figures_models import chains
from course_lib.errors import CourseError
from course_lib.history.ngrams import KneserNey


def toy_text(seed: int, documents: int = 120) -> list[list[str]]:
    """Words with a long tail: the n-th is drawn in proportion to 1 / n."""
    rng = random.Random(seed)
    weights = [1 / n for n in range(1, 2_000)]
    return [[f"w{n}" for n in rng.choices(range(1_999), weights, k=60)] for _ in range(documents)]


@pytest.mark.parametrize("seed", range(5))
def test_words_die_out_and_real_text_keeps_them(seed: int) -> None:
    text = toy_text(seed)
    found = {
        mode: chain_of_models(
            text, toy_text(seed + 50, 10), mode, tokens=1_200, generations=4, order=2, seed=seed
        )
        for mode in MODES
    }
    kinds = {mode: [model.kinds for model in models] for mode, models in found.items()}
    assert (
        len({models[0].perplexity for name, models in found.items() if "real text" not in name})
        == 1
    )
    own = kinds["replace"]
    assert own == sorted(own, reverse=True) and own[-1] < 0.6 * own[0]
    assert own[-1] < kinds["a tenth real"][-1] < kinds["accumulate"][-1]
    assert (
        kinds["accumulate"] == [own[0]] * 5
    )  # what was there stays, and nothing new is ever written
    assert kinds["more real text"][-1] > kinds["accumulate"][-1]
    tokens = {mode: [model.tokens for model in models] for mode, models in found.items()}
    assert tokens["replace"] == tokens["a tenth real"] == tokens["new real text"] == [1_200] * 5
    assert tokens["accumulate"] == tokens["more real text"] == [1_200 * n for n in range(1, 6)]
    assert found["replace"][-1].perplexity > found["replace"][0].perplexity
    assert found["more real text"][-1].perplexity < found["accumulate"][-1].perplexity
    assert "accumulate" in chains(found).sentence and chains(found).png()


def test_the_first_generation_and_the_controls_learn_from_real_words_only() -> None:
    text = toy_text(0)
    assert sum(map(len, cut(text, 500, random.Random(1)))) == 500
    written = write(KneserNey(text, 2), 300, random.Random(0))
    assert sum(map(len, written)) == 300 and {w for d in written for w in d} <= {
        w for d in text for w in d
    }


@pytest.mark.parametrize(
    ("documents", "mode"),
    [([], "replace"), ([["a"]], "no such mode"), ([[]], "accumulate")],
    ids=str,
)
def test_what_cannot_be_a_chain_is_one_sentence(documents: list, mode: str) -> None:
    with pytest.raises(CourseError, match=r"^A chain [^\n]+\.$"):
        chain_of_models(documents, [["a"]], mode, tokens=10)
