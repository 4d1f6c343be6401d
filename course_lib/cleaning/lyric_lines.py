"""Repairs of single lines of lyrics: markup, damaged characters, chords, blanks.

Each is a function from a line to a line; a line that it need not touch comes back as it is.
"""

import html
import re

import ftfy

LONGEST = 2_000  # characters; a longer line is no line of a song and is left alone

_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,300}>|<!--.{0,300}?-->")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_QUALITY = r"(?:maj|min|m|M|dim|aug|sus|add|ø|°|\+)?(?:2|4|5|6|7|9|11|13)?(?:(?:sus|add|maj|b|#|no)\d{1,2})*"
_CHORD = re.compile(rf"[A-G](?:#|b|♯|♭)?{_QUALITY}(?:/[A-G](?:#|b)?)?")
_BRACKETED = re.compile(rf"\[{_CHORD.pattern}\]|\({_CHORD.pattern}\)(?=\S)")
_FILLING = re.compile(r"\||\|\||%|-+|/+|\.+|:|\(?[x×]\d\)?|N\.?C\.?", re.IGNORECASE)
_PLAIN = frozenset("ABCDEFG") | {"Am"}  # these chords are words or letters, too
_RUN = re.compile(r"(?<=\S)[ \t\xa0\u2000-\u200a]{2,}(?=\S)|(?<=\S)\t(?=\S)")


def is_chord(word: str) -> bool:
    """True for a chord's symbol: "Am", "F#m7", "Bb/D".

    >>> [is_chord(word) for word in ("Am", "F#m7", "Bb/D", "Go", "H")]
    [True, True, True, False, False]
    """
    return _CHORD.fullmatch(word) is not None


def is_chord_line(line: str) -> bool:
    """True if a line holds chords and nothing that is sung.

    Letters may be spelled in a song ("A B C"), so that plain letters count only if they are set
    wide apart, as chords above a line are, or if an unmistakable chord ("F#m", "G7") is among them.
    """
    if len(line) > LONGEST:
        return False
    apart = line.replace("[", " ").replace("]", " ").strip()
    words = apart.split()
    chords = [word for word in words if not _FILLING.fullmatch(word)]
    if not chords or not all(map(is_chord, chords)):
        return False
    sure = any(word not in _PLAIN for word in chords)
    wide = re.search(r"\S(?:\s{2,}|\t|\s*\|\s*)\S", apart) is not None
    return sure or (wide and len(chords) > 1)


def without_chords(line: str) -> str:
    """Without chords in brackets: "[Am]Hello [F]there" → "Hello there"."""
    return _BRACKETED.sub("", line)


def without_tags(line: str) -> str:
    """Without HTML tags. A "<" that opens no tag stays."""
    return _TAG.sub("", line)


def without_entities(line: str) -> str:
    """HTML entities as the characters that they stand for; a protected blank becomes a blank."""
    return (
        _ENTITY.sub(lambda found: html.unescape(found[0]), line).replace("\xa0", " ")
        if "&" in line
        else line
    )


def without_mojibake(line: str) -> str:
    """UTF-8 that was read as something else, mended by ftfy (Speer 2019); curly quotes become straight."""
    return line if line.isascii() else ftfy.fix_text(line, unescape_html=False)


def without_runs(line: str) -> str:
    """One blank where there were several, none at the end. An indented line stays indented."""
    return _RUN.sub(" ", line).rstrip()


REPAIRS = {
    "tag": without_tags,
    "entity": without_entities,
    "mojibake": without_mojibake,
    "inline chord": without_chords,
    "blanks": without_runs,
}
"""In this order: text that stands escaped in a page ("&lt;i&gt;") is text and no tag."""


def mend(line: str, kinds: frozenset[str]) -> tuple[str, str]:
    """(the line with all repairs of ``kinds`` made, the first kind that changed something or "")."""
    first = ""
    if len(line) <= LONGEST:
        for kind, repair in REPAIRS.items():
            if kind in kinds and (better := repair(line)) != line:
                line, first = better, first or kind
    return line, first
