"""The four forms of training data: validation, converters, files."""

import json
from pathlib import Path

import pytest

from course_lib.cleaning.format_files import Broken, read_examples, same_examples, write_examples
from course_lib.cleaning.formats import (
    Chat,
    Instruction,
    Preference,
    RawText,
    from_record,
    sort_out,
    to_record,
)
from course_lib.cleaning.pairs import (
    as_chat,
    as_preferences,
    docstring_pairs,
    heading_pairs,
    raw_texts,
    sections_of,
)
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document, load_corpus

USER, ANSWER = {"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Yes."}
SYSTEM = {"role": "system", "content": "Be brief."}
GOOD = {
    "text": RawText("some text"),
    "instruction": Instruction("Where is 日本?", "In Asia.\nEast."),
    "chat": Chat((SYSTEM, USER, ANSWER)),
    "preference": Preference("Hello?", "Yes.", "No."),
}


@pytest.mark.parametrize("form", GOOD)
def test_good_examples_are_valid_and_come_back_from_their_record(form: str) -> None:
    example, problems = from_record(form, {**to_record(GOOD[form]), "source": "a further field"})
    assert example == GOOD[form] and not problems


@pytest.mark.parametrize(
    ("example", "problem"),
    [
        (RawText(" \n"), "text is empty"),
        (RawText("a\x00"), "NUL"),
        (RawText("\ud800"), "surrogate"),
        (RawText(None), "no text but NoneType"),
        (Instruction("a", ""), "completion is empty"),
        (Instruction("a", "a "), "repeats the prompt"),
        (Preference("a", "b", "b"), "are the same"),
        (Preference("a", "b", 3), "rejected is no text"),
        (Chat(()), "no list of turns"),
        (Chat((ANSWER, USER)), "take turns"),
        (Chat((USER, USER, ANSWER)), "take turns"),
        (Chat((USER,)), "not the assistant's"),
        (Chat((USER, SYSTEM, ANSWER)), "stands first"),
        (Chat((SYSTEM,)), "nothing to learn"),
        (Chat(({"role": "user"}, ANSWER)), "turn 1 needs"),
        (Chat(({"role": "bot", "content": "x"},)), "'bot'"),
        (Chat((USER, {**ANSWER, "content": " "})), "turn 2 is empty"),
        (Chat("Hello"), "no list of turns"),
        (Chat(("Hello",)), "turn 1 needs"),
    ],
)
def test_broken_examples_are_told_apart(example: object, problem: str) -> None:
    assert problem in example.problems()[0]
    valid, broken = sort_out([GOOD["text"], example])
    assert valid == [GOOD["text"]] and broken == [(1, example.problems()[0])]


def test_records_of_another_shape() -> None:
    assert from_record("instruction", {"prompt": "a"})[1] == ["completion missing"]
    assert from_record("text", ["a"])[1] == ["it is no record but list"]
    assert from_record("chat", {"messages": "a"})[1] == [
        "messages is no list of turns, or an empty one"
    ]
    with pytest.raises(CourseError, match="no form"):
        from_record("poem", {})


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@pytest.mark.parametrize("form", GOOD)
def test_written_and_read_again(tmp_path: Path, form: str, ending: str) -> None:
    path = tmp_path / f"some.{ending}"
    assert write_examples(path, [GOOD[form]] * 2_500) == 2_500
    examples, broken = read_examples(path, form)
    assert same_examples(examples, [GOOD[form]] * 2_500) and not broken


def test_broken_lines_are_reported_with_their_number(tmp_path: Path) -> None:
    lines = [
        json.dumps({"prompt": "a", "completion": "b"}).encode(),
        b"",
        b"{",
        b"\xff\xfe",
        b"[1]",
        json.dumps({"prompt": "a", "completion": ""}).encode(),
        b"[" * 100_000,
        b'{"prompt": "c", "completion": "d"}',
    ]
    (tmp_path / "some.jsonl").write_bytes(b"\n".join(lines))
    examples, broken = read_examples(tmp_path / "some.jsonl", "instruction")
    assert examples == [Instruction("a", "b"), Instruction("c", "d")]
    assert [item.number for item in broken] == [3, 4, 5, 6, 7]
    assert (
        broken[1] == Broken(4, "the line is not UTF-8")
        and broken[3].reason == "completion is empty"
    )


