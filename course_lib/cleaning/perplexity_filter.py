"""A perplexity filter: text that surprises a model of good text is dropped.

Wenzek et al. 2020, "CCNet: Extracting High Quality Monolingual Datasets from Web Crawl Data",
section 4.3 uses a 5-gram Kneser–Ney model of Wikipedia. Here the n-gram model is that of notebook
01, and the reference is text that the reader trusts.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from course_lib.cleaning.log import RemovalLog, Step
from course_lib.errors import CourseError
from course_lib.history.ngrams import KneserNey
from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.words import split_words

LONGEST = 2_000  # words of a document that are looked at


class PerplexityFilter:
    """How surprised a model of ``reference`` is by a text, and where the line is drawn.

    reference  texts that are taken to be good
    order      length of the n-grams
    split      text → words
    keep       share of good text that the line lets through. One in five reference texts is not
               learned from: the line is the ``keep`` quantile of their perplexities.

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
        texts = [words for text in reference if (words := split(text)[:LONGEST])]
        if len(texts) < 5:
            raise CourseError(
                "A perplexity filter needs at least five reference texts with words in them."
            )
        self.split = split
        self.model = KneserNey([words for row, words in enumerate(texts) if row % 5], order)
        self.line = float(np.quantile([self._perplexity(words) for words in texts[::5]], keep))

    def _perplexity(self, words: list[str]) -> float:
        return self.model.perplexity([words])

    def perplexity(self, text: str) -> float:
        """Of a text, a word; infinite where there is no word."""
        words = self.split(text)[:LONGEST]
        return self._perplexity(words) if words else float("inf")

    def step(self) -> Step:
        """Drops what lies above the line. Reason ``surprising`` or ``no-words``; evidence: perplexity and line."""

        def drop_surprising(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
            for document in documents:
                value = self.perplexity(document.text)
                if value <= self.line:
                    yield document
                elif value == float("inf"):
                    log.drop(document, "perplexity", "no-words")
                else:
                    log.drop(
                        document,
                        "perplexity",
                        "surprising",
                        perplexity=round(value, 1),
                        line=round(self.line, 1),
                    )

        return drop_surprising
