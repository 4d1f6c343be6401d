"""Precision and recall by kind, where the truth is known.

For both truths of this course: the damage in ``songbook-messy``, and the labelled texts of
``personal_truth``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from course_lib.cleaning.lyrics import STRAIGHT, Cleaner, apply_changes
from course_lib.cleaning.personal import KINDS, Span, find_personal
from course_lib.cleaning.personal_truth import Labelled
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect that was planted; ``load_corpus("songbook-messy").manifest["defects"]`` has them.

    kind   one of ``lyrics.KINDS``, or ``copy``: the whole page a second time, damaged differently
    line   number of the line in the messy text, from 0; for ``lost label`` the line before
           which the label is missing; 0 for ``copy``
    clean  what should stand there: None when the line should go, and for ``copy`` too
    """

    document: str
    kind: str
    line: int
    clean: str | None


@dataclass(slots=True)
class Score:
    """What happened to one kind: of ``expected`` ones ``found``, of ``reported`` ones ``right``."""

    kind: str
    expected: int = 0
    found: int = 0
    reported: int = 0
    right: int = 0
    wrong: list[Any] = field(default_factory=list)
    missed: list[Any] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Found of expected; nan if there was nothing to find."""
        return self.found / self.expected if self.expected else float("nan")

    @property
    def precision(self) -> float:
        """Right of reported; nan if nothing was reported."""
        return self.right / self.reported if self.reported else float("nan")


def measure_cleaner(
    cleaner: Cleaner, pages: Iterable[Document], defects: Iterable[Defect]
) -> dict[str, Score]:
    """Scores by kind of a cleaner on the pages of ``songbook-messy``.

    A defect is found, and a change right, when the line is afterwards what it was before the damage
    (curly quotation marks count as straight ones). ``wrong`` has (id, change, what should be there:
    None for no line). A cleaner of single pages finds no ``copy``.

    Raises ``CourseError`` if the cleaner's list of changes does not make its text.
    """
    scores: dict[str, Score] = {}
    truth: dict[str, dict[tuple[int, bool], Defect]] = {}
    for defect in defects:
        scores.setdefault(defect.kind, Score(defect.kind)).expected += 1
        if defect.kind != "copy":
            place = defect.line, defect.kind == "lost label"
            truth.setdefault(defect.document, {})[place] = defect
    for page in pages:
        text, changes = cleaner(page.text)
        if apply_changes(page.text, changes) != text:
            raise CourseError(
                f"The cleaner's changes do not make its text for {page.id}: list every change."
            )
        lines = page.text.rstrip("\n").split("\n")
        for change in changes:
            place = change.line, change.kind == "lost label"
            defect = truth.get(page.id, {}).get(place)
            should = defect.clean if defect else None if place[1] else lines[change.line]
            score = scores.setdefault(change.kind, Score(change.kind))
            score.reported += 1
            if defect and _same(change.after, should):
                score.right += 1
                scores[defect.kind].found += 1
            else:
                score.wrong.append((page.id, change, should))
    return scores


def _same(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.translate(STRAIGHT) == other.translate(STRAIGHT)


def measure_finder(
    labelled: Sequence[Labelled], find: Callable[[str], Sequence[Span]] = find_personal
) -> dict[str, Score]:
    """Scores of ``find`` by kind of personal data; ``wrong`` and ``missed`` have pieces of text.

    A place counts when kind, start and end all agree.
    """
    scores = {kind: Score(kind) for kind in KINDS}
    for one in labelled:
        true = set(one.places)
        reported = {(place.kind, place.start, place.end) for place in find(one.text)}
        for kind, start, end in sorted(true | reported, key=lambda place: place[1]):
            place, score = (kind, start, end), scores[kind]
            both = place in true and place in reported
            score.expected += place in true
            score.reported += place in reported
            score.found += both
            score.right += both
            if not both:
                (score.missed if place in true else score.wrong).append(one.text[start:end])
    return scores
