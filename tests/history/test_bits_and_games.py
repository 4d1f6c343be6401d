"""Bits per byte, Shannon's bounds, and the two games."""

import json
import random

import pytest

from course_lib.history.bits import (
    gzip_bits_per_byte,
    ngram_bits_per_byte,
    shannon_bounds,
    xz_bits_per_byte,
)
from course_lib.history.eliza import Eliza
from course_lib.history.eliza_reader import read_script
from course_lib.history.ngrams import KneserNey
from course_lib.history.play import (
    Conversation,
    ShannonGame,
    chat,
    letters_only,
    machine_ranks,
    play_shannon,
)
from course_lib.places import REPOSITORY
from course_lib.workbook import settings

SCRIPTS = sorted((REPOSITORY / "assets" / "eliza").glob("*.txt"))


def test_repeated_text_costs_little_and_random_bytes_eight_bits() -> None:
    text = b"the same sentence once more. " * 200
    noise = random.Random(0).randbytes(5000)
    for measure in (
        gzip_bits_per_byte,
        xz_bits_per_byte,
        lambda a, b: ngram_bits_per_byte(a, b, 5),
    ):
        assert measure(text, text[:2900]) < 0.5
        assert 7.5 < measure(noise, random.Random(1).randbytes(2000)) < 9


def test_shannon_bounds_by_hand() -> None:
    """Half of the letters at the first guess, half at the second: one bit, both ways."""
    assert shannon_bounds([1, 2] * 10) == (pytest.approx(1), pytest.approx(1))
    assert shannon_bounds([1] * 5) == (0, 0)
    with pytest.raises(ValueError, match="no letter"):
        shannon_bounds([])


@pytest.mark.parametrize("seed", range(5))
def test_the_lower_bound_is_never_above_the_upper(seed: int) -> None:
    rng = random.Random(seed)
    lower, upper = shannon_bounds([rng.choice([1, 1, 1, 2, 3, 9, 14]) for _ in range(30)])
    assert 0 <= lower <= upper


def test_the_game_counts_guesses() -> None:
    game = ShannonGame("a bc")
    assert not game.guess("x") and not game.guess("x") and game.guess("A")
    assert game.guess("_") and game.guess("b")
    assert game.ranks == [2, 1, 1] and not game.over
    assert "a_b" in repr(game) and "bits a letter" in repr(game)
    assert game.guess("c") and game.over and not game.guess("d")


def test_a_machine_that_knows_the_sentence_needs_one_guess_a_letter() -> None:
    sentence = "the heron is back"
    assert machine_ranks(sentence, KneserNey([sentence] * 3, order=6)) == [1] * len(sentence)


def test_letters_only_keeps_every_alphabet() -> None:
    assert letters_only("Don't PANIC, 42 日本!") == "don t panic 日本"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_our_scripts_answer_everything(path: object) -> None:
    bot = Eliza(read_script(path.read_text("utf-8")))
    rng = random.Random(0)
    vocabulary = [*bot.script.keywords, "TEA", "THE", "IS", ",", ".", "SLOW", "WANT", "HAPPY"]
    for _ in range(2000):
        assert bot.answer(" ".join(rng.choices(vocabulary, k=rng.randint(0, 9))))


def test_every_rule_of_our_scripts_can_be_reached() -> None:
    for path in SCRIPTS:
        script = read_script(path.read_text("utf-8"))
        assert len(script.memory) == 4 and len(script.keywords) > 15


def test_the_conversation_is_shown_and_escaped() -> None:
    bot = Eliza(read_script("(HI)\n(NONE ((0) (GO ON)))"))
    talk = Conversation(bot, ["<script>alert(1)</script>"])
    assert "GO ON" in repr(talk) and "<script>" not in talk._repr_html_()
    assert isinstance(chat(bot, ["hello"]), Conversation)


def test_widgets_play(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "headless", lambda: False)
    shown, field = play_shannon("ab").children
    field.value = "a"
    assert "a▯" in shown.value and field.value == ""
    bot = Eliza(read_script("(HI)\n(NONE ((0) (GO ON)))"))
    shown, row, trace = chat(bot, []).children
    row.children[0].value = "hello"
    assert "GO ON" in shown.value and "NONE" in trace.value and row.children[0].value == ""


def test_every_number_of_the_timeline_has_its_source() -> None:
    rows = json.loads((REPOSITORY / "assets/history/timeline.json").read_text("utf-8"))
    assert [row["year"] for row in rows] == sorted(row["year"] for row in rows)
    assert {"Shannon's guessing game", "ELIZA", "ChatGPT", "Falcon"} <= {
        row["name"] for row in rows
    }
    assert all(
        str(int(row["year"])) in row["source"] or row["parameters"] or row["tokens"] for row in rows
    )
    assert all(len(row["source"]) > 20 for row in rows)
