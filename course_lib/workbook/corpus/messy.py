"""A messy twin of the songbook, in the state in which lyrics are scraped, with the truth kept.

Every change is made by a seeded generator and recorded as a ``Defect``, so that a cleaner's
precision and recall can be computed for each kind, and ``restore`` gives the clean text back.
A line carries one defect at most.
"""

import html
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from course_lib.workbook.corpus.document import Document

CHORDS = ("C", "G", "Am", "F", "Dm", "Em", "D", "A7", "Bm", "E", "Gmaj7", "Cadd9", "F#m", "Bb")
HEADERS = (
    "SongBarn.example >> Lyrics >> {title}",
    "{title} lyrics (official) | TuneAttic",
    "Home > Songs > {initial} > {title}",
    "{views} Contributors    {title} Lyrics",
)
ADVERTS = (
    "*** Get this song as your ring tone! Click here ***",
    "Advertisement - scroll down to continue reading",
    "See live shows near you. Tickets from 29.99",
    "You might also like",
    "Sign up free to remove ads",
)
FOOTERS = (
    "{views}Embed",
    "Submitted by {user}@lyrics.example on {day}/{month}/2019",
    "Last corrected by {user}. Report a problem",
    "(c) lyrics are property of their owners, page visited {views} times",
)
KINDS = {
    "header": "a line of the web site above the song",
    "advert": "an advertisement between the lines",
    "footer": "a line of the web site below the song",
    "chord line": "guitar chords on a line of their own",
    "inline chord": "guitar chords inside a line",
    "repeated chorus": "a section pasted twice in a row",
    "mojibake": "UTF-8 read as Windows-1252",
    "entity": "HTML entities left in the text",
    "tag": "HTML tags left in the text",
    "blanks": "runs of blanks and trailing blanks",
    "lost label": "a section label that was dropped",
    "copy": "the whole page a second time, with small differences",
}


@dataclass(frozen=True, slots=True)
class Defect:
    """One planted defect.

    line   number of the line in the messy text, from 0; for ``lost label`` the line before
           which the label is missing; 0 for ``copy``
    found  the line as it stands in the messy text; "" when nothing stands there
    clean  what should stand there: None when the line should go, and for ``copy`` too
    """

    document: str
    kind: str
    line: int
    found: str
    clean: str | None


@dataclass(slots=True)
class _Line:
    """A line on its way: ``clean`` is None for a line that was put in, ``text`` for one taken out."""

    text: str | None
    clean: str | None
    kind: str = ""


def mess_up(document: Document, rng: random.Random) -> tuple[Document, list[Defect]]:
    """A messy version of one song, and what was done to it."""
    lines = [_Line(text, text) for text in document.text.rstrip("\n").split("\n")]
    for change, chance in (
        (_repeat_chorus, 0.3),
        (_lose_labels, 0.25),
        (_mojibake, 0.35),
        (_entities, 0.3),
        (_tags, 0.3),
        (_inline_chords, 0.25),
        (_blanks, 0.5),
        (_chord_lines, 0.35),
        (_adverts, 0.5),
        (_headers, 0.7),
        (_footers, 0.7),
    ):
        if rng.random() < chance:
            change(lines, rng, document)
    defects, shown = [], []
    for line in lines:
        if line.kind:
            defects.append(Defect(document.id, line.kind, len(shown), line.text or "", line.clean))
        if line.text is not None:
            shown.append(line.text)
    return Document(document.id, "\n".join(shown) + "\n", dict(document.meta)), defects


def make_messy(songs: Sequence[Document], seed: int = 0) -> tuple[list[Document], list[Defect]]:
    """Messy versions of all songs, about a tenth of them twice, in a shuffled order."""
    rng = random.Random(seed)
    messy: list[Document] = []
    defects: list[Defect] = []
    for song in songs:
        page, found = mess_up(song, rng)
        messy.append(page)
        defects += found
        if rng.random() < 0.12:
            identity = f"{song.id}-copy"
            again, found = mess_up(Document(identity, song.text, dict(song.meta)), rng)
            messy.append(Document(identity, again.text, {**song.meta, "copy_of": song.id}))
            defects += [Defect(identity, "copy", 0, "", None), *found]
    rng.shuffle(messy)
    return messy, defects


def restore(document: Document, defects: Sequence[Defect]) -> str:
    """The clean text, from the messy one and the truth: the proof that the truth is whole."""
    lines: list[str | None] = list(document.text.rstrip("\n").split("\n"))
    before: dict[int, list[str]] = {}
    for defect in defects:
        if defect.document != document.id or defect.kind == "copy":
            continue
        if defect.kind == "lost label":
            before.setdefault(defect.line, []).append(defect.clean or "")
        else:
            lines[defect.line] = defect.clean
    restored: list[str] = []
    for number, line in enumerate(lines):
        restored += before.get(number, [])
        if line is not None:
            restored.append(line)
    return "\n".join(restored) + "\n"


