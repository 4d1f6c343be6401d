"""Readers of tables and records: CSV and TSV, JSON and JSON Lines, Parquet.

CSV goes through the standard library's parser in its strict mode. Which separator and quotes a
file has is found by parsing its beginning with each of a few dialects: the one stands under which
most rows have the same number of cells. (clevercsv, DuckDB and pandas were tried on lyrics in
quoted cells of many lines, ``\\"``, lone quotes and ``sep=``: each of them misread some.)
"""

import csv
import json
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from course_lib.workbook.corpus.encoding import TextFile
from course_lib.workbook.corpus.records import (
    TEXT_NAMES,
    Part,
    Problem,
    Record,
    as_text,
    parts_of_records,
    until_it_breaks,
)

MAX_WHOLE = 50_000_000  # bytes of what has to be in memory as a whole, characters of a line
MAX_CELL = 10_000_000  # characters; an open quote would swallow the rest of the file
MAX_REPORTED = 10  # broken lines of a file that are reported one by one
SAMPLE_LENGTH = 500_000  # characters by which the dialect is found
SAMPLE_ROWS = 200
MIN_EVEN = 0.75  # of the rows must have the same number of cells, else it is no table
SEPARATORS = "\t|;,"  # the rarer in prose first
NO_SEPARATOR = "\x1f"  # for a table of one column
UNQUOTED = {"quoting": csv.QUOTE_NONE}
QUOTES = ({"skipinitialspace": False}, {"skipinitialspace": True}, {"escapechar": "\\"}, UNQUOTED)
NAMES = {*TEXT_NAMES, "id", "title", "name", "author", "date", "label", "url", "category"}
NUMBER = re.compile(r"(?=.*\d)[\d.,:/+\- TZ%€$£]{1,40}")  # dates, too
BLANKS = re.compile(r"[\s,\ufeff]*")
TOO_LONG = f"one value is longer than {MAX_WHOLE:,} characters; save the file as JSON Lines or CSV"


def lines(chunks: Iterable[str]) -> Iterator[str]:
    """The lines of a stream of text, each with its ``\\n``; when it breaks, what came before."""
    rest = ""
    for chunk in until_it_breaks(chunks):
        if isinstance(chunk, Exception) or len(rest) > MAX_WHOLE:
            yield from [rest] if 0 < len(rest) <= MAX_WHOLE else []
            raise chunk if isinstance(chunk, Exception) else Problem("unreadable", TOO_LONG)
        *whole, rest = (rest + chunk).split("\n")
        yield from (line + "\n" for line in whole)
    if rest:
        yield rest


def separated_values(path: Path) -> Iterator[Part | Problem]:
    """The rows of a .csv or .tsv file."""
    csv.field_size_limit(MAX_CELL)
    file = TextFile(path)
    stream = until_it_breaks(lines(file.chunks()))
    sample: list[str | Exception] = []
    length, whole = 0, True
    for line in stream:
        sample.append(line)
        length += len(str(line))
        if length > SAMPLE_LENGTH:
            whole = False
            break
    text = [line for line in sample if isinstance(line, str)]
    separators = SEPARATORS
    if text and (told := re.fullmatch(r'"?sep=(.)"?;*\n?', text[0])):  # Excel's own first line
        separators, text, sample = told[1], text[1:], sample[1:]
    elif path.suffix.lower() == ".tsv" and any("\t" in line for line in text):
        separators = "\t"
    dialect = find_dialect(text, separators, whole)
    guesses = [f"read as {file.encoding}"] if file.guessed else []
    if dialect["delimiter"] not in ",\t" + NO_SEPARATOR:
        guesses.append(f"the separator is {dialect['delimiter']!r}")
    if "escapechar" in dialect:
        guesses.append("quotes are written as \\")
    misfits: list[int] = []
    rows = read_rows(chain(sample, stream), dialect, misfits)
    yield from parts_of_records(_records(rows, misfits, guesses), guesses)


def find_dialect(sample: list[str], separators: str, whole: bool) -> dict[str, Any]:
    """How to parse a table that begins so: arguments of ``csv.reader``.

    whole   the sample is the whole file; else it may end within a cell
    """
    best, dialect = MIN_EVEN, {"delimiter": NO_SEPARATOR}
    for separator in separators:
        # After a tab a " is text, unless that breaks the rows.
        text = separator == "\t" and not (sample and sample[0].startswith('"'))
        for quotes in (UNQUOTED, *QUOTES) if text else QUOTES:
            misfits: list[int] = []
            own = quotes | {"delimiter": separator}
            found = islice(read_rows(iter(sample), own, misfits, whole), SAMPLE_ROWS)
            rows = [row for row in found if any(row)]
            width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (1, 0)
            even = (count - 0.1 * len(misfits)) / max(1, len(rows))
            if rows and len(rows[0]) != width:  # the column names tell how many there are
                even *= 0.9
            if width > 1 and even > best + 1e-9:
                best, dialect = even, own
    return dialect


