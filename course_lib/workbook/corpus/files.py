"""The reader's own files as documents: streamed, sampled, every skipped file with its reason."""

import contextlib
import hashlib
import heapq
import logging
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.workbook.corpus.document import Document, Skipped, num_bytes, stable_hash
from course_lib.workbook.corpus.encoding import Part, Problem, Report
from course_lib.workbook.corpus.readers import READERS
from course_lib.workbook.display import bar

QUOTES = "\"'“”‘’«»"
MAX_DOCUMENTS = 100_000  # each costs memory beside its text, too
# Tools' own; what begins with a dot, or as Office's locks, is left out too.
HIDDEN = {"node_modules", "__pycache__", "__MACOSX", "Thumbs.db", "desktop.ini"}
POINTER = re.compile(rb"version https?://(git-lfs|hawser)\.github\.com/spec/|\S*/annex/objects/")


def clean_path(text: str | Path) -> Path:
    """A path as people paste it: without blanks and quotes around it, ``~`` and links resolved."""
    bare = str(text).strip()
    while len(bare) > 1 and bare[0] in QUOTES and bare[-1] in QUOTES:
        bare = bare[1:-1].strip()
    if not bare:
        raise CourseError("No path was given: type the path of a file or folder.")
    try:
        path = Path(bare).expanduser().resolve()
        path.exists()  # raises where the name is too long or a folder above is locked
    except (OSError, RuntimeError, ValueError) as error:
        raise CourseError(
            f"The path {bare[:200]!r} cannot be used ({error}): check how it is written."
        ) from error
    return path


def find_files(root: Path) -> tuple[dict[str, Path], list[Skipped]]:
    """Every file below ``root`` (or ``root`` itself) by its name in the folder, and what is none.

    Links are not followed. Of hidden things only the number and some names are kept.
    """
    if not root.is_dir():
        return {root.name: root}, []
    files: dict[str, Path] = {}
    skipped: list[Skipped] = []
    hidden: list[str] = []
    errors: list[OSError] = []
    for folder, folders, names in os.walk(root, onerror=errors.append):
        inside = []
        for name in sorted([*names, *folders]):
            path = Path(folder, name)
            own = path.relative_to(root).as_posix()
            if name.startswith((".", "~$")) or name in HIDDEN:
                hidden.append(_valid(own))
            elif path.is_symlink() or getattr(path, "is_junction", bool)():
                skipped.append(Skipped(_valid(own), "left_out", "it is a link, and not followed"))
            elif name in folders:
                inside.append(name)
            else:
                files[own] = path
        folders[:] = inside
    for error in errors:
        said = f"the folder cannot be read ({error.strerror})"
        own = os.path.relpath(error.filename or root, root)
        skipped.append(Skipped(_valid(own), "unreadable", said))
    if hidden:
        said = f"{len(hidden):,} hidden files and folders: {', '.join(hidden[:3])}"
        skipped.append(Skipped("(hidden)", "left_out", said))
    return files, skipped


def fingerprint(root: Path) -> str:
    """A hash over names, sizes, times of change and what is skipped: did anything change?"""
    files, skipped = find_files(root)
    digest = hashlib.sha256(repr(skipped).encode())
    for name, path in files.items():
        with contextlib.suppress(OSError):  # reading it will tell
            status = path.stat()
            digest.update(repr((name, status.st_size, status.st_mtime_ns)).encode())
    return digest.hexdigest()


