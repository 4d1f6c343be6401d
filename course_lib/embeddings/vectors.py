"""Word vectors to calculate with, and the text format of the word2vec program.

A line ``words vector_size``, then a line for each word: the word and its numbers. The methods
have the names of gensim's ``KeyedVectors``.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from course_lib.errors import CourseError
from course_lib.workbook.settings import atomic_write


class WordVectors:
    """Words with a vector each.

    words    the words, the most frequent first
    matrix   their vectors, float32, ``(words, vector_size)``
    normed   the same with length 1: their directions
    index    word → its row; of a word that comes twice the first
    """

    def __init__(self, words: Sequence[str], matrix: np.ndarray) -> None:
        self.words = list(words)
        self.matrix = np.ascontiguousarray(matrix, dtype=np.float32)
        if self.matrix.ndim != 2 or len(self.words) != len(self.matrix):
            raise ValueError(f"{len(self.words)} words for a matrix of shape {self.matrix.shape}")
        self.index: dict[str, int] = {}
        for row, word in enumerate(self.words):
            self.index.setdefault(word, row)
        self.normed = unit_length(self.matrix)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self.index

    def get_index(self, word: str) -> int:
        """The row of a word. Raises ``CourseError`` for one without a vector."""
        if word not in self.index:
            why = "it is not in the training text, or too rare there"
            raise CourseError(f"{word!r} has no vector: {why}.")
        return self.index[word]

    def similarity(self, first: str, second: str) -> float:
        """The cosine of the angle between two words' vectors: 1 same direction, 0 right angle."""
        return float(self.normed[self.get_index(first)] @ self.normed[self.get_index(second)])

    def similar_by_vector(
        self,
        vector: np.ndarray,
        topn: int = 10,
        exclude: Sequence[str] = (),
        restrict_vocab: int | None = None,
    ) -> list[tuple[str, float]]:
        """The words whose vectors point most nearly in that direction, with their cosines.

        exclude          words that may not be an answer
        restrict_vocab   look only at that many words of the list's beginning, the frequent ones
        """
        cosines = self.normed[:restrict_vocab] @ unit_length(vector)
        excluded = [self.index[word] for word in exclude if word in self.index]
        cosines[[row for row in excluded if row < len(cosines)]] = -np.inf
        topn = min(topn, int(np.isfinite(cosines).sum()))
        best = np.argpartition(-cosines, max(0, topn - 1))[:topn]
        best = best[np.argsort(-cosines[best], kind="stable")]
        return [(self.words[row], float(cosines[row])) for row in best]

    def most_similar(
        self, word: str, topn: int = 10, restrict_vocab: int | None = None
    ) -> list[tuple[str, float]]:
        """The words nearest to ``word``, without itself."""
        vector = self.normed[self.get_index(word)]
        return self.similar_by_vector(vector, topn, [word], restrict_vocab)

    def analogy(self, a: str, b: str, c: str, topn: int = 1) -> list[tuple[str, float]]:
        """``a`` is to ``b`` as ``c`` is to …: nearest to b − a + c, the three left out.

        Without leaving them out the answer is nearly always ``b`` or ``c`` (3CosAdd, Mikolov et
        al. 2013c; the exclusion is criticised in Linzen 2016).
        """
        a_, b_, c_ = (self.normed[self.get_index(word)] for word in (a, b, c))
        return self.similar_by_vector(b_ - a_ + c_, topn, [a, b, c])

    def doesnt_match(self, words: Sequence[str]) -> str:
        """The word farthest from the mean direction of all."""
        rows = self.normed[[self.get_index(word) for word in words]]
        return words[int(np.argmin(rows @ rows.mean(0)))]

    def save(self, path: str | os.PathLike) -> None:
        """Write the text format. Blanks inside words become underscores."""
        with (
            atomic_write(path) as temporary,
            temporary.open("w", -1, "utf-8", newline="\n") as stream,
        ):
            print(*self.matrix.shape, file=stream)
            for word, row in zip(self.words, self.matrix.tolist(), strict=True):
                print("_".join(word.split()), *map(repr, row), file=stream)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "WordVectors":
        """Read the text format, in which a word may hold blanks (GloVe's ``new york``).

        Raises ``CourseError`` with the line for a file that is cut short, has a wrong dimension,
        or is something else.
        """
        path = Path(path)
        try:
            head, *lines = path.read_text(encoding="utf-8-sig").rstrip("\n").split("\n")
        except UnicodeDecodeError:
            why = "it is not text in UTF-8. Save word2vec's text format, binary=False in gensim"
            raise CourseError(f"{path.name} cannot be read: {why}.") from None
        first = re.fullmatch(r"\s*([1-9]\d{0,8})\s+([1-9]\d{0,8})\s*", head)
        if not first:
            why = "line 1: a vector file starts with two numbers, `words vector_size`"
            raise CourseError(f"{path.name}, {why}.")
        count, vector_size = map(int, first.groups())
        words, rows = [], []
        for number, line in enumerate(lines[:count], start=2):
            word, *values = line.rsplit(maxsplit=vector_size) or [""]
            words.append(word.strip())
            rows.append(_numbers(values))
            if len(rows[-1]) != vector_size or len(_numbers(word.split()[1:][-1:])):
                why = f"line {number:,}: no word with {vector_size} numbers, as line 1 promises"
                raise CourseError(f"{path.name}, {why}.")
        if len(words) < count:
            why = f"it ends after {len(words):,} of {count:,} words. Copy it again"
            raise CourseError(f"{path.name} is cut short: {why}.")
        return cls(words, np.stack(rows))


def _numbers(fields: Sequence[str]) -> np.ndarray:
    """float32; empty when one of them is not a finite number."""
    try:
        numbers = np.array(fields, dtype=np.float32)
    except ValueError:
        return np.zeros(0)
    return numbers if np.isfinite(numbers).all() else np.zeros(0)


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """``(…, vector_size)`` divided by their lengths; a vector of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths == 0, 1, lengths)
