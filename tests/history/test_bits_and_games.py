"""Bits per byte, Shannon's bounds, the two games, and the timeline's sources."""

import json
import random
from collections.abc import Callable
from functools import partial

import pytest

from course_lib.history import bits, play
from course_lib.history.eliza import Eliza, read_script
from course_lib.history.ngrams import KneserNey
from course_lib.places import REPOSITORY
from course_lib.workbook import settings

NGRAMS = partial(bits.ngram_bits_per_byte, order=5)


@pytest.mark.parametrize("measure", [bits.gzip_bits_per_byte, bits.xz_bits_per_byte, NGRAMS])
def test_repeated_text_costs_little_and_random_bytes_eight_bits(measure: Callable) -> None:
    text, noise = b"the same sentence once more. " * 200, random.Random(0).randbytes(5000)
    assert measure(text, text[:2900]) < 0.5
    assert 7.5 < measure(noise, random.Random(1).randbytes(2000)) < 9


def test_shannon_bounds_by_hand() -> None:
    """Half of the letters at the first guess, half at the second: one bit, both ways."""
    assert bits.shannon_bounds([1, 2] * 10) == (pytest.approx(1), pytest.approx(1))
    assert bits.shannon_bounds([1] * 5) == (0, 0)
    lower, upper = bits.shannon_bounds([1, 1, 1, 2, 3, 1, 9, 14])
    assert 0 < lower < upper


def test_the_game_counts_guesses() -> None:
    game = play.ShannonGame("a bc")
    assert not game.guess("x") and not game.guess("x") and game.guess("A")
    assert game.guess("_") and game.guess("b") and game.ranks == [2, 1, 1]
    assert "a_b" in repr(game) and "bits a letter" in repr(game)
    assert game.guess("c") and not game.guess("d") and repr(game).startswith("a_bc\n")
    sentence = "the heron is back"  # a machine that knows it needs one guess a letter
    assert play.machine_ranks(sentence, KneserNey([sentence] * 3, order=6)) == [1] * len(sentence)


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Don't PANIC, 42 日本!", "don t panic 日本"),
        ("हिन्दी में।", "हिन्दी में"),
        ("שָׁלוֹם", "שָׁלוֹם"),
        ("cafe\u0301 Zei\u00adtung", "café zeitung"),
    ],
)
def test_letters_only_keeps_every_alphabet_with_its_marks(text: str, letters: str) -> None:
    assert play.letters_only(text) == letters


def test_widgets_play_and_escape(monkeypatch) -> None:
    bot = Eliza(read_script("(HI)\n(NONE ((0) (GO ON)))"))
    assert isinstance(play.chat(bot, ["hello"]), play.Conversation)
    monkeypatch.setattr(settings, "headless", lambda: False)
    shown, field = play.play_shannon("ab").children
    field.value = "a"
    assert "a▯" in shown.value and field.value == ""
    shown, field = play.chat(bot, []).children
    field.value = "<script>alert(1)</script>"
    assert "GO ON" in shown.value and "NONE" in shown.value and field.value == ""
    assert "<script>" not in shown.value


def test_every_number_of_the_timeline_has_its_source() -> None:
    rows = json.loads((REPOSITORY / "assets/history/timeline.json").read_text("utf-8"))
    assert [row["year"] for row in rows] == sorted(row["year"] for row in rows)
    names = {row["name"] for row in rows}
    assert {"Shannon's guessing game", "ELIZA", "ChatGPT", "Falcon"} <= names
    assert all(len(row["source"]) > 20 for row in rows)
    for row in rows:
        assert str(int(row["year"])) in row["source"] or row["parameters"] or row["tokens"]
