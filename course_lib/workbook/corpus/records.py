"""Records (rows of a table, JSON objects) as documents: which column is the text?"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from course_lib.workbook.corpus.pieces import pieces
from course_lib.workbook.corpus.problems import Problem

Record = Mapping[str, Any]
Part = tuple[str, dict[str, str | int]]  # a text and the short facts about it

TEXT_NAMES = ("text", "content", "body", "lyrics")  # a column of this name is the text
LOOKED_AT = 50  # first records by which the text column is found,
LOOKED_AT_LENGTH = 1_000_000  # or fewer, when these have so many characters
TEXT_LENGTH = 40  # characters on average, from which on a column can be the text
SHORT = 100  # characters, up to which another column's value is kept as a fact
MOST_FACTS = 10


def parts_of_records(records: Iterable[Record | Problem]) -> Iterator[Part | Problem]:
    """A text with its facts for every record; problems are passed on.

    Records that have no text (an empty cell) are counted in one ``Problem`` at the end.
    """
    waiting: list[Record | Problem] = []
    stream = iter(records)
    interruption: Exception | None = None
    length = 0
    try:
        while len(waiting) < LOOKED_AT and length < LOOKED_AT_LENGTH:
            waiting.append(next(stream))
            length += 0 if isinstance(waiting[-1], Problem) else len(as_text(waiting[-1]))
    except StopIteration:
        pass
    except Exception as error:  # the file ends here, but the records before it are sound
        interruption = error
    column = text_column([item for item in waiting if not isinstance(item, Problem)])
    empty = number = 0
    for item in _chain(waiting, stream):
        if isinstance(item, Problem):
            yield item
            continue
        number += 1
        text = as_text(item.get(column)) if column else as_lines(item)
        facts = _facts(item, column) if column else {}
        found = False
        for piece in pieces([text]):
            found = True
            yield piece, {"record": number, **facts}
        empty += not found
    if interruption:
        raise interruption
    if empty and empty < number:
        where = f" in the column {column!r}" if column else ""
        yield Problem("empty", f"{empty:,} of {number:,} records have no text{where}")


def _chain(waiting: list[Any], stream: Iterator[Any]) -> Iterator[Any]:
    while waiting:
        yield waiting.pop(0)
    yield from stream


def text_column(records: list[Record]) -> str | None:
    """The column that holds the text, None when all columns are short."""
    lengths: dict[str, int] = {}
    for record in records:
        for name, value in record.items():
            if isinstance(value, str | list | dict):
                lengths[name] = lengths.get(name, 0) + len(as_text(value))
    by_lower_name = {name.lower().strip(): name for name, length in lengths.items() if length}
    for wanted in TEXT_NAMES:
        if wanted in by_lower_name:
            return by_lower_name[wanted]
    longest = max(lengths, key=lambda name: lengths[name], default=None)
    if longest is None or lengths[longest] < TEXT_LENGTH * len(records):
        return None
    return longest


def as_text(value: Any) -> str:
    """A value as text: lists line by line, objects as ``key: value`` lines, bytes not at all."""
    if value is None or isinstance(value, bytes):
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return as_lines(value)
    if isinstance(value, list | tuple):
        return "\n".join(text for item in value if (text := as_text(item)))
    return str(value)


def as_lines(record: Record) -> str:
    """A record as ``key: value`` lines; empty values are left out."""
    texts = ((name, as_text(value)) for name, value in record.items())
    return "\n".join(f"{name}: {text}" for name, text in texts if text.strip())


def _facts(record: Record, column: str) -> dict[str, str | int]:
    facts: dict[str, str | int] = {}
    for name, value in record.items():
        if name == column or isinstance(value, Mapping | list | tuple | bytes) or value is None:
            continue
        fact = value if type(value) is int else str(value)
        if len(str(fact)) <= SHORT and len(facts) < MOST_FACTS and len(name) <= SHORT:
            facts[name] = fact
    return facts
