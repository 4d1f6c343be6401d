"""Readers of JSON files of any size: lists of records, JSON Lines, and other tools' shapes."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course_lib.workbook.corpus.encoding import TextFile
from course_lib.workbook.corpus.parts import Part, Problem
from course_lib.workbook.corpus.records import TEXT_NAMES, Record, as_text, parts_of_records
from course_lib.workbook.corpus.tables import lines

MAX_VALUE = 20_000_000  # characters of one value in a stream,
MAX_WHOLE = 100_000_000  # bytes of a file that has to be in memory as a whole
MAX_REPORTED = 10  # broken lines of a file that are reported one by one
_BLANKS = re.compile(r"[\s\ufeff]*")
_DECODE = json.JSONDecoder().raw_decode


def json_lines(path: Path) -> Iterator[Part | Problem]:
    """One JSON value a line; a broken line is reported with its number, the others are read."""
    yield from _read(path, lines_expected=True)


def json_values(path: Path) -> Iterator[Part | Problem]:
    """The records of a .json file: the objects of its main list, wherever in the file that stands.

    Of a file that breaks off the records before the break are read.
    """
    yield from _read(path, lines_expected=False)


def _read(path: Path, lines_expected: bool) -> Iterator[Part | Problem]:
    """JSON Lines or JSON: the beginning tells, else what the name lets expect."""
    file = TextFile(path)
    first, _, rest = next(file.chunks(), "").lstrip().partition("\n")
    alike = rest.lstrip()[:1] == first[:1] == "{" and first.rstrip().endswith("}")
    whole = first.strip() in ("[", "{") or first.startswith("[{")
    by_line = (alike or lines_expected) and not whole
    guesses = [f"read as {file.encoding}"] if file.guessed else []
    yield from parts_of_records((_line_records if by_line else _values)(file), guesses)


def _line_records(file: TextFile) -> Iterator[Record | Problem]:
    broken = 0
    for number, line in enumerate(lines(file.chunks()), 1):
        if not line.strip():
            continue
        try:
            yield _record(json.loads(line))
        except (ValueError, RecursionError) as error:
            broken += 1
            if broken <= MAX_REPORTED:
                reason = getattr(error, "msg", "nested too deeply")
                yield Problem("unreadable", f"line {number:,} is not valid JSON ({reason})")
    if broken > MAX_REPORTED:
        yield Problem("unreadable", f"{broken - MAX_REPORTED:,} further lines are not valid JSON")


class JsonStream:
    """The values of a JSON text one by one; what ``json.loads`` reads (NaN, say), it reads."""

    def __init__(self, file: TextFile) -> None:
        self.chunks = file.chunks()
        self.text, self.place, self.line = "", 0, 1
        self.failure: Problem | None = None  # at which the text ends

    def _more(self) -> bool:
        """Read until twice as much waits, so that a long value is not looked at too often."""
        waiting = self.text[self.place :]
        self.line += self.text.count("\n", 0, self.place)
        new: list[str] = []
        try:
            while sum(map(len, new)) <= len(waiting) and (chunk := next(self.chunks, "")):
                new.append(chunk)
        except Problem as problem:
            self.failure = problem
        self.text, self.place = "".join((waiting, *new)), 0
        return bool(new)

    def _broken(self, why: str) -> Problem:
        detail = f"line {self.line:,} is not valid JSON ({why}); it was read up to there"
        return self.failure or Problem("unreadable", detail)

    def peek(self, skipped: str = "") -> str:
        """The next sign that is no blank, "" at the end; before it, one that is ``skipped``."""
        while True:
            self.place = _BLANKS.match(self.text, self.place).end()
            if self.place < len(self.text):
                if self.text[self.place] != skipped:
                    return self.text[self.place]
                self.place, skipped = self.place + 1, ""
            elif not self._more():
                return ""

    def value(self) -> Any:
        self.peek()
        while True:
            try:
                value, end = _DECODE(self.text, self.place)
                if end < len(self.text) or not self._more():  # a number may go on
                    self.place = min(end, len(self.text))
                    return value
            except RecursionError:
                raise Problem("unreadable", "it is nested too deeply") from None
            except ValueError as error:
                if len(self.text) - self.place > MAX_VALUE:
                    raise self._broken(f"longer than {MAX_VALUE:,} characters") from None
                if not self._more():
                    self.line += self.text.count("\n", 0, getattr(error, "pos", 0))
                    raise self._broken(getattr(error, "msg", str(error))) from None

    def items(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
        """(path, value) of all elements of lists and of other values, at most two keys deep."""
        sign = self.peek()
        if sign == "[":
            self.place += 1
            while (sign := self.peek(",")) not in ("]", ""):
                yield (*path, "[]"), self.value()
        elif sign == "{" and len(path) < 2:
            self.place += 1
            while (sign := self.peek(",")) not in ("}", ""):
                key = str(self.value())
                self.peek(":")
                yield from self.items((*path, key))
        else:
            if sign:
                yield path, self.value()
            return
        if not sign:
            self.line += self.text.count("\n")
            raise self._broken("it breaks off")
        self.place += 1


def _values(file: TextFile) -> Iterator[Record]:
    stream = JsonStream(file)
    first = stream.peek()
    if first == "[":
        yield from (_record(value) for _, value in stream.items())
    elif first == "{":
        try:
            value = stream.value()
        except Problem:  # too large for the memory, or broken
            yield from _large_object(file)
            return
        yield from _records(value)
    while stream.peek(","):  # values one after the other
        yield from _records(stream.value())
    if stream.failure:
        raise stream.failure


def _large_object(file: TextFile) -> Iterator[Record]:
    """The main list of an object that is too large for the memory, or broken: it is read twice."""
    sizes: Counter[tuple[str, ...]] = Counter()
    failure = None
    try:
        for place, value in JsonStream(file).items():
            sizes[place] += len(as_text(value))
    except Problem as problem:
        failure = problem
    main = max(sizes, key=lambda place: (place[-1:] == ("[]",), sizes[place]), default=())
    if main[-1:] == ("[]",) and 2 * sizes[main] > sizes.total():
        yield from (_record(value) for place, value in JsonStream(file).items() if place == main)
    elif failure:
        raise failure
    elif file.path.stat().st_size > MAX_WHOLE:
        raise Problem("unreadable", "one JSON value is too large to be read; save it as JSON Lines")
    else:
        yield from _records(json.loads("".join(file.chunks())))


def _record(value: Any) -> Record:
    return value if isinstance(value, dict) else {"text": as_text(value)}


def _records(value: Any) -> Iterator[Record]:
    """The records in a value: a list's items; an object's main list, its columns, or itself."""
    if not isinstance(value, dict):
        values = value if isinstance(value, list) else [value]
        yield from map(_record, [] if value is None else values)
        return
    main = max(_lists(value), key=lambda found: len(as_text(found)), default=None)
    if main is not None and 2 * len(as_text(main)) > len(as_text(value)):
        yield from main
    elif isinstance(value.get("columns"), list) and _is_list_of(value.get("data"), list):
        names = list(map(str, value["columns"]))  # pandas, orient="split"
        yield from (dict(zip(names, row, strict=False)) for row in value["data"])
    elif columns := _columns(value):
        rows = next(iter(columns.values()))
        yield from ({name: cells.get(row) for name, cells in columns.items()} for row in rows)
    elif len(value) > 1 and all(isinstance(v, dict) for v in value.values()):
        yield from ({"key": name, **v} for name, v in value.items())
    else:
        yield value


def _lists(value: dict) -> Iterator[list[dict]]:
    """The lists of objects below ``value``, at any depth of objects."""
    for inner in value.values():
        if isinstance(inner, dict):
            yield from _lists(inner)
        elif _is_list_of(inner, dict):
            yield inner


def _columns(value: dict) -> dict[str, dict] | None:
    """{column: {row: cell}} if ``value`` is a table by columns, as pandas and datasets write it."""
    cells = list(value.values())
    if all(isinstance(v, list) for v in cells) and len({len(v) for v in cells}) == 1:
        plain = not any(isinstance(item, list) for v in cells for item in v)
        if len(cells) > 1 and len(cells[0]) > 1 and plain:
            return {name: dict(enumerate(column)) for name, column in value.items()}
    if not cells or not all(isinstance(v, dict) and v for v in cells):
        return None
    rows = list(cells[0])
    if any(list(v) != rows for v in cells) or any(isinstance(c, dict) for c in cells[0].values()):
        return None
    by_row = all(row.isdigit() for row in rows) or len(rows) > 2 * len(cells)
    named = any(name.lower().strip() in TEXT_NAMES for name in value)
    return value if by_row or named else None


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, kind) for v in value)
