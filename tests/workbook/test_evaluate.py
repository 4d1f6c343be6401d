"""The one measurement: token by token transformers' loss, each token scored once, padding never."""

import math

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from course_lib.errors import CourseError
from course_lib.workbook.evaluate import (
    IGNORE_INDEX,
    Evaluation,
    evaluate,
    get_batch,
    next_token_loss,
    pad_batch,
    token_nll,
)


@pytest.fixture(scope="module")
def model() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=30, n_positions=32, n_embd=16, n_layer=2, n_head=2)
    return GPT2LMHeadModel(config).eval()


def test_losses_are_those_of_transformers(model: GPT2LMHeadModel) -> None:
    ids = torch.randint(0, 30, (3, 12))
    labels = ids.masked_fill(torch.rand(3, 12) < 0.3, IGNORE_INDEX)
    nll = token_nll(model, ids, labels)
    scored = labels[:, 1:] != IGNORE_INDEX
    expected = model(ids, labels=labels).loss.item()
    assert nll.shape == (3, 11) and not nll[~scored].any()
    assert nll[scored].mean().item() == pytest.approx(expected, abs=1e-5)
    assert next_token_loss(model, ids).item() == pytest.approx(model(ids, labels=ids).loss.item())


def test_nothing_before_it_nothing_to_score(model: GPT2LMHeadModel) -> None:
    assert token_nll(model, torch.zeros(1, 1, dtype=torch.long)).shape == (1, 0)
    for nothing in (torch.zeros(1, dtype=torch.long), []):
        with pytest.raises(CourseError, match="nothing to measure"):
            evaluate(model, nothing)


@pytest.mark.parametrize("length", [2, 8, 9, 10, 13, 17, 60])
@pytest.mark.parametrize("block_size", [1, 5, 8])
def test_every_token_is_scored_once(model: GPT2LMHeadModel, length: int, block_size: int) -> None:
    found = evaluate(model.train(), torch.randint(0, 30, (length,)), block_size, batch_size=2)
    assert found.num_tokens == length - 1 and model.training
    model.eval()


def test_examples_are_scored_as_if_alone(model: GPT2LMHeadModel) -> None:
    examples = [{"input_ids": [1, 2, 3, 4]}, {"input_ids": [5, 6], "labels": [IGNORE_INDEX, 6]}]
    batch = pad_batch(examples, pad_token_id=9)
    assert batch["input_ids"].tolist() == [[1, 2, 3, 4], [5, 6, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    alone = [evaluate(model, [example]) for example in examples]
    together = evaluate(model, examples)
    assert together.num_tokens == 4
    assert together.nats == pytest.approx(sum(one.nats for one in alone), rel=1e-5)


def test_units() -> None:
    found = Evaluation(nats=8 * math.log(2), num_tokens=4)
    assert (found.bits_per_token, found.bits_per_byte(16)) == pytest.approx((2.0, 0.5))
    assert found.perplexity == pytest.approx(4.0)


def test_batches_stay_inside_the_text() -> None:
    data, generator = torch.arange(20), torch.Generator().manual_seed(0)
    rows = get_batch(data, 5, 200, generator)
    assert set(rows[:, 0].tolist()) == set(range(16)) and bool((rows.diff() == 1).all())
    assert get_batch(data[:3], 5, 2, generator).tolist() == [[0, 1, 2, 2, 2]] * 2
