"""Counting who stands near whom: word vectors without training, and pairs to test vectors with.

Positive pointwise mutual information, made short by a truncated SVD, is the rival to beat before
anything is called learning: skip-gram with negative sampling is close to factorising that matrix
(Levy and Goldberg 2014).

Public test sets (WordSim-353, the Google analogies) ask for kings, capitals and currencies,
which technical text hardly mentions. Two sources of pairs fit any corpus better: the "See Also"
sections that authors of numpydoc docstrings write by hand, and, where there are none, words
that stand together in held-out documents more often than chance.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import csr_array, diags_array, triu
from sklearn.utils.extmath import randomized_svd

from course_lib.embeddings.vectors import WordVectors
from course_lib.embeddings.word2vec import Encoded, Vocabulary, build_vocabulary
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document

Pair = tuple[str, str]
_SECTION = re.compile(
    r"^[ \t]*See Also[ \t]*\n[ \t]*-{3,}[ \t]*\n(?P<body>.*?)"
    r"(?=^[ \t]*\S[^\n]*\n[ \t]*[-=]{3,}[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_NAME = re.compile(r"^(?::\w+:)?`{0,2}~?(?:\w+\.)*(\w+)`{0,2}(?:\(\))?$")


def cooccurrences(
    encoded: Encoded, num_words: int, window: int = 5, keep: np.ndarray | None = None
) -> csr_array:
    """How often each word stands near each other one, a sparse matrix ``(num_words, num_words)``.

    window   words on each side; one at distance d counts (window + 1 − d) / window, which is what
             Word2Vec's windows of random size give in the mean
    keep     True for the words of the text that stay, as in Word2Vec's thinning out; None: all
    """
    keep = slice(None) if keep is None else keep
    ids, documents = encoded.token_ids[keep], encoded.document_ids[keep]
    counts = csr_array((num_words, num_words), dtype=np.float32)
    for distance in range(1, window + 1):
        same = documents[distance:] == documents[:-distance]
        pairs = ids[:-distance][same], ids[distance:][same]
        weight = np.full(len(pairs[0]), (window + 1 - distance) / window, dtype=np.float32)
        counts = counts + csr_array((weight, pairs), shape=counts.shape)
    return counts + counts.T


def ppmi(counts: csr_array, smoothing: float = 0.75) -> csr_array:
    """log P(a, b) / (P(a) P(b)), and 0 where that is negative; same shape, sparse.

    The contexts' counts are raised to the power ``smoothing``, without which rare words win
    (Levy, Goldberg and Dagan 2015, section 3.1).
    """
    rows, columns = np.asarray(counts.sum(1), float), np.asarray(counts.sum(0), float) ** smoothing
    columns /= max(columns.sum(), 1e-12)
    row_scale, column_scale = (1 / np.maximum(side, 1e-12) for side in (rows, columns))
    ratio = (diags_array(row_scale) @ counts @ diags_array(column_scale)).tocsr()
    ratio.data = np.maximum(np.log(np.maximum(ratio.data, 1e-12)), 0).astype(np.float32)
    ratio.eliminate_zeros()
    return ratio


def count_vectors(
    vocabulary: Vocabulary, encoded: Encoded, vector_size: int = 100, window: int = 5, seed: int = 0
) -> WordVectors:
    """PPMI's ``vector_size`` largest singular directions, scaled by √singular value."""
    drawn = np.random.default_rng(seed).random(len(encoded))
    keep = drawn < vocabulary.keep_probability()[encoded.token_ids]
    matrix = ppmi(cooccurrences(encoded, len(vocabulary), window, keep))
    vector_size = min(vector_size, len(vocabulary) - 1)
    left, values, _ = randomized_svd(matrix, vector_size, n_iter=4, random_state=seed)
    return WordVectors(vocabulary.words, left * np.sqrt(values))


def split_see_also(text: str) -> tuple[str, list[str]]:
    """The text without its "See Also" section, and the names listed there, in lower case.

    >>> split_see_also("Add.\\n\\nSee Also\\n--------\\nnumpy.subtract : The inverse.\\n")
    ('Add.\\n\\n', ['subtract'])
    """
    section = _SECTION.search(text)
    if not section:
        return text, []
    lines = [line.rstrip() for line in section["body"].splitlines() if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    listed = [line.strip() for line in lines if len(line) - len(line.lstrip()) == margin]
    heads = (re.split(r"\s*:(?:\s|$)", line, maxsplit=1)[0] for line in listed)
    parts = (part.strip() for head in heads for part in head.split(","))
    names = [match[1].lower() for part in parts if (match := _NAME.match(part))]
    return text[: section.start()] + text[section.end() :], names


def see_also_pairs(documents: Iterable[Document]) -> tuple[list[str], list[Pair]]:
    """Every text without its "See Also" section, and the pairs (documented name, listed name).

    A document's own name is the last part of its id: ``numpy.linalg.norm`` gives ``norm``. Each
    pair is given once, whichever way round it was listed, and none of a word with itself.
    """
    texts, pairs = [], {}
    for document in documents:
        text, listed = split_see_also(document.text)
        texts.append(text)
        name = re.split(r"\W", document.id.split("#")[0])[-1].lower()
        for other in listed:
            if name and other != name:
                pairs.setdefault(tuple(sorted((name, other))), (name, other))
    return texts, list(pairs.values())


def cooccurrence_pairs(texts: Sequence[str], max_pairs: int = 2_000) -> list[Pair]:
    """Words that stand together more often than chance would have it, the strongest first.

    ``texts`` are held-out documents, that no vector was trained on. The strength is the count
    times the pointwise mutual information, which unlike the latter alone does not favour words
    that occur a few times in all (Evert 2005). Words so frequent that Word2Vec thins them out go
    with everything and are left out, as are pairs that hardly met (closer than ten words).
    """
    try:
        vocabulary, encoded = build_vocabulary(texts, min_count=3)
    except CourseError:  # too few words
        return []
    keep = vocabulary.keep_probability()[encoded.token_ids] == 1
    counts = cooccurrences(encoded, len(vocabulary), window=10, keep=keep)
    counts.data[counts.data < 1.5] = 0
    strength = triu(counts.multiply(ppmi(counts, smoothing=1)), k=1).tocoo()
    order = np.argsort(-strength.data, kind="stable")[:max_pairs]
    names = vocabulary.words
    return [(names[strength.row[n]], names[strength.col[n]]) for n in order if strength.data[n] > 0]
