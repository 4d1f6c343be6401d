"""Domain terms as tokens of their own, on a tiny Falcon."""

from pathlib import Path

import pytest
import torch
from tiny_falcon import handbook, save_falcon

from course_lib.cleaning.tokenizer_extension import (
    bits_per_byte,
    choose_terms,
    extend,
    fit_of,
    passages,
    train_on,
    uses,
)
from course_lib.errors import CourseError
from course_lib.workbook.models import load_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    return load_model(save_falcon(tmp_path_factory.mktemp("falcon"), steps=10), dtype=torch.float32)


@pytest.fixture(scope="module")
def names(tiny: tuple) -> list[str]:
    return [term.text for term in choose_terms(handbook(), tiny[1], most=20, least=8)]


def test_terms_are_frequent_long_and_sorted_by_what_they_save(tiny: tuple) -> None:
    terms = choose_terms(handbook(), tiny[1], most=20, least=8)
    assert len(terms) == 20 and all(term.count >= 8 and term.pieces >= 3 for term in terms)
    assert [term.saved for term in terms] == sorted((term.saved for term in terms), reverse=True)
    text = " ".join(handbook())
    assert all(text.count(term.text) >= term.count for term in terms)
    assert choose_terms([], tiny[1]) == []


def test_scripts_without_blanks_have_characters_as_terms(tiny: tuple) -> None:
    found = choose_terms(["温室里的土壤。" * 12], tiny[1], least=10)
    assert {term.text for term in found} == set("温室里的土壤") and all(
        term.pieces == 3 for term in found
    )


def test_new_rows_are_the_mean_of_their_pieces_and_the_rest_stays(
    tiny: tuple, names: list[str]
) -> None:
    model, tokenizer = tiny
    longer, cutter = extend(model, tokenizer, names)
    old, new = model.get_input_embeddings().weight, longer.get_input_embeddings().weight
    assert new.shape[0] == len(cutter) == len(tokenizer) + len(names) == longer.config.vocab_size
    assert torch.equal(new[: len(tokenizer)], old) and longer.get_output_embeddings().weight is new
    for name in names:
        pieces = tokenizer(name, add_special_tokens=False).input_ids
        assert torch.allclose(new[cutter.convert_tokens_to_ids(name)], old[pieces].mean(0))
    rows = new[len(tokenizer) :]
    plain, _ = extend(model, tokenizer, names, from_pieces=False)
    same = plain.get_input_embeddings().weight[len(tokenizer) :]
    assert (
        rows.std(0).mean() > 10 * same.std(0).mean()
    )  # transformers' own rows are nearly one vector


@pytest.mark.parametrize(
    "text", ["the Canopy, Canopy and Canopys", " Leaf\n Leaf  Leaf", "naïve 土壤 🌱", "weeks"]
)
def test_nothing_is_lost(tiny: tuple, names: list[str], text: str) -> None:
    _, cutter = extend(*tiny, [*names, "土", " naïve"])
    assert cutter.decode(cutter(text, add_special_tokens=False).input_ids) == text


def test_texts_become_shorter(tiny: tuple, names: list[str]) -> None:
    texts = handbook()
    before, after = (fit_of(tokenizer, texts) for tokenizer in (tiny[1], extend(*tiny, names)[1]))
    assert after.tokens < before.tokens and after.fertility < before.fertility
    assert after.bytes_per_token > before.bytes_per_token
    with pytest.raises(CourseError, match="no word"):
        fit_of(tiny[1], ["", " "])


def test_passages_hold_all_of_the_text() -> None:
    texts = [*handbook()[:5], "土壤" * 300, "x" * 950, "", "  a\n\n b"]
    cut = passages(texts, 120)
    assert "".join(cut) == "".join(texts) and max(len(piece.encode()) for piece in cut) <= 120


def test_rare_tokens_are_counted(tiny: tuple) -> None:
    _, cutter = extend(*tiny, [" Canopy", " zebra"])
    found = uses(cutter, ["a Canopy and a Canopy"], [" Canopy", " zebra"])
    assert found == {" zebra": 0, " Canopy": 2} and list(found) == [" zebra", " Canopy"]


def test_bits_per_byte_and_training_on_equal_bytes(tiny: tuple, names: list[str]) -> None:
    texts = handbook()
    learn, held_out = passages(texts[:50], 100), passages(texts[50:], 100)[:40]
    model, tokenizer = extend(*tiny, names)
    before = bits_per_byte(model, tokenizer, held_out)
    assert before == pytest.approx(bits_per_byte(model, tokenizer, held_out, batch=3), rel=1e-4)
    train_on(model, tokenizer, learn, 10, batch=4)
    assert bits_per_byte(model, tokenizer, held_out) < before
    with pytest.raises(CourseError, match="nothing to measure"):
        bits_per_byte(model, tokenizer, [])


def test_what_is_given_stays_as_it_was(tiny: tuple) -> None:
    model, tokenizer = tiny
    size = len(tokenizer)
    extend(model, tokenizer, [" Canopy"])
    assert len(tokenizer) == size == model.get_input_embeddings().weight.shape[0]
    for terms in ([], ["  "], [tokenizer.convert_ids_to_tokens(300)]):
        with pytest.raises(CourseError, match="no new term"):
            extend(model, tokenizer, terms)


def test_an_extended_model_can_be_saved_and_loaded(
    tiny: tuple, names: list[str], tmp_path: Path
) -> None:
    model, tokenizer = extend(*tiny, names)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again, cutter = load_model(tmp_path, dtype=torch.float32)
    text = "A Leaf sends readings to the Canopy."
    ids = cutter(text, return_tensors="pt", add_special_tokens=False).input_ids
    assert (
        ids.tolist()
        == tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids.tolist()
    )
    assert torch.allclose(again(ids).logits, model.eval()(ids).logits, atol=1e-5)
