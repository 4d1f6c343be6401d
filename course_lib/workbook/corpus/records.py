"""What a reader gives for a file: parts of bounded length, and a report of the rest.

Rows of a table and JSON objects are *records*; here it is found which of their columns is the text.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import regex

Part = tuple[str, dict[str, str | int]]  # a text and the short facts about it
Record = Mapping[str, Any]
# Called with a reason (empty, binary, encoding, encrypted, unreadable, unknown_format, left_out;
# ``note`` where a file was read with a guess) and a sentence, while the reading goes on.
Report = Callable[[str, str], None]
MAX_LENGTH = 20_000  # characters in a part
# Where a part may end, best first, each looked for from the back: paragraph, line, sentence, word.
PAUSES = [
    regex.compile(f"(?r){mark}") for mark in (r"\n\n", r"\n", r"[.!?…।]['\"”’)\]]*\s|[。！？]", " ")
]
LETTER = regex.compile(r"\X")  # with its accents; a joined emoji
TEXT_NAMES = ("text", "content", "body", "lyrics")  # a column of this name is likely the text
MAX_LOOKED_AT = 20  # first records by which the text column is found
MIN_TEXT_LENGTH = 40  # characters on average, from which on a column can be the text
MAX_FACT_LENGTH = 100  # characters, up to which another column's value is kept as a fact
MAX_FACTS = 10


class Problem(Exception):
    """What ends the reading of a file: the two arguments of its ``Report``."""


def parts(chunks: Iterable[str], limit: int = MAX_LENGTH) -> Iterator[str]:
    """The text of ``chunks`` in parts of at most ``limit`` characters; blank ones are left out.

    A part ends, within its second half, where a reader pauses. How the text is spread over the
    chunks makes no difference.
    """
    text = ""
    for chunk in chain(chunks, [None]):
        text, start = text + (chunk or ""), 0
        while len(text) - start > limit or (chunk is None and start < len(text)):
            end = pause(text, start + limit // 2, start + limit)
            if not (part := text[start:end]).isspace():
                yield part.strip("\n")
            start = end
        text = text[start:]


def pause(text: str, first: int, last: int) -> int:
    """The best place to cut between ``first`` and ``last``."""
    if last >= len(text):
        return len(text)
    found = (mark.search(text, first, last) for mark in PAUSES)
    if place := next((match.end() for match in found if match), None):
        return place
    *_, letter = LETTER.finditer(text, max(first, last - 50), last)
    return letter.start()


def parts_of_records(records: Iterable[Record], report: Report) -> Iterator[Part]:
    """A text with its facts for every record.

    Which column was taken for the text, what was left out beside it, and how many records have
    no text is reported at the end.
    """
    stream = iter(records)
    first = list(islice(stream, MAX_LOOKED_AT))
    column = text_column(first)
    left_out: set[str] = set()
    number = empty = 0
    for number, record in enumerate(chain(first, stream), 1):
        facts: dict[str, str | int] = {"record": number}
        for name, value in record.items() if column else ():
            if name == column or not (fact := as_text(value)).strip():
                continue
            if len(fact) > MAX_FACT_LENGTH or len(facts) > MAX_FACTS:
                left_out.add(str(name))
            else:
                facts[str(name)[:MAX_FACT_LENGTH]] = fact
        texts = list(parts([as_text(record.get(column) if column else record)]))
        yield from ((text, facts) for text in texts)
        empty += not texts
    if 0 < empty < number:
        report("empty", f"{empty:,} of {number:,} records have no text")
    if column and (column.lower().strip() not in TEXT_NAMES or left_out):
        rest = f" (left out: {', '.join(sorted(left_out)[:5])})" if left_out else ""
        report("note", f"the text is the column {column!r}{rest}")


def text_column(records: list[Record]) -> str | None:
    """The column with the longest cells; those with a name for text count four times.

    A cell of one word tells nothing (a number, an address, the body of a car). None when all
    columns are short and none has such a name.
    """
    scores: dict[str, int] = {}
    for record in records:
        for name, value in record.items():
            text = as_text(value) if isinstance(value, str | bytes | list | dict) else ""
            length = 0 if text.isascii() and len(text.split()) < 2 else len(text)
            named = str(name).lower().strip() in TEXT_NAMES
            scores[name] = scores.get(name, 0) + (4 * length + bool(text) if named else length)
    best = max(scores, key=lambda name: scores[name], default="")
    if best and scores[best] >= MIN_TEXT_LENGTH * len(records):
        return best
    return next((n for n in scores if n.lower().strip() in TEXT_NAMES and scores[n]), None)


def as_text(value: Any) -> str:
    """A value as text: lists line by line, objects as ``key: value`` lines, bytes if UTF-8."""
    if isinstance(value, bytes):
        text = value.decode("utf-8", "replace")
        return "" if "\x00" in text or "\ufffd" in text else text
    if isinstance(value, Mapping):
        texts = ((name, as_text(inner)) for name, inner in value.items())
        return "\n".join(f"{name}: {text}" for name, text in texts if text.strip())
    if isinstance(value, list | tuple):
        return "\n".join(text for item in value if (text := as_text(item)))
    return "" if value is None else str(value)
