"""Readers of files that hold many records: CSV and TSV, JSON, JSON Lines, Parquet."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from course_lib.workbook.corpus.encoding import TextFile
from course_lib.workbook.corpus.json_stream import JsonStream
from course_lib.workbook.corpus.problems import Problem
from course_lib.workbook.corpus.records import Part, Record, as_text, parts_of_records

LONGEST_LINE = 50_000_000  # characters
LONGEST_CELL = 10_000_000  # characters; an open quote would swallow the rest of the file
REPORTED = 10  # broken lines of a file that are reported one by one
WHOLE = 10_000_000  # bytes up to which a JSON file is looked at as a whole
NO_SEPARATOR = "\x1f"  # for a table of one column


def lines(chunks: Iterable[str]) -> Iterator[str]:
    """The lines of a stream of text, each with its ``\\n``."""
    parts: list[str] = []
    length = number = 0
    for chunk in chunks:
        *whole, rest = chunk.split("\n")
        for line in whole:
            yield "".join((*parts, line, "\n"))
            parts, length, number = [], 0, number + 1
        parts.append(rest)
        length += len(rest)
        if length > LONGEST_LINE:
            raise Problem(
                "too_large", f"line {number + 1:,} is longer than {LONGEST_LINE:,} characters"
            )
    if last := "".join(parts):
        yield last


def separated_values(path: Path) -> Iterator[Part | Problem]:
    """The rows of a .csv or .tsv file; the separator of a .csv (``, ; | tab``) is found."""
    stream = lines(TextFile(path).chunks())
    first = list(islice(stream, 20))
    separator = "\t" if path.suffix.lower() == ".tsv" else _separator(first)
    csv.field_size_limit(LONGEST_CELL)
    yield from parts_of_records(_rows(chain(first, stream), separator))


def _separator(first: list[str]) -> str:
    """The sign that gives most of the first lines the same number of cells, more than one."""
    best, most = NO_SEPARATOR, 0.75  # share of the rows
    for separator in ",;\t|":
        widths = Counter(len(row) for row in csv.reader(first, delimiter=separator) if row)
        width, count = widths.most_common(1)[0] if widths else (0, 0)
        if width > 1 and count / widths.total() > most:
            best, most = separator, count / widths.total()
    return best


def _rows(text: Iterator[str], separator: str) -> Iterator[Record]:
    reader = csv.reader(text, delimiter=separator)
    names: list[str] | None = None
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if names is None:
                is_header = _is_header(row)
                names = _names(row if is_header else [""] * len(row))
                if is_header:
                    continue
            names += [f"column {place}" for place in range(len(names) + 1, len(row) + 1)]
            yield dict(zip(names, row, strict=False))
    except csv.Error as error:
        raise Problem("broken", f"line {reader.line_num:,}: {error}") from None


def _is_header(row: list[str]) -> bool:
    """Column names are short, all different, and neither numbers nor sentences."""
    cells = [cell.strip() for cell in row if cell.strip()]
    plain = all(len(c) <= 40 and c[-1] not in ".!?" and not _is_number(c) for c in cells)
    return plain and len(set(cells)) == len(cells)


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").lstrip("+-").isdigit()


def _names(cells: list[str]) -> list[str]:
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        name = cell.strip() or f"column {place}"
        names.append(name if name not in names else f"{name} ({place})")
    return names


def json_lines(path: Path) -> Iterator[Part | Problem]:
    """One JSON value a line; a broken line is reported with its number, the others are read."""
    yield from parts_of_records(_line_records(path))


def _line_records(path: Path) -> Iterator[Record | Problem]:
    broken = 0
    for number, line in enumerate(lines(TextFile(path).chunks()), 1):
        if not line.strip():
            continue
        try:
            yield _record(json.loads(line))
        except (ValueError, RecursionError) as error:
            broken += 1
            if broken <= REPORTED:
                reason = getattr(error, "msg", "nested too deeply")
                yield Problem("broken_json", f"line {number:,} is not valid JSON ({reason})")
    if broken > REPORTED:
        yield Problem("broken_json", f"{broken - REPORTED:,} further lines are not valid JSON")


def _record(value: Any) -> Record:
    return value if isinstance(value, dict) else {"text": as_text(value)}


def json_values(path: Path) -> Iterator[Part | Problem]:
    """The records of a .json file: the objects of its list, wherever in the file that stands.

    A file that really holds JSON Lines is read as such. Of a file that breaks off the records
    before the break are read.
    """
    if _looks_like_lines(path):
        yield from json_lines(path)
    elif path.stat().st_size > WHOLE:
        yield from parts_of_records(_streamed(path))
    else:
        try:
            value = json.loads("".join(TextFile(path).chunks()) or "null")
        except RecursionError:
            raise Problem("broken_json", "it is nested too deeply") from None
        except ValueError as error:
            yield from parts_of_records(_before(path, error))
        else:
            yield from parts_of_records(_records(value))


def _looks_like_lines(path: Path) -> bool:
    text = next(TextFile(path).chunks(), "").lstrip()
    first, end, rest = text.partition("\n")
    try:
        return bool(end) and rest.lstrip()[:1] == "{" and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _before(path: Path, error: ValueError) -> Iterator[Record]:
    yield from _streamed(path, stop_quietly=True)
    message, line = getattr(error, "msg", ""), getattr(error, "lineno", 0)
    raise Problem(
        "broken_json", f"line {line:,} is not valid JSON ({message}); it was read up to there"
    )


def _streamed(path: Path, stop_quietly: bool = False) -> Iterator[Record]:
    try:
        prefix = JsonStream(path).list_of_objects()
        stream = JsonStream(path)
        for value in stream.items(prefix) if prefix else stream.values():
            yield _record(value)
    except Problem:
        if not stop_quietly:
            raise


def _records(value: Any) -> Iterator[Record]:
    """The records in a JSON value: of a list its items, of an object its main list or itself."""
    if isinstance(value, dict):
        groups = [value, *(v for v in value.values() if isinstance(v, dict))]
        lists = [v for g in groups for v in g.values() if _is_list_of_objects(v)]
        main = max(lists, key=lambda found: len(as_text(found)), default=None)
        if main is not None and 2 * len(as_text(main)) > len(as_text(value)):
            yield from main
        elif len(value) > 1 and all(isinstance(v, dict) for v in value.values()):
            yield from ({"key": name, **v} for name, v in value.items())
        else:
            yield value
    elif value is not None:
        yield from map(_record, value if isinstance(value, list) else [value])


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def parquet(path: Path) -> Iterator[Part | Problem]:
    """The rows of a Parquet file, a few hundred at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with (
        path.open("rb") as handle,
        pq.ParquetFile(handle, buffer_size=1 << 20, pre_buffer=False) as file,
    ):
        binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
        columns = [f.name for f in file.schema_arrow if not any(test(f.type) for test in binary)]
        batches = file.iter_batches(batch_size=256, columns=columns, use_threads=False)
        yield from parts_of_records(row for batch in batches for row in batch.to_pylist())
