"""A cleaner for lyrics as they are scraped: the page goes, verse and chorus stay.

Single lines are repaired (markup, damaged characters, chords, blanks). Lines of the web site go, on
two kinds of evidence. *Wording*: words that sites use and singers rarely do; it works on one page.
*Repetition*: the same line, but for title and numbers, on the pages of several songs; it needs
many pages and no list of words. Last, labels that were lost are guessed from the song's shape.
Every change is recorded by line, and the record alone makes the clean text (``apply_changes``).
"""

import html
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from course_lib.cleaning.repair import fix_mojibake
from course_lib.cleaning.steps import RemovalLog
from course_lib.places import REPOSITORY
from course_lib.workbook.corpus import Document

# --- the structure of a song ---

SECTIONS = ("pre-chorus", "post-chorus", "chorus", "verse", "bridge", "intro", "outro", "refrain")
SECTIONS += ("hook", "interlude", "solo", "coda", "break", "instrumental")
RETURNING = ("chorus", "refrain", "pre-chorus", "post-chorus", "hook")
_INNER = rf"({'|'.join(kind.replace('-', '[- ]?') for kind in SECTIONS)})"
_INNER += r"(?: *#?(\d{1,2}))?(?: *[x×] *\d{1,2}| *\(?repeat\)?)?"
_BRACKETED_LABEL = re.compile(
    rf"[\[({{<] *{_INNER}(?: *[:\-–] *[^\])}}>]*)? *[\])}}>] *:?", re.IGNORECASE
)
_BARE_LABEL = re.compile(_INNER + " *:?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a song: its kind ("" without a label), the 2 in "[Verse 2]", the lines sung."""

    kind: str
    number: int | None
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Song:
    """A title ("" where none is known) and the sections in their order."""

    title: str
    sections: tuple[Section, ...] = ()

    def form(self) -> str:
        """The song in letters, as "V C V C B C"; ``?`` for a part without a label."""
        return " ".join(section.kind[:1].upper() or "?" for section in self.sections)


def read_label(line: str) -> tuple[str, int | None] | None:
    """(kind, number) if the line is nothing but a section's label, as people write it, else None.

    A bare word needs a colon, a number or capitals: "Bridge" alone may be sung.

    >>> read_label("[Verse 2: Both]"), read_label("Chorus:"), read_label("Over the bridge")
    (('verse', 2), ('chorus', None), None)
    """
    text = line.strip()
    if len(text) > 60:
        return None
    match = _BRACKETED_LABEL.fullmatch(text) or _BARE_LABEL.fullmatch(text)
    bare = match and text[0] not in "[({<"
    if not match or (bare and not (match[2] or text.endswith(":") or text.isupper())):
        return None
    kind = next(k for k in SECTIONS if k.replace("-", "") == re.sub("[- ]", "", match[1].lower()))
    return kind, int(match[2]) if match[2] else None


def _blocks(lines: Sequence[str]) -> list[tuple[int, int]]:
    """(first, one after the last) for each run of lines with text; a label begins a new one."""
    blocks: list[tuple[int, int]] = []
    start = None
    for row, line in enumerate([*lines, ""]):
        if start is not None and (not line.strip() or read_label(line)):
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
    title, sections = "", []
    for place, (start, end) in enumerate(_blocks(lines)):
        label = read_label(lines[start])
        body = tuple(line.rstrip() for line in lines[start + (label is not None) : end])
        if place == 0 and label is None and len(body) == 1:
            title = body[0].strip()
        else:
            sections.append(Section(*(label or ("", None)), body))
    return Song(title, tuple(sections))


# --- repairs of single lines: from a line to a line; one that needs nothing comes back as it is ---

MAX_LINE = 2_000  # characters; a longer line is no line of a song and is left alone
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,300}>|<!--.{0,300}?-->")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_QUALITY = r"(?:maj|min|m|M|dim|aug|sus|add|ø|°|\+)?(?:2|4|5|6|7|9|11|13)?"
_QUALITY += r"(?:(?:sus|add|maj|b|#|no)\d{1,2})*"
_CHORD = re.compile(rf"[A-G](?:#|b|♯|♭)?{_QUALITY}(?:/[A-G](?:#|b)?)?")
_INLINE_CHORD = re.compile(rf"\[{_CHORD.pattern}\]|\({_CHORD.pattern}\)(?=\S)")
_FILLING = re.compile(r"\||\|\||%|-+|/+|\.+|:|\(?[x×]\d\)?|N\.?C\.?", re.IGNORECASE)
_PLAIN = frozenset("ABCDEFG") | {"Am"}  # these chords are words or letters, too
STRAIGHT = str.maketrans("’‘“”", "''\"\"")
_RUN = re.compile(r"(?<=\S)[ \t\xa0\u2000-\u200a]{2,}(?=\S)|(?<=\S)\t(?=\S)")


