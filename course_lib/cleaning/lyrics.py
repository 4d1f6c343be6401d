"""A cleaner for lyrics as they are scraped: the page goes, verse and chorus stay.

It is made of rules about lyrics and web pages in general; see ``lyric_lines`` for repairs of
single lines, ``site_lines`` for lines that are not sung, ``song_labels`` for labels that were lost.
Every change is recorded by line, and the record alone makes the clean text (``apply_changes``).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from course_lib.cleaning.steps import RemovalLog
from course_lib.cleaning.lyric_lines import REPAIRS, is_chord_line, mend
from course_lib.cleaning.site_lines import is_site_line, masked, shared_lines, title_row
from course_lib.cleaning.song_labels import bare, guess_labels
from course_lib.cleaning.song_structure import (
    Section,
    blocks_of,
    label_text,
    parse_song,
    read_label,
)
from course_lib.workbook.corpus import Document

KINDS = (
    "header",
    "advert",
    "footer",
    "chord line",
    *REPAIRS,
    "repeated chorus",
    "lost label",
    "blank line",
)
ALL = frozenset(KINDS)
Cleaner = Callable[[str], tuple[str, list["Change"]]]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a page.

    kind    one of ``KINDS``
    line    number of the line in the page, from 0; for ``lost label`` the line before which it is put
    before  the line as it was; "" for ``lost label``
    after   the line as it is now; None when it was removed
    """

    kind: str
    line: int
    before: str
    after: str | None


def apply_changes(text: str, changes: Iterable[Change]) -> str:
    """The page with the changes made; a newline at its end."""
    lines: list[str | None] = list(text.rstrip("\n").split("\n"))
    labels: dict[int, str] = {}
    for change in changes:
        if change.kind == "lost label":
            labels[change.line] = change.after or ""
        else:
            lines[change.line] = change.after
    result: list[str] = []
    for row, line in enumerate(lines):
        if row in labels:
            result.append(labels[row])
        if line is not None:
            result.append(line)
    return "\n".join(result) + "\n"


def clean_lyrics(
    text: str,
    *,
    kinds: Iterable[str] = ALL,
    shared: frozenset[str] = frozenset(),
    wording: bool = True,
) -> tuple[str, list[Change]]:
    """(the song without the page around it, the changes in the order of the lines).

    kinds    which kinds of change are made; default: all
    shared   patterns of lines that many pages have (``shared_lines``), as further evidence
    wording  whether the words of a line count as evidence that it is the site's
    """
    wanted = frozenset(kinds)
    lines = text.rstrip("\n").split("\n")
    changes: dict[int, Change] = {}
    for row, line in enumerate(lines):
        if "chord line" in wanted and is_chord_line(line):
            changes[row] = Change("chord line", row, line, None)
        else:
            better, kind = mend(line, wanted)
            if kind:
                changes[row] = Change(kind, row, line, better)
    for row, kind in _site_rows(_now(lines, changes), shared, wording).items():
        if kind in wanted:
            changes[row] = Change(kind, row, lines[row], None)
    if "repeated chorus" in wanted:
        for row in _pasted_rows(_now(lines, changes)):
            changes[row] = Change("repeated chorus", row, lines[row], None)
    if "blank line" in wanted:
        for row in _spare_blanks(_now(lines, changes)):
            changes[row] = Change("blank line", row, lines[row], None)
    labels = _lost_labels(_now(lines, changes)) if "lost label" in wanted else []
    ordered = sorted(
        [*labels, *changes.values()], key=lambda change: (change.line, change.kind != "lost label")
    )
    return apply_changes(text, ordered), ordered


def _now(lines: Sequence[str], changes: dict[int, Change]) -> list[tuple[int, str]]:
    """(row, line) for all lines that are still there."""
    now = ((row, changes[row].after if row in changes else line) for row, line in enumerate(lines))
    return [(row, line) for row, line in now if line is not None]


def _site_rows(now: list[tuple[int, str]], shared: frozenset[str], wording: bool) -> dict[int, str]:
    """Rows that belong to the web site, with their kind by where they stand."""
    lines = [line for _, line in now]
    title = title_row(lines)
    name = lines[title].strip() if title is not None else ""

    def foreign(place: int, at_edge: bool) -> bool:
        line = lines[place]
        return bool(line.strip()) and (
            masked(line, name) in shared or (wording and is_site_line(line, at_edge))
        )

    found: dict[int, str] = {}
    first = title or 0
    for place in range(first):
        if foreign(place, True) or (len(name) > 2 and name.lower() in lines[place].lower()):
            found[now[place][0]] = "header"
    last = len(lines) - 1
    while last > first and (foreign(last, True) or not lines[last].strip()):
        if lines[last].strip():
            found[now[last][0]] = "footer"
        last -= 1
    for place in range(first + 1 if title is not None else 0, last + 1):
        if not read_label(lines[place]) and foreign(place, False):
            found[now[place][0]] = "advert"
    return found


def _pasted_rows(now: list[tuple[int, str]]) -> list[int]:
    """Rows of a section that repeats the one just before it word for word, and of the blank lines between."""
    lines = [line for _, line in now]
    rows: list[int] = []
    previous: tuple[int, list[str]] | None = None
    for start, end in blocks_of(lines):
        labelled = read_label(lines[start]) is not None
        sung = [bare(line) for line in lines[start + labelled : end]]
        if previous and len(sung) > 1 and sung == previous[1]:
            rows += [row for row, _ in now[previous[0] : end]]
        previous = (end, sung)
    return rows


def _spare_blanks(now: list[tuple[int, str]]) -> list[int]:
    """Blank lines that follow a blank line, or stand above everything."""
    return [
        row
        for place, (row, line) in enumerate(now)
        if not line.strip() and (not place or not now[place - 1][1].strip())
    ]


def _lost_labels(now: list[tuple[int, str]]) -> list[Change]:
    """Labels to be put before sections that have none."""
    lines = [line for _, line in now]
    song = parse_song("\n".join(lines))
    blocks = blocks_of(lines)[1 if song.title else 0 :]
    sections: tuple[Section, ...] = song.sections
    guesses = guess_labels(sections)
    return [
        Change("lost label", now[start - 1][0] + 1 if start else now[0][0], "", label_text(*guess))
        for (start, _), section, guess in zip(blocks, sections, guesses, strict=True)
        if guess[0] and not section.kind
    ]


def clean_songs(
    documents: Iterable[Document],
    log: RemovalLog,
    *,
    kinds: Iterable[str] = ALL,
    compare: bool = True,
) -> Iterator[Document]:
    """The documents as songs. With ``compare`` it loads all, to find the lines that pages share.

    Reason: the kind, as in ``chord-line``; evidence: how many ``lines``, and the ``first`` of them.
    A document of which no word is left is dropped with ``nothing-sung``.
    """
    if compare:
        documents = list(documents)
        shared = shared_lines(document.text for document in documents)
    else:
        shared = frozenset()
    for document in documents:
        text, changes = clean_lyrics(document.text, kinds=kinds, shared=shared)
        if not text.strip():
            log.drop(document, "lyrics", "nothing-sung")
            continue
        for kind, lines in Counter(change.kind for change in changes).items():
            first = next(
                change.before or change.after or "" for change in changes if change.kind == kind
            )
            log.change(document, "lyrics", kind.replace(" ", "-"), lines=lines, first=first[:100])
        yield replace(document, text=text) if changes else document
