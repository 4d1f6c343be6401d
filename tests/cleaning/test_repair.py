"""Repairs: what is mended, what is left alone, and the evidence."""

import random
import unicodedata

import pytest

from course_lib.cleaning import repair
from course_lib.cleaning.steps import RemovalLog
from course_lib.workbook.corpus import Document

CLEAN = "The naïve café doesn’t sell “crêpes” – Søren told us so."


def steps(text: str, step: object) -> tuple[str, list]:
    log = RemovalLog()
    (document,) = step([Document("d", text)], log)
    return document.text, log.entries


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_mojibake_is_undone(encoding: str) -> None:
    line = CLEAN.replace("”", "“") if encoding == "cp1252" else "Naïve crêpes, Søren"
    broken = line.encode("utf-8").decode(encoding)
    assert broken != line
    text, entries = steps(f"{CLEAN}\n{broken}\nplain", repair.repair_encoding)
    assert text == f"{CLEAN}\n{line}\nplain"
    assert [(e.action, e.reason) for e in entries] == [("changed", "mojibake")]
    assert entries[0].evidence["before"] != entries[0].evidence["after"] in text


@pytest.mark.parametrize(
    "text",
    [CLEAN, "日本語のテキスト", "Ünïcödé", "", "C:\\path ~ 100 % & more", "‘single’ ﬁne ligature"],
)
def test_good_text_is_left_alone(text: str) -> None:
    for step in (repair.repair_encoding, repair.unescape_entities):
        assert steps(text, step) == (text, [])


def test_entities_become_characters_except_beside_tags() -> None:
    text, entries = steps(
        "salt &amp; pepper&nbsp;&#8211; &eacute;\n<b>a &lt; b</b>\nAT&T", repair.unescape_entities
    )
    assert text == "salt & pepper\xa0– é\n<b>a &lt; b</b>\nAT&T"
    assert entries[0].evidence["before"].startswith("salt &amp;")


@pytest.mark.parametrize(
    ("text", "mended", "reason"),
    [
        ("a\r\nb\rc\u2028d\x0ce", "a\nb\nc\nd\ne", "line-ends"),
        ("a\x00b\x07\ufeffc\x1b[31mred\x1b[0m\td", "abcred d", "control-characters"),
        ("smile \ud83d\ude00 and \ud800!", "smile \U0001f600 and \ufffd!", "surrogates"),
        ("e\u0301te\u0301", "été", "unicode-form"),
        ("    if x:   y \n\n\n\nz\u00a0\u3000w\t", "    if x: y\n\nz w", "blanks"),
    ],
)
def test_each_normalisation(text: str, mended: str, reason: str) -> None:
    found, entries = steps(text, repair.normalise)
    assert found == mended
    assert reason in [entry.reason for entry in entries]
    assert steps(found, repair.normalise) == (found, [])


def test_normalising_twice_is_normalising_once() -> None:
    letters = [
        "a",
        "e\u0301",
        "\n",
        "\r\n",
        " ",
        "\t",
        "\x00",
        "\u00a0",
        "&amp;",
        "é",
        "\ud800",
        "\u0316",
        "字",
    ]
    for seed in range(5):
        chance = random.Random(seed)
        text = "".join(chance.choices(letters, k=300))
        once, _ = steps(text, repair.normalise)
        assert steps(once, repair.normalise) == (once, [])
        assert unicodedata.is_normalized("NFC", once)


def test_a_tower_of_accents_is_cut() -> None:
    assert len(repair.compose("a" + "\u0301\u0316" * 100_000)) <= 31
    assert repair.compose("a" + "\u0316" * 30) == "a" + "\u0316" * 30


def test_documents_without_letters_go_with_a_reason() -> None:
    log = RemovalLog()
    texts = ["", " \n\t", "-- * --", "___", "7", "字"]
    kept = repair.drop_empty([Document(str(i), text) for i, text in enumerate(texts)], log)
    assert [document.text for document in kept] == ["7", "字"]
    assert [entry.reason for entry in log.entries] == ["empty", "empty", "no-letters", "no-letters"]


def test_the_first_change_is_shown() -> None:
    old = "x" * 1000 + "&amp;" + "y" * 1000
    _, entries = steps(old, repair.unescape_entities)
    assert (
        entries[0].evidence["before"] == "x" * 19 + "&amp;" + "y" * 36
        and entries[0].evidence["shorter"] == 4
    )