def is_chord_line(line: str) -> bool:
    """True if a line holds chords and nothing that is sung.

    Letters may be spelled in a song: they count only if they are set wide apart, as chords above a
    line are, or if an unmistakable chord ("F#m", "G7") is among them.
    """
    if len(line) > MAX_LINE:
        return False
    apart = line.replace("[", " ").replace("]", " ").strip()
    chords = [word for word in apart.split() if not _FILLING.fullmatch(word)]
    if not chords or not all(map(_CHORD.fullmatch, chords)):
        return False
    sure = any(word not in _PLAIN for word in chords)
    wide = re.search(r"\S(?:\s{2,}|\t|\s*\|\s*)\S", apart) is not None
    return sure or (wide and len(chords) > 1)


REPAIRS: dict[str, Callable[[str], str]] = {
    "tag": lambda line: _TAG.sub("", line),
    "entity": lambda line: _ENTITY.sub(lambda e: html.unescape(e[0]).replace("\xa0", " "), line),
    "mojibake": lambda line: fix_mojibake(line).translate(STRAIGHT),
    "inline chord": lambda line: _INLINE_CHORD.sub("", line),
    "blanks": lambda line: _RUN.sub(" ", line).rstrip(),
}
"""In this order: a tag that stands escaped in a page ("&lt;i&gt;") is text. An indent stays."""

# --- lines of the web site ---

TOP = 12  # lines in which a title is looked for
_RULES = tomllib.loads((REPOSITORY / "assets/cleaning/lyrics_sites.toml").read_text("utf-8"))
_HARD, _SURE = (re.compile("|".join(_RULES[name]), re.IGNORECASE) for name in ("hard", "sure"))
_SITE_WORDS, _EVERYDAY = (
    re.compile(rf"\b(?:{'|'.join(_RULES[name])})\b", re.IGNORECASE)
    for name in ("site_words", "everyday")
)
_SINGER = re.compile(r"\b(?:i|me|my|mine|we|our)\b", re.IGNORECASE)
_TRAIL = re.compile(r"\s(?:>+|»|›|::)\s")  # "Home > Songs > M"
_HEADER = re.compile(_RULES["header"].replace("LANGUAGES", "|".join(_RULES["languages"])))
_GLUED = {kind: re.compile(_RULES[f"glued_{kind}"], re.VERBOSE) for kind in ("advert", "footer")}


def is_site_line(line: str, at_edge: bool) -> bool:
    """Wording as evidence that a line is the site's; less will do above and below the song.

    Words that a singer has, too ("live", "free", "show"), count only beside one of a site's own,
    and only where the two together are most of the line.
    """
    if len(line) > MAX_LINE:
        return False
    own, everyday = (set(map(str.lower, words.findall(line))) for words in (_SITE_WORDS, _EVERYDAY))
    if _HARD.search(line) or (at_edge and (own or everyday) and _TRAIL.search(line)):
        return True
    if _SINGER.search(line):
        return False
    enough = len(own | everyday) >= (2 if at_edge else 3)
    most = len(own | everyday) > 0.5 * len(re.findall(r"[^\W\d_]+", line))
    return bool(_SURE.search(line) or (own and enough and most))


def title_row(lines: Sequence[str]) -> int | None:
    """Row of the title among the lines above the first blank line or label; None if there is none.

    A page says its title more than once: the shortest line that others contain. Otherwise it is
    the last line of this first block.
    """
    top = []
    for row, line in enumerate(lines):
        if read_label(line) or (not line.strip() and top) or len(top) == TOP:
            break
        if line.strip() and not is_chord_line(line):
            top.append(row)
    shown = {row: " ".join(lines[row].lower().split()) for row in top}
    named = [row for row in top if any(shown[row] in shown[other] for other in top if other != row)]
    if named:
        return min(named, key=lambda row: (len(shown[row]), -row))
    song_follows = len(top) < 4  # a page without blank lines and labels has no block for the title
    return top[-1] if top and song_follows and not is_site_line(lines[top[-1]], True) else None


def masked(line: str, title: str) -> str:
    """The line as a pattern that pages share: "# views of {title} lyrics"."""
    low = " ".join(line.lower().split())
    if len(title) > 2:
        low = low.replace(" ".join(title.lower().split()), "{title}")
    return re.sub(r"\d+(?:[.,:/-]\d+)*", "#", low)


