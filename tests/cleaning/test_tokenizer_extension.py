"""Domain terms as tokens of their own, on a tiny Falcon."""

from pathlib import Path

import pytest
import torch
from tiny_falcon import handbook
from transformers import PreTrainedTokenizerFast

from course_lib.cleaning.tokenizer_extension import choose_terms, extend, token_ids
from course_lib.transformer.bpe import END_OF_TEXT, BPETokenizer
from course_lib.workbook.models import load_model


def test_new_rows_are_the_mean_of_their_pieces_and_the_rest_stays(tiny: Path) -> None:
    model, tokenizer = load_model(tiny, dtype=torch.float32)
    terms = choose_terms(handbook(), tokenizer, 20, min_count=8)
    assert len(terms) == 20 and all(term.count >= 8 and term.num_pieces >= 3 for term in terms)
    assert [term.saved for term in terms] == sorted((term.saved for term in terms), reverse=True)
    names = [term.text for term in terms]
    longer, cutter = extend(model, tokenizer, names)
    assert len(tokenizer) == model.config.vocab_size  # what is given stays as it was
    old, new = model.get_input_embeddings().weight, longer.get_input_embeddings().weight
    assert new.shape[0] == len(cutter) == len(tokenizer) + len(names) == longer.config.vocab_size
    assert torch.equal(new[: len(tokenizer)], old) and longer.get_output_embeddings().weight is new
    for name in names:
        (row,), pieces = token_ids(cutter, name), token_ids(tokenizer, name)
        assert row >= len(tokenizer) and torch.allclose(new[row], old[pieces].mean(0))
    plain, _ = extend(model, tokenizer, names, from_pieces=False)
    same = plain.get_input_embeddings().weight[len(tokenizer) :]
    rows = new[len(tokenizer) :]
    assert rows.std(0).mean() > 10 * same.std(0).mean()  # transformers' rows are nearly one vector


@pytest.mark.parametrize(
    ("known", "term", "longer"),
    [("category", " categor", " category"), ("international", " inter", " international nation")],
)
def test_a_longer_word_stays_one(tiny: Path, tmp_path, known: str, term: str, longer: str) -> None:
    """`add_tokens` would find " inter" in " international" first."""
    texts = [f"the {known} of every {known} is a {known} " * 10, "one river bank"]
    BPETokenizer.train(texts, 320).save(tmp_path / "t.json")
    fast = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "t.json"), eos_token=END_OF_TEXT)
    _, new = extend(load_model(tiny, dtype=torch.float32)[0], fast, [term])
    assert len(fast.tokenize(f" {known}")) == 1 < len(fast.tokenize(term))
    assert new.tokenize(longer) == fast.tokenize(longer) and len(new.tokenize(term)) == 1
    terms = choose_terms([f"a{term}, a{longer} " * 20], fast, min_pieces=2)
    assert {found.text: found.count for found in terms}[term] == 20  # whole words only
