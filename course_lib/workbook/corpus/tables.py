"""Readers of tables and records: CSV and TSV, JSON and JSON Lines, Parquet.

CSV goes through the standard library's parser in its strict mode. Which separator and quotes a
file has is found by parsing its beginning with each of a few dialects: the one stands under which
most rows have the same number of cells. (clevercsv, DuckDB and pandas were tried on lyrics in
quoted cells of many lines, ``\\"``, lone quotes and ``sep=``: each of them misread some.)
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

from course_lib.workbook.corpus.encoding import MAX_WHOLE, beginning, text_chunks, whole_text
from course_lib.workbook.corpus.records import (
    TEXT_NAMES,
    Part,
    Record,
    Report,
    as_text,
    parts_of_records,
)

MAX_CELL = 10_000_000  # characters; an open quote would swallow the rest of the file
SAMPLE_ROWS = 200
MIN_EVEN = 0.75  # of the rows must have the same number of cells, else it is no table
SEPARATORS = "\t|;,"  # the rarer in prose first
NO_SEPARATOR = "\x1f"  # for a table of one column
UNQUOTED = {"quoting": csv.QUOTE_NONE}
QUOTES = ({}, {"escapechar": "\\"}, UNQUOTED)
NAMES = {*TEXT_NAMES, "id", "title", "name", "author", "date", "label", "url", "category"}
NUMBER = re.compile(r"(?=.*\d)[\d.,:/+\- TZ%€$£]{1,40}")  # dates, too
BETWEEN = re.compile(r"[\s,\]\ufeff]*")  # values of a list, or one after the other


def lines(chunks: Iterable[str]) -> Iterator[str]:
    """The lines of a stream of text, each with its ``\\n``; what is too long for one is cut."""
    rest = ""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split("\n")
        yield from (line + "\n" for line in whole)
        if len(rest) > MAX_WHOLE:
            yield rest
            rest = ""
    yield rest


def separated_values(path: Path, report: Report) -> Iterator[Part]:
    """The rows of a .csv or .tsv file."""
    csv.field_size_limit(MAX_CELL)
    text, whole = beginning(path)
    sample = list(lines([text]))
    stream = lines(text_chunks(path, report))
    separators = SEPARATORS
    if sample and (told := re.fullmatch(r'"?sep=(.)"?;*\n?', sample[0])):  # Excel's own first line
        separators, sample = told[1], sample[1:]
        next(stream)
    elif path.suffix.lower() == ".tsv" and any("\t" in line for line in sample):
        separators = "\t"
    dialect = find_dialect(sample, separators, whole)
    if dialect["delimiter"] not in ",\t" + NO_SEPARATOR:
        report("note", f"the separator is {dialect['delimiter']!r}")
    if "escapechar" in dialect:
        report("note", "quotes are written as \\")
    yield from parts_of_records(_records(stream, dialect, report), report)


def find_dialect(sample: list[str], separators: str, whole: bool) -> dict[str, Any]:
    """How to parse a table that begins so: arguments of ``csv.reader``.

    whole   the sample is the whole file; else it may end within a cell
    """
    dialects = [{"delimiter": mark, **quotes} for mark in separators for quotes in QUOTES]
    if "\t" in separators and not sample[0].startswith('"'):  # after a tab a " is text, unless
        dialects.insert(0, {"delimiter": "\t", **UNQUOTED})  # that breaks the rows

    def evenness(dialect: dict[str, Any]) -> float:
        misfits: list[int] = []
        rows = list(islice(read_rows(iter(sample), dialect, misfits, whole), SAMPLE_ROWS))
        width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (1, 0)
        even = width > 1 and (count - 0.1 * len(misfits)) / len(rows)
        return even if len(rows[:1]) and len(rows[0]) == width else 0.9 * even  # names tell

    best = max(dialects, key=evenness)
    return best if evenness(best) > MIN_EVEN else {"delimiter": NO_SEPARATOR}


def read_rows(
    stream: Iterator[str], dialect: dict[str, Any], misfits: list[int], whole: bool = True
) -> Iterator[list[str]]:
    """The rows of a table. One whose quotes do not fit is its first line as it stands.

    The lines behind that are read anew. ``misfits`` gets the numbers of such lines.
    """
    waiting: list[str] = []  # lines to be read anew, the next one last
    number, width = 1, 0

    def source() -> Iterator[str]:
        while line := waiting.pop() if waiting else next(stream, ""):
            taken.append(line)
            yield line

    def cells(line: str) -> list[str]:
        return line.rstrip("\n").split(dialect["delimiter"])

    while True:
        taken: list[str] = []  # the lines of this row
        try:
            row = next(csv.reader(source(), strict=True, skipinitialspace=True, **dialect), None)
            if row is None:
                return
            width = width or len(row)
            if len(taken) > 1 < width and all(
                len(own := cells(line)) == width and NUMBER.fullmatch(own[0]) for line in taken
            ):  # an open quote and the next one took whole rows between them for one cell
                raise csv.Error
        except csv.Error as error:
            if "unexpected end" in str(error) and not whole:
                return
            row = cells(taken[0])
            misfits.append(number)
            waiting += reversed(taken[1:])
            taken = taken[:1]
        number += len(taken)
        if any(map(str.strip, row)):
            yield row


def _records(stream: Iterator[str], dialect: dict[str, Any], report: Report) -> Iterator[Record]:
    """Rows with names: those of the first row, unless that looks like the others."""
    misfits: list[int] = []
    rows = read_rows(stream, dialect, misfits)
    first = list(islice(rows, 20))
    names = [cell.strip() for cell in first[0]] if first else []
    known = not NAMES.isdisjoint(map(str.lower, names))
    repeated = any(name and name in row for name in names for row in first[1:])
    number = any(map(NUMBER.fullmatch, names))
    long = any(len(name) > 60 for name in names)
    is_header = known or not (len(names) < 2 or repeated or number or long)
    if is_header and not known:
        report("note", f"the first row is read as column names ({', '.join(names)[:80]})")
    elif not is_header and len(names) > 1:
        report("note", "there is no row of column names")
    width, uneven = len(names), 0
    names = names if is_header else ["text"] if width == 1 else [""] * width
    columns = [f"column {place}" for place in range(1, 1 + max(map(len, first), default=0))]
    names = [n if n and n not in names[:p] else columns[p] for p, n in enumerate(names)]
    for row in chain(first[is_header:], rows):
        uneven += len(row) != width
        columns += [f"column {place}" for place in range(len(columns) + 1, len(row) + 1)]
        yield dict(zip(names + columns[width:], row, strict=False))
    if misfits:
        said = "rows have quotes that do not fit and are kept as they stand, the first in line"
        report("note", f"{len(misfits):,} {said} {misfits[0]:,}")
    if uneven:
        report("note", f"{uneven:,} rows do not have {width:,} cells as the first one")


def json_values(path: Path, report: Report) -> Iterator[Part]:
    """The records of a .json, .jsonl or .ndjson file, one by one.

    A value a line: a broken one is reported with its number, the others are read. Values in a
    list or one after the other: the file has to be in memory, and of one that breaks off those
    before are read.
    """
    first, _, rest = beginning(path)[0].lstrip("\ufeff \t\n").partition("\n")
    by_line = first.strip() not in ("", "[", "{") and not first.startswith("[{")
    if path.suffix.lower() == ".json":
        by_line = bool(by_line and rest.strip() and first[0] == "{" and first.rstrip()[-1] == "}")
    pieces = lines(text_chunks(path, report)) if by_line else [whole_text(path, report)]
    yield from parts_of_records(_json_records(pieces, not by_line, report), report)


def _json_records(pieces: Iterable[str], all_of_it: bool, report: Report) -> Iterator[Record]:
    broken: list[int] = []
    for number, piece in enumerate(pieces, 1):
        piece = piece.lstrip("\ufeff \t\n")
        in_list = all_of_it and piece.startswith("[")
        try:
            for value in _values(piece, int(in_list)):
                yield from _records_in(value) if all_of_it and not in_list else [_record(value)]
        except (ValueError, RecursionError) as error:
            broken.append(number + getattr(error, "lineno", 1) - 1)
    if broken:
        said = (
            "places that are not valid JSON, and what follows there is left out, the first in line"
        )
        report("unreadable", f"{len(broken):,} {said} {broken[0]:,}")


def _values(text: str, place: int = 0) -> Iterator[Any]:
    while (place := BETWEEN.match(text, place).end()) < len(text):
        value, place = json.JSONDecoder().raw_decode(text, place)
        yield value


def _record(value: Any) -> Record:
    return value if isinstance(value, dict) else {"text": as_text(value)}


def _records_in(value: Any) -> Iterator[Record]:
    """The records in a value: an object's main list of objects, its rows, or itself."""
    inner = list(value.values()) if isinstance(value, dict) else []
    main = max(_lists(inner), key=lambda found: len(as_text(found)), default=[])
    if 2 * len(as_text(main)) > len(as_text(value)):
        yield from main
    elif inner and all(isinstance(cells, list) for cells in inner):
        if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
            names, rows = value["columns"], value["data"]  # pandas, orient="split"
        else:
            names, rows = value, zip_longest(*inner)
        yield from (dict(zip(names, row, strict=False)) for row in rows)
    elif len(inner) > 1 and all(isinstance(cells, dict) for cells in inner):
        rows = list(inner[0])
        even = all(list(cells) == rows for cells in inner)
        by_column = all(map(str.isdigit, rows)) or any(n.lower() in TEXT_NAMES for n in value)
        if even and by_column:  # pandas' default: {column: {row: cell}}
            yield from ({name: cells[row] for name, cells in value.items()} for row in rows)
        else:
            yield from ({"key": name, **cells} for name, cells in value.items())
    else:
        yield _record(value)


def _lists(values: list[Any]) -> Iterator[list[dict]]:
    """The lists of objects among ``values``, at any depth of objects."""
    for value in values:
        if isinstance(value, dict):
            yield from _lists(list(value.values()))
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            yield value


def parquet(path: Path, report: Report) -> Iterator[Part]:
    """The rows of a Parquet file, a few hundred at a time; pictures and the like are left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def cells(column: pa.Array) -> list[Any]:
        try:
            return column.to_pylist()
        except (ValueError, OverflowError):  # dates and durations may lie beyond Python's
            return column.cast(pa.string()).to_pylist()

    def rows(file: pq.ParquetFile) -> Iterator[Record]:
        kinds = {field.name: str(field.type) for field in file.schema_arrow}
        names = [name for name, kind in kinds.items() if "binary" not in kind]
        if not any("string" in kinds[name] for name in names):
            names = list(kinds)  # some write text as binary
        for batch in file.iter_batches(batch_size=256, columns=names, use_threads=False):
            for row in zip(*map(cells, batch.columns), strict=True):
                yield dict(zip(batch.schema.names, row, strict=True))

    with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        yield from parts_of_records(rows(file), report)