def shared_lines(pages: Iterable[str], min_songs: int = 3) -> frozenset[str]:
    """Patterns of lines on the pages of at least ``min_songs`` songs of different titles.

    Labels, chords and lines of one word do not count.
    """
    songs: dict[str, set[str]] = defaultdict(set)
    for number, page in enumerate(pages):
        lines = page.split("\n")
        row = title_row(lines)
        title = lines[row].strip() if row is not None else ""
        for line in lines:
            if len(line) <= MAX_LINE and not (read_label(line) or is_chord_line(line)):
                songs[masked(line, title)].add(title or f"page {number}")
    return frozenset(p for p, titles in songs.items() if len(titles) >= min_songs and " " in p)


# --- labels that were lost ---

BRIDGE = ("bridge", None)
ALIKE = 0.1  # fraction of word triples from which two sections count as the same one, sung again
MAX_SECTIONS = 200  # comparing each with each would take for ever in what is no song


def _bare(line: str) -> str:
    """A line for comparison: letters and digits only, lower case."""
    return re.sub(r"\W+", " ", line.lower()).strip()


def _triples(lines: Sequence[str]) -> set[tuple[str, str, str]]:
    words = [_bare(line).split() for line in lines]
    return {triple for own in words for triple in zip(own, own[1:], own[2:], strict=False)}


def guess_labels(sections: Sequence[Section]) -> list[tuple[str, int | None]]:
    """(kind, number) for every section: the label that it has, or a guess.

    A part that comes back is a chorus. What comes once is the bridge if two choruses came before,
    else the next verse. A text without any label, or with more than ``MAX_SECTIONS`` sections, is
    left as it is.
    """
    labels = [(section.kind, section.number) for section in sections]
    if len(labels) > MAX_SECTIONS or not any(kind for kind, _ in labels):
        return labels
    triples = [_triples(section.lines) for section in sections]
    for place, own in enumerate(triples):
        if sections[place].kind:
            continue
        comes_back = any(
            len(own & theirs) >= ALIKE * max(1, min(len(own), len(theirs)))
            for section, theirs in zip(sections, triples, strict=True)
            if theirs is not own and section.kind in ("", *RETURNING)
        )
        if comes_back:
            labels[place] = ("chorus", None)
        elif sum(kind in RETURNING for kind, _ in labels[:place]) > 1 > labels.count(BRIDGE):
            labels[place] = BRIDGE
        else:
            verses = [number or 0 for kind, number in labels[:place] if kind == "verse"]
            labels[place] = ("verse", 1 + max(verses, default=0))
    return labels


# --- the cleaner ---

KINDS = ("header", "advert", "footer", "chord line", *REPAIRS)
KINDS += ("repeated chorus", "lost label")


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a page, of a kind in ``KINDS``.

    line    number of the line in the page, from 0; a ``lost label`` is put before it
    after   what stands there now (several lines where the site had glued them); None: removed
    """

    kind: str
    line: int
    before: str
    after: str | None


Cleaner = Callable[[str], tuple[str, list[Change]]]


def apply_changes(text: str, changes: Iterable[Change]) -> str:
    """The page with the changes made; a newline at its end."""
    lines: list[str | None] = list(text.rstrip("\n").split("\n"))
    labels: dict[int, str | None] = {}
    for change in changes:
        (labels if change.kind == "lost label" else lines)[change.line] = change.after
    both = (part for row, line in enumerate(lines) for part in (labels.get(row), line))
    return "\n".join(part for part in both if part is not None) + "\n"


@dataclass(slots=True, eq=False)
class _Line:
    """A line, or a part of one that was glued: ``text`` is None once removed, ``kind`` says why."""

    row: int
    text: str | None
    kind: str = ""


def clean_lyrics(
    text: str,
    *,
    kinds: Iterable[str] = KINDS,
    shared: frozenset[str] = frozenset(),
    wording: bool = True,
) -> tuple[str, list[Change]]:
    """(the song without the page around it, the changes in the order of the lines).

    kinds    which kinds of change are made
    shared   patterns of lines that many pages have (``shared_lines``), as further evidence
    wording  whether the words of a line count as evidence that it is the site's
    """
    wanted = frozenset(kinds)
    page = text.rstrip("\n").split("\n")
    lines = [_mended(row, line, wanted) for row, line in enumerate(page)]
    lines = _unglued(lines, wanted) if wording else lines
    for find in (partial(_site_lines, shared=shared, wording=wording), _pasted):
        for line, kind in list(find([line for line in lines if line.text is not None])):
            if kind in wanted:
                line.text, line.kind = None, kind
    if "lost label" in wanted:
        _put_labels(lines)
    changes = []
    for row, group in groupby(lines, key=lambda line: line.row):
        parts = list(group)
        if parts[0].kind == "lost label":
            changes.append(Change("lost label", row, "", parts.pop(0).text))
        texts = [part.text for part in parts if part.text is not None]
        after = "\n".join(texts) if texts else None
        if after != page[row]:
            kind = next(part.kind for part in parts if part.kind)
            changes.append(Change(kind, row, page[row], after))
    return apply_changes(text, changes), changes


def _mended(row: int, text: str, wanted: frozenset[str]) -> _Line:
    """The line with all wanted repairs made; its kind is the first that changed something."""
    line = _Line(row, text)
    if "chord line" in wanted and is_chord_line(text):
        line.text, line.kind = None, "chord line"
    elif len(text) <= MAX_LINE:
        for kind, repair in REPAIRS.items():
            if kind in wanted and (better := repair(line.text)) != line.text:
                line.text, line.kind = better, line.kind or kind
    return line


def _unglued(lines: list[_Line], wanted: frozenset[str]) -> list[_Line]:
    """Lines in which the site's words touch the singer's are cut, and the site's parts removed."""
    top = {(line.text or "").strip() for line in lines[:TOP]}
    result, header, limit = [], None, TOP if "header" in wanted else 0
    for place, line in enumerate(lines):
        text, kind = line.text or "", line.kind
        short = len(text) <= MAX_LINE
        if short and place < limit and not header and (header := _HEADER.match(text)):
            title, rest = header["title"], text[header.end() :]
            text, kind = rest if title in top else f"{title}\n{rest}", kind or "header"
        for part, pattern in _GLUED.items() if short else ():
            if part in wanted and (better := pattern.sub("\n", text)) != text:
                text, kind = better, kind or part
        if text == (line.text or ""):
            result.append(line)
        else:
            left = [own for own in text.split("\n") if own] or [None]
            result += [_Line(line.row, own, kind) for own in left]
    return result


