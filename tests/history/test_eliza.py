"""ELIZA, construct by construct, on scripts of our own; the published one if the reader brings it."""

import os
import re
from pathlib import Path

import pytest

from course_lib.errors import CourseError
from course_lib.history.eliza import Eliza, hash_word, match, split_input
from course_lib.history.eliza_reader import read_script

NONE = "(NONE ((0) (GO ON) (I SEE)))"


def eliza(rules: str) -> Eliza:
    return Eliza(read_script(f"(HELLO, YOU)\nSTART\n{rules}\n{NONE}"))


def test_greeting() -> None:
    assert eliza("").greeting == "HELLO, YOU"


def test_decomposition_and_reassembly_take_turns() -> None:
    bot = eliza("(WANT ((0 WANT 0) (WHY 3) (AND IF YOU GOT 3)))")
    assert [bot.answer("I want tea") for _ in range(3)] == [
        "WHY TEA",
        "AND IF YOU GOT TEA",
        "WHY TEA",
    ]


def test_decompositions_are_tried_in_order() -> None:
    bot = eliza("(WANT ((0 YOU WANT 0) (ONE 4)) ((0 WANT 0) (TWO 3)))")
    assert bot.answer("you want tea") == "ONE TEA"
    assert bot.answer("they want tea") == "TWO TEA"


def test_a_number_means_that_many_words() -> None:
    bot = eliza("(WANT ((1 WANT 2) (EXACT 3)) ((0) (OTHER)))")
    assert bot.answer("I want green tea") == "EXACT GREEN TEA"
    assert bot.answer("I want tea") == "OTHER"


def test_zero_takes_as_few_words_as_possible() -> None:
    script = read_script(f"(HI)\n{NONE}")
    assert match(script, (0, "A", 0), ["X", "A", "Y", "A", "Z"]) == [["X"], ["A"], ["Y", "A", "Z"]]
    assert match(script, (0, "A", 0, "A"), ["A", "A"]) == [[], ["A"], [], ["A"]]
    assert match(script, (0, "B"), ["A"]) is None


def test_substitution_happens_before_matching() -> None:
    bot = eliza("(MY = YOUR ((0 YOUR 0) (TELL ME ABOUT YOUR 3)))\n(ME = YOU)")
    assert bot.answer("my cat bites me") == "TELL ME ABOUT YOUR CAT BITES YOU"


def test_rank_decides_and_equal_ranks_keep_their_order() -> None:
    bot = eliza("(A ((0) (LOW)))\n(B 5 ((0) (HIGH)))\n(C ((0) (LATE)))")
    assert bot.answer("a b") == "HIGH"
    assert bot.answer("b a") == "HIGH"
    assert bot.answer("a c") == "LOW"


def test_any_of_and_tags() -> None:
    bot = eliza(
        "(I ((0 I (*WANT NEED) 0) (WHY 4)) ((0 I SAW 0 (/FAMILY) 0) (YOUR 5)) ((0) (HM)))\n"
        "(MUM = MOTHER DLIST(/ FAMILY))\n(MOTHER DLIST(/NOUN FAMILY))\n(DOG DLIST(/NOUN))"
    )
    assert bot.answer("I need tea") == "WHY TEA"
    assert bot.answer("I saw your mum") == "YOUR MOTHER"
    assert bot.answer("I saw your dog") == "HM"


def test_links_newkey_and_pre() -> None:
    bot = eliza(
        "(ALIKE 10 (=SAME))\n(SAME ((0) (IN WHAT WAY)))\n"
        "(I'M = YOU'RE ((0 YOU'RE 0) (PRE (YOU ARE 3) (=BE))))\n(BE ((0 YOU ARE 0) (SINCE WHEN ARE YOU 4)))\n"
        "(PERHAPS 3 ((0) (NEWKEY) (SURE)))\n(TEA ((0) (TEA IS FINE)))\n"
        "(GO ((0 GO 0) (=TEA) (WHERE)))"
    )
    assert bot.answer("they are alike") == "IN WHAT WAY"
    assert bot.answer("I'm tired") == "SINCE WHEN ARE YOU TIRED"
    assert bot.answer("perhaps tea") == "TEA IS FINE"
    assert bot.answer("perhaps tea") == "SURE"
    assert bot.answer("go") == "TEA IS FINE"
    assert bot.answer("go") == "WHERE"


def test_newkey_without_another_keyword_falls_back_to_none() -> None:
    bot = eliza("(PERHAPS ((0) (NEWKEY)))")
    assert bot.answer("perhaps") == "GO ON"


def test_links_in_a_circle_end() -> None:
    assert eliza("(A (=B))\n(B (=A))").answer("a") == "GO ON"


def test_the_first_clause_with_a_keyword_counts() -> None:
    bot = eliza("(TEA ((0) (CLAUSE 1)))")
    assert bot.answer("Well, I like tea, and cake.") == "CLAUSE I LIKE TEA"
    assert bot.answer("It rains but tea is here but not now") == "CLAUSE TEA IS HERE"


