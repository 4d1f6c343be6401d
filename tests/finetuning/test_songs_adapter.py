"""The script of the songs adapter at small size; the adapter that ships, on its base."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
from peft import PeftModel

from course_lib.finetuning.archive import base_facts, load_adapter, quietly
from course_lib.finetuning.falcon import load_base
from course_lib.places import REPOSITORY
from course_lib.workbook.corpus import load_corpus

FOLDER = REPOSITORY / "assets" / "models" / "songs-adapter"
SPEC = importlib.util.spec_from_file_location("songs", FOLDER.parent / "train_songs_adapter.py")
songs = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(songs)


def test_songs_to_learn_from_are_whole_and_apart_from_those_held_out() -> None:
    training, held_out = songs.songs()
    truth = load_corpus("songbook")
    assert len(training) == len(truth.train) and len(held_out) == len(truth.validation)
    assert not set(training) & set(held_out)
    assert sum("[Chorus]" in text for text in training) > len(training) / 2
    assert not any("<span" in text or "Advertisement" in text for text in training)


def test_the_script_at_small_size(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [text[:300] for text in songs.songs()[0][:6]]
    for name, value in {"SMALL": str(tiny), "LENGTH": 64}.items():
        monkeypatch.setattr(songs, name, value)
    monkeypatch.setattr(songs, "songs", lambda: (few[:4], few[4:]))
    old = lambda base, _: songs.per_document(["The old text."], base.tokenizer, 64)  # noqa: E731
    monkeypatch.setattr(songs, "old_rows", old)
    config = replace(songs.CONFIG, max_steps=4, eval_steps=2)
    base, result, facts, written = songs.learn(config, tmp_path / "work", resume=False)
    text = songs.card(facts, result.history.evaluations, written)
    songs.save(base, result, tmp_path / "out", text)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "README.md", "base.json"} <= names
    assert "4, 2" in text and "bits per byte" in text and len(written) == 3
    assert base_facts(base)["checksum"][:16] in text
    load_adapter(load_base(tiny), tmp_path / "out")
    monkeypatch.setattr(songs, "MAX_BYTES", 10)
    with pytest.raises(SystemExit, match="lower r"):
        songs.save(base, result, tmp_path / "too large", text)
    assert not (tmp_path / "too large").exists()
    stopped = replace(result, history=replace(result.history, interrupted=True))
    monkeypatch.setattr(songs, "fine_tune", lambda *_, **__: stopped)
    with pytest.raises(SystemExit, match="--resume goes on"):
        songs.learn(config, tmp_path / "work", resume=False)


def test_the_adapter_that_ships_fits_and_has_a_card() -> None:
    base = load_base(songs.SMALL)
    card, facts = (FOLDER / "README.md").read_text(encoding="utf-8"), base_facts(base)
    changed = "mini-falcon is another one now: run assets/models/train_songs_adapter.py"
    assert facts["checksum"][:16] in card, changed
    assert (FOLDER / "adapter_model.safetensors").stat().st_size <= songs.MAX_BYTES
    rows = songs.per_document(songs.songs()[1][:3], base.tokenizer, songs.LENGTH)
    before = songs.bits_per_byte(base, base.model, rows)
    with quietly():
        alone = PeftModel.from_pretrained(load_base(songs.SMALL).model, str(FOLDER)).eval()
    after = [
        songs.bits_per_byte(base, model, rows) for model in (alone, load_adapter(base, FOLDER))
    ]
    assert after[0] == after[1] < 0.95 * before
