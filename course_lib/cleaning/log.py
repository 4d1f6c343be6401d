"""The removal log: every drop and every change, with a reason code and evidence.

A *step* takes an iterator of documents and gives an iterator of documents. It reports to a
``RemovalLog`` what it drops or changes, so that nothing disappears without a trace.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from course_lib.workbook.corpus import Document

DROPPED, CHANGED, KEPT = "dropped", "changed", "kept"


@dataclass(frozen=True, slots=True)
class Removal:
    """One entry: the document's ``id``, the step, ``dropped``, ``changed`` or ``kept``, a reason code, the evidence."""

    id: str
    step: str
    action: str
    reason: str
    evidence: dict[str, str | int | float] = field(default_factory=dict)


@dataclass(slots=True)
class RemovalLog:
    """Entries in the order in which the steps reported them."""

    entries: list[Removal] = field(default_factory=list)

    def drop(
        self, document: Document, step: str, reason: str, **evidence: str | int | float
    ) -> None:
        """Record that ``step`` drops ``document``."""
        self.entries.append(Removal(document.id, step, DROPPED, reason, evidence))

    def change(
        self, document: Document, step: str, reason: str, **evidence: str | int | float
    ) -> None:
        """Record that ``step`` changes ``document``."""
        self.entries.append(Removal(document.id, step, CHANGED, reason, evidence))

    def keep(
        self, document: Document, step: str, reason: str, **evidence: str | int | float
    ) -> None:
        """Record that ``step`` leaves ``document`` as it is although it could not judge it."""
        self.entries.append(Removal(document.id, step, KEPT, reason, evidence))

    def sample(self, n: int, reason: str | None = None, seed: int = 0) -> list[Removal]:
        """At most ``n`` entries chosen by chance, with this ``reason`` if one is given, in the log's order."""
        own = [entry for entry in self.entries if reason is None or entry.reason == reason]
        chosen = random.Random(seed).sample(range(len(own)), min(n, len(own)))
        return [own[place] for place in sorted(chosen)]

    def counts(self) -> dict[tuple[str, str, str], int]:
        """Entries by (step, action, reason)."""
        return dict(Counter((entry.step, entry.action, entry.reason) for entry in self.entries))


Step = Callable[[Iterable[Document], RemovalLog], Iterator[Document]]
