"""Recognising text in the encodings from before UTF-8, by whether the result is plausible.

Bytes of an old encoding can be decoded with many others too; only the result tells whether it
was the right one. So every candidate is tried. It stands when the result is in a language that
people wrote in that encoding and its letters are letters of that language, and of those that
stand the one wins whose text is most clearly in its language. When two are close, or the text
is too short, the answer is None: reported is better than mangled. (charset-normalizer, which
looks at how often letters follow each other, reads French as Central European.)
"""

import codecs
import re
import unicodedata
from statistics import median

from course_lib.workbook.corpus.alphabets import ENCODINGS, LATIN, LETTERS

SAMPLE = 1 << 13  # bytes looked at
BEFORE = 600  # of them, how many at most before the first byte beyond ASCII
SHORTEST = 24  # bytes; fewer tell nothing
FIT = 0.98  # share of the letters beyond a-z that must belong to the language
CLEARLY = 1.02  # how much better than the next one the best must be
TEXT_CONTROLS = "\t\n\r\f\b\x0b\x1a\x1b"
# What a wrong encoding leaves: a sign within a word (Gr¼sse; apostrophes and dashes may stand
# there) and a capital after a small letter or between two letters (mangÇ, KÑufer).
SIGN_IN_WORD = re.compile(
    r"(?<=[^\W\d_])[^\x00-\x7f\w\u00a0\u00ab\u00ad\u00b4\u00b7\u00bb\u2010-\u2026](?=[^\W\d_])"
)
# What a text in Latin letters may have beyond ASCII beside letters.
SIGNS = set(
    "\u00ad¿¡·´¨¶†‡‰‚‹›\u2018\u2019\u201c\u201d\u201e\u2013\u2014\u2026\u2022\u20ac\u2122\u00a0£©®°§«»·½¼¾×±µ²³"
)
WORD = re.compile(r"[^\W\d_]{2,}")


def older_encoding(data: bytes) -> str | None:
    """The encoding of ``data``, which is not UTF-8, or None when that is not certain."""
    sample = _sample(data)
    if len(sample) < SHORTEST:
        return None
    found: dict[str, tuple[float, str]] = {}
    for encoding in ENCODINGS:
        text = _decode(sample, encoding)
        if text and text not in found and (clarity := plausibility(text, encoding)):
            found[text] = (clarity, encoding)
    best, second, *_ = [*sorted(found.values(), reverse=True), (0.0, ""), (0.0, "")]
    return best[1] if best[0] > CLEARLY * second[0] else None


def _sample(data: bytes) -> bytes:
    """Some kilobytes around the first byte beyond ASCII, from the beginning of a line."""
    first = next((place for place, byte in enumerate(data) if byte > 127), 0)
    start = data.rfind(b"\n", max(0, first - BEFORE), first) + 1
    if not start and first > BEFORE:
        start = first
    return data[start : start + SAMPLE]


def _decode(sample: bytes, encoding: str) -> str:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return ""


def plausibility(text: str, encoding: str) -> float:
    """How clearly ``text`` is in a language that was written in ``encoding``; 0 if it is not."""
    if is_foul(text):
        return 0.0
    beyond = [letter for letter in text if letter > "\x7f" and letter.isalpha()]
    if sum(letter.isupper() for letter in beyond) > max(2, 0.6 * len(beyond)):
        return 0.0
    if not beyond and encoding != "cp1252":
        return 0.0
    language, clarity = _language(text)
    if language not in ENCODINGS[encoding]:
        return 0.0
    allowed = re.compile(f"[{LETTERS[language]}]")
    right = sum(1 for letter in beyond if allowed.match(letter.lower()))
    wrong = len(beyond) - right + _oddities(text, encoding in LATIN)
    return clarity if wrong <= (1 - FIT) * len(beyond) else 0.0


def is_foul(text: str) -> bool:
    """Whether it has characters that no text has: controls, unassigned and private ones."""
    kinds = ((letter, unicodedata.category(letter)) for letter in set(text))
    return any(
        kind in ("Cn", "Co", "Cs") or (kind == "Cc" and letter not in TEXT_CONTROLS)
        for letter, kind in kinds
    )


def _oddities(text: str, latin: bool) -> int:
    """How many signs and capitals stand where a word of a real text has none."""
    count = 0
    if latin:
        strange = (
            letter not in SIGNS for letter in text if letter > "\x7f" and not letter.isalpha()
        )
        count = len(SIGN_IN_WORD.findall(text)) + sum(strange)
    for word in WORD.findall(text):
        if word.isascii() or word.isupper() or word.islower() or word.istitle():
            continue
        count += sum(1 for letter in word[1:] if letter > "\x7f" and letter.isupper())
    return count


def _language(text: str) -> tuple[str, float]:
    """The likeliest of the languages that we have letters for, and how clearly it stands out."""
    import py3langid

    part = text[:1500]
    ranking = py3langid.rank(part)
    language, score = next(pair for pair in ranking if pair[0] in LETTERS)
    usual = median(other for _, other in ranking)
    return language, float(score - usual) / len(part.encode("utf-8"))
