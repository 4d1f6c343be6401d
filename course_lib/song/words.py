"""What a song is made of: syllables, stress, rhyme, and the facts of a whole song.

English is read by rule: which letters are vowels, which e is silent, how an ending sounds. A short
table of the commonest exceptions lies in ``assets/song/english.toml``. The rule errs, and notebook
10 counts how often. Letters of other alphabets give a syllable for each group of vowels, or one
for the word.
"""

import re
import statistics
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import regex

from course_lib.cleaning.lyrics import RETURNING, Song
from course_lib.places import REPOSITORY
from course_lib.workbook.corpus.words import split_words

_TABLE = tomllib.loads((REPOSITORY / "assets/song/english.toml").read_text("utf-8"))
_PIECES = {entry.replace("-", "").lower(): entry.split("-") for entry in _TABLE["pieces"].split()}
_WEAK = frozenset(_TABLE["weak"].split())
_RESPELLED = dict(pair.split("=") for pair in _TABLE["respelled"].split())
_SOUNDS = [(regex.compile(pattern), sound) for pattern, sound in _TABLE["sounds"]]

_NUCLEUS, _MUTE, _ONSET, _STRESSED, _ONE_BEFORE, _TWO_BEFORE, _BEGINNING = (
    regex.compile(pattern.replace("\n", "")) for pattern in _TABLE["patterns"].values()
)


@dataclass(frozen=True, slots=True)
class Syllable:
    """A piece of a written line; ``starts_word`` is True for the first piece of each word."""

    text: str
    stressed: bool
    starts_word: bool


def _plain(word: str) -> str:
    """Lower case, without accents, as many characters as before but for й and é."""
    letters = (c if c in "йЙéÉ" else unicodedata.normalize("NFD", c)[0] for c in word)
    return "".join(letter.lower()[0] for letter in letters).replace("’", "'")


def _nuclei(plain: str) -> list[re.Match[str]]:
    """The vowels that are spoken, from left to right."""
    spoken = _MUTE.sub("'", plain)
    return list(_NUCLEUS.finditer(spoken)) or list(_NUCLEUS.finditer(plain))[:1]


def syllables(word: str) -> list[str]:
    """The written pieces of a word, one for each syllable; a number gives one for each digit.

    >>> syllables("sentence"), syllables("rhymed"), syllables("42")
    (['sen', 'tence'], ['rhymed'], ['4', '2'])
    """
    plain = _plain(word)
    if plain in _PIECES and len(word) == len(plain):
        lengths = [len(piece) for piece in _PIECES[plain]]
        cuts = [sum(lengths[:n]) for n in range(1, len(lengths))]
    elif plain.isdigit():
        cuts = list(range(1, len(word)))
    else:
        cuts = []
        for left, right in pairwise(_nuclei(plain)):
            between = plain[left.end() : right.start()]
            onset = _ONSET.search(between)
            cuts.append(right.start() - (len(onset[0]) if onset else 0))
    return [word[a:b] for a, b in pairwise([0, *cuts, len(word)])]


def stressed_place(word: str, pieces: Sequence[str]) -> int:
    """Which of a word's pieces is stressed, from 0."""
    plain = _plain(word)
    if plain in _PIECES:
        return next(n for n, piece in enumerate(_PIECES[plain]) if piece.isupper())
    if _STRESSED.search(plain):
        return len(pieces) - 1
    back = 3 if _TWO_BEFORE.search(plain) else 2 if _ONE_BEFORE.search(plain) else 0
    if back:
        return max(0, len(pieces) - back)
    return int(len(pieces) > 1 and bool(_BEGINNING.match(plain)))


def _words(line: str) -> list[str]:
    return [word for word in split_words(line) if any(map(str.isalnum, word))]


def line_syllables(line: str) -> list[Syllable]:
    """The syllables of a written line; short words such as "the" are not stressed."""
    found = []
    for word in _words(line):
        pieces, weak = syllables(word), _plain(word) in _WEAK
        place = -1 if weak else stressed_place(word, pieces)
        found += [Syllable(piece, n == place, n == 0) for n, piece in enumerate(pieces)]
    return found


@lru_cache(maxsize=20_000)
def rhyme_sounds(line: str) -> frozenset[str]:
    """How the last word of a line sounds from its stressed vowel to its end.

    Two sounds for a word such as "melody", which singers also rhyme by its last syllable alone.
    Empty without a word.
    """
    if not (spoken := _words(line)):
        return frozenset()
    plain = re.sub("'s$|'", "", _plain(spoken[-1]))
    plain = _RESPELLED.get(plain, plain)
    pieces, nuclei = syllables(plain), _nuclei(plain)
    place = min(stressed_place(plain, pieces), len(pieces) - 1)
    places = {place, len(pieces) - 1} if len(pieces) - place > 2 else {place}
    vowels = {n: nuclei[n].start() if n < len(nuclei) else 0 for n in places}
    return frozenset(_sound("_" * (n > place) + plain[start:]) for n, start in vowels.items())


def _sound(rest: str) -> str:
    for pattern, sound in _SOUNDS:
        rest = pattern.sub(sound, rest)
    return rest


def rhymes(first: str, second: str) -> bool:
    """Whether two lines (or words) end in the same sound, but not in the same word."""
    ends = [[_plain(word) for word in _words(line)[-1:]] for line in (first, second)]
    return ends[0] != ends[1] and bool(rhyme_sounds(first) & rhyme_sounds(second))


def rhyming(lines: Sequence[str]) -> list[bool]:
    """For each line of a section: does it rhyme with one that is at most two lines away?"""
    return [
        any(rhymes(line, lines[m]) for m in range(n - 2, n + 3) if m != n and 0 <= m < len(lines))
        for n, line in enumerate(lines)
    ]


class Facts(NamedTuple):
    """What can be counted in a song."""

    form: str  # as "V C V C B C"
    in_order: bool  # every part has a label, and a chorus comes behind a verse
    returns: bool  # a chorus comes back with the same first line
    rhyme: float  # the share of lines that rhyme inside their section
    syllables: float  # of a line, on average


def facts(song: Song) -> Facts:
    """The facts of a parsed song; of one without lines all numbers are 0."""
    kinds = [section.kind for section in song.sections]
    behind = kinds[kinds.index("verse") :] if "verse" in kinds else []
    heads = [s.lines[0] for s in song.sections if s.kind in RETURNING and s.lines]
    lines = [line for section in song.sections for line in section.lines]
    return Facts(
        song.form(),
        all(kinds) and "chorus" in behind,
        len(heads) > len(set(heads)),
        statistics.fmean([r for s in song.sections for r in rhyming(s.lines)] or [0]),
        statistics.fmean([len(line_syllables(line)) for line in lines] or [0]),
    )


def lyrics(song: Song) -> str:
    """The song as text, which ``parse_song`` reads again; no blank below a last empty section."""
    parts = []
    for section in song.sections:
        number = f" {section.number}" if section.number else ""
        label = [f"[{section.kind.title()}{number}]"] if section.kind else []
        parts.append("".join(f"{line}\n" for line in [*label, *section.lines]))
    return "\n".join([f"{song.title}\n", *parts] if song.title else parts)
