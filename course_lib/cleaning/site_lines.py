"""Lines that belong to a web site and not to the song that it shows.

Two kinds of evidence. *Wording*: words that sites use and singers rarely do; it works on one page.
*Repetition*: the same line, but for title and numbers, on the pages of several songs; it needs
many pages and no list of words at all.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from course_lib.cleaning.lyric_lines import LONGEST, is_chord_line
from course_lib.cleaning.song_structure import read_label

PAGES = 3  # songs on which a line must stand to be taken for the site's
TOP = 12  # lines in which a title is looked for

_SURE = re.compile(
    r"https?://|\bwww\.|\b[\w-]+\.(?:com|net|org|info|io|example)\b|\S@\S+\.\w"
    r"|©|\(c\)\s|\bcopyright\b|all rights reserved|\bproperty of\b"
    r"|\badvertisement\b|\bsponsored\b|\bring ?tones?\b|\bnewsletter\b|\bprivacy policy\b|\bcookie policy\b"
    r"|\bclick here\b|\btap here\b|\bscroll (?:down|to)\b|\b(?:sign|log) (?:up|in)\b.*\b(?:free|now|to|for)\b"
    r"|\bsubscribe (?:to|now|for)\b|\bdownload (?:the|our|this) (?:app|song|mp3)\b|\b(?:remove|without|no) ads\b"
    r"|\byou (?:might|may) also like\b|\brelated (?:songs|lyrics|artists)\b|\bfollow us\b|\bshare (?:this|on)\b"
    r"|\b(?:submitted|transcribed|added|posted|corrected|uploaded|edited) by\b"
    r"|\breport (?:a|an|this) (?:problem|error|mistake|issue)\b|\bterms of (?:use|service)\b|^\W*\d*\s*embed\W*$",
    re.IGNORECASE,
)
_WEAK = re.compile(
    r"\b(?:lyrics?|songs?|artists?|albums?|tracks?|contributors?|translations?|tickets?|concerts?|shows?|live|tour"
    r"|official|video|playlists?|stream(?:ing)?|download|app|embed|comments?|views?|visited|visitors?|page|rating|rate"
    r"|report|problem|correct(?:ed|ions?)?|updated|browse|charts?|tabs?|chords?|ads?|offer|sale|discount|premium"
    r"|trial|free|click|share|print|login|account|members?|users?|hits|search|menu|contact)\b",
    re.IGNORECASE,
)
_TRAIL = re.compile(r"\s(?:>+|»|›|::|/|\|)\s")


def site_words(line: str) -> int:
    """How many different words of web sites a line has; 9 for a phrase that leaves no doubt."""
    if len(line) > LONGEST:
        return 0
    if _SURE.search(line):
        return 9
    return len({word.lower().rstrip("s") for word in _WEAK.findall(line)})


def is_site_line(line: str, at_edge: bool) -> bool:
    """Wording as evidence. Above and below a song two words will do, or a trail ("Home > Songs > …")."""
    words = site_words(line)
    return words >= 2 or (words > 0 and bool(_TRAIL.search(line))) if at_edge else words >= 3


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
    """The line as a pattern that pages share: title and numbers masked, in lower case.

    >>> masked("1,204 views of Moss Lyrics", "Moss")
    '# views of {title} lyrics'
    """
    low = " ".join(line.lower().split())
    if len(title) > 2:
        low = low.replace(" ".join(title.lower().split()), "{title}")
    return re.sub(r"\d+(?:[.,:/-]\d+)*", "#", low)


def shared_lines(pages: Iterable[str], least: int = PAGES) -> frozenset[str]:
    """Patterns of lines that stand on the pages of at least ``least`` songs with different titles.

    Labels, chords and lines of fewer than two words do not count, nor does a title alone.
    """
    songs: dict[str, set[str]] = defaultdict(set)
    for number, page in enumerate(pages):
        lines = page.split("\n")
        row = title_row(lines)
        title = lines[row].strip() if row is not None else ""
        for line in lines:
            pattern = masked(line, title)
            if (
                len(pattern.split()) > 1
                and len(line) <= LONGEST
                and not read_label(line)
                and not is_chord_line(line)
            ):
                songs[pattern].add(title or f"page {number}")
    return frozenset(
        pattern
        for pattern, titles in songs.items()
        if len(titles) >= least and pattern != "{title}"
    )
