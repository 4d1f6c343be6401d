"""Readers of tables: CSV and TSV, Parquet.

CSV goes through the standard library's parser in its strict mode. Which separator and quotes a
file has is found by parsing its beginning with each of a few dialects: the one stands under which
most rows have the same number of cells. (clevercsv, DuckDB and pandas were tried on lyrics in
quoted cells of many lines, ``\\"``, lone quotes and ``sep=``: each of them misread some.)
"""

import csv
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from course_lib.workbook.corpus.encoding import TextFile
from course_lib.workbook.corpus.parts import Part, Problem
from course_lib.workbook.corpus.records import TEXT_NAMES, Record, parts_of_records

MAX_LINE = 50_000_000  # characters
MAX_CELL = 10_000_000  # characters; an open quote would swallow the rest of the file
SAMPLE_LENGTH = 500_000  # characters by which the dialect is found
SAMPLE_ROWS = 200
MIN_EVEN = 0.75  # of the rows must have the same number of cells, else it is no table
SEPARATORS = "\t|;,"  # the rarer in prose first
NO_SEPARATOR = "\x1f"  # for a table of one column
DOUBLED = {"quotechar": '"', "doublequote": True}
QUOTES = (
    DOUBLED,
    DOUBLED | {"skipinitialspace": True},
    DOUBLED | {"escapechar": "\\"},
    {"quoting": csv.QUOTE_NONE},
    DOUBLED | {"quotechar": "'"},
)
NAMES = {*TEXT_NAMES, "id", "title", "name", "author", "date", "label", "url", "category"}
MAX_REPAIR = 100  # lines of a row with a lone quote
_NUMBER = re.compile(r"(?=.*\d)[\d.,:/+\- TZ%€$£]{1,40}")  # dates, too


def lines(chunks: Iterable[str]) -> Iterator[str]:
    """The lines of a stream of text, each with its ``\\n``; when it breaks, what came before."""
    rest: list[str] = []
    length = number = 0
    try:
        for chunk in chunks:
            *whole, end = chunk.split("\n")
            for line in whole:
                yield "".join((*rest, line, "\n"))
                rest, length, number = [], 0, number + 1
            rest.append(end)
            length += len(end)
            if length > MAX_LINE:
                rest = []
                detail = f"line {number + 1:,} is longer than {MAX_LINE:,} characters"
                raise Problem("unreadable", detail)
    except Problem:
        if last := "".join(rest):
            yield last
        raise
    if last := "".join(rest):
        yield last


def separated_values(path: Path) -> Iterator[Part | Problem]:
    """The rows of a .csv or .tsv file."""
    csv.field_size_limit(MAX_CELL)
    file = TextFile(path)
    stream = lines(file.chunks())
    sample: list[str] = []
    failure, whole, length = None, False, 0
    try:
        while length < SAMPLE_LENGTH and not whole:
            line = next(stream, "")
            whole, length = not line, length + len(line)
            sample += [line] if line else []
    except Problem as problem:
        failure, whole, stream = problem, True, iter(())
    guesses = [f"read as {file.encoding}"] if file.guessed else []
    separators = SEPARATORS
    if sample and (told := re.fullmatch(r'"?sep=(.)"?;*\n?', sample[0])):  # Excel's own first line
        separators, sample = told[1], sample[1:]
    elif path.suffix.lower() == ".tsv" and any("\t" in line for line in sample):
        separators = "\t"
    dialect, width = find_dialect(sample, separators, whole)
    table = _Table(chain(sample, stream), dialect, width)
    if dialect["delimiter"] not in ",\t" + NO_SEPARATOR:
        guesses.append(f"the separator is {dialect['delimiter']!r}")
    if dialect.get("quotechar") == "'" or "escapechar" in dialect:
        guesses.append(f"quotes are written as {dialect.get('escapechar', chr(39))}")
    yield from parts_of_records(_records(table.rows(), guesses), guesses)
    if table.repaired:
        yield Problem(
            "note",
            f"{len(table.repaired):,} rows have quotes that do not fit and were read as they "
            f"stand, the first in line {table.repaired[0]:,}",
        )
    if failure:
        raise failure