def _site_lines(
    lines: list[_Line], shared: frozenset[str], wording: bool
) -> Iterator[tuple[_Line, str]]:
    """Lines that belong to the web site, with their kind by where they stand."""
    texts = [line.text for line in lines]
    title = title_row(texts)
    name = texts[title].strip() if title is not None else ""

    def foreign(text: str, at_edge: bool) -> bool:
        repeated = masked(text, name) in shared
        return bool(text.strip()) and (repeated or (wording and is_site_line(text, at_edge)))

    first, last = title or 0, len(texts) - 1
    for place in range(first):
        if foreign(texts[place], True) or (len(name) > 2 and name.lower() in texts[place].lower()):
            yield lines[place], "header"
    while last > first and (foreign(texts[last], True) or not texts[last].strip()):
        if texts[last].strip():
            yield lines[last], "footer"
        last -= 1
    for place in range(first + (title is not None), last + 1):
        if not read_label(texts[place]) and foreign(texts[place], False):
            yield lines[place], "advert"


def _pasted(lines: list[_Line]) -> Iterator[tuple[_Line, str]]:
    """Lines of a section that repeats the one before it word for word, and the blanks between."""
    texts = [line.text for line in lines]
    previous_end, previous = 0, None
    for start, end in _blocks(texts):
        labelled = read_label(texts[start]) is not None
        sung = [_bare(text) for text in texts[start + labelled : end]]
        if len(sung) > 1 and sung == previous:
            yield from ((line, "repeated chorus") for line in lines[previous_end:end])
        previous_end, previous = end, sung


def _put_labels(lines: list[_Line]) -> None:
    """Put labels before sections that have none."""
    left = [line for line in lines if line.text is not None]
    texts = [line.text for line in left]
    song = parse_song("\n".join(texts))
    blocks = _blocks(texts)[1 if song.title else 0 :]
    guesses = guess_labels(song.sections)
    for (start, _), section, (kind, number) in zip(blocks, song.sections, guesses, strict=True):
        if kind and not section.kind:
            above, row = left[start - 1] if start else None, left[start].row
            if above and above.row < row:
                row = above.row + 1
            place = lines.index(above) + 1 if above else lines.index(left[start])
            name = kind.title() if number is None else f"{kind.title()} {number}"
            lines.insert(place, _Line(row, f"[{name}]", "lost label"))


def clean_songs(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
    """The documents as songs. All are loaded, to find the lines that pages share.

    Reason: the kind, as in ``chord-line``; evidence: how many ``lines``, and the ``first`` of them.
    A document of which no word is left is dropped with ``nothing-sung``.
    """
    documents = list(documents)
    shared = shared_lines(document.text for document in documents)
    for document in documents:
        text, changes = clean_lyrics(document.text, shared=shared)
        if not text.strip():
            log.drop(document, "lyrics", "nothing-sung")
            continue
        for kind, lines in Counter(change.kind for change in changes).items():
            first = next(c.before or c.after or "" for c in changes if c.kind == kind)
            log.change(document, "lyrics", kind.replace(" ", "-"), lines=lines, first=first[:100])
        yield replace(document, text=text) if changes else document
