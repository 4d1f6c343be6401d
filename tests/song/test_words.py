"""Syllables, stress and rhyme against a person's judgement; facts of songs known by hand."""

import tomllib

import pytest

from course_lib.cleaning.lyrics import Section, Song, parse_song
from course_lib.places import REPOSITORY
from course_lib.song import words
from course_lib.song.figures import stress_grid
from course_lib.workbook.corpus import load_corpus

JUDGED = tomllib.loads((REPOSITORY / "assets/song/checked.toml").read_text("utf-8"))
SONG = """Two Lamps

[Verse 1]
The night was cold and long,
we sat beside the fire,
and somebody began a song,
a little bit of wire.

[Chorus]
Two lamps upon the sill.

[Verse 2]
One went out.

[Chorus]
Two lamps upon the sill.
"""


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("seven", "se-ven"),
        ("billion", "bill-ion"),
        ("weights", "weights"),
        ("Homes", "Homes"),
        ("wanted", "wan-ted"),
        ("loved", "loved"),
        ("table", "ta-ble"),
        ("didn't", "di-dn't"),
        ("rhythm", "rhy-thm"),
        ("nation", "na-tion"),
        ("piano", "pi-a-no"),
        ("42", "4-2"),
        ("café", "ca-fé"),
        ("Москва", "Моск-ва"),
        ("чай", "чай"),
        ("日", "日"),
        ("bzz", "bzz"),
        ("", ""),
    ],
)
def test_pieces_are_the_word(word: str, pieces: str) -> None:
    assert "-".join(words.syllables(word)) == pieces


def test_the_rule_against_a_person() -> None:
    counts, stresses = [], []
    for entry in JUDGED["words"].split():
        word, true = entry.replace("-", "").lower(), entry.split("-")
        pieces = words.syllables(word)
        counts.append(len(pieces) == len(true))
        if counts[-1]:
            stresses.append(true[words.stressed_place(word, pieces)].isupper())
    assert len(counts) > 150 and sum(counts) / len(counts) > 0.95
    assert sum(stresses) / len(stresses) > 0.9
    for name, right in (("rhymes", True), ("no_rhymes", False)):
        pairs = [pair.split("/") for pair in JUDGED[name].split()]
        assert sum(words.rhymes(*pair) == right for pair in pairs) / len(pairs) > 0.9


def test_lines_of_any_alphabet() -> None:
    found = words.line_syllables("The river, un-\nhappy!")
    assert [(s.text, s.stressed, s.starts_word) for s in found[:3]] == [
        ("The", False, True),
        ("ri", True, True),
        ("ver", False, False),
    ]
    for line in ("Тихая ночь", "静かな夜", "ليلة هادئة", "… !", "🎵", "İstanbul ǅ", "Ｗｉｄｅ"):
        parts = words.line_syllables(line)
        letters = "".join(c for c in line if c.isalnum())
        assert "".join(part.text for part in parts if part.text.isalnum()) in (letters, "ليلةهادئة")
        assert isinstance(words.rhyme_sounds(line), frozenset)


@pytest.mark.parametrize(
    ("first", "second", "rhyme"),
    [
        ("though", "enough", False),
        ("enough", "stuff", True),
        ("through", "blue", True),
        ("a bear", "we care", True),
        ("melody", "the sea", True),
        ("the same", "the same", False),
        ("time", "time,", False),
        ("night", "white", True),
        ("", "night", False),
    ],
)
def test_rhymes(first: str, second: str, rhyme: bool) -> None:
    assert words.rhymes(first, second) is words.rhymes(second, first) is rhyme


def test_facts_by_hand() -> None:
    found = words.facts(parse_song(SONG))
    assert found.form == "V C V C" and found.in_order and found.returns
    assert found.rhyme == pytest.approx(4 / 7) and found.syllables == pytest.approx(
        (6 + 6 + 8 + 6 + 6 + 3 + 6) / 7
    )
    empty = words.facts(Song("A title alone"))
    assert empty[1:] == (False, False, 0, 0)
    assert not words.facts(Song("", (Section("", None, ("la", "la")),))).in_order


def test_songs_as_text_are_the_same_songs() -> None:
    for document in load_corpus("songbook"):
        song = parse_song(document.text)
        assert parse_song(words.lyrics(song)) == song
        assert words.facts(song).in_order


def test_the_picture_says_what_it_shows() -> None:
    text = repr(stress_grid(parse_song(SONG).sections[0].lines, "A verse"))
    assert text.startswith("6, 6, 8, 6 syllables") and text.endswith("A B A B.")
    assert "rhyme" in repr(stress_grid([], "Nothing"))
