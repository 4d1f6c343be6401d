"""Documents and log entries in JSON Lines files: one object a line, whole or not there at all.

Everything that is not ASCII is escaped, so that NUL bytes and lone surrogates come back as they were.
A file is written beside its place and moved there when it is complete: an interrupted
run never leaves half a file that looks like a whole one.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO

from course_lib.cleaning.log import Removal
from course_lib.workbook.corpus import Document


@contextmanager
def whole_file(path: Path) -> Iterator[IO[str]]:
    """A text file to write to; it takes its name only when the block ends without an exception."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="ascii", newline="\n") as file:
            yield file
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_documents(path: Path, documents: Iterable[Document]) -> None:
    """One line a document: ``{"id": …, "text": …, "meta": {…}}``."""
    with whole_file(path) as file:
        for document in documents:
            row = {"id": document.id, "text": document.text, "meta": document.meta}
            file.write(json.dumps(row) + "\n")


def write_entries(path: Path, entries: Iterable[Removal]) -> None:
    """One line an entry of a removal log."""
    with whole_file(path) as file:
        file.writelines(json.dumps(asdict(entry)) + "\n" for entry in entries)


def read_entries(path: Path) -> list[Removal]:
    """The entries of ``write_entries``."""
    with path.open(encoding="ascii") as file:
        return [Removal(**json.loads(line)) for line in file]


class StoredDocuments:
    """The documents of a file, read again from the start by each ``for``; one at a time in memory."""

    def __init__(self, path: Path, count: int) -> None:
        self.path = path
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Document]:
        with self.path.open(encoding="ascii") as file:
            for line in file:
                yield Document(**json.loads(line))

    def __repr__(self) -> str:
        return f"StoredDocuments({self.path.name!r}, {len(self):,} documents)"