def test_memory_is_kept_by_hash_and_recalled_when_the_limit_is_four() -> None:
    memory = "(MEMORY MY (0 MY 0 = ONE 3) (0 MY 0 = TWO 3) (0 MY 0 = THREE 3) (0 MY 0 = FOUR 3))"
    bot = eliza(f"(MY ((0 MY 0) (OH)))\n{memory}")
    assert hash_word("HERE") == 3
    assert bot.answer("my cat is here") == "OH"  # limit 2
    assert bot.answer("nothing") == "GO ON"  # limit 3
    assert bot.answer("nothing") == "FOUR CAT IS HERE"  # limit 4
    assert bot.answer("nothing") == "I SEE"  # limit 1
    assert not bot.memories


def test_memory_is_not_recalled_when_there_is_a_keyword() -> None:
    memory = "(MEMORY MY (0 MY 0 = ONE 3) (0 MY 0 = TWO 3) (0 MY 0 = THREE 3) (0 MY 0 = FOUR 3))"
    bot = eliza(f"(MY ((0 MY 0) (OH)))\n(TEA ((0) (TEA)))\n{memory}")
    answers = [bot.answer(text) for text in ("my cat", "x", "tea", "x", "x", "x", "x")]
    assert answers[2] == "TEA"
    assert answers[6].endswith("CAT")


def test_hash_takes_the_last_group_of_six() -> None:
    assert hash_word("ABCDEFHERE") == hash_word("HERE")
    assert hash_word("ABCDEF") != hash_word("") or hash_word("ABCDEF") in range(4)
    assert {hash_word(word) for word in ("A", "AB", "CAT", "TREE", "HOUSE", "ZEBRA", "ME")} <= {
        0,
        1,
        2,
        3,
    }


def test_comments_and_case() -> None:
    bot = eliza("; a comment (with brackets\n(Tea ((0) (Tea? yes))) ; more")
    assert bot.answer("TEA") == "TEA? YES"


@pytest.mark.parametrize(
    "text",
    ["", "   ", "x" * 10_000, "tea " * 2500, "😀" * 50, "日本語のお茶", "((((", "\x00", "?!,.;"],
)
def test_any_input_gets_an_answer(text: str) -> None:
    bot = eliza("(TEA ((0 TEA 0 TEA 0 CAKE 0) (LONG)) ((0 TEA 0) (TEA)))")
    assert bot.answer(text)
    assert bot.trace


@pytest.mark.parametrize(
    ("script", "line", "why"),
    [
        ("(HI)\n(A ((0) (B))", 2, "never closed"),
        ("(HI)\n(A ((0) (B))))", 2, "never opened"),
        ("(HI)\n\n(A ((0)))\n" + NONE, 3, "at least one answer"),
        ("(HI)\n(A ((0) (B 7)))\n" + NONE, 2, "asks for part 7"),
        ("(HI)\nLOOSE\n" + NONE, 2, "outside of all brackets"),
        ("(HI)\n(A ((0 (X Y)) (B)))\n" + NONE, 2, "(*…) and (/…)"),
        ("(HI)\n(A ((0) (PRE (B))))\n" + NONE, 2, "PRE needs"),
        ("(HI)\n(MEMORY A (0 = B))\n" + NONE, 2, "four rules"),
        ("(HI)\n(A ((0) (=NOWHERE)))\n" + NONE, 2, "links to NOWHERE"),
        ("(HI)\n(A B C)\n" + NONE, 2, "not understood"),
        ("(HI)\n(A ((0) (B)))", 2, "NONE"),
        ("", 1, "empty"),
    ],
)
def test_a_malformed_script_is_refused_with_its_line(script: str, line: int, why: str) -> None:
    with pytest.raises(CourseError) as caught:
        read_script(script)
    assert f"line {line}" in str(caught.value) and why in str(caught.value)


def words_of(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.upper())


@pytest.mark.skipif(
    not (os.environ.get("COURSE_DOCTOR_SCRIPT") and os.environ.get("COURSE_DOCTOR_CONVERSATION")),
    reason="bring the published script and conversation in COURSE_DOCTOR_SCRIPT and COURSE_DOCTOR_CONVERSATION",
)
def test_the_published_conversation_comes_out_word_for_word() -> None:
    bot = Eliza(read_script(Path(os.environ["COURSE_DOCTOR_SCRIPT"]).read_text("utf-8")))
    lines = Path(os.environ["COURSE_DOCTOR_CONVERSATION"]).read_text("utf-8").splitlines()
    lines = [line for line in lines if line.strip() and not line.startswith(";")]
    for said, expected in zip(lines[::2], lines[1::2], strict=True):
        assert words_of(bot.answer(said)) == words_of(expected), said


def test_input_is_split_into_words_and_delimiters() -> None:
    assert split_input("Well, it's so!") == ["WELL", ",", "IT'S", "SO", "."]
