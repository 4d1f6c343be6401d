"""Exact repeated passages: runs of 50 tokens that stood before, in any document, are cut out.

Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better", section 4.1: two
documents need not be alike to share a page of licence text, and near-duplicate search misses
it. They use a suffix array and 50 tokens of their tokenizer; here a token is a word or a mark,
and runs are found by sorting their 64-bit codes, which costs about the same. Of each passage the
first copy stays.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from course_lib.cleaning.log import RemovalLog
from course_lib.cleaning.windows import chunks, token_spans, windows_of
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document

SIZE = 50  # tokens


@dataclass(frozen=True, slots=True)
class Passages:
    """Repeated passages of one text.

    tokens  first token and end of each passage, ``(passages, 2)`` int64
    length  tokens of the whole text
    source  the row of the text in which the first passage stood first; perhaps the text itself
    """

    tokens: np.ndarray
    length: int
    source: int


def find_passages(texts: Sequence[str], *, size: int = SIZE) -> dict[int, Passages]:
    """Row → the passages of at least ``size`` tokens that stood before; rows without any are left out.

    A token goes if some run of ``size`` tokens around it stood before. Of a text that repeats
    itself ("word word word …") one period stays. Time grows with the text, apart from one sort.
    Memory: 16 bytes for each token of the corpus, half of it only while sorting.
    """
    if size < 2:
        raise CourseError("A passage has at least two tokens: choose a larger size.")
    groups = list(chunks(texts))
    windows = [windows_of([texts[row] for row in rows], size) for rows in groups]
    repeated = _repeated([codes for codes, _, _ in windows])
    first_row = np.full(len(repeated), -1, dtype=np.int64)
    found: dict[int, Passages] = {}
    for rows, (codes, places, starts) in zip(groups, windows, strict=True):
        found.update(_passages_of_group(rows, codes, places, starts, repeated, first_row, size))
    return found


def _repeated(parts: Sequence[np.ndarray]) -> np.ndarray:
    """The codes that occur more than once, sorted."""
    everything = np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)
    everything.sort()
    again = everything[1:][everything[1:] == everything[:-1]]
    return again[np.concatenate(([True], again[1:] != again[:-1]))] if len(again) else again


def _passages_of_group(
    rows: range,
    codes: np.ndarray,
    places: np.ndarray,
    starts: np.ndarray,
    repeated: np.ndarray,
    first_row: np.ndarray,
    size: int,
) -> Iterator[tuple[int, Passages]]:
    """The passages of a group of texts. ``first_row`` remembers, from group to group, who was first."""
    if not len(repeated) or not len(codes):
        return
    index = np.minimum(np.searchsorted(repeated, codes), len(repeated) - 1)
    hit = np.flatnonzero(repeated[index] == codes)
    index, at = index[hit], places[hit]
    owner = np.searchsorted(starts, at, side="right") - 1
    kinds, first = np.unique(index, return_index=True)  # the first in this group
    new = first_row[kinds] < 0
    first_row[kinds[new]] = owner[first[new]] + rows.start
    again = np.ones(len(at), dtype=bool)
    again[first[new]] = False
    steps = np.zeros(int(starts[-1]) + 1, dtype=np.int64)
    steps[at[again]] += 1  # each run starts at a place of its own
    steps[at[again] + size] -= 1
    covered = np.cumsum(steps[:-1]) > 0
    owners, where = np.unique(owner[again], return_index=True)
    for own, position in zip(owners.tolist(), where.tolist(), strict=True):
        inside = covered[starts[own] : starts[own + 1]]
        edges = np.flatnonzero(np.diff(np.concatenate(([False], inside, [False]))))
        source = int(first_row[index[again][position]])
        yield rows.start + own, Passages(edges.reshape(-1, 2), len(inside), source)


def cut_passages(text: str, passages: Passages) -> tuple[str, str]:
    """``text`` without the passages and the white space behind them, and how the first passage begins."""
    if tuple(passages.tokens[0]) == (0, passages.length):
        return "", _beginning(text.lstrip())  # nothing stays, so no place needs to be known
    spans = token_spans(text)
    pieces, place = [], 0
    for begin, end in passages.tokens.tolist():
        pieces.append(text[place : spans[begin, 0]])
        place = int(spans[end, 0]) if end < len(spans) else int(spans[-1, 1])
    return "".join([*pieces, text[place:]]), _beginning(text[spans[passages.tokens[0, 0], 0] :])


def _beginning(text: str, length: int = 60) -> str:
    return " ".join(text[:length].split())


def drop_passages(
    documents: Iterable[Document], log: RemovalLog, *, size: int = SIZE
) -> Iterator[Document]:
    """Documents without passages that stood before. Loads the corpus whole: a passage may return anywhere.

    Reason ``repeated-passages``; evidence: how many ``passages`` and ``tokens`` go, ``source`` (the
    document in which the first of them stays) and ``begins`` (how it begins). A document of which
    no word is left is dropped with ``only-repeated-passages``.
    """
    held = list(documents)
    found = find_passages([document.text for document in held], size=size)
    for row, document in enumerate(held):
        if row not in found:
            yield document
            continue
        own = found[row]
        text, begins = cut_passages(document.text, own)
        evidence = {
            "passages": len(own.tokens),
            "tokens": int((own.tokens[:, 1] - own.tokens[:, 0]).sum()),
            "source": held[own.source].id,
            "begins": begins,
        }
        if any(map(str.isalnum, text)):
            log.change(document, "passages", "repeated-passages", **evidence)
            yield replace(document, text=text)
        else:
            log.drop(document, "passages", "only-repeated-passages", **evidence)
