"""Finding documents: weighted means of word vectors, against counted words (TF-IDF)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer

from course_lib.embeddings.evaluate import CoverageScore
from course_lib.embeddings.vectors import WordVectors, unit_length
from course_lib.embeddings.word2vec import Vocabulary
from course_lib.workbook.corpus.words import words

Scores = np.ndarray  # (queries, documents)


class MeanVectors:
    """Each text as the weighted mean of its words' vectors (those of ``vocabulary``).

    A word that is a fraction p of the training text weighs a / (a + p), with a = 0.001: rare
    words speak, "the" whispers (Arora, Liang and Ma 2017). Texts without a known word get the
    zero vector and match nothing.
    """

    def __init__(self, vectors: WordVectors, vocabulary: Vocabulary) -> None:
        self.vectors = vectors
        self.weights = 1e-3 / (1e-3 + vocabulary.counts / vocabulary.counts.sum())  # (words,)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Directions of the texts, float32, ``(texts, vector_size)``, each of length 1 or 0."""
        index = self.vectors.index
        rows = [[index[word] for word in words(text) if word in index] for text in texts]
        flat = np.array([n for row in rows for n in row], dtype=np.int64)
        starts = np.cumsum([0, *map(len, rows)])
        mixing = csr_array(
            (self.weights[flat], flat, starts), shape=(len(texts), len(self.vectors))
        )
        return unit_length(mixing @ self.vectors.normed).astype(np.float32)

    def scores(self, queries: Sequence[str], documents: Sequence[str]) -> Scores:
        """The cosine of each query with each document."""
        return self.embed(queries) @ self.embed(documents).T


def tfidf_scores(queries: Sequence[str], documents: Sequence[str]) -> Scores:
    """With TF-IDF: a word counts by how often it is here, less the more documents have it."""
    model = TfidfVectorizer(tokenizer=words, lowercase=False, token_pattern=None, sublinear_tf=True)
    table = model.fit_transform(documents)
    return (model.transform(queries) @ table.T).toarray()


def standardised(scores: Scores) -> Scores:
    """Each query's scores with mean 0 and standard deviation 1, to add two methods."""
    spread = scores.std(1, keepdims=True)
    return (scores - scores.mean(1, keepdims=True)) / np.where(spread == 0, 1, spread)


@dataclass(frozen=True)
class SearchTask:
    """Queries and documents; query i was cut from document i, which no longer holds it."""

    queries: list[str]
    documents: list[str]

    def __len__(self) -> int:
        return len(self.queries)


def title_queries(texts: Sequence[str], max_queries: int = 1_000) -> SearchTask:
    """The first line (a title or a summary) of each text asks for the rest of it.

    Lines of one word or of more than 40 are left out, and rests of fewer than 20.
    """
    pairs = [text.strip().split("\n", 1) for text in texts if "\n" in text.strip()]
    fit = [p for p in pairs if 2 <= len(words(p[0])) <= 40 and len(words(p[1])) >= 20][:max_queries]
    queries = [line.lstrip("# ").strip() for line, _ in fit]
    return SearchTask(queries, [rest.strip() for _, rest in fit])


def recall_at(
    task: SearchTask,
    method: Callable[[list[str], list[str]], Scores],
    k: int = 10,
    only: Sequence[int] | None = None,
) -> CoverageScore:
    """How many queries (``only``: those) find their own document among the ``k`` best of all.

    A tie counts as a miss.
    """
    asked = list(range(len(task)) if only is None else only)
    if not asked:
        return CoverageScore(float("nan"), 0, 0, "queries")
    scores = method([task.queries[n] for n in asked], task.documents)
    own = scores[np.arange(len(asked)), asked]
    rank = (scores >= own[:, None]).sum(1)  # 1 = alone at the top
    return CoverageScore(float((rank <= k).mean()), len(asked), len(asked), "queries")
