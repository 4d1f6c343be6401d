"""Two judges that learn from documents: a classifier of words, and the perplexity of an n-gram model.

Lewis and Gale 1994, "A Sequential Algorithm for Training Text Classifiers", has *uncertainty
sampling*: ask for the label of the documents at which the classifier is closest to one half.
Wenzek et al. 2020, "CCNet: Extracting High Quality Monolingual Datasets from Web Crawl Data",
section 4.3, filters by the perplexity of a 5-gram Kneser–Ney model of Wikipedia.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from course_lib.cleaning.steps import RemovalLog, Step
from course_lib.errors import CourseError
from course_lib.history.ngrams import KneserNey
from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.words import split_words

ONE_ANSWER = "All labels are the same: label at least one document to keep and one to drop."


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
    """Learns "keep" from labelled texts: logistic regression on TF-IDF weights of ``word_features`` (scikit-learn).

    C   how far the weights may move from zero
    """

    def __init__(self, C: float = 10.0) -> None:  # noqa: N803  (scikit-learn's name)
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        self._vectorizer = TfidfVectorizer(analyzer=_features, sublinear_tf=True, dtype=np.float64)
        self._model = LogisticRegression(
            C=C, class_weight="balanced", solver="liblinear", max_iter=2_000, tol=1e-6
        )

    def fit(self, texts: Sequence[str], keep: Sequence[bool]) -> "KeepClassifier":
        """Learn. Raises ``CourseError`` unless both answers are among the labels."""
        if len(set(map(bool, keep))) < 2:
            raise CourseError(ONE_ANSWER)
        self._model.fit(self._vectorizer.fit_transform(texts), np.asarray(keep, dtype=bool))
        return self

    def prob(self, texts: Sequence[str]) -> np.ndarray:
        """The estimated probability of "keep", (texts,) float64."""
        return self._model.predict_proba(self._vectorizer.transform(texts))[:, 1]

    def weights(self) -> list[tuple[str, float]]:
        """(word or pair, weight): from the strongest sign for "drop" to the strongest for "keep"."""
        names = self._vectorizer.get_feature_names_out()
        pairs = zip(names, self._model.coef_[0].tolist(), strict=True)
        return sorted(pairs, key=lambda pair: (pair[1], pair[0]))

    def step(self, threshold: float = 0.5) -> Step:
        """Drops documents whose probability of "keep" lies below. Reason ``classifier``; evidence: ``prob``."""

        def drop_by_classifier(
            documents: Iterable[Document], log: RemovalLog
        ) -> Iterator[Document]:
            for document in documents:
                prob = float(self.prob([document.text])[0])
                if prob >= threshold:
                    yield document
                else:
                    log.drop(document, "classifier", "classifier", prob=round(prob, 3))

        return drop_by_classifier


def _features(text: str | list[str]) -> list[str]:
    """A learning curve learns from the same texts again and again, so it gives their features."""
    return word_features(text) if isinstance(text, str) else text


def most_uncertain(probs: np.ndarray, count: int, known: Iterable[int] = ()) -> list[int]:
    """Rows of the ``count`` probabilities closest to one half, the closest first, without those that are ``known``."""
    left = np.setdiff1d(np.arange(len(probs)), np.fromiter(known, np.int64, -1))
    order = np.argsort(np.abs(np.asarray(probs)[left] - 0.5), kind="stable")
    return left[order[:count]].tolist()


def learning_curve(
    texts: Sequence[str],
    labels: Sequence[bool],
    test_texts: Sequence[str],
    test_labels: Sequence[bool],
    sizes: Sequence[int],
    *,
    uncertain: bool,
    seed: int = 0,
) -> list[float]:
    """Accuracy of ``KeepClassifier`` on the test texts after each number of labels in ``sizes``.

    The first ``sizes[0]`` labels are drawn at random, until both answers are there; then either
    the most ``uncertain`` are asked for, or more are drawn at random. ``seed`` decides the draws.
    """
    answers = [bool(label) for label in labels]
    if len(set(answers)) < 2:
        raise CourseError(ONE_ANSWER)
    features, test_features = list(map(word_features, texts)), list(map(word_features, test_texts))
    order = np.random.default_rng(seed).permutation(len(texts)).tolist()
    both = max([answers[row] for row in order].index(answer) for answer in (True, False))
    known, curve = order[: max(sizes[0], both + 1)], []
    model = KeepClassifier()
    for size in sizes:
        if size > len(known) and uncertain:
            known += most_uncertain(model.prob(features), size - len(known), known)
        elif size > len(known):
            known += [row for row in order if row not in set(known)][: size - len(known)]
        model.fit([features[row] for row in known], [answers[row] for row in known])
        right = (model.prob(test_features) >= 0.5) == np.asarray(test_labels, dtype=bool)
        curve.append(float(right.mean()))
    return curve


class PerplexityFilter:
    """How perplexed an n-gram model of ``reference`` is by a text, and where the line is drawn.

    reference  texts that are taken to be good; only their first 2,000 words are looked at
    order      length of the n-grams
    split      text → words
    keep       fraction of good text that passes. One in five reference texts is not learned from:
               ``threshold`` is the ``keep`` quantile of their perplexities.

    Raises ``CourseError`` below five reference texts.
    """

    def __init__(
        self,
        reference: Iterable[str],
        *,
        order: int = 3,
        split: Callable[[str], list[str]] = split_words,
        keep: float = 0.95,
    ) -> None:
        texts = [words for text in reference if (words := split(text)[:2_000])]
        if len(texts) < 5:
            raise CourseError(
                "A perplexity filter needs at least five reference texts with words in them."
            )
        self.split = split
        self.model = KneserNey([words for row, words in enumerate(texts) if row % 5], order)
        held_out = [self.model.perplexity([words]) for words in texts[::5]]
        self.threshold = float(np.quantile(held_out, keep))

    def perplexity(self, text: str) -> float:
        """Of a text, per word; infinite where there is no word."""
        words = self.split(text)[:2_000]
        return self.model.perplexity([words]) if words else float("inf")

    def step(self) -> Step:
        """Drops what lies above the threshold. Reason ``perplexity`` or ``no-words``; evidence: both numbers."""

        def drop_by_perplexity(
            documents: Iterable[Document], log: RemovalLog
        ) -> Iterator[Document]:
            for document in documents:
                value = self.perplexity(document.text)
                if value <= self.threshold:
                    yield document
                elif value == float("inf"):
                    log.drop(document, "perplexity", "no-words")
                else:
                    evidence = {
                        "perplexity": round(value, 1),
                        "threshold": round(self.threshold, 1),
                    }
                    log.drop(document, "perplexity", "perplexity", **evidence)

        return drop_by_perplexity
