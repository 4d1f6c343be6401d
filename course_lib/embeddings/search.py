"""Finding documents: weighted means of word vectors, against counted words (TF-IDF)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import TfidfVectorizer

from course_lib.embeddings.evaluate import Score
from course_lib.embeddings.vectors import WordVectors
from course_lib.embeddings.vocabulary import Encoded, Vocabulary
from course_lib.workbook.corpus.words import words

Scores = np.ndarray  # (queries, documents)
MOST_QUERY_WORDS = 40


class MeanVectors:
    """Each text as the weighted mean of its words' vectors.

    A word with share p of the training text weighs a / (a + p): rare words speak, "the" whispers
    (Arora, Liang and Ma 2017). Texts without a known word get the zero vector and match nothing.
    """

    def __init__(self, vectors: WordVectors, vocabulary: Vocabulary, a: float = 1e-3) -> None:
        self.vectors = vectors
        share = vocabulary.counts / vocabulary.counts.sum()
        weight = dict(zip(vocabulary.words, a / (a + share), strict=True))
        self.weights = np.array([weight.get(word, 1.0) for word in vectors.words])  # (words,)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Directions of the texts, float32, shape ``(texts, width)``, each of length 1 or 0."""
        found = [
            [self.vectors.index[w] for w in words(text) if w in self.vectors] for text in texts
        ]
        flat = np.array([number for row in found for number in row], dtype=np.int64)
        starts = np.cumsum([0, *map(len, found)])
        mixing = csr_array(
            (self.weights[flat], flat, starts), shape=(len(texts), len(self.vectors))
        )
        means = mixing @ self.vectors.directions
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        return (means / np.where(lengths == 0, 1, lengths)).astype(np.float32)

    def scores(self, queries: Sequence[str], documents: Sequence[str]) -> Scores:
        """The cosine of each query with each document."""
        return self.embed(queries) @ self.embed(documents).T


def tfidf_scores(queries: Sequence[str], documents: Sequence[str]) -> Scores:
    """The same with TF-IDF: a word counts by how often it is here, less the more documents have it."""
    model = TfidfVectorizer(tokenizer=words, lowercase=False, token_pattern=None, sublinear_tf=True)
    table = model.fit_transform(documents)
    return (model.transform(queries) @ table.T).toarray()


def standardised(scores: Scores) -> Scores:
    """Each query's scores with mean 0 and standard deviation 1, so that two methods can be added."""
    spread = scores.std(1, keepdims=True)
    return (scores - scores.mean(1, keepdims=True)) / np.where(spread == 0, 1, spread)


@dataclass(frozen=True)
class SearchTask:
    """Queries and documents; query i was cut from document i, which no longer holds it."""

    queries: list[str]
    documents: list[str]

    def __len__(self) -> int:
        return len(self.queries)


def title_queries(texts: Sequence[str], most: int = 1_000, shortest: int = 20) -> SearchTask:
    """Cut the first line (a title or a summary) off each text and keep the rest as the document.

    Texts whose rest has fewer than ``shortest`` words are left out, and so are lines of one word or
    of more than 40. Takes the first ``most``.
    """
    queries, documents = [], []
    for text in texts:
        line, _, rest = text.strip().partition("\n")
        if 2 <= len(words(line)) <= MOST_QUERY_WORDS and len(words(rest)) >= shortest:
            queries.append(line.lstrip("# ").strip())
            documents.append(rest.strip())
        if len(queries) == most:
            break
    return SearchTask(queries, documents)


def recall_at(
    task: SearchTask, method: Callable[[list[str], list[str]], Scores], count: int = 10
) -> Score:
    """Share of queries whose own document is among the ``count`` best. Ties count against the method."""
    if len(task) == 0:
        return Score(float("nan"), 0, 0, "queries")
    scores = method(task.queries, task.documents)
    own = np.diagonal(scores)[:, None]
    rank = (scores >= own).sum(1)  # 1 = alone at the top
    return Score(float((rank <= count).mean()), len(task), len(task), "queries")


def senses(
    vectors: WordVectors,
    vocabulary: Vocabulary,
    encoded: Encoded,
    word: str,
    window: int = 5,
    most: int = 4_000,
) -> list[tuple[float, list[str]]]:
    """Split the occurrences of a word in two by their surroundings.

    Each occurrence is the weighted mean of the vectors of its neighbours; k-means makes two
    groups. Returned for each, the larger first: its share, and the five words whose part of the
    group's neighbours most exceeds their part of the other's. One group if all surroundings are alike.
    """
    places = np.flatnonzero(encoded.ids == vocabulary.index[word])
    places = places[:: max(1, len(places) // most)]
    steps = np.array([step for step in range(-window, window + 1) if step])
    around = (places[:, None] + steps).clip(0, len(encoded) - 1)
    same = (encoded.documents[around] == encoded.documents[places][:, None]) & (
        around != places[:, None]
    )
    neighbours = encoded.ids[around]
    quiet = 1e-3 / (1e-3 + vocabulary.counts / vocabulary.counts.sum())
    weight = same * quiet[neighbours]
    means = np.einsum("nw,nwd->nd", weight, vectors.directions[neighbours])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    groups = min(2, len(np.unique(means.round(6), axis=0)))
    labels = KMeans(groups, n_init=4, random_state=0).fit_predict(means)
    counts = np.stack(
        [
            np.bincount(neighbours[labels == n][same[labels == n]], minlength=len(vocabulary))
            for n in range(groups)
        ]
    )
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    found = []
    for n in range(groups):
        others = share.sum(0) - share[n]
        typical = np.argsort(-(share[n] - others) * quiet, kind="stable")[:5]
        found.append(
            (float((labels == n).mean()), [vocabulary.words[number] for number in typical])
        )
    return sorted(found, key=lambda group: -group[0])
