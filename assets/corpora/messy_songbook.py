"""A messy twin of the songbook, in the state in which lyrics are scraped, with the truth kept.

    python assets/corpora/messy_songbook.py

writes ``songbook-messy.jsonl`` anew: ``make_messy`` with seed 0. Every change is made by a seeded
generator and recorded as a ``Defect``, so that a cleaner's precision and recall can be computed for
each kind, and the clean text can be had back. A line carries one defect at most.
"""

import html
import json
import random
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from course_lib.cleaning.truth import Defect
from course_lib.workbook.corpus import Document, builtin
from course_lib.workbook.settings import atomic_write

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
TAGS = ("{}<br>", "<i>{}</i>", "<p>{}</p>", '<span class="line">{}</span>')


@dataclass(slots=True)
class _Line:
    """A line on its way: ``clean`` is None if it was put in, ``text`` if it was taken out."""

    text: str | None
    clean: str | None
    kind: str = ""


def make_messy(songs: Sequence[Document], seed: int = 0) -> tuple[list[Document], list[Defect]]:
    """Messy versions of all songs, about a tenth of them twice, in a shuffled order."""
    rng = random.Random(seed)
    messy: list[Document] = []
    defects: list[Defect] = []
    for song in songs:
        page, planted = _mess_up(song, rng)
        messy.append(page)
        defects += planted
        if rng.random() < 0.12:
            twin = Document(f"{song.id}-copy", song.text, {**song.meta, "copy_of": song.id})
            page, planted = _mess_up(twin, rng)
            messy.append(page)
            defects += [Defect(twin.id, "copy", 0, None), *planted]
    rng.shuffle(messy)
    return messy, defects


def _mess_up(song: Document, rng: random.Random) -> tuple[Document, list[Defect]]:
    lines = [_Line(text, text) for text in song.text.rstrip("\n").split("\n")]
    for kind, (prob, fraction, damage) in DAMAGE.items():
        if rng.random() >= prob:
            continue
        if fraction is None:
            damage(lines, rng, song)
            continue
        for row in _sung(lines):
            if rng.random() < fraction:
                text = damage(lines[row].text or "", rng, song)
                if text != lines[row].text:
                    lines[row] = _Line(text, lines[row].clean, kind)
    defects, shown = [], []
    for line in lines:
        if line.kind:
            defects.append(Defect(song.id, line.kind, len(shown), line.clean))
        if line.text is not None:
            shown.append(line.text)
    return Document(song.id, "\n".join(shown) + "\n", dict(song.meta)), defects


def _sung(lines: list[_Line]) -> list[int]:
    """Rows of untouched lines that are sung: neither blank, nor a label, nor the title."""
    rows = enumerate(lines)
    return [r for r, x in rows if r and not x.kind and x.text and not x.text.startswith("[")]


def _mojibake(text: str, rng: random.Random, song: Document) -> str:
    """UTF-8 with typographic quotation marks, read as Windows-1252.

    That code has no character for some bytes, such as the last one of ”. For half of the songs the
    reader kept the byte, as browsers do; for the others it put � there, and the mark is lost.
    """
    curly = text.replace("'", "’")
    if curly.count('"') == 2:
        curly = curly.replace('"', "“", 1).replace('"', "”")
    lost = random.Random(song.id).random() < 0.5
    read = curly.encode("utf-8").decode("cp1252", "surrogateescape")
    return re.sub("[\udc80-\udcff]", lambda b: "\ufffd" if lost else chr(ord(b[0]) - 0xDC00), read)


def _inline_chords(text: str, rng: random.Random, song: Document) -> str:
    words = text.split(" ")
    for place in sorted({0, len(words) // 2}, reverse=True):
        words[place] = f"[{rng.choice(CHORDS)}]{words[place]}"
    return " ".join(words)


def _repeat_chorus(lines: list[_Line], rng: random.Random, song: Document) -> None:
    starts = [r for r, line in enumerate(lines) if line.text and line.text.startswith("[Chorus")]
    if starts:
        begin = end = rng.choice(starts)
        while end < len(lines) and lines[end].text != "":
            end += 1
        block = [line.text or "" for line in lines[begin:end]]
        lines[end:end] = [_Line(text, None, "repeated chorus") for text in ["", *block]]


def _lose_labels(lines: list[_Line], rng: random.Random, song: Document) -> None:
    for row, line in enumerate(lines):
        if not line.kind and line.text and line.text.startswith("[") and rng.random() < 0.5:
            lines[row] = _Line(None, line.clean, "lost label")


def _chord_lines(lines: list[_Line], rng: random.Random, song: Document) -> None:
    for row in reversed(_sung(lines)):
        if rng.random() < 0.5:
            chords = [rng.choice(CHORDS) for _ in range(rng.randint(2, 4))]
            lines.insert(row, _Line("      ".join(chords), None, "chord line"))


def _adverts(lines: list[_Line], rng: random.Random, song: Document) -> None:
    rows = _sung(lines)
    for row in sorted(rng.sample(rows, k=min(2, len(rows))), reverse=True):
        lines.insert(row, _Line(rng.choice(ADVERTS), None, "advert"))


def _headers(lines: list[_Line], rng: random.Random, song: Document) -> None:
    for pattern in rng.sample(HEADERS, k=rng.randint(1, 2)):
        lines.insert(0, _Line(_filled(pattern, rng, song), None, "header"))


def _footers(lines: list[_Line], rng: random.Random, song: Document) -> None:
    for pattern in rng.sample(FOOTERS, k=rng.randint(1, 2)):
        lines.append(_Line(_filled(pattern, rng, song), None, "footer"))


def _filled(pattern: str, rng: random.Random, song: Document) -> str:
    title = str(song.meta["title"])
    return pattern.format(
        title=title,
        initial=title[:1].upper(),
        views=rng.randint(2, 9000),
        day=rng.randint(1, 28),
        month=rng.randint(1, 12),
        user=rng.choice(("dan77", "lyricfan", "moss_and_co", "ada.b")),
    )


DAMAGE = {
    "repeated chorus": (0.3, None, _repeat_chorus),
    "lost label": (0.25, None, _lose_labels),
    "mojibake": (0.35, 0.6, _mojibake),
    "entity": (0.3, 0.4, lambda text, *_: html.escape(text).replace(", ", ",&nbsp;", 1)),
    "tag": (0.3, 0.3, lambda text, rng, _: rng.choice(TAGS).format(text)),
    "inline chord": (0.25, 0.4, _inline_chords),
    "blanks": (0.5, 0.15, lambda text, *_: text.replace(" ", "   ", 2) + "  \t"),
    "chord line": (0.35, None, _chord_lines),
    "advert": (0.5, None, _adverts),
    "header": (0.7, None, _headers),
    "footer": (0.7, None, _footers),
}
"""In this order: kind → (probability for a song, part of its sung lines that is edited, how).

Where the part is None, lines are put in or taken out.
"""


def as_jsonl() -> str:
    """The built-in corpus as JSON Lines: ``id``, ``text``, ``meta``, and the page's ``defects``."""
    pages, defects = make_messy(builtin.songbook())
    truth: dict[str, list] = {page.id: [] for page in pages}
    for defect in map(asdict, defects):
        truth[defect.pop("document")].append(defect)
    rows = [asdict(page) | {"defects": truth[page.id]} for page in pages]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    with atomic_write(builtin.FOLDER / "songbook-messy.jsonl") as path:
        path.write_text(as_jsonl(), encoding="utf-8", newline="\n")
