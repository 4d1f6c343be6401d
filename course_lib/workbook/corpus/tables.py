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
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from itertools import chain, islice
from pathlib import Path
from typing import Any

from course_lib.workbook.corpus.encoding import (
    MAX_LINE,
    Part,
    Report,
    beginning,
    parts,
    text_chunks,
    whole_text,
)

Record = Mapping[str, Any]
TEXT_NAMES = ("text", "content", "body", "lyrics")  # a column of this name is likely the text
MAX_LOOKED_AT = 20  # first records by which the text column is found
MIN_TEXT_LENGTH = 40  # characters on average, from which on a column can be the text
MAX_FACT_LENGTH = 100  # characters, up to which another column's value is kept as a fact
MAX_FACTS = 10
SAMPLE_ROWS = 200
MIN_EVEN = 0.75  # of the rows must have the same number of cells, else it is no table
SEPARATORS = "\t|;,"  # the rarer in prose first
NO_SEPARATOR = "\x1f"  # for a table of one column
UNQUOTED = {"quoting": csv.QUOTE_NONE}
QUOTES = ({}, {"escapechar": "\\"}, UNQUOTED)
NAMES = {*TEXT_NAMES, "id", "title", "name", "author", "date", "label", "url", "category"}
SENTENCE = re.compile(r".{60,}[^?]|.* .*[.!]")  # and no column name, which may be a question
NUMBER = re.compile(r"(?=.*\d)[\d.,:/+\- TZ%€$£]{1,40}")  # dates, too
BETWEEN = re.compile(r"[\s,\]\ufeff]*")  # values of a list, or one after the other


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
    lengths: Counter[str] = Counter()
    for record in records:
        for name, value in record.items():
            if isinstance(value, str | bytes | list | dict) and (text := as_text(value)):
                one_word = text.isascii() and len(text.split()) < 2
                lengths[name] += 0 if one_word else len(text)
    named = [name for name in lengths if name.lower().strip() in TEXT_NAMES]
    best = max(lengths, key=lambda name: lengths[name] * (4 if name in named else 1), default=None)
    if best in named or lengths[best] >= MIN_TEXT_LENGTH * len(records) > 0:
        return best
    return next(iter(named), None)


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


def lines(path: Path, report: Report) -> Iterator[str]:
    """The lines of a file, each with its ``\\n``; one of more than ``MAX_LINE`` is cut."""
    return (line for chunk in text_chunks(path, report) for line in StringIO(chunk))


def separated_values(path: Path, report: Report) -> Iterator[Part]:
    """The rows of a .csv or .tsv file."""
    csv.field_size_limit(MAX_LINE)
    text, whole = beginning(path)
    stream = lines(path, report)
    separators = "\t" if path.suffix.lower() == ".tsv" and "\t" in text else SEPARATORS
    if told := re.match(r'"?sep=(.)"?;*\n', text):  # Excel's own first line
        separators, text = told[1], text[told.end() :]
        next(stream)
    dialect = find_dialect(text, separators, whole)
    if dialect["delimiter"] not in ",\t" + NO_SEPARATOR:
        report("note", f"the separator is {dialect['delimiter']!r}")
    yield from parts_of_records(_records(stream, dialect, report), report)


def find_dialect(text: str, separators: str, whole: bool) -> dict[str, Any]:
    """How to parse a table that begins so: arguments of ``csv.reader``.

    whole   the text is the whole file; else it may end within a cell
    """
    dialects = [{"delimiter": mark, **quotes} for mark in separators for quotes in QUOTES]
    if "\t" in separators and not text.startswith('"'):  # after a tab a " is text, unless that
        dialects.insert(0, {"delimiter": "\t", **UNQUOTED})  # breaks the rows

    def evenness(dialect: dict[str, Any]) -> float:
        misfits: list[int] = []
        rows = list(islice(read_rows(StringIO(text), dialect, misfits, whole), SAMPLE_ROWS))
        width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
        if width < 2:
            return 0.0
        even = (count - 0.1 * len(misfits)) / len(rows)
        return even if len(rows[0]) == width else 0.9 * even  # the names tell how many there are

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
    if not first:
        return
    names = [cell.strip() for cell in first[0]]
    known = not NAMES.isdisjoint(map(str.lower, names))
    repeated = any(name and name in row for name in names for row in first[1:])
    data = any(NUMBER.fullmatch(name) or SENTENCE.fullmatch(name) for name in names)
    is_header = known or not (len(names) < 2 or repeated or data)
    if not known:
        said = "is read as column names" if is_header else "has no column names"
        report("note", f"the first row {said} ({', '.join(names)[:80]})")
    width, uneven = len(names), 0
    names = names if is_header else ["text"] if width == 1 else [""] * width
    names = [n if n and n not in names[:p] else f"column {p + 1}" for p, n in enumerate(names)]
    for row in chain(first[is_header:], rows):
        uneven += len(row) != width
        names += [f"column {place}" for place in range(len(names) + 1, len(row) + 1)]
        yield dict(zip(names, row, strict=False))
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
    pieces = lines(path, report) if by_line else [whole_text(path, report)]
    yield from parts_of_records(_json_records(pieces, not by_line, report), report)


def _json_records(pieces: Iterable[str], all_of_it: bool, report: Report) -> Iterator[Record]:
    broken: list[int] = []
    for number, piece in enumerate(pieces, 1):
        piece = piece.lstrip("\ufeff \t\n")
        in_list = all_of_it and piece.startswith("[")
        try:
            for value in _values(piece, int(in_list)):
                whole = all_of_it and not in_list
                yield from _records_in(value, report) if whole else [_record(value)]
        except (ValueError, RecursionError) as error:
            broken.append(number + getattr(error, "lineno", 1) - 1)
    if broken:
        said = "parts are not valid JSON and are left out, the first from line"
        report("unreadable", f"{len(broken):,} {said} {broken[0]:,} on")


def _values(text: str, place: int = 0) -> Iterator[Any]:
    while (place := BETWEEN.match(text, place).end()) < len(text):
        value, place = json.JSONDecoder().raw_decode(text, place)
        yield value


def _record(value: Any) -> Record:
    return value if isinstance(value, dict) else {"text": as_text(value)}


def _records_in(value: Any, report: Report) -> Iterator[Record]:
    """The records in a value: an object's main list of objects, its rows, or itself."""
    inner = list(value.values()) if isinstance(value, dict) else []
    main = max(_lists(inner), key=lambda found: len(as_text(found)), default=[])
    if 2 * len(as_text(main)) > len(as_text(value)):
        if len(inner) > 1 or main not in inner:
            report("note", f"of the JSON only its longest list is read, of {len(main):,} objects")
        yield from main
    elif inner and all(isinstance(value.get(name), list) for name in ("columns", "data")):
        names = value["columns"]  # pandas, orient="split"
        yield from (dict(zip(names, row, strict=False)) for row in value["data"])
    elif inner and all(isinstance(c, list) and len(c) == len(inner[0]) for c in inner) and not main:
        yield from (dict(zip(value, row, strict=True)) for row in zip(*inner, strict=True))
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
