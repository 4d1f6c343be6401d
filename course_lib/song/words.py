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
from itertools import pairwise

import regex

from course_lib.cleaning.lyrics import RETURNING, Song
from course_lib.places import REPOSITORY
from course_lib.workbook.corpus.words import split_words

_TABLE = tomllib.loads((REPOSITORY / "assets/song/english.toml").read_text("utf-8"))
_PIECES = {entry.replace("-", "").lower(): entry.split("-") for entry in _TABLE["pieces"].split()}
_WEAK = frozenset(_TABLE["weak"].split())
_RESPELLED = dict(pair.split("=") for pair in _TABLE["respelled"].split())
_SOUNDS = [(regex.compile(pattern), sound) for pattern, sound in _TABLE["sounds"]]

# One syllable each: longest first, and two vowels apart where they are mostly said apart.
_NUCLEUS = re.compile(
    r"[aeiou]y?(?=ing$)|i(?=et|ence|ers?$)|u(?=e[lt])|o(?=e[mt])|(?<=[sh])m$|(?<=[ds])n(?='t)"
    r"|eau|ai|au|[aeo]w(?![aeiou])|ay|ea|ee|ei|eu|ey|ie|oa|oe|oi|oo|ou|oy|ue|ui|uy|[aeiouyé]"
    r"|ου|αι|ει|οι|αυ|ευ|[αεηιουω]|[аеиоуыэюяіє]"
)
_MUTE = regex.compile(  # a vowel letter that is not spoken: the y of "you", the u of "quick", …
    r"^y(?=[aeiou])|(?<=[qg])u(?=[aeiouy])|(?<=[ctgxs])i(?=ous|al|an|ent)|(?<=[ctgxsnl])i(?=on)"
    r"|(?<=[^aeiouy])e(?=s?$)(?<![^aeiouylr]le)(?<!(?:[cszxg]|[cs]h)e(?=s))"
    r"|(?<=[^aeiouytd])e(?=d$)(?<![^aeiouylrw]le)"
    r"|(?<=[aeiou][^aeiou])e(?=(?:ly|ness|less|ful|ments?|things?|where|times?|ways?|one)$)"
)
_ONSETS = "bl br ch cl cr dr fl fr gl gr ph pl pr qu sc sh sk sl sm sn sp st sw th tr tw wh wr"
_ONSET = re.compile(rf"(?:[ctgxs]i|s[cpt]r|[st]hr|spl|squ|{'|'.join(_ONSETS.split())}|.)$")
_LEANS_BACK = re.compile(  # endings that draw the stress to the syllable before them
    r"(?:[tsc]ion|[tsc]ian|ic|ics|ical|ity|ious|ial|iar|ion|ia|io|graphy|logy)s?$"
)
_PREFIX = re.compile(  # and beginnings that leave it to the next one
    r"a(?=([^aeiouy])(?:\1|[aeioulr]))|(?:be|de|re|pre|pro)(?=([^aeiouy])(?!\2)[aeioulryw])"
    r"|ex|con|com|dis|for(?=[gbs])|mis|sur|un|up"
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

    >>> syllables("likeliest"), syllables("sentence"), syllables("rhymed")
    (['li', 'ke', 'liest'], ['sen', 'tence'], ['rhymed'])
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
    if re.search(r"(?:een|eer|oon|ette|ade|ore)s?$", plain):
        return len(pieces) - 1
    if len(pieces) > 1 and _LEANS_BACK.search(plain):
        back = 3 if re.search(r"(?:ical|ity|graphy|logy|ia|io|ious)s?$", plain) else 2
        return max(0, len(pieces) - back)
    return int(len(pieces) > 1 and bool(_PREFIX.match(plain)))


def line_syllables(line: str) -> list[Syllable]:
    """The syllables of a written line; short words such as "the" are not stressed."""
    found = []
    for word in (w for w in split_words(line) if any(map(str.isalnum, w))):
        pieces, weak = syllables(word), _plain(word) in _WEAK
        place = -1 if weak else stressed_place(word, pieces)
        found += [Syllable(piece, n == place, n == 0) for n, piece in enumerate(pieces)]
    return found


def rhyme_sounds(line: str) -> frozenset[str]:
    """How the last word of a line sounds from its stressed vowel to its end.

    Two sounds for a word such as "melody", which singers also rhyme by its last syllable alone.
    Empty without a word.
    """
    spoken = [word for word in split_words(line) if any(map(str.isalnum, word))]
    if not spoken:
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
    ends = [[_plain(w) for w in split_words(line) if w.isalnum()][-1:] for line in (first, second)]
    return ends[0] != ends[1] and bool(rhyme_sounds(first) & rhyme_sounds(second))


def rhyming(lines: Sequence[str]) -> list[bool]:
    """For each line of a section: does it rhyme with one that is at most two lines away?"""
    return [
        any(rhymes(line, lines[m]) for m in range(n - 2, n + 3) if m != n and 0 <= m < len(lines))
        for n, line in enumerate(lines)
    ]


@dataclass(frozen=True, slots=True)
class Facts:
    """What can be counted in a song.

    form        as "V C V C B C"
    in_order    a verse, and behind it a chorus, all parts labelled
    returns     the chorus comes back with its first line the same
    rhyme       the share of lines that rhyme inside their section, 0 to 1
    syllables   of a line, on average; ``spread``: standard deviation
    """

    form: str
    in_order: bool
    returns: bool
    rhyme: float
    syllables: float
    spread: float


def facts(song: Song) -> Facts:
    """The facts of a parsed song; of one without lines all numbers are 0."""
    kinds = [section.kind for section in song.sections]
    choruses = [s.lines[0] for s in song.sections if s.kind in RETURNING and s.lines]
    lines = [line for section in song.sections for line in section.lines]
    counts = [len(line_syllables(line)) for line in lines] or [0]
    rhymed = [hit for section in song.sections for hit in rhyming(section.lines)] or [False]
    return Facts(
        song.form(),
        all(kinds) and "verse" in kinds and "chorus" in kinds[kinds.index("verse") :],
        len(choruses) > len(set(choruses)),
        statistics.fmean(rhymed),
        statistics.fmean(counts),
        statistics.pstdev(counts),
    )
