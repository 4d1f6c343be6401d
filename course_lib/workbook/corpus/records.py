"""Records (rows of a table, JSON objects) as parts: which column is the text?"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from course_lib.workbook.corpus.parts import Part, Problem, parts

Record = Mapping[str, Any]

TEXT_NAMES = ("text", "content", "body", "lyrics")  # a column of this name is likely the text
MAX_LOOKED_AT = 50  # first records by which the text column is found,
MAX_LOOKED_AT_LENGTH = 1_000_000  # or fewer, when these have so many characters
MIN_TEXT_LENGTH = 40  # characters on average, from which on a column can be the text
MAX_FACT_LENGTH = 100  # characters, up to which another column's value is kept as a fact
MAX_FACTS = 10


def parts_of_records(
    records: Iterable[Record | Problem], guesses: list[str] | None = None
) -> Iterator[Part | Problem]:
    """A text with its facts for every record; problems are passed on.

    Records that have no text (an empty cell) are counted in one ``Problem`` at the end, and what
    had to be guessed (``guesses``; the text column) is told in one note.
    """
    first: list[Record | Problem] = []
    stream = iter(records)
    failure: Exception | None = None
    length = 0
    try:
        while len(first) < MAX_LOOKED_AT and length < MAX_LOOKED_AT_LENGTH:
            first.append(next(stream))
            length += 0 if isinstance(first[-1], Problem) else len(as_text(first[-1]))
    except StopIteration:
        pass
    except Exception as error:  # the file ends here, but the records before it are sound
        failure = error
    column = text_column([item for item in first if not isinstance(item, Problem)])
    left_out: set[str] = set()
    empty = number = 0
    for item in chain(first, stream):
        if isinstance(item, Problem):
            yield item
            continue
        number += 1
        text, facts = (as_text(item.get(column)) if column else as_lines(item)), {}
        if column:
            facts, long = _facts(item, column)
            left_out.update(long)
        found = False
        for part in parts([text]):
            found = True
            yield part, {"record": number, **facts}
        empty += not found
    if empty and empty < number:
        where = f" in the column {column!r}" if column else ""
        yield Problem("empty", f"{empty:,} of {number:,} records have no text{where}")
    guesses = guesses if guesses is not None else []
    if number and column and (column.lower().strip() not in TEXT_NAMES or left_out):
        rest = f" (left out: {', '.join(sorted(left_out)[:5])})" if left_out else ""
        guesses.append(f"the text is the column {column!r}{rest}")
    if number and guesses:
        yield Problem("note", "; ".join(guesses))
    if failure:
        raise failure


def text_column(records: list[Record]) -> str | None:
    """The column that holds the text: by its name if its cells are long enough, else the longest.

    A cell of one word tells nothing (a number, an address, the body of a car). None when all
    columns are short.
    """
    lengths: dict[str, int] = {}
    named: dict[str, str] = {}
    for record in records:
        for name, value in record.items():
            if (
                not isinstance(value, str | bytes | list | dict)
                or not (text := as_text(value)).strip()
            ):
                continue
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
    if value is None:
        return ""
    if isinstance(value, bytes):
        try:
            return "" if b"\x00" in value else value.decode("utf-8")
        except UnicodeDecodeError:
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


def _facts(record: Record, column: str) -> tuple[dict[str, str | int], list[str]]:
    """The short values beside the text, and the names of those with values too long to keep."""
    facts: dict[str, str | int] = {}
    long = []
    for name, value in record.items():
        if name == column or isinstance(value, bytes) or value is None:
            continue
        fact = value if type(value) is int else as_text(value)
        short = len(str(fact)) <= MAX_FACT_LENGTH and len(str(name)) <= MAX_FACT_LENGTH
        if isinstance(value, Mapping | list | tuple) or not short:
            long += [str(name)] if str(fact).strip() else []
        elif len(facts) < MAX_FACTS:
            facts[str(name)] = fact
    return facts, long
