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

import numpy as np

from course_lib.workbook.corpus.words import words

SHINGLE_WORDS = 5
BANDS, ROWS = 14, 8
THRESHOLD = 0.8

_CHUNK = 1 << 15  # shingles hashed at a time: small enough to stay in the processor's cache
LEADERS = 16  # documents of a bucket that each of its documents is compared with


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


class _Codes(dict[str, int]):
    """A 32-bit code for each word, worked out when the word is first met."""

    def __missing__(self, word: str) -> int:
        code = self[word] = zlib.crc32(word.encode("utf-8", "surrogatepass"))
        return code


def shingles(texts: Iterable[str], size: int = SHINGLE_WORDS) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of every document's word n-grams.

    Returns ``hashes`` (all shingles, uint32, one document after the other) and ``starts``
    (documents + 1, int64): document i owns ``hashes[starts[i]:starts[i + 1]]``, sorted and
    without repeats. A document shorter than ``size`` words is one shingle: its whole text.
    """
    code_of = _Codes().__getitem__
    pieces: list[np.ndarray] = []
    counts: list[np.ndarray] = []
    codes: list[int] = []
    lengths: list[int] = []
    short: list[int] = []  # the shingle of a short document; of a longer one nothing is read here

    def finish() -> None:
        hashes, own = _shingles_of_group(codes, lengths, short, size)
        pieces.append(hashes)
        counts.append(own)
        for row in (codes, lengths, short):
            row.clear()

    for text in texts:
        before = len(codes)
        codes.extend(map(code_of, words(text)))
        length = len(codes) - before
        lengths.append(length)
        whole = (" ".join(map(str, codes[before:])) or text.strip()) if length < size else ""
        short.append(zlib.crc32(whole.encode("utf-8", "surrogatepass")))
        if len(codes) >= _CHUNK:  # many short documents share the cost of each array operation
            finish()
    finish()
    return np.concatenate(pieces), np.concatenate(([0], np.cumsum(np.concatenate(counts)))).astype(
        np.int64
    )


def _shingles_of_group(
    codes: Sequence[int], lengths: Sequence[int], short: Sequence[int], size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Shingles of documents that lie one after the other in ``codes``, and how many each document has.

    A shingle's hash is the sum of its words' codes, each scrambled for its place.
    """
    words_of = np.asarray(lengths, dtype=np.int64)
    row = np.asarray(codes, dtype=np.uint32)
    places = max(len(row) - size + 1, 0)
    total = np.zeros(places, dtype=np.uint32)
    for slot, (multiplier, addend) in enumerate(_constants(size, seed=5)):
        total += _mix(row[slot : slot + places], multiplier, addend)
    left = np.repeat(np.cumsum(words_of), words_of)[:places] - np.arange(
        places
    )  # words from here to the document's end
    owner = np.repeat(np.arange(len(words_of), dtype=np.uint64), words_of)[:places][left >= size]
    small = np.flatnonzero(words_of < size).astype(np.uint64)
    keys = np.concatenate(
        (
            owner << np.uint64(32) | total[left >= size],
            small << np.uint64(32) | np.asarray(short, dtype=np.uint64)[words_of < size],
        )
    )
    keys.sort()
    keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))] if len(keys) else keys
    counts = np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=len(words_of))
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.uint32), counts


def signatures(
    hashes: np.ndarray, starts: np.ndarray, *, values: int = BANDS * ROWS, seed: int = 1
) -> np.ndarray:
    """MinHash signatures, ``(documents, values)`` uint32.

    Value k of a document is the smallest of its shingles after the k-th scrambling.
    """
    return _signatures(hashes, starts, _constants(values, seed))


def _signatures(
    hashes: np.ndarray, starts: np.ndarray, constants: Sequence[tuple[int, int]]
) -> np.ndarray:
    """One value for each pair of constants."""
    result = np.full((len(constants), len(starts) - 1), np.iinfo(np.uint32).max, dtype=np.uint32)
    for begin in range(0, len(hashes), _CHUNK):
        chunk = hashes[begin : begin + _CHUNK]
        first = int(np.searchsorted(starts, begin, side="right")) - 1
        last = int(np.searchsorted(starts, begin + len(chunk), side="left"))
        edges = np.maximum(starts[first:last] - begin, 0)
        for k, (multiplier, addend) in enumerate(constants):
            smallest = np.minimum.reduceat(_mix(chunk, multiplier, addend), edges)
            np.minimum(result[k, first:last], smallest, out=result[k, first:last])
    return np.ascontiguousarray(result.T)