def find_dialect(
    sample: list[str], separators: str = SEPARATORS, whole: bool = True
) -> tuple[dict[str, Any], int]:
    """How to parse a table that begins so (arguments of ``csv.reader``), and its columns.

    whole   the sample is the whole file; else it may end within a cell
    """
    best: tuple[float, int, dict[str, Any]] = (MIN_EVEN, 1, {})
    escaped = any('\\"' in line for line in sample)
    for separator in separators:
        quotes = QUOTES
        if separator == "\t" and not (sample and sample[0].startswith('"')):
            quotes = (QUOTES[3], *QUOTES)  # there a " is text, unless that breaks the rows
        for quote in quotes:
            if "escapechar" in quote and not escaped:
                continue
            table = _Table(iter(sample), quote | {"delimiter": separator}, 0, whole)
            rows = [row for row in islice(table.rows(), SAMPLE_ROWS) if any(row)]
            widths = Counter(map(len, rows))
            width, count = widths.most_common(1)[0] if widths else (1, 0)
            even = (count - 0.1 * len(table.repaired)) / max(1, len(rows))
            if rows and len(rows[0]) != width:  # the column names tell how many there are
                even *= 0.9
            if width > 1 and even > best[0] + 1e-9:
                best = (even, width, quote | {"delimiter": separator})
    if not best[2]:
        dialect = DOUBLED | {"delimiter": NO_SEPARATOR}
        table = _Table(iter(sample), dialect, 1, whole)
        list(table.rows())
        best = (1, 1, QUOTES[3] | {"delimiter": NO_SEPARATOR} if table.repaired else dialect)
    return best[2], best[1]


class _Table:
    """The rows of a stream of lines, whatever its quotes are like.

    width       cells of most rows; 0: as many as the first row has
    whole       False where the lines may end within a cell, which then is left out
    repaired    numbers of the lines in which rows with misplaced quotes begin
    """

    def __init__(
        self, stream: Iterator[str], dialect: dict[str, Any], width: int, whole: bool = True
    ) -> None:
        self.stream, self.dialect, self.width, self.whole = stream, dialect, width, whole
        self.waiting: deque[str] = deque()
        self.taken: list[str] = []  # the lines of the row that is being read
        self.number = 1  # of the line in which it begins
        self.repaired: list[int] = []
        separator = re.escape(dialect["delimiter"])
        quoted = rf'"((?:[^"]|"(?!{separator}|\n|\Z))*)"(?={separator}|\n|\Z)'
        self._cell = re.compile(
            rf"(?:{quoted}|([^\"{separator}\n][^{separator}\n]*|))({separator}|\n?\Z)"
        )

    def _lines(self) -> Iterator[str]:
        while (line := self.waiting.popleft() if self.waiting else next(self.stream, "")) != "":
            self.taken.append(line)
            yield line

    def rows(self) -> Iterator[list[str]]:
        reader = csv.reader(self._lines(), strict=True, **self.dialect)
        while True:
            self.number += len(self.taken)
            self.taken.clear()
            try:
                row = next(reader, None)
            except csv.Error as error:
                if "unexpected end" in str(error) and not self.whole:
                    return
                row = self._repaired()
                reader = csv.reader(self._lines(), strict=True, **self.dialect)
            else:
                if row is None:
                    return
                if len(self.taken) > 1 and self._is_many_rows():
                    row = self._repaired()
                    reader = csv.reader(self._lines(), strict=True, **self.dialect)
            self.width = self.width or len(row)
            yield row

    def _repaired(self) -> list[str]:
        """The row that begins in the first line taken; the other lines wait for their turn."""
        self.repaired.append(self.number)
        lines = self.taken[:MAX_REPAIR]
        row, used = self._plain(lines[0]), 1
        if self.width:
            for line in islice(self._lines(), max(0, MAX_REPAIR - len(self.taken))):
                lines.append(line)
            for end in range(1, len(lines) + 1):
                if end > 1 and lines[end - 1][0] in '"0123456789' and self._cells(lines[end - 1]):
                    break
                if cells := self._cells("".join(lines[:end])):
                    row, used = cells, end
                    break
        self.waiting.extendleft(reversed(self.taken[used:]))
        del self.taken[used:]
        return row

    def _cells(self, text: str) -> list[str] | None:
        """The cells if there are as many as columns; a quote within a quoted cell is text."""
        cells, place = [], 0
        while match := self._cell.match(text, place):
            cells.append(match[2] or "" if match[1] is None else match[1].replace('""', '"'))
            if not match[3].strip("\n"):
                return cells if len(cells) == self.width else None
            place = match.end()
        return None

    def _plain(self, line: str) -> list[str]:
        return line.rstrip("\n").split(self.dialect["delimiter"])

    def _is_many_rows(self) -> bool:
        """Whether an open quote and the next one took whole rows between them for one cell."""
        rows = [self._plain(line) for line in self.taken]
        return self.width > 1 and all(
            len(row) == self.width and _NUMBER.fullmatch(row[0]) for row in rows
        )


