"""FineWeb's own rules, found by comparing good and bad crawls: lists and pages without sentences go.

Penedo et al. 2024, "The FineWeb Datasets: Decanting the Web for the Finest Text Data at Scale",
section 3.6. The paper has three rules; datatrove's filter has a fourth, ends of lines a word. For characters in
duplicated lines the paper says at most 0.1 and datatrove's default is 0.01: an argument here.
"""

from collections.abc import Callable, Iterable, Iterator

from course_lib.cleaning.log import RemovalLog
from course_lib.cleaning.repetition import duplicates
from course_lib.cleaning.verdicts import Verdict, drop_failing
from course_lib.workbook.corpus import Document

ENDS = (".", "!", "?", "…", '"', "'", "”", "’", "»", "。", "！", "？", "؟", "۔", "।", "॥", "።")
SHORT_LINE = 30  # characters


def explain_fineweb(
    text: str, split: Callable[[str], list[str]], *, most_duplicated: float = 0.1
) -> list[Verdict]:
    """Every rule's verdict on ``text``. Lines that are blank do not count; an empty text fails the first rule."""
    lines = [line for line in text.split("\n") if line.strip()]
    per_line, per_character = max(len(lines), 1), max(len(text) - text.count("\n"), 1)
    return [
        Verdict("end-marks", sum(line.endswith(ENDS) for line in lines) / per_line, 0.12, 1),
        Verdict("short-lines", sum(len(line) <= SHORT_LINE for line in lines) / per_line, 0, 0.67),
        Verdict(
            "duplicate-line-characters", duplicates(lines)[1] / per_character, 0, most_duplicated
        ),
        Verdict("line-ends-per-word", text.count("\n") / max(len(split(text)), 1), 0, 0.3),
    ]


def drop_fineweb(
    documents: Iterable[Document],
    log: RemovalLog,
    *,
    split: Callable[[str], list[str]],
    most_duplicated: float = 0.1,
) -> Iterator[Document]:
    """The documents that pass every rule. Reason: the first that fails; evidence: its value, all ``failed``."""

    def explain(text: str) -> list[Verdict]:
        return explain_fineweb(text, split, most_duplicated=most_duplicated)

    return drop_failing(documents, log, "fineweb", explain)
