"""Precision and recall by kind, where the truth is known.

For the damage in ``songbook-messy`` and for the ``labelled_set`` of personal data.
"""

import json
import random
import string
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from course_lib.cleaning.lyrics import STRAIGHT, Cleaner, apply_changes
from course_lib.cleaning.personal import KINDS, Span, find_personal, passes_luhn
from course_lib.errors import CourseError
from course_lib.places import REPOSITORY
from course_lib.workbook.corpus import Document


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect that was planted; ``load_corpus("songbook-messy").manifest["defects"]`` has them.

    kind   one of ``lyrics.KINDS``, or ``copy``: the whole page a second time, damaged differently
    line   number of the line in the messy text, from 0; a ``lost label`` is missing before it
    clean  what should stand there: None when the line should go, and for ``copy``
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


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, and the true places in it as (kind, start, end)."""

    text: str
    places: tuple[tuple[str, int, int], ...]


def labelled_set(seed: int = 0, rounds: int = 8) -> list[Labelled]:
    """``rounds`` texts with each way to write each kind once, and as many texts of look-alikes.

    All is invented; ``assets/evaluation/personal_data.json`` has the templates. Some are harder
    than the patterns are good: the set is not there to flatter them.
    """
    path = REPOSITORY / "assets" / "evaluation" / "personal_data.json"
    templates, rng, texts = json.loads(path.read_text(encoding="utf-8")), random.Random(seed), []
    for _ in range(rounds):
        values = _draw_values(rng, templates["choices"])
        lines = [(kind, own) for kind, several in templates["true"].items() for own in several]
        rng.shuffle(lines)
        text, places = "", []
        for kind, template in lines:
            before, after = rng.choice(templates["sentences"][kind]).split("{}")
            value = template.format_map(values)
            places.append((kind, len(text) + len(before), len(text) + len(before + value)))
            text += f"{before}{value}{after}\n"
        texts.append(Labelled(text, tuple(places)))
        alike = [line.format_map(values) for line in templates["look-alikes"]]
        texts.append(Labelled("\n".join(alike) + "\n", ()))
    return texts


def _draw_values(rng: random.Random, choices: dict[str, list[str]]) -> dict[str, object]:
    def draw(letters: str, count: int) -> str:
        return "".join(rng.choices(letters, k=count))

    def card(first: str, length: int, mark: str) -> str:
        """An invented number with a right check digit."""
        stem = first + draw(string.digits, length - 2)
        digits = next(stem + last for last in string.digits if passes_luhn(stem + last))
        return mark.join(digits[place : place + 4] for place in range(0, length, 4))

    line, upper, lower = rng.randrange(100, 960), string.ascii_uppercase, string.ascii_lowercase
    values = {name: rng.choice(several) for name, several in choices.items()}
    return values | {
        "Forename": values["forename"].title(),
        "code": f"{draw(upper, 2)}{rng.randrange(1, 10)} {rng.randrange(1, 10)}{draw('ABDEFG', 2)}",
        "line": line,
        "more": line + 40,
        "year": rng.randrange(1990, 2030),
        "digit": rng.randrange(1, 10),
        "two": rng.randrange(10, 100),
        "five": rng.randrange(10_000, 100_000),
        "house": rng.randrange(1, 200),
        "visa": card("4", 16, " "),
        "mastercard": card("5", 16, "-"),
        "amex": card("3", 15, ""),
        "order": card("4", 16, ""),  # the check digit fits, and it is no card
        "key16": draw(upper + string.digits, 16),
        "key36": draw(string.ascii_letters + string.digits, 36),
        "password": f"{draw(lower, 6)}-{draw(lower, 7)}",  # two plain words
        "hex40": draw("0123456789abcdef", 40),
        "hex32": draw("0123456789abcdef", 32),
    }


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
