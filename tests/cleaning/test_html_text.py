"""Pages to text: the stripper on what it must bear, the main text, and the step's reasons."""

import pytest

from course_lib.cleaning.html_text import MOST_MARKUP, extract_pages, is_page, main_text, strip_tags
from course_lib.cleaning.steps import RemovalLog
from course_lib.workbook.corpus import Document

SENTENCE = (
    "The lighthouse keeper wrote a letter every evening and never sent a single one of them. "
)
PAGE = f"""<!DOCTYPE html><html><head><title>Letters</title><style>p > a {{}}</style></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/b">Books</a></li></ul></nav>
<article><h1>Letters</h1><p>{SENTENCE * 3}</p>
<p>When the <b>winter</b> ended he read them &amp; wept. {SENTENCE}</p></article>
<script>if (1 < 2) document.write("<p>advert</p>")</script>
<footer>Subscribe to our newsletter</footer></body></html>"""


def test_the_stripper_keeps_everything_the_extractor_the_main_text() -> None:
    naive, main = strip_tags(PAGE), main_text(PAGE)
    assert naive.splitlines()[:3] == ["Letters", "Home", "Books"]
    assert (
        "winter ended he read them & wept" in naive and "winter ended he read them & wept" in main
    )
    assert "newsletter" in naive and "newsletter" not in main and "Books" not in main
    assert "advert" not in naive and "p > a" not in naive


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("", ""),
        ("no markup", "no markup"),
        ("a < b and b > c", "a < b and b > c"),
        ("<p>one<p>two", "one\ntwo"),
        ("un<b>believ</b>able", "unbelievable"),
        ("<!-- hidden <p> -->shown", "shown"),
        ("<SCRIPT>x</Script >y", "y"),
        ("<script>never closed", ""),
        ("&lt;b&gt;", "<b>"),
        ("a<br/>b", "a\nb"),
    ],
)
def test_the_stripper(markup: str, text: str) -> None:
    assert strip_tags(markup) == text


@pytest.mark.parametrize(
    "markup",
    [
        "<html>" + "<div>" * 10_000 + SENTENCE + "</div>" * 10_000,
        "<html>" + "<div>" * 10_000 + SENTENCE,
        "<html>" + "<" * 300_000 + " " + SENTENCE,
        "<html>" + "<script>" * 50_000,
        "<html>" + "<!--" * 50_000,
        "<html><a " + "x=" * 200_000,
        "<html>\x00\ud800" + SENTENCE,
        "<html>" + "<table><tr><td>" * 20_000 + SENTENCE,
    ],
    ids=[
        "nested",
        "unclosed",
        "brackets",
        "scripts",
        "comments",
        "attributes",
        "odd characters",
        "tables",
    ],
)
def test_hostile_pages_are_handled_or_dropped(markup: str) -> None:
    log = RemovalLog()
    kept = list(extract_pages([Document("d", markup)], log))
    assert len(log.entries) == 1
    if SENTENCE in markup:
        assert SENTENCE.strip() in kept[0].text
    else:
        assert log.entries[0].reason == "no-text" or "x=" in kept[0].text


def test_a_page_too_large_for_the_extractor_is_stripped() -> None:
    log = RemovalLog()
    (document,) = extract_pages(
        [Document("d", "<html>" + f"<p>{SENTENCE}</p>" * (MOST_MARKUP // 90))], log
    )
    assert log.entries[0].reason == "tags-stripped" and document.text.startswith("The lighthouse")


def test_only_pages_are_touched() -> None:
    log = RemovalLog()
    texts = [
        "In HTML a paragraph is written <p>.",
        "x = a<b and c>d",
        "",
        "<header>no page</header>",
    ]
    documents = [Document(str(i), text) for i, text in enumerate(texts)]
    assert list(extract_pages(documents, log)) == documents and not log.entries
    assert is_page("<?xml version='1.0'?>\n<HTML lang=en>") and not is_page("x" * 2_001 + "<html>")
