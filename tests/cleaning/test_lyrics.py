"""Lyrics: structure that survives, repairs line by line, and the measure against the truth."""

import random

import pytest

from course_lib.cleaning.against_truth import changes_between, measure
from course_lib.cleaning.lyric_lines import (
    is_chord_line,
    mend,
    without_chords,
    without_entities,
    without_tags,
)
from course_lib.cleaning.lyrics import ALL, Change, apply_changes, clean_lyrics, clean_songs
from course_lib.cleaning.messy import make_messy
from course_lib.cleaning.site_lines import is_site_line, shared_lines
from course_lib.cleaning.song_structure import Song, parse_song, read_label
from course_lib.cleaning.steps import RemovalLog
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.builtin import songbook

SONG = """Night Bus

[Verse 1]
The driver hums along the empty road,
three sleeping cooks, a cello and its load.

[Chorus]
Ring the bell for the river stop tonight,
ring the bell for the river.
"""


@pytest.fixture(scope="module")
def songs() -> list[Document]:
    return songbook()


def test_every_song_survives_the_parser(songs: list[Document]) -> None:
    assert all(parse_song(song.text).text() == song.text for song in songs)


def test_the_parts_of_a_song() -> None:
    song = parse_song(SONG)
    assert (song.title, song.form()) == ("Night Bus", "V C")
    assert song.of_kind("chorus")[0].lines[1] == "ring the bell for the river."
    assert song.sections[0].label == "[Verse 1]"
    assert parse_song("") == Song("") and parse_song("one\ntwo\n").form() == "?"


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("[Verse 2: Both]", ("verse", 2)),
        ("Chorus:", ("chorus", None)),
        ("(CHORUS x2)", ("chorus", None)),
        ("VERSE IV", ("verse", 4)),
        ("Verse 3", ("verse", 3)),
        ("[Pre Chorus]", ("pre-chorus", None)),
        ("Bridge", None),
        ("Over the bridge", None),
        ("[Cadd9]", None),
        ("[Bridge] he sang", None),
        ("", None),
    ],
)
def test_labels_as_people_write_them(line: str, label: object) -> None:
    assert read_label(line) == label


@pytest.mark.parametrize(
    "line", ["Am   F   C   G", "| Dm7 | G7 | C | % |", "F#m", "[C] [G]", "N.C.  E/G#  Asus4"]
)
def test_chord_lines(line: str) -> None:
    assert is_chord_line(line)


@pytest.mark.parametrize(
    "line", ["A", "Am I", "Be good", "A B C D E F G", "Go", "", "G", "Add more"]
)
def test_lines_that_only_look_like_chords(line: str) -> None:
    assert not is_chord_line(line)


def test_repairs_of_a_line() -> None:
    assert without_chords("[Am]Hello [F/C]there [Bridge]") == "Hello there [Bridge]"
    assert without_tags("<p class='x'>1 < 2</p>") == "1 < 2"
    assert (
        without_entities("Tom &amp; J&eacute;r&#244;me,&nbsp;AT&T; R&D")
        == "Tom & Jérôme, AT&T; R&D"
    )
    assert mend("CafÃ© â€œOpenâ€\x9d", ALL) == ('Café "Open"', "mojibake")
    assert mend("&lt;i&gt;", ALL) == ("<i>", "entity")  # escaped: it is text
    assert mend("  in   deep  ", ALL) == ("  in deep", "blanks")
    assert mend("as it is", ALL) == ("as it is", "")


def test_clean_songs_are_left_alone(songs: list[Document]) -> None:
    """No false alarm on text that needs nothing, though some of the songs are about computers."""
    assert [song.id for song in songs if clean_lyrics(song.text)[1]] == []
    once, changes = clean_lyrics(SONG)
    assert once == SONG and not changes


@pytest.mark.parametrize("seed", [11, 12, 13, 14, 15])
def test_messy_songs_on_seeds_that_nobody_looked_at(seed: int, songs: list[Document]) -> None:
    pages, defects = make_messy(songs, seed)
    report = measure(clean_lyrics, pages, defects)
    for kind in (
        "header",
        "advert",
        "footer",
        "chord line",
        "inline chord",
        "tag",
        "entity",
        "blanks",
    ):
        score = report.scores[kind]
        assert score.recall > 0.95 and score.precision > 0.95, score
    assert report.scores["mojibake"].recall > 0.7 and report.scores["repeated chorus"].recall > 0.9
    label = report.scores["lost label"]
    assert label.recall > 0.5 and label.precision > 0.5, label


