"""Named steps one after the other, with counts after each; kept on disk and resumed when a folder is given.

    steps = {"repair": repair, "exact copies": drop_exact}
    run = run_steps(corpus, steps)
    run.stages      what was left after each step, and why the rest went
    run.documents   what is left in the end
    run.log         every drop and change

Without a folder the documents stream through all steps, and only those that are left are kept
in memory. With a folder each step's documents and log are written to it before the next one
starts: after an interruption a second run reads what is finished and loses at most one step.
"""

import functools
import hashlib
import json
import types
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.cleaning.log import CHANGED, DROPPED, RemovalLog, Step
from course_lib.cleaning.store import (
    StoredDocuments,
    read_entries,
    whole_file,
    write_documents,
    write_entries,
)
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.document import megabytes
from course_lib.workbook.tables import Table

INPUT = "input"


@dataclass(frozen=True, slots=True)
class Stage:
    """What was left after a step.

    name       the step's name in the pipeline; ``input`` for what came in
    documents  how many
    bytes      of UTF-8 text
    dropped    documents by reason code
    changed    documents by reason code; one document may have several
    """

    name: str
    documents: int
    bytes: int
    dropped: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """What is left (``documents``, can be read again and again), the ``log`` of all steps in order, the ``stages``."""

    documents: list[Document] | StoredDocuments
    log: RemovalLog
    stages: tuple[Stage, ...]

    def funnel(self) -> Table:
        """One row a stage: documents and text left, and their share of the input."""
        first = self.stages[0]
        rows = [
            (
                stage.name,
                f"{stage.documents:,}",
                f"{stage.documents / max(first.documents, 1):.1%}",
                megabytes(stage.bytes),
                f"{stage.bytes / max(first.bytes, 1):.1%}",
                f"{sum(stage.dropped.values()):,}",
                f"{sum(stage.changed.values()):,}",
            )
            for stage in self.stages
        ]
        return Table(
            rows, ("after", "documents", "share", "text", "share of text", "dropped", "changes")
        )


class _Counted:
    """Documents that are counted while they pass."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._documents = documents
        self.documents = self.bytes = 0

    def __iter__(self) -> Iterator[Document]:
        for document in self._documents:
            self.documents += 1
            self.bytes += len(document.text.encode("utf-8", "surrogatepass"))
            yield document

    def stage(self, name: str, log: RemovalLog) -> Stage:
        """The counts so far, with the reasons in the step's own log."""
        reasons = {
            action: dict(Counter(entry.reason for entry in log.entries if entry.action == action))
            for action in (DROPPED, CHANGED)
        }
        return Stage(name, self.documents, self.bytes, reasons[DROPPED], reasons[CHANGED])


def run_steps(
    documents: Iterable[Document],
    steps: Mapping[str, Step],
    *,
    folder: Path | str | None = None,
    log: RemovalLog | None = None,
) -> PipelineRun:
    """Run ``steps`` in their order on a corpus or any stream of documents.

    folder  where each step's result is kept (``01_name.jsonl``, ``01_name.log.jsonl``); steps that
            are finished there, for the same input and the same steps before them, are not run again
    log     a log of yours to which all entries are added at the end

    A step is recognised by its name, function, arguments and what it encloses. Functions that
    it calls are not looked into: after changing those, choose another folder.
    """
    run = (
        _in_memory(documents, steps) if folder is None else _on_disk(documents, steps, Path(folder))
    )
    if log is not None:
        log.entries.extend(run.log.entries)
    return run


def _in_memory(documents: Iterable[Document], steps: Mapping[str, Step]) -> PipelineRun:
    stream = _Counted(documents)
    passed = [(INPUT, stream, RemovalLog())]
    for name, step in steps.items():
        log = RemovalLog()
        stream = _Counted(step(iter(stream), log))
        passed.append((name, stream, log))
    left = list(stream)
    entries = [entry for _, _, log in passed for entry in log.entries]
    return PipelineRun(
        left, RemovalLog(entries), tuple(counted.stage(name, log) for name, counted, log in passed)
    )


