"""The script of the songs adapter at small size; the adapter that ships, if it fits the base that ships."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib.finetuning.adapters import attach
from course_lib.finetuning.archive import fingerprint
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
    monkeypatch.setattr(songs, "SMALL", str(tiny))
    monkeypatch.setattr(songs, "LENGTH", 64)
    monkeypatch.setattr(
        songs,
        "old_rows",
        lambda base, most: songs.per_document(["The old text."], base.tokenizer, 64),
    )
    few = [text[:300] for text in songs.songs()[0][:6]]
    monkeypatch.setattr(songs, "songs", lambda: (few[:4], few[4:]))
    recipe = replace(songs.RECIPE, steps=4, evaluate_every=2)
    base, result, facts, written = songs.learn(recipe, tmp_path / "work", resume=False)
    text = songs.card(facts, result.evaluations, written)
    songs.save(result, tmp_path / "out", text)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"adapter_config.json", "adapter_model.safetensors", "README.md"}
    assert "4, 2" in text and "bits a byte" in text and fingerprint(base)[:16] in text
    assert len(written) == 3
    attach(load_base(tiny).model, tmp_path / "out")
    monkeypatch.setattr(songs, "MOST_BYTES", 10)
    with pytest.raises(SystemExit, match="lower the rank"):
        songs.save(result, tmp_path / "too large", text)
    assert not (tmp_path / "too large").exists()
    stopped = replace(result, interrupted=True)
    monkeypatch.setattr(songs, "fine_tune", lambda *_, **__: stopped)
    with pytest.raises(SystemExit, match="--resume goes on"):
        songs.learn(recipe, tmp_path / "work", resume=False)


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the adapter has not been trained yet")
def test_the_adapter_that_ships_fits_and_has_a_card() -> None:
    base = load_base(songs.SMALL)
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert fingerprint(base)[:16] in card, (
        "mini-falcon is another one now: run assets/models/train_songs_adapter.py"
    )
    assert (FOLDER / "adapter_model.safetensors").stat().st_size <= songs.MOST_BYTES
    rows = songs.per_document(songs.songs()[1][:3], base.tokenizer, songs.LENGTH)
    before = songs.bits_per_byte(base.model, rows, base.tokenizer)
    model = attach(base.model, FOLDER)
    assert songs.bits_per_byte(model, rows, base.tokenizer) < 0.95 * before