def test_repetition_finds_what_no_word_list_knows(songs: list[Document]) -> None:
    """The same adverts in a language that the rules do not speak."""
    pages, defects = make_messy(songs, 5)
    german = {d.line: "Jetzt Karten sichern 7" for d in defects if d.kind == "advert"}
    words = dict.fromkeys((d.document, d.line) for d in defects if d.kind == "advert")
    for page in pages:
        lines = [
            german[row] if (page.id, row) in words else line
            for row, line in enumerate(page.text.rstrip("\n").split("\n"))
        ]
        pages[pages.index(page)] = Document(page.id, "\n".join(lines) + "\n", page.meta)
    shared = shared_lines(page.text for page in pages)
    blind = measure(clean_lyrics, pages, defects).scores["advert"]
    seeing = measure(lambda text: clean_lyrics(text, shared=shared), pages, defects).scores[
        "advert"
    ]
    assert blind.recall < 0.1 and seeing.recall > 0.95


def test_site_lines_need_more_evidence_amid_the_song() -> None:
    assert is_site_line("Browse all songs", at_edge=True) and not is_site_line(
        "Browse all songs", at_edge=False
    )
    assert not is_site_line("I report to the page of your heart", at_edge=False)


def test_the_list_of_changes_makes_the_text() -> None:
    messy = (
        "Home > Songs > Night Bus\n"
        + SONG.replace("[Chorus]\n", "").replace("three", "[G]three")
        + "12Embed\n"
    )
    text, changes = clean_lyrics(messy)
    assert [change.kind for change in changes] == ["header", "inline chord", "lost label", "footer"]
    assert apply_changes(messy, changes) == text
    assert parse_song(text).title == "Night Bus"


def test_a_pasted_section_goes_once() -> None:
    chorus = SONG[SONG.index("[Chorus]") :]
    text, changes = clean_lyrics(SONG + "\n" + chorus)
    assert text == SONG and {change.kind for change in changes} == {"repeated chorus"}


def test_a_cleaner_that_hides_a_change_is_refused() -> None:
    page = Document("a", "one\ntwo\n")
    with pytest.raises(CourseError, match="list every change"):
        measure(lambda text: (text.upper(), []), [page], [])


def test_changes_of_a_cleaner_that_gives_text_only() -> None:
    assert changes_between("a\nb\nc\n", "a\nB\n") == [
        Change("change", 1, "b", "B"),
        Change("change", 2, "c", None),
    ]
    with pytest.raises(CourseError, match="puts lines in"):
        changes_between("a\n", "a\nb\n")


def test_copies_count_when_one_of_two_is_left(songs: list[Document]) -> None:
    pages, defects = make_messy(songs, 3)
    copies = {page.id for page in pages if "copy_of" in page.meta}
    assert measure(clean_lyrics, pages, defects, dropped=copies).scores["copy"].recall == 1
    assert measure(clean_lyrics, pages, defects).scores["copy"].recall == 0
    both = copies | {str(page.meta["copy_of"]) for page in pages if "copy_of" in page.meta}
    assert measure(clean_lyrics, pages, defects, dropped=both).scores["copy"].recall == 0


def test_the_step_reports_and_drops_pages_without_a_song() -> None:
    log = RemovalLog()
    pages = [
        Document("a", SONG + "Submitted by x@lyrics.example\n"),
        Document("b", "12Embed\n"),
        Document("c", SONG),
    ]
    kept = list(clean_songs(pages, log))
    assert [document.text for document in kept] == [SONG, SONG]
    assert log.counts() == {
        ("lyrics", "changed", "footer"): 1,
        ("lyrics", "dropped", "nothing-sung"): 1,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        "\x00\x01",
        "\ud800 lone",
        "<" * 100_000,
        "&" * 50_000,
        "[C]" * 50_000,
        "a " * 200_000,
        "Am " * 100_000,
        "a line\n" * 50_000,
        "[Chorus]\nla la\n\n" + "some words here\n\n" * 8_000,
    ],
)
def test_strange_pages_come_through(text: str) -> None:
    cleaned, changes = clean_lyrics(text)
    assert apply_changes(text, changes) == cleaned


def test_random_lines_never_break_the_record() -> None:
    rng = random.Random(0)
    some = [
        "",
        "[Chorus]",
        "Am  G",
        "la la la la",
        "x <b>y</b>",
        "Click here now",
        "Verse 2",
        "Ã©tÃ©",
        "12Embed",
        "  ",
    ]
    for _ in range(300):
        page = "\n".join(rng.choices(some, k=rng.randint(1, 14)))
        cleaned, changes = clean_lyrics(page)
        assert apply_changes(page, changes) == cleaned
