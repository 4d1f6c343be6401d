"""The structure of lyrics: a title, and sections with their labels.

    The Likeliest Word            title
                                  (blank)
    [Verse 1]                     label of a section
    Doreen in Fleetwood types …   its lines

Labels are understood in the forms in which people write them ("[Chorus]", "Chorus:", "(CHORUS x2)",
"[Verse 2: Both]") and are written back as "[Chorus]", "[Verse 2]".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

KINDS = (
    "pre-chorus",
    "post-chorus",
    "chorus",
    "verse",
    "bridge",
    "intro",
    "outro",
    "refrain",
    "hook",
    "interlude",
    "solo",
    "coda",
    "break",
    "instrumental",
)
_NAMES = "|".join(kind.replace("-", "[- ]?") for kind in KINDS)
_INNER = rf"({_NAMES})(?: *#?(\d{{1,2}}|[ivx]{{1,4}}\b))?(?: *[x×] *\d{{1,2}}| *\(?repeat\)?)?"
_BRACKETED = re.compile(
    rf"[\[({{<] *{_INNER}(?: *[:\-–] *[^\])}}>]*)? *[\])}}>] *:?", re.IGNORECASE
)
_BARE = re.compile(_INNER + " *:?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a song.

    kind     one of ``KINDS``; "" for lines that stand under no label
    number   2 in "[Verse 2]"; None where there is none
    lines    the lines that are sung, without blank lines at both ends
    """

    kind: str
    number: int | None
    lines: tuple[str, ...]

    @property
    def label(self) -> str:
        """The label as it is written: "[Pre-Chorus]", "[Verse 2]"; "" without a kind."""
        return label_text(self.kind, self.number) if self.kind else ""


@dataclass(frozen=True, slots=True)
class Song:
    """A title ("" where none is known) and the sections in their order."""

    title: str
    sections: tuple[Section, ...] = field(default_factory=tuple)

    def text(self) -> str:
        """Title, blank line, sections with a blank line between them, a newline at the end."""
        blocks = ["\n".join(filter(None, (s.label, *s.lines))) for s in self.sections]
        return "\n\n".join(filter(None, (self.title, *blocks))) + "\n"

    def of_kind(self, kind: str) -> tuple[Section, ...]:
        """The sections of one kind, such as ``chorus``."""
        return tuple(section for section in self.sections if section.kind == kind)

    def form(self) -> str:
        """The song in letters, for a look at many: "V C V C B C"; ``?`` for a part without a label."""
        return " ".join(section.kind[:1].upper() or "?" for section in self.sections)


def label_text(kind: str, number: int | None = None) -> str:
    """ "[Verse 2]" for ("verse", 2)."""
    name = "-".join(part.capitalize() for part in kind.split("-"))
    return f"[{name}]" if number is None else f"[{name} {number}]"


def read_label(line: str) -> tuple[str, int | None] | None:
    """(kind, number) if the line is nothing but a section's label, else None.

    A bare word needs a colon, a number or capitals: "Bridge" alone may be sung.

    >>> read_label("[Verse 2: Both]"), read_label("Chorus:"), read_label("Over the bridge")
    (('verse', 2), ('chorus', None), None)
    """
    bare = line.strip()
    if len(bare) > 60:
        return None
    match = _BRACKETED.fullmatch(bare)
    if not match:
        match = _BARE.fullmatch(bare)
        if not match or not (match[2] or bare.endswith(":") or bare.isupper()):
            return None
    kind = re.sub(r"[- ]", "", match[1].lower())
    return next(name for name in KINDS if name.replace("-", "") == kind), _number(match[2])


def _number(text: str | None) -> int | None:
    if text is None or text.isdigit():
        return int(text) if text else None
    values = {"i": 1, "v": 5, "x": 10}
    digits = [values[letter] for letter in text.lower()]
    return sum(-d if d < max(digits[i:]) else d for i, d in enumerate(digits))


def blocks_of(lines: Sequence[str]) -> list[tuple[int, int]]:
    """(first, one after the last) for each run of lines that are not blank; a label begins a new one."""
    blocks: list[tuple[int, int]] = []
    start = None
    for row, line in enumerate([*lines, ""]):
        ends = not line.strip() or read_label(line) is not None
        if start is not None and ends:
            blocks.append((start, row))
            start = None
        if line.strip() and start is None:
            start = row
    return blocks


def parse_song(text: str) -> Song:
    """A song from its text. Never fails: what has no label becomes a section without a kind.

    A first block of one line, with no label, is the title.
    """
    lines = text.split("\n")
    blocks = blocks_of(lines)
    title, sections = "", []
    for place, (start, end) in enumerate(blocks):
        found = read_label(lines[start])
        body = tuple(line.rstrip() for line in lines[start + (found is not None) : end])
        if place == 0 and found is None and len(body) == 1:
            title = body[0].strip()
        else:
            sections.append(Section(*(found or ("", None)), body))
    return Song(title, tuple(sections))
