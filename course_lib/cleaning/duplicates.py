"""Duplicates of four kinds (documents, lines, near duplicates, passages), and leaks.

near       Broder 1997, "On the resemblance and containment of documents"; ``corpus.minhash`` has
           the method, here a reader chooses bands and rows and sees each pair's similarity
passages   Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better", section
           4.1: two documents need not be alike to share a page of licence text
leaks      near duplicates and passages that training and held-out documents have in common
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from course_lib.cleaning.steps import RemovalLog
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document, minhash
from course_lib.workbook.corpus.minhash import find_clusters
from course_lib.workbook.corpus.words import split_words

# --- Exact duplicates: of each distinct document or line 16 bytes are kept ---


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


def drop_repeated_lines(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
    """Documents without the lines that were seen before, in any document.

    Lines of fewer than 20 characters stay: a brace or "Returns" repeats for good reason. Evidence:
    the number of ``lines`` and the ``first`` of them.
    """
    seen: set[bytes] = set()
    for document in documents:
        kept, gone = [], []
        for line in document.text.split("\n"):
            key = _digest(line.strip()) if len(line.strip()) >= 20 else b""
            (gone if key in seen else kept).append(line)
            seen |= {key} - {b""}
        evidence = {"lines": len(gone), "first": gone[0].strip()} if gone else {}
        yield from _changed(document, "\n".join(kept), log, "lines", evidence)


def _changed(
    document: Document, text: str, log: RemovalLog, step: str, evidence: dict[str, str | int]
) -> Iterator[Document]:
    """The document with ``text``, or none where no text is left; as it was without evidence."""
    if not evidence:
        yield document
    elif text.strip():
        log.change(document, step, f"repeated-{step}", **evidence)
        yield replace(document, text=text)
    else:
        log.drop(document, step, f"only-repeated-{step}", **evidence)


# --- Near duplicates ---


def meeting_probability(
    similarity: np.ndarray | float, bands: int, rows: int
) -> np.ndarray | float:
    """That two documents of this Jaccard similarity share a bucket: 1 - (1 - J**rows)**bands."""
    return 1 - (1 - similarity**rows) ** bands


def drop_near(
    documents: Iterable[Document],
    log: RemovalLog,
    *,
    bands: int = minhash.BANDS,
    rows: int = minhash.ROWS,
    threshold: float = minhash.THRESHOLD,
    seed: int = 1,
) -> Iterator[Document]:
    """The first member of each cluster of near duplicates. Loads the corpus whole to compare all.

    Reason ``near-duplicate``; evidence ``kept`` (the id that stays), ``match`` (the id that it
    was found equal to) and ``jaccard`` (their exact similarity of word 5-grams).
    """
    held = list(documents)
    texts = [document.text for document in held]
    found = find_clusters(texts, bands=bands, rows=rows, threshold=threshold, seed=seed)
    for row, document in enumerate(held):
        if found.kept[row] == row:
            yield document
        else:
            kept, match = held[found.kept[row]].id, held[found.match[row]].id
            jaccard = float(found.similarity[row])
            log.drop(document, "near", "near-duplicate", kept=kept, match=match, jaccard=jaccard)


# --- Passages: runs of tokens that stood before ---


def _run_codes(text: str, size: int) -> list[int]:
    """The hash of each run of ``size`` tokens (words, marks), ``tokens - size + 1`` of them.

    Python's own hash, salted in each process: only equality within one process is ever asked.
    """
    tokens = tuple(split_words(text))
    return [hash(tokens[place : place + size]) for place in range(len(tokens) - size + 1)]


def _covered(starts: Sequence[int], size: int, count: int) -> np.ndarray:
    """Which of ``count`` tokens lie in a run that begins in ``starts``, ``(count,)`` bool."""
    steps = np.zeros(count + 1, dtype=np.int64)
    steps[np.array(starts, dtype=np.int64)] += 1
    steps[np.array(starts, dtype=np.int64) + size] -= 1
    return np.cumsum(steps[:-1]) > 0


def drop_passages(
    documents: Iterable[Document], log: RemovalLog, *, size: int = 50
) -> Iterator[Document]:
    """Documents without the passages that stood before, in this document or another.

    A token goes if some run of ``size`` tokens around it stood before; the first copy stays. Every
    run is remembered, which needs about 100 bytes a token.

    Evidence: how many ``tokens`` go, ``source`` (the document in which the first of them stays)
    and how it ``begins``.
    """
    first: dict[int, str] = {}  # of a run the document in which it stands first
    for document in documents:
        codes, again = _run_codes(document.text, size), []
        for place, code in enumerate(codes):
            if code in first:
                again.append(place)
            else:
                first[code] = document.id
        text, evidence = document.text, {}
        if again:
            text, evidence = _cut(text, again, size)
            evidence["source"] = first[codes[again[0]]]
        yield from _changed(document, text, log, "passages", evidence)


def _cut(text: str, runs: Sequence[int], size: int) -> tuple[str, dict[str, str | int]]:
    """``text`` without the runs and the white space behind them, and the evidence."""
    begins: list[int] = []  # of each token
    place = 0
    for token in split_words(text):
        begins.append(text.index(token, place))
        place = begins[-1] + len(token)
    gone = _covered(runs, size, len(begins)).tolist()
    spans = zip(begins, [*begins[1:], len(text)], gone, strict=True)
    kept = [text[begin:end] for begin, end, cut in spans if not cut]
    start = begins[runs[0]]
    evidence = {"tokens": sum(gone), "begins": " ".join(text[start : start + 60].split())}
    return "".join([text[: begins[0]], *kept]), evidence


# --- Leaks: held-out documents that the training documents already tell ---

CLEAN, NEAR, PASSAGE = "clean", "near-duplicate", "passage"
MAX_COMPARED = 100  # training documents that a held-out one is compared with in a bucket


@dataclass(frozen=True, slots=True)
class Leak:
    """The finding for one held-out document.

    match           row of the training document that it repeats; -1 for ``clean``
    jaccard         exact similarity of word 5-grams with ``match``
    passage_tokens  tokens of it that lie in passages of 50 which training has, too
    """

    verdict: str
    match: int
    jaccard: float
    passage_tokens: int


def find_leaks(train: Sequence[str], held_out: Sequence[str], *, seed: int = 1) -> list[Leak]:
    """One ``Leak`` for each held-out text, in order, each compared with training texts only.

    Near duplicates are searched with MinHash, so that a pair just above the threshold is missed
    now and then; passages are exact.
    """
    if not train or not held_out:
        raise CourseError("A leak check needs at least one training and one held-out document.")
    matches = _near_matches(train, held_out, seed)
    passages = _rows_with_runs(train, held_out, 50)
    leaks = []
    for text, match, rows in zip(held_out, matches, passages, strict=True):
        shared = [place for place, row in enumerate(rows) if row >= 0]
        tokens = int(_covered(shared, 50, len(rows) + 50).sum())
        verdict = NEAR if match >= 0 else PASSAGE if tokens else CLEAN
        if verdict == PASSAGE:
            match = rows[shared[0]]
        jaccard = 0.0
        if match >= 0:
            hashes, starts = minhash.shingles([train[match], text])
            jaccard = minhash.jaccard(hashes[: starts[1]], hashes[starts[1] :])
        leaks.append(Leak(verdict, match, jaccard, tokens))
    return leaks


def _near_matches(train: Sequence[str], held_out: Sequence[str], seed: int) -> list[int]:
    """For each held-out text the row of a training text that is nearly the same, -1 without one."""
    hashes, starts = minhash.shingles([*train, *held_out])
    first = minhash.first_with_same_shingles(hashes, starts)
    match = np.where(first < len(train), first, -1)
    for bucket in minhash.candidates(hashes, starts, seed=seed):
        for row in bucket[bucket >= len(train)].tolist():
            own = hashes[starts[row] : starts[row + 1]]
            for other in bucket[bucket < len(train)][:MAX_COMPARED].tolist():
                if match[row] >= 0:
                    break
                alike = minhash.jaccard(own, hashes[starts[other] : starts[other + 1]])
                match[row] = other if alike >= minhash.THRESHOLD else -1
    return match[first[len(train) :]].tolist()


def _rows_with_runs(train: Sequence[str], held_out: Sequence[str], size: int) -> list[list[int]]:
    """For each run of each held-out text the first row of training that has it, or -1."""
    codes = [_run_codes(text, size) for text in held_out]
    rows = dict.fromkeys(chain.from_iterable(codes), -1)
    for row, text in enumerate(train):
        for code in _run_codes(text, size):
            if rows.get(code) == -1:
                rows[code] = row
    return [[rows[code] for code in own] for own in codes]
