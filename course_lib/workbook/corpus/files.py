"""The reader's own files as documents: streamed, sampled, every skipped file with its reason."""

import hashlib
import heapq
import logging
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.workbook.corpus.document import Document, Skipped, num_bytes, stable_hash
from course_lib.workbook.corpus.readers import READERS
from course_lib.workbook.corpus.records import SKIP_REASONS, Part, Problem, until_it_breaks
from course_lib.workbook.display import bar

QUOTES = "\"'“”‘’«»"
MAX_DOCUMENTS = 100_000  # each costs memory beside its text, too
# Tools' own; what begins with a dot, or as Office's locks, is left out too.
HIDDEN = {"node_modules", "__pycache__", "__MACOSX", "Thumbs.db", "desktop.ini"}
POINTER = re.compile(rb"version https?://(git-lfs|hawser)\.github\.com/spec/|\S*/annex/objects/")


@dataclass(frozen=True, slots=True)
class Found:
    """A file, or what is not read. ``name`` is its path in the folder, with ``/``."""

    path: Path
    name: str
    size: int = 0
    changed: int = 0  # nanoseconds
    problem: Problem | None = None


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
        reason = getattr(error, "strerror", None) or str(error)
        raise CourseError(
            f"The path {bare[:200]!r} cannot be used ({reason}): check how it is written."
        ) from error
    return path


def find_files(root: Path) -> list[Found]:
    """Every file below ``root`` (or ``root`` itself), sorted by name, and what was not followed.

    Links are not followed; pipes, sockets and devices are never opened. Of hidden things only the
    number and some names are kept.
    """
    if not root.is_dir():
        return [_found(root, root.name)]
    files: list[Found] = []
    hidden: list[str] = []

    def refused(error: OSError) -> None:
        name = Path(os.path.relpath(error.filename or root, root)).as_posix()
        files.append(_left_out(name, error))

    for folder, folders, names in os.walk(root, onerror=refused):
        folders.sort()
        for name in sorted([*names, *folders]):
            path = Path(folder, name)
            own = path.relative_to(root).as_posix()
            is_link = path.is_symlink() or getattr(path, "is_junction", bool)()
            if name.startswith((".", "~$")) or name in HIDDEN:
                hidden.append(_valid(own))
            elif is_link:
                files.append(_left_out(own, "it is a link, and links are not followed"))
            elif name in folders:
                continue
            else:
                files.append(_found(path, own))
            if name in folders:
                folders.remove(name)
    if hidden:
        said = ", ".join([*hidden[:3], *["…"][: len(hidden) > 3]])
        files.append(_left_out("(hidden)", f"{len(hidden):,} hidden files and folders: {said}"))
    return files


def _found(path: Path, name: str) -> Found:
    try:
        if path.is_file():
            status = path.stat()
            return Found(path, _valid(name), status.st_size, status.st_mtime_ns)
    except OSError as error:
        return _left_out(name, error)
    return _left_out(name, "it is a pipe, a socket or a device, not a file")


def _left_out(name: str, why: str | OSError) -> Found:
    problem = Problem("left_out", why) if isinstance(why, str) else _problem(why, False)
    return Found(Path(name), _valid(name), problem=problem)


def _valid(text: str) -> str:
    """Text without what no file can hold: NULs, and halves of pairs, which are written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\x00", "")


def fingerprint(files: Iterable[Found]) -> str:
    """A hash over names, sizes, times of change and problems: did anything change?"""
    known = [(file.name, file.size, file.changed, str(file.problem)) for file in files]
    return hashlib.sha256(repr(known).encode()).hexdigest()


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
    path: str | Path,
    *,
    budget: int = 32_000_000,
    seed: int = 0,
    progress: bool = True,
    files: list[Found] | None = None,
) -> Sample:
    """Read a file, or all files below a folder, keeping at most ``budget`` bytes of text.

    Everything is read once as a stream; what is kept is a ``Sample``. An id is the path in the
    folder, followed by ``#0002`` and so on for further documents of a file. Nothing is written, and
    nothing outside the folder is read.

    files   what ``find_files`` gave, if that was called before

    Raises ``CourseError`` when the path does not exist or nothing in it can be read.
    """
    root = clean_path(path)
    if not root.exists():
        raise CourseError(f"There is no file or folder {str(root)!r}: check the path.")
    files = find_files(root) if files is None else files
    sample = Sample(budget, seed)
    total = sum(found.size for found in files)
    with bar(description="Reading", total=total, unit="B", visible=progress) as moving, _silence():
        for found in files:
            shown = 0
            for item in _documents(found):
                if isinstance(item, Skipped):
                    sample.skipped.append(item)
                else:
                    sample.add(item)
                    step = min(len(item.text), found.size - shown)
                    shown += step
                    moving.update(step)
            moving.update(found.size - shown)
    if not sample.seen:
        raise _nothing(root, sample.skipped)
    return sample


def _documents(found: Found) -> Iterator[Document | Skipped]:
    """The documents of one file and its problems."""
    number = problems = 0
    for item in until_it_breaks(_parts(found)):
        if isinstance(item, Exception):
            problems += 1
            problem = _problem(item, number > 0)
            yield Skipped(found.name, problem.reason, _valid(problem.detail))
            continue
        number += 1
        facts = {_valid(n): _valid(v) if isinstance(v, str) else v for n, v in item[1].items()}
        identity = found.name if number == 1 else f"{found.name}#{number:04d}"
        yield Document(identity, _valid(item[0]), {**facts, "file": found.name})
    if not number and not problems:
        yield Skipped(found.name, "empty", SKIP_REASONS["empty"])


def _problem(error: Exception, read_any: bool) -> Problem:
    """What a reader's library raises, anything at all, in words for the report."""
    if isinstance(error, Problem):
        return error
    said = " ".join(str(error).split())[:120] or type(error).__name__
    of_disk = isinstance(error, OSError) and error.errno
    what = "it cannot be read" if of_disk else SKIP_REASONS["unreadable"]
    kept = "; what was read before is kept" if read_any else ""
    return Problem("unreadable", f"{what} ({said}){kept}")


def _parts(found: Found) -> Iterator[Part | Problem]:
    if found.problem:
        raise found.problem
    ending = Path(found.name).suffix.lower()
    if ending not in READERS:
        kind = f"files ending in {ending}" if ending else "files without an ending"
        raise Problem("unknown_format", f"there is no reader for {kind}")
    with found.path.open("rb") as file:
        if not (head := file.read(100)):
            raise Problem("empty")
    if POINTER.match(head):
        detail = "it is a pointer of Git LFS and not the file: run `git lfs pull` in its repository"
        raise Problem("unreadable", detail)
    yield from READERS[ending](found.path)


def _nothing(root: Path, skipped: list[Skipped]) -> CourseError:
    """One sentence for a choice in which there is nothing to read."""
    if not root.is_dir():
        return CourseError(
            f"{root.name!r} cannot be used because {skipped[0].detail}: choose another file."
        )
    reasons = Counter(skip.reason.replace("_", " ") for skip in skipped if skip.path != "(hidden)")
    said = ", ".join(f"{number:,} × {reason}" for reason, number in reasons.most_common())
    return CourseError(
        f"Nothing in the folder {str(root)!r} can be read ({said or 'it is empty'}): choose one "
        f"with files of these kinds: {' '.join(READERS)}."
    )


@contextmanager
def _silence() -> Iterator[None]:
    """No log lines and no warnings from the libraries that read files: the report says it all."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
