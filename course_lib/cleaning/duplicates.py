"""Duplicates of four kinds (documents, lines, near duplicates, passages), and leaks.

near       Broder 1997, "On the resemblance and containment of documents"; ``corpus.minhash`` has
           the method, here a reader chooses bands and rows and sees each pair's similarity
passages   Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better", section
           4.1: two documents need not be alike to share a page of licence text
leaks      Brown et al. 2020, "Language Models are Few-Shot Learners", appendix C: 13-grams in
           common between GPT-3's training data and the benchmarks
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

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

    Lines of fewer than 20 characters stay: a brace or "Returns" repeats for good reason. Reason
    ``repeated-lines`` with the number of ``lines`` and the ``first`` of them; a document of which
    nothing is left is dropped with ``only-repeated-lines``.
    """
    seen: set[bytes] = set()
    for document in documents:
        kept, gone = [], []
        for line in document.text.split("\n"):
            bare = line.strip()
            key = _digest(bare) if len(bare) >= 20 else b""
            (gone if key in seen else kept).append(line)
            if key:
                seen.add(key)
        text = "\n".join(kept)
        evidence = {"lines": len(gone), "first": gone[0].strip()} if gone else {}
        if not gone:
            yield document
        elif text.strip():
            log.change(document, "lines", "repeated-lines", **evidence)
            yield replace(document, text=text)
        else:
            log.drop(document, "lines", "only-repeated-lines", **evidence)


# --- Near duplicates ---


def meeting_probability(
    similarity: np.ndarray | float, bands: int, rows: int
) -> np.ndarray | float:
    """That two documents of this Jaccard similarity share a bucket: 1 - (1 - J**rows)**bands."""
    return 1 - (1 - similarity**rows) ** bands


def meetings(texts: Sequence[str], *, seed: int = 1) -> list[tuple[int, int, float]]:
    """Pairs that meet in a bucket: (first of the bucket, other, exact Jaccard similarity).

    Texts with the same shingles count once. For looking at how many meetings are false alarms.
    """
    hashes, starts = minhash.shingles(texts)
    first = minhash.first_with_same_shingles(hashes, starts)
    pairs: dict[tuple[int, int], float] = {}
    for bucket in minhash.candidates(hashes, starts, first, seed=seed):
        one, *others = bucket.tolist()
        for other in others:
            if (one, other) not in pairs:
                own = (hashes[starts[row] : starts[row + 1]] for row in (one, other))
                pairs[one, other] = minhash.jaccard(*own)
    return [(one, other, alike) for (one, other), alike in sorted(pairs.items())]


def exact_pairs(
    texts: Sequence[str], threshold: float = minhash.THRESHOLD, block: int = 500
) -> list[tuple[int, int]]:
    """All pairs of rows (first < second) whose exact similarity is at least ``threshold``.

    The yardstick for what MinHash finds: a product of sparse matrices (documents × shingles)
    counts what each two texts share. For some thousand texts; the work grows with their square.
    """
    hashes, starts = minhash.shingles(texts)
    codes, columns = np.unique(hashes, return_inverse=True)
    ones = np.ones(len(hashes), np.int32)
    table = csr_array((ones, columns, starts), shape=(len(texts), len(codes)))
    sizes = np.diff(starts)
    pairs: list[tuple[int, int]] = []
    for begin in range(0, len(texts), block):
        shared = (table[begin : begin + block] @ table.T).tocoo()
        first, second = shared.coords[0] + begin, shared.coords[1]
        alike = shared.data / (sizes[first] + sizes[second] - shared.data)
        chosen = (alike >= threshold) & (first < second)
        pairs += zip(first[chosen].tolist(), second[chosen].tolist(), strict=True)
    return sorted(pairs)


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


def run_codes(text: str, size: int) -> np.ndarray:
    """The hash of each run of ``size`` tokens (words, marks), ``(tokens - size + 1,)`` int64.

    Python's own hash, salted in each process: only equality within one process is ever asked.
    """
    tokens = tuple(split_words(text))
    runs = range(len(tokens) - size + 1)
    return np.fromiter((hash(tokens[place : place + size]) for place in runs), np.int64)


