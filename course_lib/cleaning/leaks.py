"""Leaks: held-out documents that the training documents already tell.

A held-out document is called leaked when it is a near duplicate of a training document (exact
Jaccard similarity of word 5-grams), or when a passage of 50 tokens of it stands in one. The
share of its 13-grams that occur in training is reported beside it: Brown et al. 2020, "Language
Models are Few-Shot Learners", appendix C, looked for 13-grams in common between GPT-3's
training data and the benchmarks; 50 tokens are the passages of Lee et al. 2022.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from course_lib.cleaning.near import find_clusters
from course_lib.cleaning.windows import chunks, windows_of
from course_lib.errors import CourseError
from course_lib.workbook.corpus import minhash

CLEAN, NEAR, PASSAGE = "clean", "near-duplicate", "passage"
GRAM, RUN = 13, 50


@dataclass(frozen=True, slots=True)
class Leak:
    """The finding for one held-out document.

    verdict  ``near-duplicate``, ``passage`` or ``clean``
    match    row of the training document that it repeats; -1 for ``clean``
    jaccard  exact similarity with ``match``; 0.0 where there is none
    passage  tokens of it that lie in passages of 50 which training has, too
    grams    share of its 13-grams that occur in training; 0.0 for a document of fewer tokens
    """

    verdict: str
    match: int
    jaccard: float
    passage: int
    grams: float

    @property
    def leaked(self) -> bool:
        return self.verdict != CLEAN


def find_leaks(
    train: Sequence[str],
    held_out: Sequence[str],
    *,
    threshold: float = minhash.THRESHOLD,
    seed: int = 1,
) -> list[Leak]:
    """One ``Leak`` for each held-out text, in order.

    Near duplicates are searched with MinHash, so that a pair just above the threshold is missed
    now and then; passages and 13-grams are exact. The search for near duplicates may go through other
    held-out texts: then ``jaccard`` can lie below the threshold, and ``match`` is still where the chain ends.
    """
    if not train or not held_out:
        raise CourseError("A leak check needs at least one training and one held-out document.")
    near = find_clusters([*train, *held_out], threshold=threshold, seed=seed).kept[len(train) :]
    inside, source = _shared(train, held_out, RUN)
    grams, _ = _shared(train, held_out, GRAM)
    leaks = []
    for row, text in enumerate(held_out):
        passage, share = (
            int(_covered(inside[row], RUN)),
            float(grams[row].mean()) if len(grams[row]) else 0.0,
        )
        if near[row] < len(train):
            match, verdict = int(near[row]), NEAR
        else:
            match, verdict = source[row], PASSAGE if passage else CLEAN
        alike = _similarity(train[match], text) if match >= 0 else 0.0
        leaks.append(Leak(verdict, match, alike, passage, share))
    return leaks


def _shared(
    train: Sequence[str], held_out: Sequence[str], size: int
) -> tuple[list[np.ndarray], list[int]]:
    """For each held-out text: which of its runs occur in training (runs,) bool, and a training row that has one, or -1.

    Only the held-out runs are kept in memory; the training text passes by in chunks.
    """
    parts = [windows_of([text], size)[0] for text in held_out]
    wanted = np.unique(np.concatenate(parts))
    first_row = np.full(len(wanted), -1, dtype=np.int64)
    for rows in chunks(train) if len(wanted) else ():
        codes, places, starts = windows_of([train[row] for row in rows], size)
        index = np.minimum(np.searchsorted(wanted, codes), len(wanted) - 1)
        hit = wanted[index] == codes
        owner = np.searchsorted(starts, places[hit], side="right") - 1 + rows.start
        index, owner = (
            index[hit][::-1],
            owner[::-1],
        )  # of equal indices the last is written: the first row
        new = first_row[index] < 0
        first_row[index[new]] = owner[new]
    own = [first_row[np.searchsorted(wanted, part)] for part in parts]
    return [rows >= 0 for rows in own], [
        int(rows[rows >= 0][0]) if (rows >= 0).any() else -1 for rows in own
    ]


def _covered(starts: np.ndarray, size: int) -> int:
    """Tokens that lie in some run; ``starts`` says for each token that begins a run whether it is a hit."""
    steps = np.zeros(len(starts) + size, dtype=np.int64)
    steps[np.flatnonzero(starts)] += 1
    steps[np.flatnonzero(starts) + size] -= 1
    return int((np.cumsum(steps) > 0).sum())


def _similarity(first: str, second: str) -> float:
    hashes, starts = minhash.shingles([first, second])
    return minhash.jaccard(hashes[: starts[1]], hashes[starts[1] :])


def verdicts(leaks: Iterable[Leak]) -> dict[str, int]:
    """How many held-out documents have each verdict."""
    counts = dict.fromkeys((CLEAN, NEAR, PASSAGE), 0)
    for leak in leaks:
        counts[leak.verdict] += 1
    return counts
