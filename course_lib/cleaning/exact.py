"""Exact duplicates: whole documents, and lines that come back in document after document.

Both read a stream once and keep a 16-byte digest for each distinct document or line, not the text.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from course_lib.cleaning.log import RemovalLog
from course_lib.workbook.corpus import Document


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def drop_exact(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
    """The first of each group of equal texts; white space at both ends does not count.

    Reason ``exact-duplicate``, evidence ``kept``: the id of the document that stays.
    """
    first: dict[bytes, str] = {}
    for document in documents:
        key = _digest(document.text.strip())
        if key in first:
            log.drop(document, "exact", "exact-duplicate", kept=first[key])
        else:
            first[key] = document.id
            yield document


def drop_repeated_lines(
    documents: Iterable[Document], log: RemovalLog, *, shortest: int = 20
) -> Iterator[Document]:
    """Documents without the lines that were seen before, in any document.

    Lines shorter than ``shortest`` characters stay: a brace or "Returns" repeats for good
    reason. Reason ``repeated-lines`` with the number of lines and the first of them; a
    document of which nothing is left is dropped with ``only-repeated-lines``.
    """
    seen: set[bytes] = set()
    for document in documents:
        kept, gone = [], []
        for line in document.text.split("\n"):
            bare = line.strip()
            if len(bare) < shortest:
                kept.append(line)
            elif (key := _digest(bare)) in seen:
                gone.append(bare)
            else:
                seen.add(key)
                kept.append(line)
        if not gone:
            yield document
            continue
        text = "\n".join(kept)
        if text.strip():
            log.change(document, "lines", "repeated-lines", lines=len(gone), first=gone[0])
            yield replace(document, text=text)
        else:
            log.drop(document, "lines", "only-repeated-lines", lines=len(gone), first=gone[0])
