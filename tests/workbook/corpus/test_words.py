"""Words of every script, and back to readable text."""

import doctest

import pytest

from course_lib.workbook.corpus import words


def test_the_examples_in_the_docstrings() -> None:
    assert doctest.testmod(words).failed == 0
    assert doctest.testmod(words).attempted == 4


@pytest.mark.parametrize(
    "text",
    [
        "A plain sentence, with commas; and more.",
        "日本語の文章。",
        "Ça va? Très bien!",
        "שלום עולם",
        "see (x) [y]",
        "हिन्दी में लिखना।",
        "தமிழ் മലയാളം සිංහල বাংলা",
        "ภาษาไทย ง่าย Python 3 ครับ",
        "ខ្ញុំ ស្រឡាញ់\u200bភាសា",
        "བོད་སྐད་ལ",
        "Python 入門 (東京) です",
        "cafe\u0301 noir, Donau\u00addampf",
        "می\u200cخواهم رفت؟",
        "שָׁלוֹם עולם",
        "İstanbul güzel",
        "👩\u200d👩\u200d👧 and 👍🏽 ❤️",
    ],
)
def test_joining_gives_the_text_back(text: str) -> None:
    assert words.join_words(words.split_words(text)) == text


def test_long_runs_without_spaces_are_quick() -> None:
    assert len(words.split_words("x" * 1_000_000)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "हिन्दी में लिखना",
        "தமிழ் மொழி",
        "কলকাতা শহর",
        "සිංහල භාෂාව",
        "שָׁלוֹם עולם",
        "العَرَبِيَّة لغة",
        "cafe\u0301 re\u0301sume\u0301",
        "donau\u00addampf schiff",
        "می\u200cخواهم رفت",
        "नेपाली\u200dको भाषा",
    ],
)
def test_a_word_keeps_its_marks(text: str) -> None:
    assert words.words(text) == words.split_words(text) == text.split()


def test_letters_without_spaces_keep_their_marks() -> None:
    assert words.words("ง่ายดี") == ["ง่", "า", "ย", "ดี"]
    assert words.words("ខ្ញុំ") == ["ខ្ញុំ"]
    assert len(words.words("İstanbul")) == 1
    assert words.words("👩\u200d👧 ❤️") == []