def read_rows(
    stream: Iterator[str | Exception],
    dialect: dict[str, Any],
    misfits: list[int],
    whole: bool = True,
) -> Iterator[list[str]]:
    """The rows of a table. One whose quotes do not fit is its first line as it stands.

    The lines behind that are read anew. ``misfits`` gets the numbers of such lines.
    """
    waiting: deque[str] = deque()
    taken: list[str] = []  # the lines of the row that is being read
    number, width = 1, 0

    def source() -> Iterator[str]:
        while line := waiting.popleft() if waiting else next(stream, ""):
            if isinstance(line, Exception):
                raise line
            taken.append(line)
            yield line

    def cells(line: str) -> list[str]:
        return line.rstrip("\n").split(dialect["delimiter"])

    while True:
        try:
            for row in csv.reader(source(), strict=True, **dialect):
                width = width or len(row)
                if len(taken) > 1 < width and all(
                    len(own := cells(line)) == width and NUMBER.fullmatch(own[0]) for line in taken
                ):  # an open quote and the next one took whole rows between them for one cell
                    raise csv.Error
                yield row
                number += len(taken)
                taken.clear()
            return
        except csv.Error as error:
            if "unexpected end" in str(error) and not whole:
                return
            misfits.append(number)
            yield cells(taken[0])
            waiting.extendleft(reversed(taken[1:]))
            number += 1
            taken.clear()


def _records(
    rows: Iterator[list[str]], misfits: list[int], guesses: list[str]
) -> Iterator[Record | Exception]:
    """Rows with names: those of the first row, unless that looks like the others."""
    rows = until_it_breaks(rows)
    rows = (row for row in rows if isinstance(row, Exception) or any(map(str.strip, row)))
    first = list(islice(rows, 20))
    if not first or isinstance(first[0], Exception):
        yield from first
        return
    names = [cell.strip() for cell in first[0]]
    known = not NAMES.isdisjoint(map(str.lower, names))
    below = [row for row in first[1:] if not isinstance(row, Exception)]
    again = any(
        cell and cell in row[place : place + 1] for row in below for place, cell in enumerate(names)
    )
    long = any(len(name.split()) > 3 and not name.endswith("?") for name in names)
    number = any(map(NUMBER.fullmatch, names))
    is_header = known or not (len(names) == 1 or again or long or number)
    if is_header and not known:
        guesses.append(f"the first row is read as column names ({', '.join(names)[:80]})")
    elif not is_header:
        guesses += ["there is no row of column names"] if len(names) > 1 else []
        names = [""] * len(names) if len(names) > 1 else ["text"]
    names = [name or f"column {place}" for place, name in enumerate(names, 1)]
    names = [n if n not in names[:place] else f"{n} ({place + 1})" for place, n in enumerate(names)]
    width, uneven = len(names), 0
    for row in chain(first[is_header:], rows):
        if isinstance(row, Exception):
            yield row
            continue
        uneven += len(row) != width
        names += [f"column {place}" for place in range(len(names) + 1, len(row) + 1)]
        yield dict(zip(names, row, strict=False))
    if misfits:
        said = "rows have quotes that do not fit and are kept as they stand, the first in line"
        guesses.append(f"{len(misfits):,} {said} {misfits[0]:,}")
    if uneven:
        guesses.append(f"{uneven:,} rows do not have {width:,} cells as the first one")


def json_values(path: Path) -> Iterator[Part | Problem]:
    """The records of a .json, .jsonl or .ndjson file, one by one.

    A value a line: a broken one is reported with its number, the others are read. Values in a
    list or one after the other: the file has to be in memory, and of one that breaks off those
    before are read.
    """
    file = TextFile(path)
    first, _, rest = next(file.chunks(), "").lstrip("\ufeff \t\n").partition("\n")
    by_line = first.strip() not in ("", "[", "{") and not first.startswith("[{")
    if path.suffix.lower() == ".json":
        by_line = bool(by_line and rest.strip() and first[0] == "{" and first.rstrip()[-1] == "}")
    guesses = [f"read as {file.encoding}"] if file.guessed else []
    yield from parts_of_records((_by_line if by_line else _by_value)(file), guesses)


