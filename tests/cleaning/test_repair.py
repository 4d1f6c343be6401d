"""Repairs: what is mended, what is left alone, and the evidence."""

import pytest

from course_lib.cleaning import repair
from course_lib.cleaning.steps import Removal, RemovalLog
from course_lib.workbook.corpus import Document

CLEAN = "The naïve café doesn’t sell “crêpes” – Søren told us so."
SENTENCE = (
    "The lighthouse keeper wrote a letter every evening and never sent a single one of them. "
)


def steps(text: str, step: object) -> tuple[str, list[Removal]]:
    log = RemovalLog()
    left = list(step([Document("d", text)], log))
    return left[0].text if left else "", log.entries


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_mojibake_is_undone(encoding: str) -> None:
    line = CLEAN.replace("”", "“") if encoding == "cp1252" else "Naïve crêpes, Søren"
    broken = line.encode("utf-8").decode(encoding)
    text, entries = steps(f"{CLEAN}\n{broken}\nplain", repair.repair_encoding)
    assert broken != line and text == f"{CLEAN}\n{line}\nplain"
    assert [(e.action, e.reason) for e in entries] == [("changed", "mojibake")]
    assert entries[0].evidence["before"] != entries[0].evidence["after"] in text


@pytest.mark.parametrize(
    "text",
    [CLEAN, "日本語のテキスト", "Ünïcödé", "", "C:\\path ~ 100 % & more", "‘single’ ﬁne ligature"],
)
def test_good_text_is_left_alone(text: str) -> None:
    assert steps(text, repair.repair_encoding) == (text, [])


@pytest.mark.parametrize(
    ("text", "mended", "reason"),
    [
        ("a\r\nb\rc\u2028d\x0ce", "a\nb\nc\nd\ne", "characters"),
        ("a\x00b\x07\ufeffc\x1b[31mred\x1b[0m\td", "abcred d", "characters"),
        ("smile \ud83d\ude00 and \ud800!", "smile \U0001f600 and \ufffd!", "characters"),
        ("e\u0301te\u0301", "été", "characters"),
        ("    if x:   y \n\n\n\nz\u00a0\u3000w\t", "    if x: y\n\nz w", "blanks"),
    ],
)
def test_each_normalisation(text: str, mended: str, reason: str) -> None:
    found, entries = steps(text, repair.normalise)
    assert found == mended and steps(found, repair.normalise) == (found, [])
    assert reason in [entry.reason for entry in entries]


def test_a_tower_of_accents_is_cut() -> None:
    assert len(repair.fix_characters("a" + "\u0301\u0316" * 100_000)) <= 31
    assert repair.fix_characters("a" + "\u0316" * 30) == "a" + "\u0316" * 30


def test_documents_without_letters_go_with_a_reason() -> None:
    log = RemovalLog()
    texts = ["", " \n\t", "-- * --", "___", "7", "字"]
    kept = repair.drop_empty([Document(str(i), text) for i, text in enumerate(texts)], log)
    assert [document.text for document in kept] == ["7", "字"]
    assert [entry.reason for entry in log.entries] == ["empty", "empty", "no-letters", "no-letters"]


def test_the_first_change_is_shown() -> None:
    _, entries = steps("x" * 1000 + " Ã© " + "y" * 1000, repair.repair_encoding)
    assert entries[0].evidence["before"] == "x" * 19 + " Ã© " + "y" * 37
    assert entries[0].evidence["shorter"] == 1


@pytest.mark.parametrize(
    "markup",
    [
        "<html>" + "<div>" * 10_000 + SENTENCE,
        "<html>" + "<" * 300_000 + " " + SENTENCE,
        "<html>" + "<script>" * 50_000,
        "<html><a " + "x=" * 200_000,
        "<html>\x00\ud800" + SENTENCE,
        "<html>" + "<table><tr><td>" * 20_000 + SENTENCE,
        "<html>" + f"<p>{SENTENCE}</p>" * 12_000,
    ],
    ids=["unclosed", "brackets", "scripts", "attributes", "odd", "tables", "large"],
)
def test_hostile_pages_become_text_or_are_dropped(markup: str) -> None:
    text, entries = steps(markup, repair.extract_pages)
    assert len(entries) == 1
    if SENTENCE in markup:
        assert SENTENCE.strip() in text
    else:
        assert entries[0].reason == "no-text" or "x=" in text


def test_only_pages_are_touched() -> None:
    texts = [
        "In HTML a paragraph is written <p>.",
        "x = a<b and c>d",
        "",
        "<header>no page</header>",
    ]
    assert all(steps(text, repair.extract_pages) == (text, []) for text in texts)
    page = "<?xml version='1.0'?>\n<HTML lang=en><body><p>" + SENTENCE
    assert steps(page, repair.extract_pages)[1][0].reason in ("main-text", "tags-stripped")
