"""Lines that belong to the web site and not to the document: by how many documents have them, and by their form.

Penedo et al. 2023, "The RefinedWeb Dataset for Falcon LLM", appendix G.2, has the second kind:
lines of one word, of digits, in capitals, counters ("3 likes"), short lines with a phrase such as "sign in". A document
in which more than a twentieth of the words stand in such lines is dropped. The paper gives examples of its phrases
and not its list; the list here is ours.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from course_lib.cleaning.log import RemovalLog
from course_lib.workbook.corpus import Document

SHORT = 10  # words: only lines up to this length are compared with the phrases
MOST_FLAGGED = 0.05  # of a document's words
_COUNTER = re.compile(
    r"\W*[\d.,]+\s?[km]?\+?\s+(?:likes?|shares?|comments?|views?|followers?|replies|retweets?|contributors?)\W*"
)
_PHRASE = re.compile(
    r"^(?:sign[ -]?in|sign[ -]?up|log[ -]?in|subscribe|advertisement|skip to|share (?:this|on)|follow us|home [>»|/])"
    r"|(?:read more|click here|learn more|back to top|add to cart|show more)(?:\.{3}|…)?$"
    r"|items? in cart|you might also like|all rights reserved|accept (?:all )?cookies|uses cookies|terms of use"
    r"|privacy policy|©|\(c\) "
)
_PATH = re.compile(r"[^>»]{1,40}(?: [>»]{1,2} [^>»]{1,40}){2,}")


def line_frequencies(texts: Iterable[str], shortest: int = 20) -> Counter[bytes]:
    """In how many texts each line of at least ``shortest`` characters stands, by its 16-byte digest."""
    found: Counter[bytes] = Counter()
    for text in texts:
        found.update(
            {_digest(bare) for line in text.split("\n") if len(bare := line.strip()) >= shortest}
        )
    return found


def _digest(line: str) -> bytes:
    return hashlib.blake2b(line.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def drop_common_lines(
    documents: Iterable[Document],
    log: RemovalLog,
    *,
    share: float = 0.05,
    at_least: int = 5,
    shortest: int = 20,
) -> Iterator[Document]:
    """Documents without the lines that stand in more than ``share`` of all documents, and in ``at_least`` of them.

    Loads the corpus whole: it must count before it can remove. All copies go, the first one too: a footer
    is no better the first time. Reason ``common-lines`` with the number of lines and the first of
    them; a document of which nothing is left is dropped with ``only-common-lines``.
    """
    held = list(documents)
    found = line_frequencies((document.text for document in held), shortest)
    needed = max(at_least, share * len(held))
    common = {line for line, count in found.items() if count >= needed}
    del found

    def reason(line: str) -> str | None:
        return "common-lines" if len(line) >= shortest and _digest(line) in common else None

    for document in held:
        text, gone = _without(document.text, reason)
        if not gone:
            yield document
        elif text.strip():
            log.change(document, "common lines", "common-lines", lines=len(gone), first=gone[0][1])
            yield replace(document, text=text)
        else:
            log.drop(
                document, "common lines", "only-common-lines", lines=len(gone), first=gone[0][1]
            )


def site_line(line: str) -> str | None:
    """Why a line looks like a part of the web site: a reason code, or None.

    >>> site_line("3 likes"), site_line("Home > Songs > The river"), site_line("The river runs to the sea.")
    ('counter', 'navigation', None)
    """
    bare, lower = line.strip(), line.strip().lower()
    count = len(bare.split(None, SHORT + 1))
    if not bare:
        return None
    if not any(map(str.isalpha, bare)):
        return "digits" if any(map(str.isdigit, bare)) else None
    if count <= SHORT:
        if _COUNTER.fullmatch(lower):
            return "counter"
        if _PATH.fullmatch(bare):
            return "navigation"
        if _PHRASE.search(lower):
            return "phrase"
    if count == 1:
        return "one-word"
    letters = [letter for letter in bare if letter.isalpha()]
    return "capitals" if sum(map(str.isupper, letters)) > len(letters) / 2 else None


def drop_site_lines(
    documents: Iterable[Document], log: RemovalLog, *, most_flagged: float = MOST_FLAGGED
) -> Iterator[Document]:
    """Documents without the lines that ``site_line`` flags.

    Reason ``site-lines`` with counts by kind and the first line; a document is dropped with ``mostly-site-lines`` when
    more than ``most_flagged`` of its words stand in such lines (1: only when nothing else is left).
    """
    for document in documents:
        text, gone = _without(document.text, site_line)
        if not gone:
            yield document
            continue
        words = len(document.text.split())
        flagged = sum(len(line.split()) for _, line in gone)
        kinds = Counter(kind for kind, _ in gone)
        evidence = {**kinds, "share": round(flagged / max(words, 1), 3), "first": gone[0][1][:80]}
        if flagged > most_flagged * words or not text.strip():
            log.drop(document, "site lines", "mostly-site-lines", **evidence)
        else:
            log.change(document, "site lines", "site-lines", **evidence)
            yield replace(document, text=text)


def _without(text: str, reason: Callable[[str], str | None]) -> tuple[str, list[tuple[str, str]]]:
    """The text without the lines that get a reason, and those lines: (reason, line)."""
    kept, gone = [], []
    for line in text.split("\n"):
        bare = line.strip()
        if why := reason(bare):
            gone.append((why, bare))
        else:
            kept.append(line)
    return "\n".join(kept), gone
