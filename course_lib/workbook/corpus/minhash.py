"""Near-duplicate documents: MinHash signatures, LSH buckets, verified clusters.

A document is the set of its word 5-grams (*shingles*). Two documents with a Jaccard
similarity J (shared shingles / all shingles) agree in each MinHash value with
probability J. Signatures of ``BANDS`` × ``ROWS`` values meet in at least one bucket with
probability 1 - (1 - J**ROWS)**BANDS: 0.77 at J = 0.75 and 0.92 at J = 0.8 for 14 × 8, FineWeb's
choice (Penedo et al. 2024, "The FineWeb Datasets"). What meets is then compared exactly,
so nothing is called a duplicate by accident. Broder 1997, "On the resemblance and
containment of documents", has the method.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from course_lib.workbook.corpus.words import words

SHINGLE_WORDS = 5
BANDS, ROWS = 14, 8
THRESHOLD = 0.8

_CHUNK = 1 << 15  # shingles hashed at a time: small enough to stay in the processor's cache
LEADERS = 8  # documents of a bucket that each one is compared with, and as many of other clusters


def _mix(values: np.ndarray, multiplier: int, addend: int) -> np.ndarray:
    """A cheap bijection of 32-bit numbers that scrambles them well."""
    mixed = values * np.uint32(multiplier) + np.uint32(addend)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x2C1B3C6D)
    return mixed ^ (mixed >> np.uint32(13))


def _constants(count: int, seed: int) -> list[tuple[int, int]]:
    """``count`` pairs of an odd multiplier and an addend."""
    numbers = np.random.default_rng(seed).integers(1, 2**32, size=(count, 2), dtype=np.uint64)
    return [(int(a) | 1, int(b)) for a, b in numbers]


def shingles(texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of every document's runs of ``SHINGLE_WORDS`` words.

    Returns ``hashes`` (all shingles, uint32, one document after the other) and ``starts``
    (documents + 1, int64): document i owns ``hashes[starts[i]:starts[i + 1]]``, sorted and
    without repeats. A document of fewer words is one shingle: its whole text.
    """

    @cache
    def code_of(word: str) -> int:
        return zlib.crc32(word.encode("utf-8", "surrogatepass"))

    codes, lengths, groups = [], [], []
    for text in texts:
        own = list(map(code_of, words(text) or [text.strip()]))
        own += [0] * (SHINGLE_WORDS - len(own))  # a short document is filled up
        codes += own
        lengths.append(len(own))
        if len(codes) >= _CHUNK:  # many short documents share the cost of each array operation
            groups.append(_shingles_of_group(codes, lengths))
            codes, lengths = [], []
    groups.append(_shingles_of_group(codes, lengths))
    hashes, counts = (np.concatenate(part) for part in zip(*groups, strict=True))
    return hashes, np.concatenate(([0], np.cumsum(counts))).astype(np.int64)


