"""Training data on disk: JSON Lines (one record a line, for people) and Parquet (columns, for machines).

Nothing that is read can run: no pickle. What is broken is reported with its place and left out.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from course_lib.cleaning.formats import Example, form_named, from_record, to_record
from course_lib.errors import CourseError

CHUNK = 1_000  # records a row group, so that a large file is never in memory whole
LONGEST = 10_000_000  # characters of a line; longer ones are reported and passed over


@dataclass(frozen=True, slots=True)
class Broken:
    """A record that cannot be used: its number (lines of a file from 1, rows of a table from 1) and why."""

    number: int
    reason: str


def write_examples(path: Path | str, examples: Iterable[Example]) -> int:
    """Write examples of one form to ``.jsonl`` or ``.parquet``; returns how many.

    Raises ``CourseError`` at the first example that is not valid (``sort_out`` finds them all), for
    mixed forms, for no example at all and for other endings. Then no file is left behind.
    """
    path = Path(path)
    write = {".jsonl": _write_lines, ".parquet": _write_table}.get(path.suffix)
    if write is None:
        raise CourseError(
            f"{path.name} has no ending that is known here: choose .jsonl or .parquet."
        )
    temporary = path.with_name(path.name + ".part")
    try:
        count = write(temporary, _checked(examples))
        if not count:
            raise CourseError("There is no example to write: the list is empty.")
        temporary.replace(path)
    except OSError as error:
        raise CourseError(
            f"{path} cannot be written ({error.strerror}): choose another folder."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _checked(examples: Iterable[Example]) -> Iterator[dict]:
    form = None
    for number, example in enumerate(examples):
        form = form or type(example)
        if type(example) is not form:
            raise CourseError(
                f"Example {number} is a {type(example).__name__} among {form.__name__}: one form a file."
            )
        if problems := example.problems():
            raise CourseError(
                f"Example {number} cannot be written: {problems[0]}. Sort such examples out first."
            )
        yield to_record(example)


def _write_lines(path: Path, records: Iterable[dict]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for record in records:
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")
            count += 1
    return count


def _write_table(path: Path, records: Iterator[dict]) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    count, writer = 0, None
    try:
        while chunk := list(islice(records, CHUNK)):
            table = pa.Table.from_pylist(chunk)
            writer = writer or parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
            count += len(chunk)
    finally:
        if writer is not None:
            writer.close()
    return count


def read_examples(path: Path | str, form: str) -> tuple[list[Example], list[Broken]]:
    """(the valid examples of a ``.jsonl`` or ``.parquet`` file, what was broken).

    form   ``text``, ``instruction``, ``chat`` or ``preference``

    Raises ``CourseError`` for a missing file, an unknown ending, and a file that is no Parquet.
    """
    path = Path(path)
    form_named(form)
    read = {".jsonl": _read_lines, ".parquet": _read_table}.get(path.suffix)
    if read is None:
        raise CourseError(
            f"{path.name} has no ending that is known here: .jsonl and .parquet are read."
        )
    if not path.is_file():
        raise CourseError(f"There is no file {path}: check the name.")
    examples, broken = [], []
    for number, record, problem in read(path):
        example, problems = (None, [problem]) if problem else from_record(form, record)
        if example is None:
            broken.append(Broken(number, problems[0]))
        else:
            examples.append(example)
    return examples, broken


def _read_lines(path: Path) -> Iterator[tuple[int, object, str]]:
    """(line, record, "") or (line, None, problem); blank lines are passed over."""
    with path.open("rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(4 * LONGEST), b""), 1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line.decode("utf-8-sig")), ""
            except UnicodeDecodeError:
                yield number, None, "the line is not UTF-8"
            except (ValueError, RecursionError):
                yield number, None, "the line is not JSON"


def _read_table(path: Path) -> Iterator[tuple[int, object, str]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
        number = 0
        for batch in file.iter_batches(batch_size=CHUNK):
            for record in batch.to_pylist():
                number += 1
                yield number, record, ""
    except (pa.ArrowException, OSError) as error:
        raise CourseError(
            f"{path.name} is damaged or no Parquet file: make or fetch it again."
        ) from error


def same_examples(one: Sequence[Example], other: Sequence[Example]) -> bool:
    """True if two lists hold the same records in the same order."""
    return [to_record(example) for example in one] == [to_record(example) for example in other]
