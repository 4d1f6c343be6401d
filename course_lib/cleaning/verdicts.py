"""A rule's verdict on a text, and the step that drops what fails: shared by the published filters."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from course_lib.cleaning.log import RemovalLog
from course_lib.workbook.corpus import Document


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule on one text: its reason code, the measured value, the allowed range (both ends allowed)."""

    reason: str
    value: float
    low: float
    high: float

    @property
    def passed(self) -> bool:
        return self.low <= self.value <= self.high


def drop_failing(
    documents: Iterable[Document],
    log: RemovalLog,
    step: str,
    explain: Callable[[str], list[Verdict]],
) -> Iterator[Document]:
    """The documents that pass every rule of ``explain``.

    Reason: the first rule that fails; evidence: its value, and all ``failed`` rules.
    """
    for document in documents:
        failed = [verdict for verdict in explain(document.text) if not verdict.passed]
        if failed:
            names = ", ".join(verdict.reason for verdict in failed)
            log.drop(document, step, failed[0].reason, value=float(failed[0].value), failed=names)
        else:
            yield document
