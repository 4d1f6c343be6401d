"""Training from nothing, and bits a byte."""

import math
from pathlib import Path

import pytest
import torch
from tiny_falcon import handbook

from course_lib.errors import CourseError
from course_lib.finetuning.amounts import bits_per_byte, from_scratch, row_bytes
from course_lib.finetuning.examples import IGNORED, per_document, shown_first
from course_lib.finetuning.falcon import load_base
from course_lib.finetuning.score import surprise


def test_from_nothing_it_learns_and_repeats_itself(tiny: Path) -> None:
    base = load_base(tiny, four_bit=False)
    rows = per_document(handbook()[:4], base.tokenizer, 48)
    state = torch.get_rng_state()
    first, again = (from_scratch(base.model.config, rows, steps=30, batch=4)[0] for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    fresh, taken = from_scratch(base.model.config, rows, steps=1, batch=4, learning_rate=1e-9)
    bits = [bits_per_byte(model, rows[:12], base.tokenizer) for model in (fresh, first, again)]
    assert taken == 1 and bits[1] == bits[2] < 0.8 * bits[0]
    for given, budget in (
        ([], {"steps": 3}),
        (rows, {}),
        (rows, {"steps": 3, "seconds": 1}),
        (rows, {"seconds": 0}),
    ):
        with pytest.raises(CourseError, match="either"):
            from_scratch(base.model.config, given, batch=4, **budget)


def test_it_learns_for_as_long_as_it_is_given(tiny: Path) -> None:
    base = load_base(tiny, four_bit=False)
    rows = per_document(handbook()[:4], base.tokenizer, 48)
    (_, few), (model, many) = (
        from_scratch(base.model.config, rows, seconds=n, batch=4) for n in (0.1, 3)
    )
    fresh, _ = from_scratch(base.model.config, rows, steps=1, batch=4, learning_rate=1e-9)
    assert 1 <= few < many
    assert bits_per_byte(model, rows[:12], base.tokenizer) < bits_per_byte(
        fresh, rows[:12], base.tokenizer
    )


@pytest.mark.parametrize("text", ["plain words", "naïve 温室 🌱", " \n\n  tab\t"])
def test_bytes_of_a_row_are_those_of_its_text(tiny: Path, text: str) -> None:
    base = load_base(tiny, four_bit=False)
    rows = per_document([text], base.tokenizer, 128)
    skipped = base.tokenizer.convert_ids_to_tokens(rows[0]["input_ids"][0])
    assert row_bytes(rows, base.tokenizer) == len(text.encode()) - len(skipped)
    nats, _ = surprise(base.model, rows, 1)
    expected = nats / math.log(2) / row_bytes(rows, base.tokenizer)
    assert bits_per_byte(base.model, rows, base.tokenizer) == pytest.approx(expected)
    with pytest.raises(CourseError):
        bits_per_byte(base.model, [{"input_ids": [9], "labels": [9]}], base.tokenizer)


def test_an_example_in_front_is_seen_and_not_judged(tiny: Path) -> None:
    base = load_base(tiny, four_bit=False)
    text = handbook()[0]
    rows = per_document([text], base.tokenizer, 48)[:4]
    after = shown_first(rows, text, base.tokenizer, 60)
    assert [
        len(new["input_ids"]) - len(old["input_ids"]) for new, old in zip(after, rows, strict=True)
    ] == [60] * 4
    assert (
        after[1]["labels"][:61] == [IGNORED] * 61
        and after[1]["labels"][61:] == rows[1]["labels"][1:]
    )
    assert row_bytes(after, base.tokenizer) == row_bytes(rows, base.tokenizer)
    assert bits_per_byte(base.model, after, base.tokenizer) != bits_per_byte(
        base.model, rows, base.tokenizer
    )
    assert shown_first(rows, "", base.tokenizer, 60)[0]["input_ids"] == rows[0]["input_ids"]
