"""Labels that were lost, guessed from the shape of the song.

What songs have in common: a chorus comes back with words that it had before; verses are
numbered in order; what comes once, after the second chorus, is most often the bridge.
"""

import re
from collections.abc import Sequence

from course_lib.cleaning.song_structure import Section

RETURNING = ("chorus", "refrain", "pre-chorus", "post-chorus", "hook")
ALIKE = 0.1  # share of word triples from which two sections count as the same one, sung again


MOST = (
    200  # sections; a text with more is no song, and comparing each with each would take for ever
)


def bare(line: str) -> str:
    """A line for comparison: letters and digits only, lower case."""
    return re.sub(r"\W+", " ", line.lower()).strip()


def likeness(one: Sequence[str], other: Sequence[str]) -> float:
    """The share of the shorter section's word triples, within lines, that the other one has, too."""
    first, second = _triples(one), _triples(other)
    return len(first & second) / max(1, min(len(first), len(second)))


def _triples(lines: Sequence[str]) -> set[tuple[str, str, str]]:
    found: set[tuple[str, str, str]] = set()
    for line in lines:
        words = bare(line).split()
        found.update(zip(words, words[1:], words[2:], strict=False))
    return found


def guess_labels(sections: Sequence[Section]) -> list[tuple[str, int | None]]:
    """(kind, number) for every section: the label that it has, or a guess.

    A song without any label is left as it is, and so is a text of more than ``MOST`` sections.
    """
    labels = [(section.kind, section.number) for section in sections]
    if len(labels) > MOST or not any(kind for kind, _ in labels):
        return labels
    for place, section in enumerate(sections):
        if not section.kind:
            labels[place] = _returning(place, sections) or _by_place(place, labels)
    return labels


def _returning(place: int, sections: Sequence[Section]) -> tuple[str, int | None] | None:
    """The label of a part that comes back: from its labelled twin, or "chorus" if no twin has one."""
    own = sections[place]
    others = [
        other
        for row, other in enumerate(sections)
        if row != place and other.kind in ("", *RETURNING)
    ]
    twins = [
        (alike, other) for other in others if (alike := likeness(own.lines, other.lines)) >= ALIKE
    ]
    if not twins:
        return None
    best = max(twins, key=lambda twin: (bool(twin[1].kind), twin[0]))[1]
    return (best.kind, best.number) if best.kind else ("chorus", None)


def _by_place(place: int, labels: Sequence[tuple[str, int | None]]) -> tuple[str, int | None]:
    """Verse, chorus or bridge by what stands before and after."""
    before, after = labels[:place], labels[place + 1 :]
    numbers = [number or 0 for kind, number in before if kind == "verse"]
    verse = ("verse", max(numbers, default=0) + 1)
    later = [number for kind, number in after if kind == "verse" and number]
    choruses = sum(kind in RETURNING for kind, _ in before)
    bridge_known = any(kind == "bridge" for kind, _ in labels)
    if later and later[0] > verse[1]:
        return verse
    if later and later[0] == verse[1]:  # the numbers leave no room for a verse here
        return ("bridge", None) if before and before[-1][0] in RETURNING else ("chorus", None)
    return ("bridge", None) if choruses >= 2 and not bridge_known else verse
