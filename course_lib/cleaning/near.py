"""Near duplicates: MinHash with bands × rows, verified, in clusters that name what is kept.

Broder 1997, "On the resemblance and containment of documents", has the signatures;
Penedo et al. 2023, "The RefinedWeb Dataset for Falcon LLM", section 3.3, and Penedo et al. 2024,
"The FineWeb Datasets", use them on the web. The workbook's ``minhash`` makes shingles and
signatures; here the reader chooses the bands and rows and sees each pair's similarity.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from course_lib.cleaning.log import RemovalLog
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document, minhash


@dataclass(frozen=True, slots=True)
class Clusters:
    """The outcome for ``documents`` texts.

    kept        row of the cluster's kept member, ``(documents,)`` int64; its own row if it stays
    match       row of the document that it was found equal to, ``(documents,)`` int64
    similarity  exact Jaccard with ``match``, ``(documents,)`` float64; 1 for a document that stays
    """

    kept: np.ndarray
    match: np.ndarray
    similarity: np.ndarray


def meeting_probability(
    similarity: np.ndarray | float, bands: int, rows: int
) -> np.ndarray | float:
    """The chance that two documents of this Jaccard similarity share a bucket: 1 - (1 - J**rows)**bands."""
    return 1 - (1 - similarity**rows) ** bands


def find_clusters(
    texts: Sequence[str],
    *,
    bands: int = minhash.BANDS,
    rows: int = minhash.ROWS,
    threshold: float = minhash.THRESHOLD,
    seed: int = 1,
) -> Clusters:
    """Clusters of ``texts``; a cluster keeps its first member.

    Each removed text has a verified match: an earlier text with an exact Jaccard similarity
    of at least ``threshold``. Matches may form a chain, so that the kept member itself can be
    a little less similar. Texts with the same shingles are joined beforehand, and in a bucket
    a text meets at most ``minhash.LEADERS`` others: the work grows with the number of texts, not its square.
    """
    if bands < 1 or rows < 1 or not 0 < threshold <= 1:
        raise CourseError(
            "Choose at least one band and one row, and a threshold above 0 and up to 1."
        )
    hashes, starts = minhash.shingles(texts)
    match = minhash.first_with_same_shingles(hashes, starts)
    similarity = np.ones(len(match))

    def own(row: int) -> np.ndarray:
        return hashes[starts[row] : starts[row + 1]]

    for bucket in minhash.candidates(
        hashes, starts, match.copy(), bands=bands, rows=rows, seed=seed
    ):
        leaders: list[int] = []
        for row in map(int, bucket):
            if match[row] != row:
                continue
            for leader in leaders:
                alike = minhash.jaccard(own(row), own(leader))
                if alike >= threshold:
                    match[row], similarity[row] = leader, alike
                    break
            else:
                if len(leaders) < minhash.LEADERS:
                    leaders.append(row)
    kept = match.copy()
    for row in range(len(kept)):  # a match lies before its document, so its own keeper is known
        kept[row] = kept[match[row]]
    return Clusters(kept, match, similarity)


def meetings(
    texts: Sequence[str], *, bands: int = minhash.BANDS, rows: int = minhash.ROWS, seed: int = 1
) -> list[tuple[int, int, float]]:
    """Pairs that meet in a bucket, with their exact similarity: (first of the bucket, other, Jaccard).

    Texts with the same shingles count once. For looking at how many meetings are false alarms.
    """
    hashes, starts = minhash.shingles(texts)
    pairs: dict[tuple[int, int], float] = {}
    same = minhash.first_with_same_shingles(hashes, starts)
    for bucket in minhash.candidates(hashes, starts, same, bands=bands, rows=rows, seed=seed):
        first = int(bucket[0])
        for other in map(int, bucket[1:]):
            if (first, other) not in pairs:
                own = (hashes[starts[row] : starts[row + 1]] for row in (first, other))
                pairs[first, other] = minhash.jaccard(*own)
    return [(first, other, alike) for (first, other), alike in sorted(pairs.items())]


def exact_pairs(
    texts: Sequence[str], threshold: float = minhash.THRESHOLD, block: int = 500
) -> list[tuple[int, int]]:
    """All pairs of rows (first < second) whose exact similarity is at least ``threshold``.

    The yardstick for what MinHash finds: a product of sparse matrices (documents × shingles)
    counts what each two texts share. For some thousand texts; the work grows with their square.
    """
    hashes, starts = minhash.shingles(texts)
    codes, columns = np.unique(hashes, return_inverse=True)
    table = csr_array(
        (np.ones(len(hashes), np.int32), columns, starts), shape=(len(texts), len(codes))
    )
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
    """The first member of each cluster of near duplicates. Loads the corpus whole: it must compare all.

    Reason ``near-duplicate``; evidence ``kept`` (the id that stays), ``match`` (the id that it
    was compared with) and ``jaccard`` (their exact similarity of word 5-grams).
    """
    held = list(documents)
    found = find_clusters(
        [d.text for d in held], bands=bands, rows=rows, threshold=threshold, seed=seed
    )
    for row, document in enumerate(held):
        if found.kept[row] == row:
            yield document
        else:
            kept, match = held[found.kept[row]].id, held[found.match[row]].id
            log.drop(
                document,
                "near",
                "near-duplicate",
                kept=kept,
                match=match,
                jaccard=float(found.similarity[row]),
            )
