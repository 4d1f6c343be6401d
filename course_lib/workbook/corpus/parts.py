"""What a reader gives for a file: parts of bounded length, and problems with their reasons."""

import unicodedata
from collections.abc import Iterable, Iterator

import regex

Part = tuple[str, dict[str, str | int]]  # a text and the short facts about it
SKIP_REASONS = {
    "empty": "there is no text in it",
    "binary": "it is not text but binary data",
    "encoding": "its characters cannot be read with certainty; save it as UTF-8",
    "encrypted": "it is protected by a password",
    "unreadable": "the file is damaged",
    "unknown_format": "no reader for this kind of file",
    "left_out": "it is hidden, a tool's own, or a link that is not followed",
    "note": "it was read, with a guess",
}
MAX_LENGTH = 20_000  # characters in a part
SENTENCE_END = regex.compile(r"[.!?…।]['\"”’)\]]*\s|[。！？]")
JOINER = "\u200d"


class Problem(Exception):
    """Something in a file that cannot be read, or was read with a guess (``note``).

    A reader raises it when the file ends there for us, and *yields* it when it goes on with the
    rest (one broken line). ``reason`` is a key of ``SKIP_REASONS``, ``detail`` a sentence for
    the reader of the report; without one the reason's own sentence stands.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail or SKIP_REASONS[reason]
        super().__init__(self.detail)


def parts(chunks: Iterable[str], limit: int = MAX_LENGTH) -> Iterator[str]:
    """The text of ``chunks`` in parts of at most ``limit`` characters; blank ones are left out.

    A part ends, within its second half, at the last paragraph, else line, sentence, word, else
    character. How the text is spread over the chunks makes no difference, and when ``chunks``
    raises, what came before is given first.
    """
    text, stream, failure, done = "", iter(chunks), None, False
    while not done:
        try:
            text += next(stream)
        except StopIteration:
            done = True
        except Exception as error:  # what stands before the break is good
            failure, done = error, True
        start = 0
        while len(text) - start > limit or (done and start < len(text)):
            end = _pause(text, start + limit // 2, start + limit)
            if not (part := text[start:end]).isspace():
                yield part.strip("\n")
            start = end
        text = text[start:]
    if failure:
        raise failure


def _pause(text: str, first: int, last: int) -> int:
    """The best place to cut between ``first`` and ``last``."""
    if last >= len(text):
        return len(text)
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
        unicodedata.category(text[place])[0] == "M" or JOINER in text[place - 1 : place + 1]
    ):
        place -= 1
    return place
