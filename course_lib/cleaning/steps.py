"""Cleaning steps in a row, with a removal log and counts after each.

A *step* takes an iterator of documents and gives an iterator of documents. It reports to a
``RemovalLog`` what it drops or changes, so that nothing disappears without a trace.

    run = run_steps(corpus, {"repair": repair_encoding, "exact copies": drop_exact})
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partialmethod

from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.document import megabytes
from course_lib.workbook.display import Table

DROPPED, CHANGED, KEPT = "dropped", "changed", "kept"
Evidence = str | int | float


@dataclass(frozen=True, slots=True)
class Removal:
    """One entry; ``id`` is the document's, ``action`` dropped, changed or kept."""

    id: str
    step: str
    action: str
    reason: str
    evidence: dict[str, Evidence] = field(default_factory=dict)


@dataclass(slots=True)
class RemovalLog:
    """Entries in the order in which the steps reported them."""

    entries: list[Removal] = field(default_factory=list)

    def _note(
        self, action: str, document: Document, step: str, reason: str, **evidence: Evidence
    ) -> None:
        self.entries.append(Removal(document.id, step, action, reason, evidence))

    drop = partialmethod(_note, DROPPED)
    """``drop(document, step, reason, **evidence)``: record that the step drops the document."""
    change = partialmethod(_note, CHANGED)
    keep = partialmethod(_note, KEPT)
    """For a document that the step leaves as it is although it could not judge it."""

    def sample(self, n: int, reason: str | None = None, seed: int = 0) -> list[Removal]:
        """At most ``n`` random entries, of this ``reason`` if one is given, in the log's order."""
        entries = [entry for entry in self.entries if reason is None or entry.reason == reason]
        rows = random.Random(seed).sample(range(len(entries)), min(n, len(entries)))
        return [entries[row] for row in sorted(rows)]


Step = Callable[[Iterable[Document], RemovalLog], Iterator[Document]]


@dataclass(frozen=True, slots=True)
class Stage:
    """What was left after a step (``input``: what came in).

    num_bytes         of UTF-8 text
    dropped, changed  documents by reason code; one document may be changed for several
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
        first, rows = self.stages[0], []
        for stage in self.stages:
            documents, size = stage.num_documents, stage.num_bytes
            share = f"{documents / max(first.num_documents, 1):.1%}"
            share_of_text = f"{size / max(first.num_bytes, 1):.1%}"
            gone = (f"{sum(own.values()):,}" for own in (stage.dropped, stage.changed))
            rows.append(
                (stage.name, f"{documents:,}", share, megabytes(size), share_of_text, *gone)
            )
        header = ("after", "documents", "share", "text", "share of text", "dropped", "changes")
        return Table(rows, header)


def run_steps(documents: Iterable[Document], steps: Mapping[str, Step]) -> PipelineRun:
    """Stream documents through named ``steps``; only those that are left are kept in memory."""
    logs = [RemovalLog() for _ in range(len(steps) + 1)]
    counts = [Counter() for _ in logs]

    def counted(stream: Iterable[Document], count: Counter) -> Iterator[Document]:
        for document in stream:
            count["documents"] += 1
            count["bytes"] += len(document.text.encode("utf-8", "surrogatepass"))
            yield document

    stream = counted(documents, counts[0])
    for step, log, count in zip(steps.values(), logs[1:], counts[1:], strict=True):
        stream = counted(step(stream, log), count)
    left = list(stream)
    stages = []
    for name, count, log in zip(("input", *steps), counts, logs, strict=True):
        dropped, changed = (
            dict(Counter(entry.reason for entry in log.entries if entry.action == action))
            for action in (DROPPED, CHANGED)
        )
        stages.append(Stage(name, count["documents"], count["bytes"], dropped, changed))
    return PipelineRun(left, RemovalLog([e for log in logs for e in log.entries]), tuple(stages))
