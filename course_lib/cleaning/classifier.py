"""Two judges that learn from documents: a classifier of words, and an n-gram model's perplexity.

Wenzek et al. 2020, "CCNet: Extracting High Quality Monolingual Datasets from Web Crawl Data",
section 4.3, filters by the perplexity of a 5-gram Kneser–Ney model of Wikipedia.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from course_lib.cleaning.steps import RemovalLog
from course_lib.history.ngrams import KneserNey
from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.words import split_words


def word_features(text: str) -> list[str]:
    """Words and marks of the first 20,000 characters in lower case, and each pair of neighbours.

    Every number is the same word, an end of line is a word.

    >>> word_features("Open 24 hours")
    ['open', '0', 'hours', 'open 0', '0 hours']
    """
    words: list[str] = []
    for line in text[:20_000].split("\n"):
        words += ["0" if re.fullmatch(r"\d+", word) else word for word in split_words(line.lower())]
        words.append("↵")
    words.pop()
    return words + [f"{one} {two}" for one, two in zip(words, words[1:], strict=False)]


class KeepClassifier:
    """Learns "keep" from labelled texts: logistic regression on TF-IDF weights of their words."""

    def __init__(self) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        self._vectorizer = TfidfVectorizer(
            analyzer=word_features, sublinear_tf=True, dtype=np.float64
        )
        self._model = LogisticRegression(
            C=10.0, class_weight="balanced", solver="liblinear", max_iter=2_000, tol=1e-6
        )

    def fit(self, texts: Sequence[str], keep: Sequence[bool]) -> "KeepClassifier":
        """Learn; both answers have to be among the labels."""
        self._model.fit(self._vectorizer.fit_transform(texts), np.asarray(keep, dtype=bool))
        return self

    def prob(self, texts: Sequence[str]) -> np.ndarray:
        """The estimated probability of "keep", (texts,) float64."""
        return self._model.predict_proba(self._vectorizer.transform(texts))[:, 1]

    def weights(self) -> list[tuple[str, float]]:
        """(word or pair, weight), from the strongest sign for "drop" to that for "keep"."""
        names = self._vectorizer.get_feature_names_out()
        pairs = zip(names, self._model.coef_[0].tolist(), strict=True)
        return sorted(pairs, key=lambda pair: (pair[1], pair[0]))

    def step(self, documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
        """Drops documents of a probability below 0.5. Reason ``classifier``, evidence ``prob``."""
        for document in documents:
            prob = float(self.prob([document.text])[0])
            if prob >= 0.5:
                yield document
            else:
                log.drop(document, "classifier", "classifier", prob=round(prob, 3))


class PerplexityFilter:
    """How perplexed a trigram model of ``reference`` is by a text, and where the line is drawn.

    reference  texts that are taken to be good; only their first 2,000 words are looked at
    keep       fraction of good text that passes. One in five reference texts is not learned from:
               ``threshold`` is the ``keep`` quantile of their perplexities.
    """

    def __init__(self, reference: Iterable[str], *, keep: float = 0.95) -> None:
        texts = [words for text in reference if (words := split_words(text)[:2_000])]
        self.model = KneserNey([words for row, words in enumerate(texts) if row % 5], 3)
        held_out = [self.model.perplexity([words]) for words in texts[::5]]
        self.threshold = float(np.quantile(held_out, keep))

    def perplexity(self, text: str) -> float:
        """Of a text, per word; infinite where there is no word."""
        words = split_words(text)[:2_000]
        return self.model.perplexity([words]) if words else float("inf")

    def step(self, documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
        """Drops what lies above the threshold. Reasons ``perplexity`` and ``no-words``."""
        for document in documents:
            value = self.perplexity(document.text)
            if value <= self.threshold:
                yield document
            elif value == float("inf"):
                log.drop(document, "perplexity", "no-words")
            else:
                evidence = {"perplexity": round(value, 1), "threshold": round(self.threshold, 1)}
                log.drop(document, "perplexity", "perplexity", **evidence)
