"""A cleaner measured where the truth is known: precision and recall by kind of defect.

Recall: of the defects of a kind, how many does the cleaned text cure, so that the line is exactly
as it was before? Precision: of the changes that the cleaner made for a kind, how many were right?
The truth is that of ``make_messy``; any cleaner that lists its changes can be measured.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import zip_longest

from course_lib.cleaning.lyrics import Change, Cleaner, apply_changes
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document
from course_lib.cleaning.messy import Defect


@dataclass(slots=True)
class Score:
    """What happened to one kind.

    planted  defects of this kind
    cured    of these, those that are gone and have left the right line (or no line) behind
    made     changes that the cleaner made and called by this kind
    right    of these, those after which the line is as it should be
    """

    kind: str
    planted: int = 0
    cured: int = 0
    made: int = 0
    right: int = 0

    @property
    def recall(self) -> float | None:
        """Cured of planted; None if none was planted."""
        return self.cured / self.planted if self.planted else None

    @property
    def precision(self) -> float | None:
        """Right of made; None if none was made."""
        return self.right / self.made if self.made else None


@dataclass(slots=True)
class Report:
    """Scores by kind, and the changes that were wrong: (id of the document, change, what should be there).

    What should be there is the line of the truth; None where the line should be gone, or, for a
    label, where there should be none.
    """

    scores: dict[str, Score] = field(default_factory=dict)
    wrong: list[tuple[str, Change, str | None]] = field(default_factory=list)

    def score(self, kind: str) -> Score:
        """The score of a kind, made when it is missing."""
        return self.scores.setdefault(kind, Score(kind))

    def total(self) -> Score:
        """All kinds together."""
        own = self.scores.values()
        sums = (
            sum(getattr(score, name) for score in own)
            for name in ("planted", "cured", "made", "right")
        )
        return Score("all", *sums)


def measure(
    cleaner: Cleaner,
    pages: Iterable[Document],
    defects: Iterable[Defect],
    *,
    dropped: Collection[str] = (),
) -> Report:
    """Run a cleaner over the pages and compare with the truth, line by line.

    dropped   ids that a step before removed as copies; their lines are not judged. A ``copy``
              counts as cured if exactly one of the two pages is left.

    Raises ``CourseError`` if the cleaner's list of changes does not make its text.
    """
    report, truth = Report(), _by_place(defects)
    pages = list(pages)
    for page in pages:
        if page.id in dropped:
            continue
        text, changes = cleaner(page.text)
        if apply_changes(page.text, changes) != text:
            raise CourseError(
                f"The cleaner's changes do not make its text for {page.id}: list every change."
            )
        _judge(report, page, changes, truth.get(page.id, {}))
    for page in pages:
        original = page.meta.get("copy_of")
        if original is not None:
            score = report.score("copy")
            score.planted += 1
            score.cured += (page.id in dropped) != (original in dropped)
    if dropped:
        score = report.score("copy")
        score.made, score.right = len(dropped), score.cured
    return report


def _by_place(defects: Iterable[Defect]) -> dict[str, dict[tuple[int, bool], Defect]]:
    """Defects by document and by (line, whether it is a label that is missing there)."""
    truth: dict[str, dict[tuple[int, bool], Defect]] = {}
    for defect in defects:
        if defect.kind != "copy":
            truth.setdefault(defect.document, {})[defect.line, defect.kind == "lost label"] = defect
    return truth


def _judge(report: Report, page: Document, changes: Sequence[Change], truth: Mapping) -> None:
    """Count one page."""
    lines = page.text.rstrip("\n").split("\n")
    made = {(change.line, change.kind == "lost label"): change for change in changes}
    for place, change in made.items():
        defect = truth.get(place)
        should = defect.clean if defect else (None if place[1] else lines[place[0]])
        right = defect is not None and change.after == should
        score = report.score(change.kind)
        score.made += 1
        score.right += right
        if not right:
            report.wrong.append((page.id, change, should))
    for place, defect in truth.items():
        score = report.score(defect.kind)
        score.planted += 1
        score.cured += place in made and made[place].after == defect.clean


def changes_between(before: str, after: str, kind: str = "change") -> list[Change]:
    """The changes that some cleaner made which gives a text only: lines that differ, found by comparison.

    Lines that were put in cannot be told from others here: a text with more lines than before raises ``CourseError``.
    """
    old, new = before.rstrip("\n").split("\n"), after.rstrip("\n").split("\n")
    changes = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        if d - c > b - a:
            raise CourseError("This cleaner puts lines in: it must list its changes itself.")
        pairs = zip_longest(range(a, b), new[c:d])
        changes += [Change(kind, row, old[row], line) for row, line in pairs]
    return changes
