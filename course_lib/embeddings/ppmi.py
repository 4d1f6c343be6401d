"""Word vectors by counting: positive pointwise mutual information, made short by a truncated SVD.

Skip-gram with negative sampling is close to factorising this matrix (Levy and Goldberg 2014), so
the count-based way is the rival to beat before anything is called learning.
"""

import numpy as np
from scipy.sparse import csr_array, diags_array
from sklearn.utils.extmath import randomized_svd

from course_lib.embeddings.vectors import WordVectors
from course_lib.embeddings.vocabulary import Encoded, Vocabulary


def cooccurrences(
    encoded: Encoded, words: int, window: int = 5, keep: np.ndarray | None = None
) -> csr_array:
    """How often each word stands near each other one, a sparse matrix ``(words, words)``.

    encoded   the text
    words     size of the vocabulary
    window    words on each side; one at distance d counts (window + 1 − d) / window, which is what
              Word2Vec's windows of random size give in the mean
    keep      True for the words of the text that stay, as in Word2Vec's thinning out; None keeps all
    """
    ids, documents = (
        (encoded.ids, encoded.documents)
        if keep is None
        else (encoded.ids[keep], encoded.documents[keep])
    )
    counts = csr_array((words, words), dtype=np.float32)
    for distance in range(1, window + 1):
        same = documents[distance:] == documents[:-distance]
        left, right = ids[:-distance][same], ids[distance:][same]
        weight = np.full(len(left), (window + 1 - distance) / window, dtype=np.float32)
        counts = counts + csr_array((weight, (left, right)), shape=counts.shape)
    return counts + counts.T


def ppmi(counts: csr_array, smoothing: float = 0.75, shift: float = 0.0) -> csr_array:
    """log P(a, b) / (P(a) P(b)) − ``shift``, and 0 where that is negative; same shape, sparse.

    The contexts' counts are raised to the power ``smoothing``, without which rare words win
    (Levy, Goldberg and Dagan 2015, section 3.1).
    """
    total = counts.sum()
    rows, columns = np.asarray(counts.sum(1), float), np.asarray(counts.sum(0), float) ** smoothing
    columns /= max(columns.sum(), 1e-12)
    inverse = [
        np.divide(1.0, side, out=np.zeros_like(side), where=side > 0) for side in (rows, columns)
    ]
    ratio = (diags_array(inverse[0]) @ counts @ diags_array(inverse[1])).tocsr()
    ratio.data = np.maximum(np.log(np.maximum(ratio.data, 1e-12)) - shift, 0).astype(np.float32)
    if total > 0:
        ratio.eliminate_zeros()
    return ratio


def count_vectors(
    vocabulary: Vocabulary,
    encoded: Encoded,
    width: int = 100,
    window: int = 5,
    subsample: float = 1e-3,
    seed: int = 0,
) -> WordVectors:
    """Vectors from counts: PPMI, its ``width`` largest singular directions, scaled by √singular value."""
    kept = (
        np.random.default_rng(seed).random(len(encoded))
        < vocabulary.keep_probability(subsample)[encoded.ids]
    )
    matrix = ppmi(cooccurrences(encoded, len(vocabulary), window, kept))
    width = min(width, len(vocabulary) - 1)
    left, values, _ = randomized_svd(matrix, width, n_iter=4, random_state=seed)
    return WordVectors(vocabulary.words, left * np.sqrt(values))