def _valid(text: str) -> str:
    """Text without what no file can hold: NULs, and halves of pairs, which are written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\x00", "")


@dataclass
class Sample:
    """Documents with the lowest seeded hashes of their ids, at most ``budget`` bytes of UTF-8.

    Whatever the order in which they come: those are kept that come first in the order of the
    hashes and fit (*bottom-k*). One document is always kept, even when it alone is too large.
    ``seen`` and ``seen_bytes`` count all that came, ``skipped`` is what could not be read.
    """

    budget: int
    seed: int = 0
    max_documents: int = MAX_DOCUMENTS
    seen: int = 0
    seen_bytes: int = 0
    kept_bytes: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    _below: float = 1.0  # hashes from here on are left out
    _kept: list[tuple[float, int, int, Document]] = field(default_factory=list)  # highest first

    def add(self, document: Document) -> None:
        """Look at one more document."""
        size = num_bytes(document.text)
        self.seen, self.seen_bytes = self.seen + 1, self.seen_bytes + size
        key = stable_hash(document.id, self.seed)
        if key >= self._below and self._kept:
            return
        heapq.heappush(self._kept, (-key, self.seen, size, document))
        self.kept_bytes += size
        while len(self._kept) > 1 and (
            self.kept_bytes > self.budget or len(self._kept) > self.max_documents
        ):
            highest, _, size, _ = heapq.heappop(self._kept)
            self._below, self.kept_bytes = -highest, self.kept_bytes - size

    @property
    def documents(self) -> list[Document]:
        """What was kept, in the order in which it came."""
        return [entry[3] for entry in sorted(self._kept, key=lambda entry: entry[1])]


def read_folder_or_file(
    path: str | Path, *, budget: int = 32_000_000, seed: int = 0, progress: bool = True
) -> Sample:
    """Read a file, or all files below a folder, keeping at most ``budget`` bytes of text.

    Everything is read once as a stream; what is kept is a ``Sample``. An id is the path in the
    folder, followed by ``#0002`` and so on for further documents of a file. Nothing is written, and
    nothing outside the folder is read.

    Raises ``CourseError`` when the path does not exist or nothing in it can be read.
    """
    root = clean_path(path)
    if not root.exists():
        raise CourseError(f"There is no file or folder {str(root)!r}: check the path.")
    files, skipped = find_files(root)
    sample = Sample(budget, seed, skipped=skipped)
    logged = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # the report says what the libraries would
    try:
        with warnings.catch_warnings(action="ignore"):
            for name, file in bar(files.items(), "Reading", unit="file", visible=progress):
                for document in _documents(file, _valid(name), skipped):
                    sample.add(document)
    finally:
        logging.disable(logged)
    if not sample.seen:
        said = "; ".join(f"{s.path}: {s.detail}" for s in skipped[:3]) or "it is empty"
        raise CourseError(
            f"Nothing in {str(root)!r} can be read ({said}): choose a file, or a folder with "
            f"files, of these kinds: {' '.join(READERS)}."
        )
    return sample


def _documents(path: Path, name: str, skipped: list[Skipped]) -> Iterator[Document]:
    """The documents of one file; what is to be said about it goes to ``skipped``."""

    def report(reason: str, detail: str) -> None:
        skipped.append(Skipped(name, reason, _valid(detail)))

    number, before = 0, len(skipped)
    try:
        for number, (text, facts) in enumerate(_parts(path, report), 1):
            known = {_valid(n): _valid(v) if isinstance(v, str) else v for n, v in facts.items()}
            identity = name if number == 1 else f"{name}#{number:04d}"
            yield Document(identity, _valid(text), {**known, "file": name})
    except Problem as problem:
        report(*problem.args)
    except Exception as error:  # whatever a library stumbles over
        said = " ".join(str(error).split())[:120] or type(error).__name__
        kept = "; what was read before is kept" if number else ""
        report("unreadable", f"it cannot be read, or is damaged ({said}){kept}")
    if not number and len(skipped) == before:
        report("empty", "there is no text in it")


def _parts(path: Path, report: Report) -> Iterator[Part]:
    if not path.is_file():
        raise Problem("left_out", "it is a pipe, a socket or a device, not a file")
    ending = path.suffix.lower()
    if ending not in READERS:
        kind = f"files ending in {ending}" if ending else "files without an ending"
        raise Problem("unknown_format", f"there is no reader for {kind}")
    with path.open("rb") as file:
        head = file.read(100)
    if POINTER.match(head):
        raise Problem("unreadable", "it is a pointer of Git LFS: run `git lfs pull` in its folder")
    return READERS[ending](path, report) if head else iter(())
