"""Lyrics: structure that survives, repairs line by line, the site's words; the messy songbook."""

import random

import pytest
from messy_songbook import as_jsonl, make_messy

from course_lib.cleaning import lyrics
from course_lib.cleaning.lyrics import apply_changes, clean_lyrics, parse_song
from course_lib.cleaning.steps import RemovalLog
from course_lib.cleaning.truth import measure_cleaner
from course_lib.workbook.corpus import Document, load_corpus
from course_lib.workbook.corpus.builtin import FOLDER, songbook

SONG = """Night Bus

[Verse 1]
The driver hums along the empty road,
three sleeping cooks, a cello and its load.

[Chorus]
Ring the bell for the river stop tonight,
ring the bell for the river.
"""
SONGS = songbook()


def test_the_parts_of_a_song() -> None:
    song = parse_song(SONG)
    assert (song.title, song.form()) == ("Night Bus", "V C")
    assert song.sections[1].lines[1] == "ring the bell for the river."
    assert parse_song("") == lyrics.Song("") and parse_song("one\ntwo\n").form() == "?"
    for song in SONGS:
        parsed = parse_song(song.text)
        sung = [line for section in parsed.sections for line in section.lines]
        lines = [line for line in song.text.splitlines()[1:] if line and line[0] != "["]
        assert parsed.title == song.meta["title"] and sung == lines and "?" not in parsed.form()


def test_clean_songs_are_left_alone_and_an_escaped_tag_is_text() -> None:
    assert [song.id for song in SONGS if clean_lyrics(song.text)[1]] == []
    assert clean_lyrics("a\n\nsee &lt;i&gt; at AT&T;\n")[0].endswith("see <i> at AT&T;\n")


@pytest.mark.parametrize("seed", [11, 12])
def test_messy_songs_on_seeds_that_nobody_looked_at(seed: int) -> None:
    scores = measure_cleaner(clean_lyrics, *make_messy(SONGS, seed))
    sure = ("header", "advert", "footer", "chord line", "inline chord", "tag", "entity", "blanks")
    for kind in sure:
        assert scores[kind].recall > 0.95 and scores[kind].precision > 0.95, scores[kind]
    assert scores["mojibake"].recall > 0.85 and scores["repeated chorus"].recall > 0.9
    assert all("\ufffd" in wrong[1].after for wrong in scores["mojibake"].wrong)  # truly lost
    label = scores["lost label"]
    assert label.recall > 0.5 and label.precision > 0.5 and scores["copy"].recall == 0


@pytest.mark.parametrize(
    ("first", "middle", "last"),
    [
        ("5 ContributorsTranslationsDeutschRiver Song Lyrics[Verse 1]\nI walk", "", "fall12Embed"),
        ("1 ContributorRiver Song Lyrics[Verse 1]\nI walk", "", "fall1.2KEmbed"),
        (
            "2.1K ContributorsTranslationsTürkçeEspañolRiver Song Lyrics“River Song” is … "
            "Read More\xa0[Verse 1]\nI walk",
            "See River Band LiveGet tickets as low as $50You might also like\n",
            "fallEmbedShare URLCopyEmbedCopy",
        ),
        ("River Song Lyrics[Verse 1]\nI walk", "You might also like ", "fall 12 Embed"),
        (
            '3 Contributors\nRiver Song\n\n[Letra de "River Song"]\n[Verse 1]\nI walk',
            "Find more lyrics at ※ Mojim.com\n",
            "fall\nSubmit Corrections\nThanks to Ann for adding these lyrics.\nWriter(s): Ann Lee",
        ),
        (
            "River Song\n\n[Verse 1]\nI walk",
            "******* This song is NOT for Commercial use *******\n",
            "fall\nLyrics licensed & provided by LyricFind\nSource: Musixmatch",
        ),
    ],
)
def test_words_of_lyrics_sites_go_glued_or_not(first: str, middle: str, last: str) -> None:
    page = f"{first} along\nthe water\n{middle}[Chorus]\nOh river\nsummer turns to {last}"
    text, changes = clean_lyrics(page)
    song = parse_song(text)
    assert (song.title, song.form()) == ("River Song", "V C")
    assert apply_changes(page, changes) == text
    assert song.sections[0].lines == ("I walk along", "the water")
    assert song.sections[1].lines == ("Oh river", "summer turns to fall")