def _shingles_of_group(codes: list[int], lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Shingles of documents that lie one after the other in ``codes``, and their number in each.

    A shingle's hash is the sum of its words' codes, each scrambled for its place.
    """
    row, lengths = np.asarray(codes, dtype=np.uint32), np.asarray(lengths, dtype=np.int64)
    places = max(len(row) - SHINGLE_WORDS + 1, 0)
    total = np.zeros(places, dtype=np.uint32)
    for slot, (multiplier, addend) in enumerate(_constants(SHINGLE_WORDS, seed=5)):
        total += _mix(row[slot : slot + places], multiplier, addend)
    owner = np.repeat(np.arange(len(lengths), dtype=np.uint64), lengths)
    whole = owner[:places] == owner[SHINGLE_WORDS - 1 :]  # does not reach into the next document
    keys = np.unique(owner[:places][whole] << np.uint64(32) | total[whole])
    counts = np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=len(lengths))
    return keys.astype(np.uint32), counts  # the lower half


def signatures(
    hashes: np.ndarray, starts: np.ndarray, constants: Sequence[tuple[int, int]]
) -> np.ndarray:
    """MinHash signatures, ``(documents, constants)`` uint32.

    Value k of a document is the smallest of its shingles after the k-th scrambling.
    """
    result = np.empty((len(constants), len(starts) - 1), dtype=np.uint32)
    edges = np.searchsorted(starts, np.arange(0, len(hashes), _CHUNK))  # whole documents
    for first, last in pairwise(np.unique([*edges, len(starts) - 1]).tolist()):
        own, begins = hashes[starts[first] : starts[last]], starts[first:last] - starts[first]
        for k, (multiplier, addend) in enumerate(constants):
            result[k, first:last] = np.minimum.reduceat(_mix(own, multiplier, addend), begins)
    return np.ascontiguousarray(result.T)


def jaccard(first: np.ndarray, second: np.ndarray) -> float:
    """Shared shingles / all shingles of two sorted arrays without repeats."""
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared)


def first_with_same_shingles(hashes: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The row of the first document with exactly the same shingles, ``(documents,)`` int64."""
    seen: dict[bytes, int] = {}
    edges = pairwise(starts.tolist())
    rows = [seen.setdefault(hashes[a:b].tobytes(), row) for row, (a, b) in enumerate(edges)]
    return np.array(rows, dtype=np.int64)


def candidates(
    hashes: np.ndarray, starts: np.ndarray, bands: int = BANDS, rows: int = ROWS, seed: int = 1
) -> Iterator[np.ndarray]:
    """Rows of documents that meet in a bucket, band by band; of equal ones only the first."""
    is_first = first_with_same_shingles(hashes, starts) == np.arange(len(starts) - 1)
    distinct, own = np.flatnonzero(is_first), hashes[np.repeat(is_first, np.diff(starts))]
    edges = np.concatenate(([0], np.cumsum(np.diff(starts)[distinct])))
    constants = _constants(bands * rows, seed)
    for band in range(bands):  # one at a time: signatures of 450 × 20 need 36 kB a document
        signature = signatures(own, edges, constants[band * rows : (band + 1) * rows])
        keys = signature.view(np.dtype((np.void, signature.itemsize * rows))).ravel()
        order = np.argsort(keys, kind="stable")
        is_new = np.concatenate(([True], keys[order][1:] != keys[order][:-1], [True]))
        borders = pairwise(np.flatnonzero(is_new).tolist())
        yield from (distinct[order[a:b]] for a, b in borders if b - a > 1)


@dataclass(frozen=True, slots=True)
class Clusters:
    """The near-duplicate clusters of ``documents`` texts.

    kept        row of the first member of each text's cluster, ``(documents,)`` int64
    match       row of a text that it was found equal to, its own for a first member; likewise
    similarity  exact Jaccard with ``match``, ``(documents,)`` float64; 1 for a first member
    """

    kept: np.ndarray
    match: np.ndarray
    similarity: np.ndarray


def find_clusters(
    texts: Iterable[str],
    *,
    bands: int = BANDS,
    rows: int = ROWS,
    threshold: float = THRESHOLD,
    seed: int = 1,
) -> Clusters:
    """Two texts are in one cluster when a chain of verified pairs joins them.

    Union–find: a pair (Jaccard at least ``threshold``) joins the clusters of both, whatever either
    was joined to before. Texts with the same shingles are joined beforehand, and in a bucket a text
    is compared with its first ``LEADERS`` texts and with as many that were like none before them:
    the work grows with the number of texts, not its square. A pair just above the threshold may
    meet in no bucket and be missed.
    """
    hashes, starts = shingles(texts)
    match = first_with_same_shingles(hashes, starts)
    parent, similarity = match.tolist(), np.ones(len(match))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = row = parent[parent[row]]
        return row

    def own(row: int) -> np.ndarray:
        return hashes[starts[row] : starts[row + 1]]

    for bucket in candidates(hashes, starts, bands, rows, seed):
        leaders: list[int] = []
        for row in bucket.tolist():
            alone = True
            for leader in leaders:
                low, high = sorted((root(row), root(leader)))
                if low != high and (alike := jaccard(own(row), own(leader))) >= threshold:
                    parent[high] = low
                    for one, two in ((row, leader), (leader, row)):
                        if match[one] == one or alike > similarity[one]:
                            match[one], similarity[one] = two, alike
                alone = alone and root(row) != root(leader)
            if len(leaders) < (2 * LEADERS if alone else LEADERS):
                leaders.append(row)
    kept = np.array([root(row) for row in range(len(parent))], dtype=np.int64)
    first = kept == np.arange(len(kept))
    match[first], similarity[first] = kept[first], 1.0
    return Clusters(kept, match, similarity)
