"""Words of every script, languages told apart, and text out of markup."""

import doctest

import pytest

from course_lib.workbook.corpus import words
from course_lib.workbook.corpus.html import main_text, strip_tags
from course_lib.workbook.corpus.language import identify, main_language

# Faults 33 and 34: as many words as blanks tell, each with its marks.
SPACED = [
    *("हिन्दी में लिखना", "தமிழ் மொழி", "কলকাতা শহর", "සිංහල භාෂාව", "മലയാളം ഭാഷ", "שָׁלוֹם עולם"),
    *("العَرَبِيَّة لغة", "cafe\u0301 re\u0301sume\u0301", "donau\u00addampf schiff"),
    *("می\u200cخواهم رفت", "नेपाली\u200dको भाषा"),
]
OTHERS = [
    *("A plain sentence, with commas; and (more) [brackets].", "Ça va? Très bien!"),
    *("日本語の文章。", "Python 入門 (東京) です", "हिन्दी में लिखना।", "ภาษาไทย ง่าย Python 3 ครับ"),
    *("ខ្ញុំ ស្រឡាញ់\u200bភាសា", "བོད་སྐད་ལ", "می\u200cخواهم رفت؟", "İstanbul güzel"),
    "👩\u200d👩\u200d👧 and 👍🏽 ❤️",
]


@pytest.mark.parametrize("text", SPACED + OTHERS)
def test_words_keep_their_marks_and_join_back(text: str) -> None:
    assert words.join_words(words.split_words(text)) == text
    if text in SPACED:
        assert words.words(text) == words.split_words(text) == text.split()


def test_words_of_scripts_without_spaces_and_of_none() -> None:
    assert doctest.testmod(words) == (0, 4)
    assert words.words("日本語 text") == ["日", "本", "語", "text"]
    assert words.words("ง่ายดี") == ["ง่", "า", "ย", "ดี"]
    assert words.words("ខ្ញុំ") == ["ខ្ញុំ"]
    assert len(words.words("İstanbul")) == 1
    assert words.words("👩\u200d👧 ❤️") == []
    assert len(words.split_words("x" * 1_000_000)) == 1  # quick


TEXTS = {
    "en": "The keeper of the lighthouse wrote a letter each evening and carried it to the harbour.",
    "de": "Der Wärter des Leuchtturms schrieb jeden Abend einen Brief und trug ihn zum Hafen.",
    "fr": "Le gardien du phare écrivait une lettre chaque soir et la portait au port du village.",
    "zh": "灯塔的看守人每天晚上都写一封信，然后把它带到港口去，读给那里的船只听。",
}


def test_languages_are_told_apart() -> None:
    assert {code: identify(text)[0] for code, text in TEXTS.items()} == {c: c for c in TEXTS}
    assert all(0.65 <= identify(text)[1] <= 1 for text in TEXTS.values())
    assert main_language([TEXTS["de"], "ok", TEXTS["de"], TEXTS["en"]]) == "de"
    assert main_language(["", "x"]) == "en"


PAGE = f"""<!DOCTYPE html><html><head><title>Letters</title><style>p > a {{}}</style></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/b">Books</a></li></ul></nav>
<article><h1>Letters</h1><p>{TEXTS["en"] * 3}</p>
<p>When the <b>winter</b> ended he read them &amp; wept. {TEXTS["en"]}</p></article>
<script>if (1 < 2) document.write("<p>advert</p>")</script>
<footer>Subscribe to our newsletter</footer></body></html>"""


def test_the_stripper_keeps_everything_the_extractor_the_main_text() -> None:
    naive, main = strip_tags(PAGE), main_text(PAGE)
    assert naive.splitlines()[:3] == ["Letters", "Home", "Books"]
    assert all("winter ended he read them & wept" in text for text in (naive, main))
    assert "newsletter" in naive and "newsletter" not in main and "Books" not in main
    assert "advert" not in naive and "p > a" not in naive


MARKUP = {
    "a < b and b > c": "a < b and b > c",
    "<p>one<p>two": "one\ntwo",
    "un<b>believ</b>able<br/>b": "unbelievable\nb",
    "<!-- hidden <p> --><SCRIPT>x</Script >y": "y",
    "<script>never closed": "",
    "&lt;b&gt;": "<b>",
}


def test_the_stripper() -> None:
    assert {markup: strip_tags(markup) for markup in MARKUP} == MARKUP