def _records(rows: Iterator[list[str]], guesses: list[str]) -> Iterator[Record]:
    rows = (row for row in rows if any(cell.strip() for cell in row))
    first = list(islice(rows, 20))
    if not first:
        return
    header = has_header(first)
    if header is None:
        header = True
        guesses.append(f"the first row is read as column names ({', '.join(first[0])[:80]})")
    elif not header and len(first[0]) > 1:
        guesses.append("there is no row of column names")
    numbered = [""] * len(first[0]) if len(first[0]) > 1 else ["text"]
    names = _names(first[0] if header else numbered)
    for row in chain(first[1:] if header else first, rows):
        names += [f"column {place}" for place in range(len(names) + 1, len(row) + 1)]
        yield dict(zip(names, row, strict=False))


def has_header(rows: list[list[str]]) -> bool | None:
    """Whether the first row holds column names: does it differ from those below? None: perhaps."""
    first, below = [cell.strip() for cell in rows[0]], rows[1:]
    if any(_NUMBER.fullmatch(cell) for cell in first):
        return False
    if NAMES.intersection(map(str.lower, first)):
        return True
    votes = 0
    for place, cell in enumerate(first):
        column = [row[place].strip() for row in below if place < len(row) and row[place].strip()]
        if not column or not cell:
            continue
        mean = sum(map(len, column)) / len(column)
        if all(_NUMBER.fullmatch(value) for value in column):
            votes += 1
        elif len(column) > 1 and cell in column:
            votes -= 1
        elif 3 * len(cell) < mean or (cell.endswith("?") and not any("?" in c for c in column)):
            votes += 1
    if votes:
        return votes > 0
    cells = [cell for cell in first if cell]
    names = all(len(c) <= 40 and len(c.split()) <= 3 and c[-1] not in ".!?," for c in cells)
    return None if names and len(set(cells)) == len(cells) else False


def _names(cells: list[str]) -> list[str]:
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        name = cell.strip() or f"column {place}"
        names.append(name if name not in names else f"{name} ({place})")
    return names


def parquet(path: Path) -> Iterator[Part | Problem]:
    """The rows of a Parquet file, a few hundred at a time; pictures and the like are left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    guesses: list[str] = []

    def values(name: str, column: pa.Array) -> list[Any]:
        for attempt in (column.to_pylist, lambda: column.cast(pa.string()).to_pylist()):
            try:
                return attempt()
            except (ValueError, OverflowError, pa.ArrowException):  # a date beyond Python's
                continue
        if not any(name in guess for guess in guesses):
            guesses.append(f"the column {name!r} cannot be read")
        return [None] * len(column)

    def rows(file: pq.ParquetFile) -> Iterator[Record]:
        binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
        names = [f.name for f in file.schema_arrow if not any(test(f.type) for test in binary)]
        text = any(
            pa.types.is_string(f.type)
            or pa.types.is_large_string(f.type)
            or pa.types.is_nested(f.type)
            or pa.types.is_dictionary(f.type)
            for f in file.schema_arrow
        )
        names = names if text else file.schema_arrow.names  # some write text as binary
        for batch in file.iter_batches(batch_size=256, columns=names, use_threads=False):
            columns = [values(name, batch[name]) for name in batch.schema.names]
            for row in zip(*columns, strict=True):
                yield dict(zip(batch.schema.names, row, strict=True))

    with (
        path.open("rb") as handle,
        pq.ParquetFile(handle, buffer_size=1 << 20, pre_buffer=False) as file,
    ):
        yield from parts_of_records(rows(file), guesses)