SUNG = """I only want to live and be free|Am I|Be good|A B C D E F G|Come and follow us home
Share the stream of the night with me|A guard is posted by the door
You might also like the way I sing|Sign up for the army, log in to the night"""


@pytest.mark.parametrize("line", SUNG.replace("\n", "|").split("|"))
def test_what_is_sung_stays_at_the_end_and_in_the_middle(line: str) -> None:
    for after in ("", "The willow trees are tall\n"):
        page = f"River Song\n\n[Verse 1]\nI walk along the water\n{line}\n{after}"
        assert clean_lyrics(page) == (page, [])


def test_changes_are_told_and_what_is_left_is_the_song() -> None:
    glued = "River\n\n[Verse]\ntake me homeYou might also likeWe walk in 1999Embed"
    text, changes = clean_lyrics(glued)
    assert text.endswith("take me home\nWe walk in 1999\n") and len(changes) == 1
    messy = SONG.replace("[Chorus]\n", "").replace("three", "[G]three")
    _, changes = clean_lyrics(f"Home > Songs > Night Bus\n{messy}12Embed\n")
    assert [change.kind for change in changes] == ["header", "inline chord", "lost label", "footer"]
    log, chorus = RemovalLog(), SONG[SONG.index("[Chorus]") :]
    texts = (SONG + "\n" + chorus, SONG + "Submitted by x@lyrics.example\n", "12Embed\n", SONG)
    pages = [Document(str(number), text) for number, text in enumerate(texts)]
    assert [document.text for document in lyrics.clean_songs(pages, log)] == [SONG] * 3
    assert [e.reason for e in log.entries] == ["repeated-chorus", "footer", "nothing-sung"]


STRANGE = ["", "\n\n\n", "\x00\x01", "\ud800 lone", "<" * 100_000, "&" * 50_000, "[C]" * 50_000]
STRANGE += ["a " * 200_000, "Am " * 100_000, "a line\n" * 50_000, "See x" * 20_000, "9" * 50_000]
STRANGE += ["[Chorus]\nla la\n\n" + "some words here\n\n" * 8_000, "Lyrics" * 300, "1Embed\n" * 9]
LINES = "|[Chorus]|Am  G|la la la la|x <b>y</b>|Click here now|Verse 2|Ã©t|12Embed|la12Embed"
LINES += "|X LyricsLa|aYou might also likeB|River Lyrics[Verse]"


@pytest.mark.timeout(60)
def test_strange_pages_come_through_and_random_lines_never_break_the_record() -> None:
    rng = random.Random(0)
    pages = ["\n".join(rng.choices(LINES.split("|"), k=rng.randint(1, 14))) for _ in range(500)]
    for page in STRANGE + pages:
        cleaned, changes = clean_lyrics(page)
        assert apply_changes(page, changes) == cleaned


# --- The messy songbook ---


@pytest.mark.parametrize("seed", range(3))
def test_the_truth_restores_every_song_and_every_kind_occurs(seed: int) -> None:
    clean = {song.id: song.text for song in SONGS}
    messy, defects = make_messy(SONGS, seed)
    assert {defect.kind for defect in defects} == {*lyrics.KINDS, "copy"}
    for page in messy:
        own = [d for d in defects if d.document == page.id and d.kind != "copy"]
        places = [d.line for d in own if d.kind != "lost label"]
        assert len(places) == len(set(places))  # one defect a line
        changes = [lyrics.Change(d.kind, d.line, "", d.clean) for d in own]
        assert apply_changes(page.text, changes) == clean[str(page.meta.get("copy_of", page.id))]


def test_the_file_that_ships_is_what_the_generator_makes_and_twins_are_split_alike() -> None:
    assert (FOLDER / "songbook-messy.jsonl").read_text(encoding="utf-8") == as_jsonl()
    clean, messy = load_corpus("songbook"), load_corpus("songbook-messy")
    held_out = {song.id for song in clean.validation}
    for part, inside in ((messy.train, False), (messy.validation, True)):
        for page in part:
            assert (str(page.meta.get("copy_of", page.id)) in held_out) == inside
    assert messy.manifest["defects"]
