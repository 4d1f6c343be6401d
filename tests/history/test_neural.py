"""The small networks: shapes, masks, what they see, and that they learn."""

import math

import pytest
import torch

from course_lib.history.fill_in import (
    CONTEXT,
    Vocabulary,
    candidates,
    middle_loss,
    middle_word_accuracy,
    train_pair,
)
from course_lib.history.neural import (
    RECIPES,
    SmallTransformer,
    as_bytes,
    causal_mask,
    generate_bytes,
    influence_by_distance,
    new_model,
    train_on_bytes,
)
from course_lib.transformer import attention
from course_lib.workbook.evaluate import evaluate, get_batch

TEXT = as_bytes("the cat sat on the mat. the dog sat on the log. " * 60)


def test_bytes_of_every_script_come_back() -> None:
    assert bytes(as_bytes("hé 日本 😀").tolist()).decode() == "hé 日本 😀"


@pytest.mark.parametrize("kind", RECIPES)
def test_shapes(kind: str) -> None:
    assert new_model(kind, 0)(torch.zeros(3, 20, dtype=torch.long)).shape == (3, 20, 256)


@pytest.mark.parametrize("kind", RECIPES)
@pytest.mark.parametrize("seed", range(5))
def test_no_prediction_sees_its_future(kind: str, seed: int) -> None:
    model = new_model(kind, seed).eval()
    ids = torch.randint(256, (1, 30), generator=torch.Generator().manual_seed(seed))
    changed = ids.clone()
    changed[0, 20] = (changed[0, 20] + 1) % 256
    before, after = model(ids), model(changed)
    assert torch.allclose(before[:, :20], after[:, :20], atol=1e-5)
    assert not torch.allclose(before[:, 20:], after[:, 20:], atol=1e-5)


def test_the_mask_without_direction_sees_both_sides() -> None:
    torch.manual_seed(0)
    model = SmallTransformer(50, causal=False, width=16, context=8).eval()
    ids = torch.arange(8)[None]
    changed = ids.clone()
    changed[0, 7] = 30
    assert not torch.allclose(model(ids)[:, 0], model(changed)[:, 0], atol=1e-6)


def test_true_in_the_one_causal_mask_is_may_look() -> None:
    assert causal_mask(3).tolist() == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
    assert causal_mask(2, 4).tolist() == [[True, True, True, False], [True, True, True, True]]
    assert attention.causal_mask is causal_mask
    query, key, value = torch.randn(3, 1, 1, 5, 8, generator=torch.Generator().manual_seed(0))
    attend = torch.nn.functional.scaled_dot_product_attention
    assert torch.allclose(
        attend(query, key, value, attn_mask=causal_mask(5)),
        attend(query, key, value, is_causal=True),
        atol=1e-6,
    )


@pytest.mark.parametrize("kind", RECIPES)
@pytest.mark.parametrize("seed", range(5))
def test_they_learn_and_bits_fall(kind: str, seed: int) -> None:
    model = new_model(kind, seed)
    before = evaluate(model, TEXT[:500]).bits_per_token
    _, looks = train_on_bytes(
        model, TEXT, steps=40, seed=seed, held_out=TEXT[:500], looks=2, **RECIPES[kind]
    )
    assert before > 7 and looks[-1][1] < before / 2
    assert [read for read, _ in looks] == [
        n * RECIPES[kind]["context"] * RECIPES[kind]["batch"] for n in (20, 40)
    ]


def test_bits_per_token_of_an_untrained_uniform_model_is_eight() -> None:
    class Uniform(torch.nn.Linear):
        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return torch.zeros(*ids.shape, 256)

    for length in (3, 64, 65, 66, 100, 500):
        assert evaluate(Uniform(1, 1), TEXT[:length]).bits_per_token == pytest.approx(8)


def test_influence_is_a_distance_and_falls_for_a_model_of_one_letter() -> None:
    class LastByte(torch.nn.Module):
        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return 20 * torch.nn.functional.one_hot(ids, 256).float()

    near, far = influence_by_distance(LastByte(), TEXT, [1, 5])
    assert near > 0.5 and far == pytest.approx(0, abs=1e-6)


def test_generation_keeps_the_start_and_is_repeatable() -> None:
    model = new_model("GRU", 0)
    first = generate_bytes(model, "The ", 20, seed=3)
    assert first.startswith("The ") and first == generate_bytes(model, "The ", 20, seed=3)


def test_windows_lie_in_the_text_even_when_it_is_short() -> None:
    data = torch.arange(5)
    windows = get_batch(data, 9, 4, torch.Generator())
    assert windows.shape == (4, 9) and windows.max() == 4


@pytest.mark.parametrize("seed", range(5))
def test_the_right_side_helps_where_it_decides(seed: int) -> None:
    """ "a ? x" is always "left", "a ? y" always "right": only the model that sees both sides can know."""
    words = []
    generator = torch.Generator().manual_seed(seed)
    for choice in torch.randint(2, (1500,), generator=generator).tolist():
        words += ["a", ("left", "right")[choice], ("x", "y")[choice], "end"]
    vocabulary = Vocabulary([words])
    ids = vocabulary.encode(words)
    gpt, bert, _ = train_pair(ids, len(vocabulary), steps=60, seed=seed)
    assert middle_word_accuracy(bert, ids) > 0.95 > middle_word_accuracy(gpt, ids)
    sentence = ["end", "a", "[blank]", "y", "end"]
    assert candidates(bert, vocabulary, sentence, 2)[0][0] == "right"
    with pytest.raises(ValueError, match="at least one word"):
        candidates(gpt, vocabulary, sentence, 0)
    assert math.isfinite(middle_loss(bert, get_batch(ids, CONTEXT, 8, generator)).item())
