"""The forms of training data: validation, and pairs out of documents."""

from dataclasses import asdict
from pathlib import Path

import pytest
from datasets import Dataset

from course_lib.cleaning.formats import (
    Chat,
    Instruction,
    Preference,
    heading_pairs,
    sections,
    sort_out,
)
from course_lib.workbook.corpus import Document, load_corpus

USER, ANSWER = {"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Yes."}
SYSTEM = {"role": "system", "content": "Be brief."}
GOOD = [
    Instruction("Where is 日本?", "In Asia.\nEast."),
    Chat((SYSTEM, USER, ANSWER)),
    Preference("Hello?", "Yes.", "No."),
]


@pytest.mark.parametrize(
    ("example", "problem"),
    [
        (Instruction("a\x00", "b"), "prompt holds a character that is none: NUL"),
        (Instruction("a", "\ud800"), "surrogate"),
        (Instruction("a", None), "completion is no text but NoneType"),
        (Instruction("a", " \n"), "completion is empty"),
        (Instruction("a", "a "), "prompt and completion are the same"),
        (Preference("a", "b", "b"), "chosen and rejected are the same"),
        (Preference("a", "b", 3), "rejected is no text"),
        (Chat(()), "not the assistant's"),
        (Chat((ANSWER, USER)), "take turns"),
        (Chat((USER, USER, ANSWER)), "take turns"),
        (Chat((USER,)), "not the assistant's"),
        (Chat((USER, SYSTEM, ANSWER)), "stands first"),
        (Chat((SYSTEM,)), "not the assistant's"),
        (Chat(({"role": "user"}, ANSWER)), "turn 1 needs"),
        (Chat(({"role": "bot", "content": "x"},)), "turn 1 needs"),
        (Chat((USER, {**ANSWER, "content": " "})), "turn 2 is empty"),
    ],
)
def test_broken_examples_are_told_apart(example: object, problem: str) -> None:
    valid, [(number, said)] = sort_out([*GOOD, example])
    assert valid == GOOD and number == len(GOOD) and problem in said


@pytest.mark.parametrize("example", GOOD)
def test_examples_make_a_dataset(tmp_path: Path, example: object) -> None:
    Dataset.from_list([asdict(example)] * 3).to_json(tmp_path / "some.jsonl")
    again = Dataset.from_json(str(tmp_path / "some.jsonl"), cache_dir=str(tmp_path))
    if isinstance(example, Chat):
        assert again[2]["messages"] == list(example.messages)
    else:
        assert type(example)(**again[2]) == example


def test_questions_from_headings() -> None:
    text = "# Travel\nAsk first.\n\n## Who books?\nYou do.\n```\n# no heading\n```\n\n"
    text += "## Hotels\nUp to 90.\n## Empty\n"
    pages = [Document("a", text), Document("c", "no heading")]
    pages.append(Document("b", "# Old\nWrong.", {"status": "outdated"}))
    assert list(heading_pairs(pages)) == [
        Instruction("What does “Travel” say?", "Ask first."),
        Instruction("Who books?", "You do.\n```\n# no heading\n```"),
        Instruction("What does “Travel” say about “Hotels”?", "Up to 90."),
    ]
    assert [level for level, _, _ in sections(text)] == [0, 1, 2, 2, 2]
    real = list(heading_pairs(load_corpus("handbook")))
    assert len(real) > 60 and not sort_out(real)[1]
