"""The small networks: shapes, masks, what they see, and that they learn."""

import pytest
import torch

from course_lib.history import neural
from course_lib.transformer import attention
from course_lib.workbook.evaluate import evaluate

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
