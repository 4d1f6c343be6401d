"""Cleaning steps in a row, with a removal log and counts after each.

A *step* takes an iterator of documents and gives an iterator of documents. It reports to a
``RemovalLog`` what it drops or changes, so that nothing disappears without a trace.

    run = run_steps(corpus, {"repair": repair_encoding, "exact copies": drop_exact})
    run.stages      what was left after each step, and why the rest went
    run.documents   what is left in the end
    run.log         every drop and change
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.document import megabytes
from course_lib.workbook.tables import Table

DROPPED, CHANGED, KEPT = "dropped", "changed", "kept"
Evidence = str | int | float


@dataclass(frozen=True, slots=True)
class Removal:
    """One entry: the document's ``id``, the step, ``dropped``, ``changed`` or ``kept``, a reason code, the evidence."""

    id: str
    step: str
    action: str
    reason: str
    evidence: dict[str, Evidence] = field(default_factory=dict)


@dataclass(slots=True)
class RemovalLog:
    """Entries in the order in which the steps reported them."""

    entries: list[Removal] = field(default_factory=list)

    def drop(self, document: Document, step: str, reason: str, **evidence: Evidence) -> None:
        """Record that ``step`` drops ``document``."""
        self.entries.append(Removal(document.id, step, DROPPED, reason, evidence))

    def change(self, document: Document, step: str, reason: str, **evidence: Evidence) -> None:
        """Record that ``step`` changes ``document``."""
        self.entries.append(Removal(document.id, step, CHANGED, reason, evidence))

    def keep(self, document: Document, step: str, reason: str, **evidence: Evidence) -> None:
        """Record that ``step`` leaves ``document`` as it is although it could not judge it."""
        self.entries.append(Removal(document.id, step, KEPT, reason, evidence))

    def sample(self, n: int, reason: str | None = None, seed: int = 0) -> list[Removal]:
        """At most ``n`` random entries, with this ``reason`` if one is given, in the log's order."""
        entries = [entry for entry in self.entries if reason is None or entry.reason == reason]
        rows = random.Random(seed).sample(range(len(entries)), min(n, len(entries)))
        return [entries[row] for row in sorted(rows)]

    def counts(self) -> dict[tuple[str, str, str], int]:
        """Entries by (step, action, reason)."""
        return dict(Counter((entry.step, entry.action, entry.reason) for entry in self.entries))


Step = Callable[[Iterable[Document], RemovalLog], Iterator[Document]]


@dataclass(frozen=True, slots=True)
class Stage:
    """What was left after a step.

    name           the step's name in the pipeline; ``input`` for what came in
    num_documents  how many
    num_bytes      of UTF-8 text
    dropped        documents by reason code
    changed        documents by reason code; one document may have several
    """

    name: str
    num_documents: int
    num_bytes: int
    dropped: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """What is left (``documents``), the ``log`` of all steps in order, the ``stages``."""

    documents: list[Document]
    log: RemovalLog
    stages: tuple[Stage, ...]

    def funnel(self) -> Table:
        """One row a stage: documents and text left, and their share of the input."""
        first = self.stages[0]
        rows = [
            (
                stage.name,
                f"{stage.num_documents:,}",
                f"{stage.num_documents / max(first.num_documents, 1):.1%}",
                megabytes(stage.num_bytes),
                f"{stage.num_bytes / max(first.num_bytes, 1):.1%}",
                f"{sum(stage.dropped.values()):,}",
                f"{sum(stage.changed.values()):,}",
            )
            for stage in self.stages
        ]
        header = ("after", "documents", "share", "text", "share of text", "dropped", "changes")
        return Table(rows, header)


class _Counted:
    """The documents that a step gives, counted while they pass, and the step's own log."""

    def __init__(self, name: str, documents: Iterable[Document], log: RemovalLog) -> None:
        self.name, self.documents, self.log = name, documents, log
        self.num_documents = self.num_bytes = 0

    def __iter__(self) -> Iterator[Document]:
        for document in self.documents:
            self.num_documents += 1
            self.num_bytes += len(document.text.encode("utf-8", "surrogatepass"))
            yield document

    def stage(self) -> Stage:
        reasons = {DROPPED: Counter(), CHANGED: Counter(), KEPT: Counter()}
        for entry in self.log.entries:
            reasons[entry.action][entry.reason] += 1
        dropped, changed = dict(reasons[DROPPED]), dict(reasons[CHANGED])
        return Stage(self.name, self.num_documents, self.num_bytes, dropped, changed)


def run_steps(documents: Iterable[Document], steps: Mapping[str, Step]) -> PipelineRun:
    """Run named ``steps`` in their order on a corpus or any stream of documents.

    The documents stream through all steps; only those that are left are kept in memory.
    """
    streams = [_Counted("input", documents, RemovalLog())]
    for name, step in steps.items():
        log = RemovalLog()
        streams.append(_Counted(name, step(iter(streams[-1]), log), log))
    left = list(streams[-1])
    entries = [entry for stream in streams for entry in stream.log.entries]
    return PipelineRun(left, RemovalLog(entries), tuple(stream.stage() for stream in streams))
