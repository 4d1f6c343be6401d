"""Cutting a stream of text into pieces of bounded length where a reader would pause."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

LIMIT = 20_000  # characters in a piece, at most
SENTENCE_END = re.compile(r"[.!?…][\"”’')\]]*\s|[。！？]")
JOINER = "\u200d"


def pieces(chunks: Iterable[str], limit: int = LIMIT) -> Iterator[str]:
    """The text of ``chunks`` in pieces of at most ``limit`` characters; blank ones are left out.

    A piece ends, within its second half, at the last paragraph, else line, sentence, word, else
    character. How the text is spread over the chunks makes no difference.
    """
    text = ""
    for chunk in chunks:
        text += chunk
        start = 0
        while len(text) - start > limit:
            end = _pause(text, start + limit // 2, start + limit)
            yield from _unless_blank(text[start:end])
            start = end
        text = text[start:]
    yield from _unless_blank(text)


def _unless_blank(text: str) -> Iterator[str]:
    if text and not text.isspace():
        yield text.strip("\n")


def _pause(text: str, first: int, last: int) -> int:
    """The best place to cut between ``first`` and ``last``."""
    for mark in ("\n\n", "\n"):
        if (place := text.rfind(mark, first, last)) >= 0:
            return place + len(mark)
    ends = [match.end() for match in SENTENCE_END.finditer(text, first, last)]
    if ends:
        return ends[-1]
    if (place := text.rfind(" ", first, last)) >= 0:
        return place + 1
    place = last  # not between a letter and its accent, nor inside a joined emoji
    while place > first and (
        unicodedata.combining(text[place]) or JOINER in text[place - 1 : place + 1]
    ):
        place -= 1
    return place
