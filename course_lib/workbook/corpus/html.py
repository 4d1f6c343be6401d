"""From a web page to its text: a naive tag stripper, and trafilatura for the main text.

Barbaresi 2021, "Trafilatura: A Web Scraping Library and Command-Line Tool for Text Discovery
and Extraction" (ACL system demonstrations). RefinedWeb and FineWeb both start with it.
"""

import re
from html import unescape

MAX_MARKUP = 1_000_000  # characters that trafilatura gets: it needs seconds for a megabyte
HIDDEN = frozenset(("script", "style", "template", "noscript", "noframes"))
_INLINE = re.compile(
    r"a|abbr|b|bdi|cite|code|em|font|i|kbd|mark|q|s|small|span|strong|sub|sup|tt|u|var"
)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:_-]{0,60})(?:[\s/][^<>]*)?>|<!--|<[!?][^<>]*>")
_WITHOUT = re.compile(r"<(noscript|noframes)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>[^<]*</title", re.IGNORECASE)


def strip_tags(markup: str) -> str:
    """All text outside of tags, scripts, styles and comments, a line a block, entities resolved.

    What browsers hide (``noscript``, ``noframes``) is left out. A tag ends at the next ``<`` at the
    latest, so that every character is read once or twice and no page takes long. Navigation,
    adverts and footers stay: a stripper does not know what they are.

    >>> strip_tags("<p>The <b>river</b> &amp; me</p><script>x < 1</script><p>Home</p>")
    'The river & me\\nHome'
    """
    pieces: list[str] = []
    place = 0
    while tag := _TAG.search(markup, place):
        pieces.append(markup[place : tag.start()])
        place = tag.end()
        name = (tag[2] or "").lower()
        if tag[0] == "<!--" or (name in HIDDEN and not tag[1]):  # to its end, or the page's
            end = re.compile(f"</{name}[^<>]*>?" if name else "-->", re.IGNORECASE)
            place = found.end() if (found := end.search(markup, place)) else len(markup)
        if name and not _INLINE.fullmatch(name):  # a block begins a new line
            pieces.append("\n")
    pieces.append(markup[place:])
    lines = (" ".join(line.split()) for line in unescape("".join(pieces)).split("\n"))
    return "\n".join(line for line in lines if line)


def main_text(markup: str, *, favor_recall: bool = False) -> str | None:
    """The main text as trafilatura finds it; None for a page that is too large or has none.

    favor_recall   rather too much of the page than too little
    """
    if len(markup) > MAX_MARKUP:
        return None
    import trafilatura

    try:
        page = _WITHOUT.sub("", markup)
        return trafilatura.extract(page, include_comments=False, favor_recall=favor_recall) or None
    except Exception:  # whatever it stumbles over: the caller has the stripper
        return None


def page_text(markup: str) -> str:
    """The text of a page: the main text, else all that is visible below its title."""
    markup = re.sub(r"^\s*<\?xml[^>]*\?>", "", markup)
    return main_text(markup, favor_recall=True) or strip_tags(_TITLE.sub("<title></title", markup))