def test_rows_of_a_table_with_other_columns(tmp_path: Path) -> None:
    write_examples(tmp_path / "some.parquet", [GOOD["text"]])
    assert read_examples(tmp_path / "some.parquet", "chat") == ([], [Broken(1, "messages missing")])


def test_what_cannot_be_written_leaves_no_file(tmp_path: Path) -> None:
    for examples, sentence in (
        ([GOOD["text"], RawText("")], "Example 1 cannot"),
        ([GOOD["text"], GOOD["chat"]], "one form"),
        ([], "empty"),
    ):
        for ending in ("jsonl", "parquet"):
            with pytest.raises(CourseError, match=sentence):
                write_examples(tmp_path / f"some.{ending}", examples)
    with pytest.raises(CourseError, match="ending"):
        write_examples(tmp_path / "some.pickle", [GOOD["text"]])
    with pytest.raises(CourseError, match="another folder"):
        write_examples(tmp_path / "missing" / "some.jsonl", [GOOD["text"]])
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "some.parquet").write_bytes(b"no table")
    for name, sentence in (
        ("some.parquet", "damaged"),
        ("other.jsonl", "no file"),
        ("some.csv", "ending"),
    ):
        with pytest.raises(CourseError, match=sentence):
            read_examples(tmp_path / name, "text")


def test_questions_from_docstrings() -> None:
    def document(name: str, text: str, identity: str = "") -> Document:
        return Document(identity or f"stdlib:{name}", text, {"title": name})

    documents = [
        document("json.dumps", "Serialize an object to\na JSON string.\n\nMore."),
        document("json._x", "It is a private one."),
        document("json", "This is a module itself."),
        document("a.b", "Too short."),
        document("a.c", ">>> 1 + 1 is two."),
        document("a.d", "This is no sentence at all"),
        document("a.b", "A page of topics here.", "topics:a.b"),
    ]
    assert list(docstring_pairs(documents)) == [
        Instruction("What does `json.dumps` do?", "Serialize an object to a JSON string.")
    ]
    real = list(docstring_pairs(load_corpus("python-docs")))
    assert len(real) > 1_000 and not sort_out(real)[1]


def test_questions_from_headings() -> None:
    text = "# Travel\nAsk first.\n\n## Who books?\nYou do.\n```\n# no heading\n```\n\n## Hotels\nUp to 90.\n## Empty\n"
    pages = [
        Document("a", text),
        Document("b", "# Old\nWrong.", {"status": "outdated"}),
        Document("c", "no heading"),
    ]
    assert list(heading_pairs(pages)) == [
        Instruction("What does “Travel” say?", "Ask first."),
        Instruction("Who books?", "You do.\n```\n# no heading\n```"),
        Instruction("What does “Travel” say about “Hotels”?", "Up to 90."),
    ]
    assert [level for level, _, _ in sections_of(text)] == [0, 1, 2, 2, 2]
    real = list(heading_pairs(load_corpus("handbook")))
    assert len(real) > 60 and not sort_out(real)[1]


def test_chats_and_preferences_from_pairs() -> None:
    pairs = list(heading_pairs(load_corpus("handbook")))
    chats = [as_chat(pair, "You answer from the handbook.") for pair in pairs]
    assert not sort_out(chats)[1] and chats[0].messages[0]["role"] == "system"
    preferences = as_preferences(pairs, seed=1)
    assert not sort_out(preferences)[1] and preferences == as_preferences(
        pairs, seed=1
    ) != as_preferences(pairs, seed=2)
    with pytest.raises(CourseError, match="two different"):
        as_preferences([Instruction("a", "b"), Instruction("c", "b")])
    assert [raw.text for raw in raw_texts([Document("a", " "), Document("b", "x")])] == ["x"]
