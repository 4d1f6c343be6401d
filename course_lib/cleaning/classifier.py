"""The simple classifier: logistic regression on words, learned from about a hundred labels.

TF-IDF weights of single words and pairs of neighbours, then a weight for each of them
(scikit-learn). *Uncertainty sampling* (Lewis and Gale 1994, "A Sequential Algorithm for Training
Text Classifiers") asks for the label of the documents at which it is closest to one half.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np

from course_lib.cleaning.log import RemovalLog, Step
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.words import split_words

LONGEST = 20_000  # characters of a document that are looked at


def word_features(text: str) -> list[str]:
    """Words and marks in lower case; every number is the same word, an end of line is a word.

    >>> word_features("Open 24 hours!")
    ['open', '0', 'hours', '!']
    """
    pieces: list[str] = []
    for line in text[:LONGEST].split("\n"):
        pieces += [
            "0" if re.fullmatch(r"\d+", piece) else piece for piece in split_words(line.lower())
        ]
        pieces.append("↵")
    return pieces[:-1]


class KeepClassifier:
    """Learns "keep" from labelled texts. ``weights`` explain every decision.

    strength   how far the weights may move from zero (scikit-learn's C)
    """

    def __init__(self, strength: float = 10.0) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        self._words = TfidfVectorizer(
            analyzer=_pairs, sublinear_tf=True, min_df=1, dtype=np.float64, lowercase=False
        )
        self._model = LogisticRegression(
            C=strength, class_weight="balanced", solver="liblinear", max_iter=2_000, tol=1e-6
        )

    def fit(self, texts: Sequence[str], keep: Sequence[bool]) -> "KeepClassifier":
        """Learn. Raises ``CourseError`` unless both answers are among the labels."""
        if len(set(map(bool, keep))) < 2:
            raise CourseError(
                "All labels are the same: label at least one document to keep and one to drop."
            )
        self._model.fit(self._words.fit_transform(texts), np.asarray(keep, dtype=bool))
        return self

    def chance(self, texts: Sequence[str]) -> np.ndarray:
        """The estimated probability of "keep", (texts,) float64."""
        return self._model.predict_proba(self._words.transform(texts))[:, 1]

    def weights(self) -> list[tuple[str, float]]:
        """(word or pair, weight): from the strongest sign for "drop" to the strongest for "keep"."""
        pairs = zip(self._words.get_feature_names_out(), self._model.coef_[0].tolist(), strict=True)
        return sorted(pairs, key=lambda pair: (pair[1], pair[0]))

    def step(self, line: float = 0.5) -> Step:
        """Drops documents whose chance of "keep" lies below ``line``. Reason ``classifier``; evidence: the chance."""

        def drop_by_classifier(
            documents: Iterable[Document], log: RemovalLog
        ) -> Iterator[Document]:
            for document in documents:
                chance = float(self.chance([document.text])[0])
                if chance >= line:
                    yield document
                else:
                    log.drop(document, "classifier", "classifier", chance=round(chance, 3))

        return drop_by_classifier


@lru_cache(maxsize=1_024)  # a learning curve learns from the same texts again and again
def _pairs(text: str) -> tuple[str, ...]:
    words = word_features(text)
    return (*words, *(f"{one} {two}" for one, two in zip(words, words[1:], strict=False)))


def most_uncertain(chances: np.ndarray, count: int, known: Iterable[int] = ()) -> list[int]:
    """Rows of the ``count`` chances closest to one half, the closest first, without those that are ``known``."""
    left = np.setdiff1d(np.arange(len(chances)), np.fromiter(known, np.int64, -1))
    order = np.argsort(np.abs(np.asarray(chances)[left] - 0.5), kind="stable")
    return left[order[:count]].tolist()


def learning_curve(
    texts: Sequence[str],
    labels: Sequence[bool],
    test_texts: Sequence[str],
    test_truth: Sequence[bool],
    sizes: Sequence[int],
    *,
    uncertain: bool,
    seed: int = 0,
    make: Callable[[], KeepClassifier] = KeepClassifier,
) -> list[float]:
    """Share of right answers on the test texts after each number of labels in ``sizes``.

    The first ``sizes[0]`` labels are drawn by chance, until both answers are there; then either
    the most ``uncertain`` are asked for, or more are drawn by chance. ``seed`` decides the draws.
    """
    if len(set(map(bool, labels))) < 2:
        raise CourseError(
            "All labels are the same: a learning curve needs documents to keep and documents to drop."
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(texts)).tolist()
    both = max(
        order.index(next(row for row in order if bool(labels[row]) == side))
        for side in (True, False)
    )
    known, curve = order[: max(sizes[0], both + 1)], []
    for size in sizes:
        if size > len(known) and uncertain:
            chances = _learned(texts, labels, known, make).chance(texts)
            known += most_uncertain(chances, size - len(known), known)
        elif size > len(known):
            known += [row for row in order if row not in set(known)][: size - len(known)]
        chances = _learned(texts, labels, known, make).chance(test_texts)
        curve.append(float(np.mean((chances >= 0.5) == np.asarray(test_truth, dtype=bool))))
    return curve


def _learned(
    texts: Sequence[str], labels: Sequence[bool], known: Sequence[int], make: Callable
) -> KeepClassifier:
    return make().fit([texts[row] for row in known], [labels[row] for row in known])
