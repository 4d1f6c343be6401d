"""Which words get a vector, and a corpus as one long row of word numbers."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from course_lib.errors import CourseError
from course_lib.workbook.corpus.words import words

MOST_WORDS = 200_000  # at width 100 their vectors take 160 MB


@dataclass(frozen=True)
class Encoded:
    """A corpus as numbers.

    ids         word numbers of all documents, one after the other, int32, shape ``(words,)``
    documents   the number of the document that each word stands in, int32, shape ``(words,)``
    """

    ids: np.ndarray
    documents: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


class Vocabulary:
    """Words and their counts, the most frequent first.

    words    the words
    counts   how often each was seen, int64, shape ``(vocabulary,)``
    index    the number of a word
    """

    def __init__(self, words: Sequence[str], counts: Sequence[int]) -> None:
        self.words = list(words)
        self.counts = np.asarray(counts, dtype=np.int64)
        self.index = {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self.index

    def keep_probability(self, threshold: float = 1e-3) -> np.ndarray:
        """The chance that one occurrence of each word stays in the text, shape ``(vocabulary,)``.

        Frequent words tell little. A word with share f of the text is kept with probability
        sqrt(threshold / f) + threshold / f, as in the program that came with the paper
        (Mikolov et al. 2013b, section 2.3, gives it without the second term). 0 keeps all.
        """
        if threshold <= 0:
            return np.ones(len(self))
        ratio = threshold / (self.counts / self.counts.sum())
        return np.minimum(1.0, np.sqrt(ratio) + ratio)

    def negative_distribution(self, power: float = 0.75) -> np.ndarray:
        """How often each word is drawn as a negative: its count to the ``power``, summing to one."""
        weights = self.counts.astype(np.float64) ** power
        return weights / weights.sum()


def build_vocabulary(
    texts: Iterable[str], minimum_count: int = 5, most_words: int = MOST_WORDS
) -> tuple[Vocabulary, Encoded]:
    """Read the texts once; return the vocabulary and the texts as numbers.

    texts           documents; no window crosses from one to the next
    minimum_count   rarer words are left out of the text, as if they were not there
    most_words      of the rest the most frequent are kept

    Words of equal count are in the order of first appearance. Raises ``CourseError`` when fewer
    than two words are left.
    """
    numbers: dict[str, int] = {}
    ids, lengths = array("i"), array("i")
    for text in texts:
        before = len(ids)
        ids.extend([numbers.setdefault(word, len(numbers)) for word in words(text)])
        lengths.append(len(ids) - before)
    found = np.frombuffer(ids, dtype=np.int32) if ids else np.zeros(0, np.int32)
    counts = np.bincount(found, minlength=len(numbers))
    order = np.argsort(-counts, kind="stable")[:most_words]
    order = order[counts[order] >= minimum_count]
    if len(order) < 2:
        raise CourseError(
            f"The text has {len(found):,} words, and {len(order)} different ones occur {minimum_count} times or more: "
            "that is too few to learn from. Give more text, or lower `minimum_count`."
        )
    spelled = list(numbers)
    renumbered = np.full(len(numbers), -1, dtype=np.int32)
    renumbered[order] = np.arange(len(order), dtype=np.int32)
    ids_now = renumbered[found]
    documents = np.repeat(
        np.arange(len(lengths), dtype=np.int32), np.frombuffer(lengths, dtype=np.int32)
    )
    kept = ids_now >= 0
    vocabulary = Vocabulary([spelled[number] for number in order], counts[order])
    return vocabulary, Encoded(ids_now[kept], documents[kept])
