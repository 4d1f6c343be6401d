"""The messy songbook: what was done to it is known exactly."""

from collections import Counter

import pytest

from course_lib.workbook.corpus import load_corpus
from course_lib.workbook.corpus.builtin import songbook
from course_lib.workbook.corpus.messy import KINDS, make_messy, restore


@pytest.mark.parametrize("seed", range(5))
def test_the_truth_restores_every_song(seed: int) -> None:
    clean = {song.id: song.text for song in songbook()}
    messy, defects = make_messy(songbook(), seed)
    for page in messy:
        own = [defect for defect in defects if defect.document == page.id]
        assert restore(page, own) == clean[str(page.meta.get("copy_of", page.id))]


@pytest.mark.parametrize("seed", range(5))
def test_every_kind_occurs_and_stands_where_the_truth_says(seed: int) -> None:
    messy, defects = make_messy(songbook(), seed)
    lines = {page.id: page.text.rstrip("\n").split("\n") for page in messy}
    assert set(Counter(defect.kind for defect in defects)) == set(KINDS)
    for defect in defects:
        if defect.kind not in ("lost label", "copy"):
            assert lines[defect.document][defect.line] == defect.found
            assert defect.found != defect.clean


def test_a_line_has_one_defect_at_most() -> None:
    _, defects = make_messy(songbook())
    places = [(d.document, d.line) for d in defects if d.kind not in ("lost label", "copy")]
    assert len(places) == len(set(places))


def test_the_same_seed_makes_the_same_mess_and_another_does_not() -> None:
    assert make_messy(songbook(), 3) == make_messy(songbook(), 3)
    assert make_messy(songbook(), 3)[0] != make_messy(songbook(), 4)[0]


def test_twins_are_split_alike() -> None:
    clean, messy = load_corpus("songbook"), load_corpus("songbook-messy")
    part = {d.id: p for d, p in zip(clean, clean.parts, strict=True)}
    for page, side in zip(messy, messy.parts, strict=True):
        assert part[str(page.meta.get("copy_of", page.id))] == side
    assert messy.manifest["defects"]
