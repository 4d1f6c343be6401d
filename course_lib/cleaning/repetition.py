"""The Gopher repetition rules: how much of a text is said more than once.

Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training Gopher",
appendix A.1.1 and table A1, has rules and thresholds. The paper leaves details open; these are
datatrove's (0.10, ``gopher_repetition_filter.py``): only the second and later copies count as
duplicate, shares are of all the text's characters, and the most frequent n-gram counts even
when it occurs once, so that a text of a few words fails.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from course_lib.cleaning.log import RemovalLog
from course_lib.cleaning.verdicts import Verdict, drop_failing
from course_lib.workbook.corpus import Document

DUPLICATES = {
    "duplicate-paragraphs": 0.30,
    "duplicate-paragraph-characters": 0.20,
    "duplicate-lines": 0.30,
    "duplicate-line-characters": 0.20,
}
TOP_NGRAMS = {2: 0.20, 3: 0.18, 4: 0.16}
DUPLICATE_NGRAMS = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
MOST_CHARACTERS = (
    5_000_000  # of a text that are looked at: bounds the time for a single huge document
)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def duplicates(items: Sequence[str]) -> tuple[int, int]:
    """How many items are second or later copies, and how many characters those have.

    >>> duplicates(["la", "la", "river", "la"])
    (2, 4)
    """
    seen: set[str] = set()
    count = characters = 0
    for item in items:
        if item in seen:
            count += 1
            characters += len(item)
        seen.add(item)
    return count, characters


class _Ngrams:
    """Words as numbers, so that n-grams are compared as one number each."""

    def __init__(self, words: Sequence[str]) -> None:
        known: dict[str, int] = {}
        self.ids = np.fromiter(
            (known.setdefault(word, len(known)) for word in words), np.uint64, len(words)
        )
        lengths = np.fromiter(map(len, words), np.int64, len(words))
        self.ends = np.concatenate([[0], np.cumsum(lengths)])  # characters before each word

    def hashes(self, n: int) -> np.ndarray:
        """One 64-bit number an n-gram, ``(words - n + 1,)``."""
        count = max(len(self.ids) - n + 1, 0)
        mixed = np.zeros(count, np.uint64)
        for place in range(n):
            mixed = (mixed ^ (self.ids[place : place + count] + np.uint64(1))) * _FACTOR
            mixed ^= mixed >> np.uint64(29)
        return mixed

    def characters(self, n: int) -> np.ndarray:
        """Letters of each n-gram, without the blanks between its words."""
        return self.ends[n:] - self.ends[:-n] if n < len(self.ends) else np.zeros(0, np.int64)

    def top(self, n: int) -> int:
        """Characters in all copies of the most frequent n-gram, one blank between two words; the first of equals."""
        hashes = self.hashes(n)
        if not len(hashes):
            return 0
        _, first, counts = np.unique(hashes, return_index=True, return_counts=True)
        most = counts.max()
        place = first[counts == most].min()
        return int(most) * int(self.characters(n)[place] + n - 1)

    def duplicated(self, n: int) -> int:
        """Characters in n-grams that stood before; a found copy is stepped over, so that nothing counts twice."""
        hashes = self.hashes(n)
        if len(np.unique(hashes)) == len(hashes):
            return 0
        seen: set[int] = set()
        characters = self.characters(n)
        numbers, total, place = hashes.tolist(), 0, 0
        while place < len(numbers):
            if numbers[place] in seen:
                total += int(characters[place])
                place += n
            else:
                seen.add(numbers[place])
                place += 1
        return total


def explain_repetition(text: str, split: Callable[[str], list[str]]) -> list[Verdict]:
    """Every rule's verdict on the first five million characters of ``text``; 0 for an empty one."""
    text = text[:MOST_CHARACTERS]
    size = max(len(text), 1)
    shares = []
    for parts in (re.split(r"\n{2,}", text.strip()), re.split(r"\n+", text)):
        count, characters = duplicates(parts)
        shares += [count / len(parts), characters / size]
    verdicts = [
        Verdict(name, share, 0, most)
        for (name, most), share in zip(DUPLICATES.items(), shares, strict=True)
    ]
    ngrams = _Ngrams(split(text))
    verdicts += [
        Verdict(f"top-{n}-gram", ngrams.top(n) / size, 0, most) for n, most in TOP_NGRAMS.items()
    ]
    found = 1
    for n, most in DUPLICATE_NGRAMS.items():
        found = (
            ngrams.duplicated(n) if found else 0
        )  # where no 5-gram comes back, no longer one does
        verdicts.append(Verdict(f"duplicate-{n}-grams", found / size, 0, most))
    return verdicts


def drop_repetitive(
    documents: Iterable[Document], log: RemovalLog, *, split: Callable[[str], list[str]]
) -> Iterator[Document]:
    """The documents that pass every rule. Reason: the first that fails; evidence: its value, all ``failed``."""
    return drop_failing(
        documents, log, "gopher-repetition", lambda text: explain_repetition(text, split)
    )
