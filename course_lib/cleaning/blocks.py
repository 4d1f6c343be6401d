"""The course's steps as blocks of datatrove, which runs them on several processes or machines.

datatrove (github.com/huggingface/datatrove) cuts the input into tasks, one file or more for each,
runs every task through the same blocks, and remembers which tasks are done: after a crash only the
others run again. A step that looks at one document at a time fits any number of tasks. A step that
compares documents must see all of them: give it one task, behind the others. When that
task no longer fits into one machine's memory, datatrove's own MinHash blocks take over: they do the same
in four passes over files.

``assets/cleaning/on_many_machines.py`` is a worked example. datatrove is an optional extra.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from course_lib.cleaning.log import RemovalLog, Step
from course_lib.cleaning.store import StoredDocuments, read_entries, write_documents, write_entries
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document

try:
    from datatrove.data import Document as TroveDocument
    from datatrove.pipeline.base import PipelineStep
except ImportError:
    raise CourseError(
        "datatrove, which runs cleaning steps on many machines, is not installed: "
        "`pip install chatgpt-from-scratch[cluster]` or `pip install datatrove` brings it."
    ) from None


class StepBlock(PipelineStep):
    """One step of the course as a datatrove block.

    name    of the step; also of the folder with its log
    step    a function or a ``functools.partial`` of one, from documents and a log to documents
    folder  where each task writes its log: ``folder/name/00000.jsonl``; a task that runs again replaces its own
    """

    type = "🧹 - STEP"

    def __init__(self, name: str, step: Step, folder: Path | str) -> None:
        self.name = name
        super().__init__()
        self.step = step
        self.folder = str(folder)

    def run(
        self, data: Iterable[TroveDocument], rank: int = 0, world_size: int = 1
    ) -> Iterator[TroveDocument]:
        """Documents in, documents out; the log is written when the last one has passed."""
        log = RemovalLog()
        for document in self.step(map(from_trove, data), log):
            self.stat_update("forwarded")
            yield to_trove(document)
        for (_, action, reason), count in log.counts().items():
            self.stat_update(f"{action}_{reason}", value=count)
        path = Path(self.folder) / self.name / f"{rank:05d}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_entries(path, log.entries)


class ReadBlock(PipelineStep):
    """Documents from the ``.jsonl`` files of a folder, as ``store.write_documents`` writes them.

    Task r of n reads the files r, r + n, … in the order of their names. datatrove's own readers
    leave out empty documents and stop at lone surrogates; these must reach the steps, to be dropped with a reason.
    """

    name, type = "JSON Lines of the course", "📖 - READER"

    def __init__(self, folder: Path | str) -> None:
        super().__init__()
        self.folder = str(folder)

    def run(
        self, data: Iterable[TroveDocument] = (), rank: int = 0, world_size: int = 1
    ) -> Iterator[TroveDocument]:
        yield from data or ()
        for path in sorted(Path(self.folder).glob("*.jsonl"))[rank::world_size]:
            self.stat_update("input_files")
            yield from map(to_trove, StoredDocuments(path, 0))


class WriteBlock(PipelineStep):
    """Writes the documents of task r to ``folder/0000r.jsonl``, a whole file or none, and passes them on."""

    name, type = "JSON Lines of the course", "💽 - WRITER"

    def __init__(self, folder: Path | str) -> None:
        super().__init__()
        self.folder = str(folder)

    def run(
        self, data: Iterable[TroveDocument], rank: int = 0, world_size: int = 1
    ) -> Iterator[TroveDocument]:
        path = Path(self.folder) / f"{rank:05d}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_documents(path, map(from_trove, data))
        yield from map(to_trove, StoredDocuments(path, 0))


def from_trove(document: TroveDocument) -> Document:
    """datatrove's document as the course's: ``metadata`` becomes ``meta``."""
    return Document(document.id, document.text, document.metadata)


def to_trove(document: Document) -> TroveDocument:
    """The course's document as datatrove's."""
    return TroveDocument(text=document.text, id=document.id, metadata=dict(document.meta))


def read_logs(folder: Path | str, names: Iterable[str]) -> RemovalLog:
    """The logs of all tasks as one: step by step in the order of ``names``, and within a step task by task."""
    files = [path for name in names for path in sorted((Path(folder) / name).glob("*.jsonl"))]
    if not files:
        raise CourseError(f"There are no logs of these steps in {folder}: has the run finished?")
    return RemovalLog([entry for path in files for entry in read_entries(path)])
