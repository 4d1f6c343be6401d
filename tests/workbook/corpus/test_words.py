"""Words of every script, and back to readable text."""

import doctest

import pytest

from course_lib.workbook.corpus import words


def test_the_examples_in_the_docstrings() -> None:
    assert doctest.testmod(words).failed == 0
    assert doctest.testmod(words).attempted == 3


@pytest.mark.parametrize(
    "text",
    [
        "A plain sentence, with commas; and more.",
        "日本語の文章。",
        "Ça va? Très bien!",
        "שלום עולם",
        "see (x) [y]",
    ],
)
def test_joining_gives_the_text_back(text: str) -> None:
    assert words.join_words(words.split_words(text)) == text


def test_long_runs_without_spaces_are_quick() -> None:
    assert len(words.split_words("x" * 1_000_000)) == 1
