"""The writer, on a tiny model with SmolLM2's ways: shape, score, rhyme, and what cannot be."""

import re
from types import SimpleNamespace

import pytest
import torch

from course_lib.cleaning.lyrics import parse_song
from course_lib.song import writer
from course_lib.song.words import lyrics, rhymes

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
