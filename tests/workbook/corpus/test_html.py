"""Pages to text: the stripper on what it must bear, and the main text."""

import pytest

from course_lib.workbook.corpus.html import main_text, strip_tags

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