def _on_disk(documents: Iterable[Document], steps: Mapping[str, Step], folder: Path) -> PipelineRun:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(
            f"The folder {folder} cannot be written to ({error.strerror}): choose another one."
        ) from None
    key, stage = _take_in(documents, folder)
    stages, entries = [stage], []
    left = StoredDocuments(folder / "00_input.jsonl", stage.documents)
    for number, (name, step) in enumerate(steps.items(), 1):
        stem = f"{number:02}_{''.join(c if c.isalnum() or c in '-.' else '_' for c in name)}"
        key = _digest(key, name, _identity(step))
        stage, log = _finished(folder, stem, key) or _do(step, left, folder, stem, key, name)
        left = StoredDocuments(folder / f"{stem}.jsonl", stage.documents)
        stages.append(stage)
        entries += log.entries
    return PipelineRun(left, RemovalLog(entries), tuple(stages))


def _take_in(documents: Iterable[Document], folder: Path) -> tuple[str, Stage]:
    """Write the input down, so that every step can read it; its digest is the first key."""
    digest = hashlib.blake2b(digest_size=16)

    def noted() -> Iterator[Document]:
        for document in documents:
            digest.update(json.dumps([document.id, document.text, document.meta]).encode("ascii"))
            yield document

    counted = _Counted(noted())
    write_documents(folder / "00_input.jsonl", counted)
    return digest.hexdigest(), counted.stage(INPUT, RemovalLog())


def _do(
    step: Step, documents: Iterable[Document], folder: Path, stem: str, key: str, name: str
) -> tuple[Stage, RemovalLog]:
    """Run one step; the file that says it is finished is written last."""
    mark = folder / f"{stem}.done.json"
    mark.unlink(missing_ok=True)
    log = RemovalLog()
    counted = _Counted(step(iter(documents), log))
    write_documents(folder / f"{stem}.jsonl", counted)
    write_entries(folder / f"{stem}.log.jsonl", log.entries)
    stage = counted.stage(name, log)
    with whole_file(mark) as file:
        json.dump(
            {"key": key, "name": name, "documents": stage.documents, "bytes": stage.bytes}, file
        )
    return stage, log


def _finished(folder: Path, stem: str, key: str) -> tuple[Stage, RemovalLog] | None:
    """The stage and log of a step that an earlier run finished; None if there is none for this key."""
    try:
        mark = json.loads((folder / f"{stem}.done.json").read_text(encoding="ascii"))
        if mark["key"] != key or not (folder / f"{stem}.jsonl").is_file():
            return None
        log = RemovalLog(read_entries(folder / f"{stem}.log.jsonl"))
    except (OSError, ValueError, KeyError):
        return None
    counted = _Counted(())
    counted.documents, counted.bytes = mark["documents"], mark["bytes"]
    return counted.stage(mark["name"], log), log


def _digest(*parts: str) -> str:
    return hashlib.blake2b(json.dumps(parts).encode("ascii"), digest_size=16).hexdigest()


def _identity(value: Any, depth: int = 0) -> str:
    """A description of a step that is the same in every process; of unknown objects one that never is."""
    if depth > 8:  # a function that encloses itself, say
        return repr(value)
    deeper = functools.partial(_identity, depth=depth + 1)
    if isinstance(value, functools.partial):
        return f"{deeper(value.func)}({deeper(value.args)}, {deeper(value.keywords)})"
    if isinstance(value, Mapping):
        return f"{{{[(deeper(name), deeper(own)) for name, own in value.items()]}}}"
    if isinstance(value, (tuple, list)):
        return f"{[deeper(own) for own in value]}"
    if isinstance(value, (set, frozenset)):
        return f"set{sorted(map(deeper, value))}"
    if isinstance(value, types.CodeType):
        return f"{value.co_code.hex()} {value.co_names} {deeper(value.co_consts)}"
    if isinstance(value, types.FunctionType):
        enclosed = [cell.cell_contents for cell in value.__closure__ or ()]
        parts = (value.__code__, value.__defaults__, value.__kwdefaults__, enclosed)
        return f"{value.__module__}.{value.__qualname__}{deeper(parts)}"
    return repr(value)
