"""The plain script and that of the songs adapter at small size; the adapter that ships."""

from dataclasses import replace
from pathlib import Path

import pytest
import qlora
import torch
import train_songs_adapter as songs
from safetensors.torch import load_file
from transformers.models.falcon import modeling_falcon

from course_lib.finetuning import train
from course_lib.finetuning.archive import base_facts, load_adapter
from course_lib.finetuning.falcon import load_base
from course_lib.finetuning.memorisation import may_have_been_read
from course_lib.places import REPOSITORY
from course_lib.workbook.corpus import load_corpus


@pytest.mark.usefixtures("bnb")
def test_ours_and_the_plain_script_learn_the_same(tiny: Path, monkeypatch) -> None:
    for module, name in ((modeling_falcon, "FalconLinear"), (train, "Trainer")):
        monkeypatch.setattr(module, name, getattr(module, name))  # the scripts replace them
    monkeypatch.setattr(qlora, "LENGTH", 64)
    (ours, loss), (plain, other) = (f(str(tiny), 8) for f in (qlora.train_ours, qlora.train_plain))
    assert len(ours) == len(plain) == 8 and loss == pytest.approx(other, rel=0.05)


def test_the_songs_script_at_small_size(tiny: Path, tmp_path, monkeypatch) -> None:
    few = [text[:300] for text in list(load_corpus("songbook").texts())[:6]]
    old = lambda base, _: songs.per_document(["The old text."], base.tokenizer, 64)  # noqa: E731
    replaced = {"LENGTH": 64, "SHORTEST": 9, "TOKENS": 8, "songs": lambda: (few[:4], few[4:])}
    for name, value in {**replaced, "old_rows": old}.items():
        monkeypatch.setattr(songs, name, value)
    config = replace(songs.CONFIG, max_steps=4, eval_steps=2)
    base, result, facts, written = songs.learn(str(tiny), config, tmp_path / "work", resume=False)
    text = songs.card(facts, result.history.evaluations, written)
    songs.save(base, result, tmp_path / "out", text)
    assert base_facts(base)["checksum"][:16] in text and len(written) == 3 * songs.DRAWN
    kept = load_file(tmp_path / "out" / "adapter_model.safetensors")
    assert {weight.dtype for weight in kept.values()} == {torch.bfloat16}
    load_adapter(load_base(tiny, four_bit=False), tmp_path / "out")


@pytest.mark.needs_smollm2
def test_the_adapter_that_ships_fits_and_has_a_card() -> None:
    folder = REPOSITORY / "assets" / "models" / "songs-adapter"
    base = load_base(songs.SPEAKING, four_bit=False)
    changed = "SmolLM2 is another one now: run assets/models/train_songs_adapter.py"
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert base_facts(base)["checksum"][:16] in card, changed
    assert (folder / "adapter_model.safetensors").stat().st_size <= songs.MAX_BYTES
    held_out = [text[:600] for text in load_corpus("songbook").validation.texts()][:3]
    rows = songs.per_document(held_out, base.tokenizer, songs.LENGTH)
    before = songs.bits_per_byte(base, base.model, rows)
    unread = [before, before + 0.1, before - 0.1]
    licence = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    known = songs.per_document([licence], base.tokenizer, songs.LENGTH)
    assert may_have_been_read(songs.bits_per_byte(base, base.model, known), unread)
    assert songs.bits_per_byte(base, load_adapter(base, folder), rows) < 0.95 * before
