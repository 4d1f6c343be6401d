"""Syllables, stress and rhyme against a person's judgement; the writer on a tiny model."""

import re
from types import SimpleNamespace

import pytest
import torch

from course_lib.cleaning.lyrics import Section, Song, parse_song
from course_lib.song import words, writer
from course_lib.song.figures import stress_grid
from course_lib.song.words import lyrics, rhymes
from course_lib.workbook.corpus import load_corpus

WORDS = "the night long light we sing bright thing over hill"


class Speller:
    """A tokenizer of whole words; a blank before a word belongs to it, newlines are tokens."""

    eos_token_id = 0
    names = (
        "<end>",
        "\n",
        "\n\n",
        "Title",
        *(blank + word for word in WORDS.split() for blank in ("", " ")),
    )

    def __call__(self, text: str, **_: object) -> SimpleNamespace:
        pieces = re.findall(r"\n\n?| ?[^\s]+", text)
        ids = [self.names.index(p) if p in self.names else 0 for p in pieces]
        return SimpleNamespace(input_ids=ids)


class Fixed(torch.nn.Module):
    """Logits by place: whatever comes before, these words are likely next."""

    device = torch.device("cpu")

    def __init__(self, likely: dict[str, float]) -> None:
        super().__init__()
        self.logits = torch.full((len(Speller.names),), -20.0)
        for word, value in likely.items():
            self.logits[Speller.names.index(word)] = value

    def forward(self, ids: torch.Tensor, logits_to_keep: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=self.logits.expand(len(ids), len(logits_to_keep), -1))


VERSE = ("the long night", "we sing", "the bright light", "over the hill we")


def test_the_end_becomes_the_likeliest_word_that_rhymes() -> None:
    index = writer.rhyme_index(Speller(), ["a thing, the sing long over still hill the light"])
    assert " the" not in {f" {w}" for words in index.values() for w in words.values()}
    model = Fixed({" thing": 2.0, " light": 6.0, " over": 1.0})
    *same, last = writer.rhymed(model, Speller(), "Title\n", VERSE, index)
    assert tuple(same) == VERSE[:3] and last.endswith(" thing.")
    assert rhymes(last, VERSE[1]) and last.removesuffix(" thing.") in VERSE[3]


def test_nothing_is_forced() -> None:
    index = writer.rhyme_index(Speller(), ["a thing, the sing"])
    unlikely = Fixed({" light": 30.0})
    assert writer.rhymed(unlikely, Speller(), "Title\n", VERSE, index) == VERSE
    rhyming = (*VERSE[:3], "over the thing")
    for lines in (rhyming, VERSE[:1], (), ("one",) * 4):
        given = writer.rhymed(Fixed({" thing": 9.0}), Speller(), "Title\n", lines, index)
        assert given == tuple(lines)
    assert writer.rhymed(Fixed({" thing": 9.0}), Speller(), "Title\n", VERSE, {}) == VERSE


def test_the_score_says_what_it_says() -> None:
    good = ("the night is long", "we hear a song", "the light is white", "and so is night")
    whole = writer.score(good, "The Night", 4, [])
    assert whole == (1.0, 1.0, 1.0, 1.0, 1.0)
    known = ["A Title\n\nThe walls are made of wood and brick\n"]
    copied = writer.score(["the walls are made of wood and brick", "no"], "Sun", 9, known)
    assert copied.fresh == 0.5 and copied.topic == 0 and copied.whole == 0.5
    assert writer.score([], "Sun", 9, known) == (0, 0, 0, 0, 0)
    assert writer.score(["a b c d e f g h i j k l"], "x", 4, []).metre == 0


@pytest.fixture
def scripted(monkeypatch) -> list[tuple[str, dict]]:
    calls: list[tuple[str, dict]] = []

    def write(model, tokenizer, prompt, tokens, count, **options):
        calls.append((prompt, {"count": count, **options}))
        bodies = [" one line\nand two\n\nmore", "a\nb\nc\nd\ne\nf", "cut", "x\n[Chorus]\ny", ""]
        return [bodies[n % 5] for n in range(count)]

    monkeypatch.setattr(writer, "write", write)
    return calls


def test_drafts_end_where_a_section_ends(scripted) -> None:
    found = writer.drafts(None, None, "T\n\n[Verse 1]\n", 5)
    assert found == [("one line", "and two"), ("a", "b", "c", "d"), (), ("x",), ()]
    assert writer.drafts(None, None, "[Chorus]\nHook", 1) == [("Hook one line", "and two")]


@pytest.mark.parametrize("seed", range(5))
def test_a_song_has_the_form_that_was_asked_for(scripted, seed: int) -> None:
    song = writer.write_song(None, None, "My Title", [], 3, count=5, seed=seed)
    assert song.form() == "V C V C B C" and parse_song(lyrics(song)) == song
    assert song.sections[1] == song.sections[3] == song.sections[5]
    assert [s.number for s in song.sections] == [1, None, 2, None, None, None]
    prompts = [prompt for prompt, _ in scripted]
    assert len(prompts) == 4 and prompts[1].endswith("[Chorus]\nMy Title")
    assert all(options["seed"] == seed and options["top_k"] for _, options in scripted)
    assert prompts[3].startswith(lyrics(song).split("[Bridge]")[0].split("[Chorus]")[0])


# --- Syllables, stress, rhyme ---
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


PIECES = "se-ven bill-ion weights Homes wan-ted loved ta-ble di-dn't rhy-thm na-tion pi-a-no 4-2 "
PIECES += "ca-fé Моск-ва чай 日 bzz"


@pytest.mark.parametrize("pieces", [*PIECES.split(), ""])
def test_pieces_are_the_word(pieces: str) -> None:
    assert "-".join(words.syllables(pieces.replace("-", ""))) == pieces


def test_lines_of_any_alphabet() -> None:
    found = [(s.text, s.stressed, s.starts_word) for s in words.line_syllables("The river, un-\n")]
    assert found[:3] == [("The", False, True), ("ri", True, True), ("ver", False, False)]
    for line in ("Тихая ночь", "静かな夜", "ليلة هادئة", "… !", "🎵", "İstanbul ǅ", "Ｗｉｄｅ"):
        parts = words.line_syllables(line)
        letters = "".join(c for c in line if c.isalnum())
        assert "".join(part.text for part in parts if part.text.isalnum()) in (letters, "ليلةهادئة")
        assert isinstance(words.rhyme_sounds(line), frozenset)


RHYMES = ["enough/stuff", "through/blue", "a bear/we care", "melody/the sea", "night/white"]
NO_RHYMES = ["though/enough", "the same/the same", "time/time,", "/night"]


@pytest.mark.parametrize("pair", RHYMES + NO_RHYMES)
def test_rhymes(pair: str) -> None:
    first, second = pair.split("/")
    assert words.rhymes(first, second) is words.rhymes(second, first) is (pair in RHYMES)


def test_facts_by_hand() -> None:
    found, syllables = words.facts(parse_song(SONG)), (6, 6, 8, 6, 6, 3, 6)
    assert found.form == "V C V C" and found.in_order and found.returns
    assert (found.rhyme, found.syllables) == pytest.approx((4 / 7, sum(syllables) / 7))
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