def _lyric_rows(lines: list[_Line]) -> list[int]:
    """Untouched lines that are sung: neither blank, nor a label, nor the title."""
    return [
        row
        for row, line in enumerate(lines)
        if row and not line.kind and line.text and not line.text.startswith("[")
    ]


def _rewrite(
    lines: list[_Line], rng: random.Random, kind: str, share: float, edit: Callable[[str], str]
) -> None:
    """Edit a share of the lyric lines; lines that the edit leaves as they are stay unmarked."""
    for row in _lyric_rows(lines):
        if rng.random() < share:
            text = edit(lines[row].text or "")
            if text != lines[row].text:
                lines[row] = _Line(text, lines[row].clean, kind)


def _insert(lines: list[_Line], row: int, text: str, kind: str) -> None:
    lines.insert(row, _Line(text, None, kind))


def _repeat_chorus(lines: list[_Line], rng: random.Random, document: Document) -> None:
    starts = [
        row for row, line in enumerate(lines) if line.text and line.text.startswith("[Chorus")
    ]
    if starts:
        begin = rng.choice(starts)
        end = begin
        while end < len(lines) and lines[end].text != "":
            end += 1
        block = [line.text or "" for line in lines[begin:end]]
        lines[end:end] = [_Line(text, None, "repeated chorus") for text in ["", *block]]


def _lose_labels(lines: list[_Line], rng: random.Random, document: Document) -> None:
    for row, line in enumerate(lines):
        if not line.kind and line.text and line.text.startswith("[") and rng.random() < 0.5:
            lines[row] = _Line(None, line.clean, "lost label")


def _mojibake(lines: list[_Line], rng: random.Random, document: Document) -> None:
    def edit(text: str) -> str:
        curly = text.replace("'", "\u2019").replace(" - ", " \u2013 ")
        if curly.count('"') == 2:
            curly = curly.replace('"', "\u201c", 1).replace('"', "\u2026", 1)
        if curly == text and text.isascii():
            return text
        return curly.encode("utf-8").decode("cp1252", "replace").replace("\ufffd", "\u00a0")

    _rewrite(lines, rng, "mojibake", 0.6, edit)


def _entities(lines: list[_Line], rng: random.Random, document: Document) -> None:
    def edit(text: str) -> str:
        return html.escape(text).replace(", ", ",&nbsp;", 1)

    _rewrite(lines, rng, "entity", 0.4, edit)


def _tags(lines: list[_Line], rng: random.Random, document: Document) -> None:
    marks = ("{}<br>", "<i>{}</i>", "<p>{}</p>", '<span class="line">{}</span>')
    _rewrite(lines, rng, "tag", 0.3, lambda text: rng.choice(marks).format(text))


def _inline_chords(lines: list[_Line], rng: random.Random, document: Document) -> None:
    def edit(text: str) -> str:
        words = text.split(" ")
        for place in sorted({0, len(words) // 2}, reverse=True):
            words[place] = f"[{rng.choice(CHORDS)}]{words[place]}"
        return " ".join(words)

    _rewrite(lines, rng, "inline chord", 0.4, edit)


def _blanks(lines: list[_Line], rng: random.Random, document: Document) -> None:
    _rewrite(lines, rng, "blanks", 0.15, lambda text: text.replace(" ", "   ", 2) + "  \t")


def _chord_lines(lines: list[_Line], rng: random.Random, document: Document) -> None:
    for row in reversed(_lyric_rows(lines)):
        if rng.random() < 0.5:
            chords = [rng.choice(CHORDS) for _ in range(rng.randint(2, 4))]
            _insert(lines, row, "      ".join(chords), "chord line")


def _adverts(lines: list[_Line], rng: random.Random, document: Document) -> None:
    for row in sorted(
        rng.sample(_lyric_rows(lines), k=min(2, len(_lyric_rows(lines)))), reverse=True
    ):
        _insert(lines, row, rng.choice(ADVERTS), "advert")


def _filled(pattern: str, rng: random.Random, document: Document) -> str:
    title = str(document.meta["title"])
    return pattern.format(
        title=title,
        initial=title[:1].upper(),
        views=rng.randint(2, 9000),
        day=rng.randint(1, 28),
        month=rng.randint(1, 12),
        user=rng.choice(("dan77", "lyricfan", "moss_and_co", "ada.b")),
    )


def _headers(lines: list[_Line], rng: random.Random, document: Document) -> None:
    for pattern in rng.sample(HEADERS, k=rng.randint(1, 2)):
        _insert(lines, 0, _filled(pattern, rng, document), "header")


def _footers(lines: list[_Line], rng: random.Random, document: Document) -> None:
    for pattern in rng.sample(FOOTERS, k=rng.randint(1, 2)):
        _insert(lines, len(lines), _filled(pattern, rng, document), "footer")
