"""The reader's own files as documents: streamed, sampled, and every skipped file with its reason."""

import hashlib
import logging
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.workbook.corpus.document import Document, Skipped
from course_lib.workbook.corpus.folder import Found, Walk
from course_lib.workbook.corpus.problems import SKIP_REASONS, Problem
from course_lib.workbook.corpus.readers import READERS, reader_for
from course_lib.workbook.corpus.records import Part
from course_lib.workbook.corpus.sampling import Sample
from course_lib.workbook.progress import bar

__all__ = ["SKIP_REASONS", "FileReading", "clean_path", "fingerprint", "read_folder_or_file"]
QUOTES = "\"'“”‘’«»"


@dataclass(frozen=True, slots=True)
class FileReading:
    """What reading a file or folder gave."""

    documents: list[Document]
    skipped: list[Skipped]
    seen: int  # documents read, of which the kept ones are a sample
    seen_characters: int
    kept_fraction: float  # of the characters


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


def fingerprint(path: str | Path) -> str:
    """A hash over the names, sizes and times of change of all files below: did anything change?"""
    digest = hashlib.sha256()
    walk = Walk(clean_path(path), _can_read)
    for found in walk:
        reason = found.problem.reason if found.problem else ""
        digest.update(f"{found.name}\0{found.size}\0{found.changed}\0{reason}\n".encode())
    digest.update(str(walk.hidden).encode())
    return digest.hexdigest()


def _can_read(name: str) -> bool:
    return reader_for(name) is not None


def read_folder_or_file(
    path: str | Path, *, budget: int = 32_000_000, seed: int = 0, progress: bool = True
) -> FileReading:
    """Read a file, or all files below a folder, keeping at most ``budget`` bytes of text.

    Everything is read once as a stream; what is kept is a sample by a seeded hash of the
    documents' ids (``Sample``), so it does not depend on the order. An id is the path in the
    folder, followed by ``#0001`` and so on when a file has more than one document. Nothing is
    written, and nothing outside the folder is read.

    Raises ``CourseError`` when the path does not exist or nothing in it can be read.
    """
    root = clean_path(path)
    if not root.exists():
        raise CourseError(
            f"There is no file or folder {str(root)!r}: check the path and try again."
        )
    sample, skipped = Sample(budget, seed), []
    walk = Walk(root, _can_read)
    total = sum(found.size for found in Walk(root, _can_read))
    with bar(description="Reading", total=total, unit="B", visible=progress) as moving, _silence():
        for found in walk:
            shown = 0
            for item in _documents(found):
                if isinstance(item, Skipped):
                    skipped.append(item)
                    continue
                sample.add(item)
                step = min(len(item.text), found.size - shown)
                shown += step
                moving.update(step)
            moving.update(found.size - shown)
    if walk.hidden:
        skipped.append(_hidden(walk))
    if not sample.seen:
        raise _nothing(root, skipped)
    return FileReading(
        sample.documents, skipped, sample.seen, sample.seen_characters, sample.kept_fraction
    )


def _documents(found: Found) -> Iterator[Document | Skipped]:
    """The documents of one file, and what of it could not be read. It raises nothing."""
    read_any = problem_seen = False
    try:
        for item in _numbered(found):
            read_any = read_any or isinstance(item, Document)
            problem_seen = problem_seen or isinstance(item, Skipped)
            yield item
        if not (read_any or problem_seen):
            yield _skip(found, Problem("empty"))
    except Problem as problem:
        yield _skip(found, problem)
    except FileNotFoundError:
        yield _skip(found, Problem("not_readable", "it disappeared while the folder was read"))
    except PermissionError:
        yield _skip(found, Problem("not_readable", "this user may not read it"))
    except Exception as error:  # a reader's library may raise anything at all
        said = " ".join(str(error).split())[:120] or type(error).__name__
        kept = "; what was read before is kept" if read_any else ""
        reason = "not_readable" if isinstance(error, OSError) and error.errno else "broken"
        yield _skip(found, Problem(reason, f"{SKIP_REASONS[reason]} ({said}){kept}"))


def _numbered(found: Found) -> Iterator[Document | Skipped]:
    """The documents of a file with their ids: a single one has the bare name."""
    first: Part | None = None
    number = 0
    failure: Exception | None = None
    with closing(_parts(found)) as parts:
        while True:
            try:
                item = next(parts, None)
            except Exception as error:  # what came before is good, and may still wait in `first`
                failure = error
                break
            if item is None:
                break
            if isinstance(item, Problem):
                yield _skip(found, item)
                continue
            number += 1
            if number == 1:
                first = item
                continue
            if number == 2 and first is not None:
                yield _document(f"{found.name}#0001", found, first)
            yield _document(f"{found.name}#{number:04d}", found, item)
    if number == 1 and first is not None:
        yield _document(found.name, found, first)
    if failure:
        raise failure


def _parts(found: Found) -> Iterator[Part | Problem]:
    if found.problem:
        raise found.problem
    read = reader_for(found.name)
    if read is None:
        ending = Path(found.name).suffix
        kind = f"files ending in {ending}" if ending else "files without an ending"
        raise Problem("unknown_format", f"there is no reader for {kind}")
    if found.size == 0 and found.path.stat().st_size == 0:
        raise Problem("empty")
    yield from read(found.path)


def _document(identity: str, found: Found, part: Part) -> Document:
    text, facts = part
    meta = {_valid(name): _valid(fact) for name, fact in facts.items()}
    return Document(identity, _valid(text), {**meta, "file": found.name})


def _valid(value: str | int) -> str | int:
    """Text without what no file can hold: halves of surrogate pairs and NULs."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")


def _skip(found: Found, problem: Problem) -> Skipped:
    return Skipped(found.name, problem.reason, str(_valid(problem.detail)))


def _hidden(walk: Walk) -> Skipped:
    names = ", ".join(walk.hidden_names)
    more = ", …" if walk.hidden > len(walk.hidden_names) else ""
    return Skipped("(hidden)", "hidden", f"{walk.hidden:,} left out: {names}{more}")


def _nothing(root: Path, skipped: list[Skipped]) -> CourseError:
    """One sentence for a choice in which there is nothing to read."""
    if root.is_file() or not root.is_dir():
        return CourseError(
            f"{root.name!r} cannot be used because {skipped[0].detail}: choose another file."
        )
    endings = " ".join(READERS)
    if all(skip.reason == "hidden" for skip in skipped):
        return CourseError(
            f"The folder {str(root)!r} is empty: choose one with files of these kinds: {endings}."
        )
    reasons = Counter(skip.reason.replace("_", " ") for skip in skipped if skip.reason != "hidden")
    said = ", ".join(f"{number:,} × {reason}" for reason, number in reasons.most_common())
    return CourseError(
        f"Nothing in the folder {str(root)!r} can be read ({said}): choose one with files of these kinds: {endings}."
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