def buckets(signature: np.ndarray, bands: int = BANDS, rows: int = ROWS) -> Iterable[np.ndarray]:
    """Groups of documents that agree in all values of some band: the candidates, band by band."""
    for band in range(bands):
        part = np.ascontiguousarray(signature[:, band * rows : (band + 1) * rows])
        keys = part.view(np.dtype((np.void, part.dtype.itemsize * rows))).ravel()
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        edges = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1], [True])))
        for begin, end in zip(edges[:-1], edges[1:], strict=True):
            if end - begin > 1:
                yield np.sort(order[begin:end])


def jaccard(first: np.ndarray, second: np.ndarray) -> float:
    """Shared shingles / all shingles of two sorted arrays without repeats."""
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared)


def first_with_same_shingles(hashes: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """For each document the row of the first one with exactly its shingles, ``(documents,)`` int64."""
    seen: dict[bytes, int] = {}
    edges = zip(starts[:-1], starts[1:], strict=True)
    rows = [
        seen.setdefault(hashes[begin:end].tobytes(), row) for row, (begin, end) in enumerate(edges)
    ]
    return np.array(rows, dtype=np.int64)


def candidates(
    hashes: np.ndarray,
    starts: np.ndarray,
    first: np.ndarray,
    *,
    bands: int = BANDS,
    rows: int = ROWS,
    seed: int = 1,
) -> Iterator[np.ndarray]:
    """Rows of documents that meet in a bucket, band by band. Of those with the same shingles only the first.

    first   as ``first_with_same_shingles`` gives it
    """
    distinct = np.flatnonzero(first == np.arange(len(first)))
    if len(distinct) > 1:
        edges = np.concatenate(([0], np.cumsum(np.diff(starts)[distinct])))
        own = np.concatenate([hashes[starts[row] : starts[row + 1]] for row in distinct])
        constants = _constants(bands * rows, seed)
        for band in range(
            bands
        ):  # one band's signatures at a time: those of 450 × 20 need 36 kB a document
            part = _signatures(own, edges, constants[band * rows : (band + 1) * rows])
            for bucket in buckets(part, 1, rows):
                yield distinct[bucket]


def cluster(
    texts: Sequence[str] | Iterable[str],
    threshold: float = THRESHOLD,
    *,
    bands: int = BANDS,
    rows: int = ROWS,
    seed: int = 1,
) -> np.ndarray:
    """The cluster of each document: the row number of its first member, ``(documents,)`` int64.

    Two documents end in one cluster when a chain of verified pairs (Jaccard at least
    ``threshold``) joins them (*union-find*: a chain in any order, whichever pair is met first).
    In a bucket each document is compared with those of its first ``LEADERS`` that are not in its
    cluster yet, so thousands of equal pages stay cheap.
    """
    return join_clusters(*shingles(texts), threshold, bands=bands, rows=rows, seed=seed)


def join_clusters(
    hashes: np.ndarray,
    starts: np.ndarray,
    threshold: float = THRESHOLD,
    *,
    bands: int = BANDS,
    rows: int = ROWS,
    seed: int = 1,
) -> np.ndarray:
    """``cluster`` for documents of which the shingles are there already."""
    first = first_with_same_shingles(hashes, starts)
    parent = first.tolist()

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    def own(row: int) -> np.ndarray:
        return hashes[starts[row] : starts[row + 1]]

    compared: set[tuple[int, int]] = set()
    for bucket in candidates(hashes, starts, first, bands=bands, rows=rows, seed=seed):
        for place, row in enumerate(bucket.tolist()):
            mine = root(row)
            for other in bucket[: min(place, LEADERS)].tolist():
                theirs = root(other)
                if theirs == mine or (other, row) in compared:
                    continue
                compared.add((other, row))
                if jaccard(own(row), own(other)) >= threshold:
                    mine, high = sorted((mine, theirs))
                    parent[high] = mine
    return np.array([root(row) for row in range(len(parent))], dtype=np.int64)
