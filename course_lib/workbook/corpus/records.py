"""What a reader gives for a file: parts of bounded length, and problems with their reasons.

Rows of a table and JSON objects are *records*; here it is found which of their columns is the text.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import regex

Part = tuple[str, dict[str, str | int]]  # a text and the short facts about it
Record = Mapping[str, Any]
SKIP_REASONS = {
    "empty": "there is no text in it",
    "binary": "it is not text but binary data",
    "encoding": "its characters cannot be read with certainty; save it as UTF-8",
    "encrypted": "it is protected by a password",
    "unreadable": "the file is damaged",
    "unknown_format": "no reader for this kind of file",
    "left_out": "it is hidden, a tool's own, or a link",
    "note": "it was read, with a guess",
}
MAX_LENGTH = 20_000  # characters in a part
SENTENCE_END = regex.compile(r"[.!?…।]['\"”’)\]]*\s|[。！？]")
TEXT_NAMES = ("text", "content", "body", "lyrics")  # a column of this name is likely the text
MAX_LOOKED_AT = 20  # first records by which the text column is found
MIN_TEXT_LENGTH = 40  # characters on average, from which on a column can be the text
MAX_FACT_LENGTH = 100  # characters, up to which another column's value is kept as a fact
MAX_FACTS = 10


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
            end = pause(text, start + limit // 2, start + limit)
            if not (part := text[start:end]).isspace():
                yield part.strip("\n")
            start = end
        text = text[start:]
    if failure:
        raise failure


def pause(text: str, first: int, last: int) -> int:
    """The best place to cut between ``first`` and ``last``."""
    if last >= len(text):
        return len(text)
    for mark in ("\n\n", "\n"):
        if (place := text.rfind(mark, first, last)) >= 0:
            return place + len(mark)
    if ends := [match.end() for match in SENTENCE_END.finditer(text, first, last)]:
        return ends[-1]
    if (place := text.rfind(" ", first, last)) >= 0:
        return place + 1
    place = last  # not between a letter and its accent, nor inside a joined emoji
    while place > first and (
        unicodedata.category(text[place])[0] == "M" or "\u200d" in text[place - 1 : place + 1]
    ):
        place -= 1
    return place


def parts_of_records(
    records: Iterable[Record | Problem], guesses: list[str] | None = None
) -> Iterator[Part | Problem]:
    """A text with its facts for every record; problems are passed on.

    Records that have no text (an empty cell) are counted in one ``Problem`` at the end, and what
    had to be guessed (``guesses``; the text column) is told in one note.
    """
    guesses = [] if guesses is None else guesses
    stream = until_it_breaks(records)
    first = list(islice(stream, MAX_LOOKED_AT))
    column = text_column([item for item in first if isinstance(item, Mapping)])
    left_out: set[str] = set()
    empty = number = 0
    for item in chain(first, stream):
        if isinstance(item, Problem):
            yield item
        if not isinstance(item, Mapping):
            continue
        number += 1
        facts: dict[str, str | int] = {"record": number}
        for name, value in item.items() if column else ():
            fact = value if type(value) is int else as_text(value)
            if name == column or not str(fact).strip():
                continue
            if isinstance(value, Mapping | list) or len(f"{fact}") > MAX_FACT_LENGTH:
                left_out.add(str(name))
            elif len(facts) <= MAX_FACTS:
                facts[str(name)[:MAX_FACT_LENGTH]] = fact
        found = False
        for part in parts([as_text(item.get(column)) if column else as_text(item)]):
            found = True
            yield part, facts
        empty += not found
    if 0 < empty < number:
        where = f" in the column {column!r}" if column else ""
        yield Problem("empty", f"{empty:,} of {number:,} records have no text{where}")
    if number and column and (column.lower().strip() not in TEXT_NAMES or left_out):
        rest = f" (left out: {', '.join(sorted(left_out)[:5])})" if left_out else ""
        guesses.append(f"the text is the column {column!r}{rest}")
    if number and guesses:
        yield Problem("note", "; ".join(guesses))
    if first and isinstance(item, Exception) and not isinstance(item, Problem):
        raise item


def until_it_breaks(records: Iterable[Any]) -> Iterator[Any]:
    """The same; an exception at its end is the last item, since the records before are sound."""
    try:
        yield from records
    except Exception as error:
        yield error


def text_column(records: list[Record]) -> str | None:
    """The column that holds the text: by its name if its cells are long enough, else the longest.

    A cell of one word tells nothing (a number, an address, the body of a car). None when all
    columns are short.
    """
    lengths: dict[str, int] = {}
    named: dict[str, str] = {}
    for record in records:
        for name, value in record.items():
            if isinstance(value, str | bytes | list | dict) and (text := as_text(value)).strip():
                named.setdefault(str(name).lower().strip(), name)
                one_word = text.isascii() and len(text.split()) == 1
                lengths[name] = lengths.get(name, 0) + (0 if one_word else len(text))
    by_name = next((named[name] for name in TEXT_NAMES if name in named), None)
    longest = max(lengths, key=lambda name: lengths[name], default=None)
    if longest is None or (by_name and 4 * lengths[by_name] >= lengths[longest]):
        return by_name
    return longest if lengths[longest] >= MIN_TEXT_LENGTH * len(records) else by_name


def as_text(value: Any) -> str:
    """A value as text: lists line by line, objects as ``key: value`` lines, bytes if UTF-8."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        text = value.decode("utf-8", "replace")
        return "" if "\x00" in text or "\ufffd" in text else text
    if isinstance(value, Mapping):
        texts = ((name, as_text(inner)) for name, inner in value.items())
        return "\n".join(f"{name}: {text}" for name, text in texts if text.strip())
    if isinstance(value, list | tuple):
        return "\n".join(text for item in value if (text := as_text(item)))
    return "" if value is None else str(value)