def _stands_in(codes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which of ``codes`` are among the sorted ``known`` ones, ``(codes,)`` bool."""
    if not len(known):
        return np.zeros(len(codes), dtype=bool)
    return known[np.minimum(np.searchsorted(known, codes), len(known) - 1)] == codes


def _covered(starts: np.ndarray, size: int, count: int) -> np.ndarray:
    """Which of ``count`` tokens lie in a run that begins in ``starts``, ``(count,)`` bool."""
    steps = np.zeros(count + 1, dtype=np.int64)
    steps[starts] += 1
    steps[starts + size] -= 1
    return np.cumsum(steps[:-1]) > 0


def drop_passages(
    documents: Iterable[Document], log: RemovalLog, *, size: int = 50
) -> Iterator[Document]:
    """Documents without the passages that stood before, in this document or another.

    A token goes if some run of ``size`` tokens around it stood before; the first copy stays. Loads
    the corpus whole, for a passage may return anywhere, and needs 16 bytes a token besides.

    Reason ``repeated-passages``; evidence: how many ``passages`` and ``tokens`` go, ``source`` (the
    document in which the first of them stays) and how it ``begins``. A document of which no word
    is left is dropped with ``only-repeated-passages``.
    """
    if size < 2:
        raise ValueError("a passage has at least two tokens")
    held = list(documents)
    codes = [run_codes(document.text, size) for document in held]
    ordered = np.sort(np.concatenate(codes)) if held else np.zeros(0, np.int64)
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    first: dict[int, int] = {}  # of a repeated run the row in which it stands first
    for row, document in enumerate(held):
        again, source = [], -1
        for place in np.flatnonzero(_stands_in(codes[row], repeated)).tolist():
            code = int(codes[row][place])
            if code not in first:
                first[code] = row
            else:
                source = source if again else first[code]
                again.append(place)
        if not again:
            yield document
            continue
        text, evidence = _cut(document.text, np.array(again), size)
        evidence["source"] = held[source].id
        if any(map(str.isalnum, text)):
            log.change(document, "passages", "repeated-passages", **evidence)
            yield replace(document, text=text)
        else:
            log.drop(document, "passages", "only-repeated-passages", **evidence)


def _cut(text: str, runs: np.ndarray, size: int) -> tuple[str, dict[str, str | int]]:
    """``text`` without the runs and the white space behind them, and the evidence."""
    begins: list[int] = []  # of each token
    place = 0
    for token in split_words(text):
        begins.append(text.index(token, place))
        place = begins[-1] + len(token)
    gone = _covered(runs, size, len(begins))
    edges = np.flatnonzero(np.diff(np.concatenate(([False], gone, [False])))).reshape(-1, 2)
    pieces, place = [], 0
    for begin, end in edges.tolist():
        pieces.append(text[place : begins[begin]])
        place = begins[end] if end < len(begins) else len(text)
    start = begins[edges[0, 0]]
    evidence = {
        "passages": len(edges),
        "tokens": int(gone.sum()),
        "begins": " ".join(text[start : start + 60].split()),
    }
    return "".join([*pieces, text[place:]]), evidence


# --- Leaks: held-out documents that the training documents already tell ---

CLEAN, NEAR, PASSAGE = "clean", "near-duplicate", "passage"
MAX_COMPARED = 100  # training documents that a held-out one is compared with in a bucket


@dataclass(frozen=True, slots=True)
class Leak:
    """The finding for one held-out document.

    verdict         ``near-duplicate`` of a training document, ``passage`` (of 50 tokens), ``clean``
    match           row of the training document that it repeats; -1 for ``clean``
    jaccard         exact similarity of word 5-grams with ``match``; 0.0 where there is none
    passage_tokens  tokens of it that lie in passages of 50 which training has, too
    ngram_overlap   fraction of its 13-grams that occur in training; 0.0 if it has none
    """

    verdict: str
    match: int
    jaccard: float
    passage_tokens: int
    ngram_overlap: float


def find_leaks(train: Sequence[str], held_out: Sequence[str], *, seed: int = 1) -> list[Leak]:
    """One ``Leak`` for each held-out text, in order, each compared with training texts only.

    Near duplicates are searched with MinHash, so that a pair just above the threshold is missed
    now and then; passages and 13-grams are exact. Only the held-out runs are kept in memory.
    """
    if not train or not held_out:
        raise CourseError("A leak check needs at least one training and one held-out document.")
    matches = _near_matches(train, held_out, seed)
    passages, grams = _rows_with_runs(train, held_out, 50), _rows_with_runs(train, held_out, 13)
    leaks = []
    for text, match, rows, gram_rows in zip(held_out, matches, passages, grams, strict=True):
        shared = np.flatnonzero(rows >= 0)
        tokens = int(_covered(shared, 50, len(rows) + 50).sum())
        overlap = float((gram_rows >= 0).mean()) if len(gram_rows) else 0.0
        verdict = NEAR if match >= 0 else PASSAGE if tokens else CLEAN
        if verdict == PASSAGE:
            match = int(rows[shared[0]])
        jaccard = 0.0
        if match >= 0:
            hashes, starts = minhash.shingles([train[match], text])
            jaccard = minhash.jaccard(hashes[: starts[1]], hashes[starts[1] :])
        leaks.append(Leak(verdict, match, jaccard, tokens, overlap))
    return leaks


def _near_matches(train: Sequence[str], held_out: Sequence[str], seed: int) -> list[int]:
    """For each held-out text the row of a training text that is nearly the same, -1 without one."""
    hashes, starts = minhash.shingles([*train, *held_out])
    first = minhash.first_with_same_shingles(hashes, starts)
    match = np.where(first < len(train), first, -1)
    for bucket in minhash.candidates(hashes, starts, first, seed=seed):
        for row in bucket[bucket >= len(train)].tolist():
            own = hashes[starts[row] : starts[row + 1]]
            for other in bucket[bucket < len(train)][:MAX_COMPARED].tolist():
                if match[row] >= 0:
                    break
                alike = minhash.jaccard(own, hashes[starts[other] : starts[other + 1]])
                match[row] = other if alike >= minhash.THRESHOLD else -1
    return match[first[len(train) :]].tolist()


def _rows_with_runs(train: Sequence[str], held_out: Sequence[str], size: int) -> list[np.ndarray]:
    """For each held-out text a training row that has each of its runs, or -1, ``(runs,)`` int64."""
    codes = [run_codes(text, size) for text in held_out]
    wanted = np.unique(np.concatenate(codes))
    rows = np.full(len(wanted), -1, dtype=np.int64)
    for row in reversed(range(len(train) if len(wanted) else 0)):  # the first row is written last
        own = run_codes(train[row], size)
        rows[np.searchsorted(wanted, own[_stands_in(own, wanted)])] = row
    return [rows[np.searchsorted(wanted, own)] for own in codes]
