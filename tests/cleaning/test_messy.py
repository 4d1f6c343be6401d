"""The messy songbook: what was done to it is known; the file that ships is the generator's."""

from collections import Counter

import pytest
from messy_songbook import as_jsonl, make_messy

from course_lib.cleaning.lyrics import KINDS, Change, apply_changes
from course_lib.workbook.corpus import load_corpus
from course_lib.workbook.corpus.builtin import FOLDER, songbook


@pytest.mark.parametrize("seed", range(5))
def test_the_truth_restores_every_song_and_every_kind_occurs(seed: int) -> None:
    clean = {song.id: song.text for song in songbook()}
    messy, defects = make_messy(songbook(), seed)
    assert set(Counter(defect.kind for defect in defects)) == {*KINDS, "copy"}
    for page in messy:
        lines = page.text.rstrip("\n").split("\n")
        own = [d for d in defects if d.document == page.id and d.kind != "copy"]
        places = [d.line for d in own if d.kind != "lost label"]
        assert len(places) == len(set(places))  # one defect a line
        assert all(d.clean != lines[d.line] for d in own if d.kind != "lost label")
        changes = [Change(d.kind, d.line, "", d.clean) for d in own]
        assert apply_changes(page.text, changes) == clean[str(page.meta.get("copy_of", page.id))]


def test_the_same_seed_makes_the_same_mess_and_another_does_not() -> None:
    assert make_messy(songbook(), 3) == make_messy(songbook(), 3)
    assert make_messy(songbook(), 3)[0] != make_messy(songbook(), 4)[0]


def test_a_quotation_mark_becomes_what_another_encoding_makes_of_it() -> None:
    """Windows-1252 has no character for the last byte of ”: kept, or lost; never three dots."""
    messy, _ = make_messy(songbook(), 1)
    text = "".join(page.text for page in messy)
    assert "â€\x9d" in text and "â€\ufffd" in text and "â€¦" not in text


def test_the_file_that_ships_is_what_the_generator_makes() -> None:
    shipped = FOLDER / "songbook-messy.jsonl"
    assert shipped.read_text(encoding="utf-8") == as_jsonl()


def test_twins_are_split_alike() -> None:
    clean, messy = load_corpus("songbook"), load_corpus("songbook-messy")
    part = {d.id: p for d, p in zip(clean, clean.parts, strict=True)}
    for page, side in zip(messy, messy.parts, strict=True):
        assert part[str(page.meta.get("copy_of", page.id))] == side
    assert messy.manifest["defects"]
