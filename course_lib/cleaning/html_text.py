"""From a web page to its text: our naive tag stripper beside trafilatura, which looks for the main text.

Barbaresi 2021, "Trafilatura: A Web Scraping Library and Command-Line Tool for Text Discovery
and Extraction" (ACL system demonstrations). RefinedWeb and FineWeb both start with it.
"""

import re
from html import unescape

MOST_MARKUP = (
    1_000_000  # characters of a page that trafilatura gets: it needs seconds for a megabyte
)
HIDDEN = frozenset(("script", "style", "template", "noscript"))
INLINE = frozenset(
    (
        "a",
        "abbr",
        "b",
        "bdi",
        "cite",
        "code",
        "em",
        "font",
        "i",
        "kbd",
        "mark",
        "q",
        "s",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "tt",
        "u",
        "var",
    )
)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,30})(?:[\s/][^<>]*)?>|<!--|<[!?][^<>]*>")
_PAGE = re.compile(r"<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE)


def strip_tags(markup: str) -> str:
    """All text outside of tags, scripts, styles and comments, one line a block, entities as characters.

    A tag ends at the next ``<`` at the latest, so that every character is read once or twice and no page takes
    long. Navigation, adverts and footers stay: a stripper does not know what they are.

    >>> strip_tags("<p>The <b>river</b> &amp; me</p><script>x < 1</script><p>Home</p>")
    'The river & me\\nHome'
    """
    pieces: list[str] = []
    place = 0
    while tag := _TAG.search(markup, place):
        pieces.append(markup[place : tag.start()])
        place = tag.end()
        name = (tag[2] or "").lower()
        if tag[0] == "<!--":
            place = _behind(markup, "-->", place)
        elif name in HIDDEN and not tag[1]:
            place = _behind(markup, f"</{name}[^<>]*>?", place)
        if name and name not in INLINE:  # a block begins a new line
            pieces.append("\n")
    pieces.append(markup[place:])
    lines = (" ".join(line.split()) for line in unescape("".join(pieces)).split("\n"))
    return "\n".join(line for line in lines if line)


def _behind(markup: str, mark: str, place: int) -> int:
    """The place behind the next ``mark``, in any case; the end of the page where there is none."""
    found = re.compile(mark, re.IGNORECASE).search(markup, place)
    return found.end() if found else len(markup)


def main_text(markup: str) -> str | None:
    """The main text as trafilatura finds it; None for a page that is too large for it or that has none."""
    if len(markup) > MOST_MARKUP:
        return None
    import trafilatura

    try:
        return trafilatura.extract(markup, include_comments=False) or None
    except Exception:  # whatever it stumbles over: the caller has the stripper
        return None