def _by_line(file: TextFile) -> Iterator[Record | Problem]:
    broken = 0
    for number, line in enumerate(lines(file.chunks()), 1):
        try:
            yield from [_record(json.loads(line.strip("\ufeff")))] if line.strip() else []
        except (ValueError, RecursionError) as error:
            broken += 1
            if broken <= MAX_REPORTED:
                reason = getattr(error, "msg", "nested too deeply")
                yield Problem("unreadable", f"line {number:,} is not valid JSON ({reason})")
    if broken > MAX_REPORTED:
        yield Problem("unreadable", f"{broken - MAX_REPORTED:,} further lines are not valid JSON")


def _by_value(file: TextFile) -> Iterator[Record]:
    text, failure = file.whole(MAX_WHOLE)
    place, in_list = 0, False
    while (place := BLANKS.match(text, place).end()) < len(text) or in_list:
        if text[place : place + 1] == ("]" if in_list else "["):
            place, in_list = place + 1, not in_list
            continue
        try:
            value, place = json.JSONDecoder().raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            line = text.count("\n", 0, getattr(error, "pos", place)) + 1
            why = getattr(error, "msg", "nested too deeply")
            said = f"line {line:,} is not valid JSON ({why}); it was read up to there"
            raise failure or Problem("unreadable", said) from None
        yield from [_record(value)] if in_list else _records_in(value)
    if failure:
        raise failure


def _record(value: Any) -> Record:
    return value if isinstance(value, dict) else {"text": as_text(value)}


def _records_in(value: Any) -> Iterator[Record]:
    """The records in a value: an object's main list of objects, its columns, or itself."""
    if not isinstance(value, dict):
        yield from [] if value is None else [_record(value)]
        return
    main = max(_lists(value), key=lambda found: len(as_text(found)), default=[])
    if 2 * len(as_text(main)) > len(as_text(value)):
        yield from main
    elif isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        names = list(map(str, value["columns"]))  # pandas, orient="split"
        yield from (dict(zip(names, row, strict=False)) for row in value["data"])
    elif columns := _columns(value):
        rows = columns[next(iter(columns))]
        yield from ({name: cells[row] for name, cells in columns.items()} for row in rows)
    elif len(value) > 1 and all(isinstance(inner, dict) for inner in value.values()):
        yield from ({"key": name, **inner} for name, inner in value.items())
    else:
        yield value


def _lists(value: dict) -> Iterator[list[dict]]:
    """The lists of objects below ``value``, at any depth of objects."""
    for inner in value.values():
        if isinstance(inner, dict):
            yield from _lists(inner)
        elif isinstance(inner, list) and inner and all(isinstance(v, dict) for v in inner):
            yield inner


def _columns(value: dict) -> dict[str, dict] | None:
    """{column: {row: cell}} if ``value`` is a table by columns, as pandas and datasets write it."""
    columns = {n: dict(enumerate(v)) if isinstance(v, list) else v for n, v in value.items()}
    if not columns or not all(isinstance(cells, dict) for cells in columns.values()):
        return None
    rows = columns[next(iter(columns))].keys()
    even = bool(rows) and all(cells.keys() == rows for cells in columns.values())
    flat = not any(isinstance(v, dict | list) for cells in columns.values() for v in cells.values())
    named = any(name.lower().strip() in TEXT_NAMES for name in columns)
    return columns if even and flat and (named or all(str(row).isdigit() for row in rows)) else None


def parquet(path: Path) -> Iterator[Part | Problem]:
    """The rows of a Parquet file, a few hundred at a time; pictures and the like are left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def rows(file: pq.ParquetFile) -> Iterator[Record]:
        kinds = {field.name: str(field.type) for field in file.schema_arrow}
        names = [name for name, kind in kinds.items() if "binary" not in kind]
        if not any("string" in kinds[name] for name in names):
            names = list(kinds)  # some write text as binary
        for batch in file.iter_batches(batch_size=256, columns=names, use_threads=False):
            for place, name in enumerate(batch.schema.names):
                if kinds[name].startswith(("date", "timestamp")):  # it may lie beyond Python's
                    batch = batch.set_column(place, name, batch[name].cast(pa.string()))
            yield from batch.to_pylist()

    with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        yield from parts_of_records(rows(file))
