"""ELIZA, construct by construct; bits per byte, the two games and the timeline."""

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from course_lib.errors import CourseError
from course_lib.history import bits, play
from course_lib.history.eliza import Eliza, hash_word, read_script
from course_lib.history.ngrams import KneserNey
from course_lib.places import REPOSITORY
from course_lib.workbook import settings

NONE = "(NONE ((0) (GO ON) (I SEE)))"
SCRIPTS = sorted((REPOSITORY / "assets" / "eliza").glob("*.txt"))
MEMORY = "(MEMORY MY (0 MY 0 = ONE 3) (0 MY 0 = TWO 3) (0 MY 0 = THREE 3) (0 MY 0 = FOUR 3))"


def eliza(rules: str) -> Eliza:
    return Eliza(read_script(f"(HELLO, YOU)\nSTART\n{rules}\n{NONE}"))


def test_answers_take_turns_and_comments_and_case_do_not_count() -> None:
    bot = eliza("; a comment (with brackets\n(Want ((0 WANT 0) (WHY 3) (and if you got 3))) ; more")
    answers = [bot.answer("I want tea") for _ in range(3)]
    assert answers == ["WHY TEA", "AND IF YOU GOT TEA", "WHY TEA"]
    assert bot.script.greeting == "HELLO, YOU"


CONSTRUCTS = {
    "order": (
        "(WANT ((0 YOU WANT 0) (ONE 4)) ((0 WANT 0) (TWO 3)))",
        {"you want tea": "ONE TEA", "they want tea": "TWO TEA"},
    ),
    "number": (
        "(WANT ((1 WANT 2) (EXACT 3)) ((0) (OTHER)))",
        {"I want green tea": "EXACT GREEN TEA", "I want tea": "OTHER"},
    ),
    "substitution": (
        "(MY = YOUR ((0 YOUR 0) (TELL ME ABOUT YOUR 3)))\n(ME = YOU)",
        {"my cat bites me": "TELL ME ABOUT YOUR CAT BITES YOU"},
    ),
    "rank": (
        "(A ((0) (LOW)))\n(B 5 ((0) (HIGH)))\n(C ((0) (LATE)))",
        {"a b": "HIGH", "b a": "HIGH", "a c": "LOW"},
    ),
    "sets": (
        "(I ((0 I (*WANT NEED) 0) (WHY 4)) ((0 I SAW 0 (/FAMILY) 0) (YOUR 5)) ((0) (HM)))\n"
        "(MUM = MOTHER DLIST(/ FAMILY))\n(MOTHER DLIST(/NOUN FAMILY))\n(DOG DLIST(/NOUN))",
        {"I need tea": "WHY TEA", "I saw your mum": "YOUR MOTHER", "I saw your dog": "HM"},
    ),
    "few words": ("(A ((0 A 0) (1 THEN 3)))", {"x a y a z": "X THEN Y A Z"}),
    "circle": ("(A (=B))\n(B (=A))", {"a": "GO ON"}),
    "clause": (
        "(TEA ((0) (CLAUSE 1)))",
        {"Well, it’s tea, and cake!": "CLAUSE IT'S TEA", "Rain but tea but not": "CLAUSE TEA"},
    ),
}


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_each_construct(name: str) -> None:
    rules, said = CONSTRUCTS[name]
    bot = eliza(rules)
    assert {text: bot.answer(text) for text in said} == said


def test_links_newkey_and_pre() -> None:
    bot = eliza(
        "(ALIKE 10 (=SAME))\n(SAME ((0) (IN WHAT WAY)))\n"
        "(I'M = YOU'RE ((0 YOU'RE 0) (PRE (YOU ARE 3) (=BE))))\n"
        "(BE ((0 YOU ARE 0) (SINCE WHEN ARE YOU 4)))\n"
        "(PERHAPS 3 ((0) (NEWKEY) (SURE)))\n(TEA ((0) (FINE)))\n(GO ((0 GO 0) (=TEA) (WHERE)))"
    )
    said = ["they are alike", "I'm tired", "perhaps tea", "perhaps tea", "go", "go"]
    expected = ["IN WHAT WAY", "SINCE WHEN ARE YOU TIRED", "FINE", "SURE", "FINE", "WHERE"]
    assert [bot.answer(text) for text in said] == expected


def test_memory_is_kept_by_hash_and_recalled_when_the_limit_is_four() -> None:
    bot = eliza(f"(MY ((0 MY 0) (OH)))\n(TEA ((0) (TEA)))\n{MEMORY}")
    assert hash_word("HERE") == hash_word("ABCDEFHERE") == 3
    said = ["my cat is here", "nothing", "nothing", "nothing"]  # limits 2, 3, 4, 1
    answers = [bot.answer(text) for text in said]
    assert answers == ["OH", "GO ON", "FOUR CAT IS HERE", "I SEE"] and not bot.memories
    answers = [bot.answer(text) for text in ("my cat", "x", "tea", "x", "x", "x", "x")]
    assert answers[2] == "TEA" and answers[6].endswith("CAT")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_our_scripts_answer_everything(path: Path) -> None:
    bot = Eliza(read_script(path.read_text("utf-8")))
    assert len(bot.script.memory) == 4 and len(bot.script.keywords) > 15
    rng = random.Random(0)
    vocabulary = [*bot.script.keywords, "TEA", "THE", "IS", ",", ".", "SLOW", "WANT", "HAPPY"]
    for _ in range(1000):
        assert bot.answer(" ".join(rng.choices(vocabulary, k=rng.randint(0, 9))))
    for text in ("", "   ", "x" * 10_000, "tea " * 2500, "😀", "日本語のお茶", "((((", "\x00?!,"):
        assert bot.answer(text) and bot.trace


MALFORMED = (
    *("(A ((0)))", "(A (0 A 0) (B))", "(A ((0) (B 7)))", "(A ((0 ()) (B)))", "(A B C)", "((A) B)"),
    *("(A ((0) (PRE (B 7) (=A))))", "(MEMORY A (0 = B))", "(MEMORY A" + " (0 = B 9)" * 4 + ")"),
)


@pytest.mark.parametrize(
    ("script", "line", "why"),
    [
        ("(HI)\n(A ((0) (B))", 2, "is never closed"),
        ("(HI)\n(A ((0) (B))))", 2, "outside of all brackets: )"),
        ("(HI)\nLOOSE\n", 2, "outside of all brackets: LOOSE"),
        ("(HI)\n(A ((0) (B)))", 1, "without (NONE"),
        ("", 1, "without (NONE"),
        *((f"(HI)\n\n{entry}\n{NONE}", 3, "is not understood") for entry in MALFORMED),
    ],
)
def test_a_malformed_script_is_refused_with_its_line(script: str, line: int, why: str) -> None:
    with pytest.raises(CourseError) as caught:
        read_script(script)
    assert f"line {line} " in str(caught.value) and why in str(caught.value)


@pytest.mark.parametrize("invisible", ["\ufeff", "\u200b", "\u00ad", "\u200e"])
def test_what_cannot_be_seen_in_a_script_does_not_count(invisible: str) -> None:
    """A script saved by Windows' Notepad begins with a byte order mark."""
    text = SCRIPTS[0].read_text("utf-8")
    assert read_script(invisible + text) == read_script(text)
    assert read_script(text.replace("\n", f"{invisible}\r\n")) == read_script(text)


# --- Bits, games and the timeline ---
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
