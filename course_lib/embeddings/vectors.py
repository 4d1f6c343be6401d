"""Word vectors to calculate with, and the two file formats of the word2vec program.

Text: a line ``words width``, then a line for each word: the word and its numbers. Binary: the
same first line, then for each word its UTF-8 bytes, a blank, and little-endian 32-bit floats.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from course_lib.errors import CourseError

MOST_WORD_BYTES = 10_000  # a longer "word" in a binary file means that it is not one


class WordVectors:
    """Words with a vector each.

    words    the words, the most frequent first
    matrix   their vectors, float32, shape ``(words, width)``
    """

    def __init__(self, words: Sequence[str], matrix: np.ndarray) -> None:
        self.words = list(words)
        self.matrix = np.ascontiguousarray(matrix, dtype=np.float32)
        if self.matrix.ndim != 2 or len(self.words) != len(self.matrix):
            raise ValueError(f"{len(self.words)} words for a matrix of shape {self.matrix.shape}")
        self.index = {word: number for number, word in enumerate(self.words)}
        lengths = np.linalg.norm(self.matrix, axis=1, keepdims=True)
        self.directions = self.matrix / np.where(
            lengths == 0, 1, lengths
        )  # (words, width), length 1

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self.index

    def __getitem__(self, word: str) -> np.ndarray:
        """The vector of a word, shape ``(width,)``."""
        return self.matrix[self.number(word)]

    def number(self, word: str) -> int:
        """The row of a word. Raises ``CourseError`` for one without a vector."""
        if word not in self.index:
            raise CourseError(
                f"{word!r} has no vector: it is not in the training text, or too rare there."
            )
        return self.index[word]

    def similarity(self, first: str, second: str) -> float:
        """The cosine of the angle between two words' vectors: 1 same direction, 0 at right angles."""
        return float(self.directions[self.number(first)] @ self.directions[self.number(second)])

    def nearest(
        self,
        direction: np.ndarray,
        count: int = 10,
        without: Sequence[str] = (),
        among: int | None = None,
    ) -> list[tuple[str, float]]:
        """The words whose vectors point most nearly in ``direction`` (width,), with their cosines.

        without   words that may not be an answer
        among     look only at that many words of the list's beginning, where the frequent ones are
        """
        length = np.linalg.norm(direction)
        cosines = self.directions[:among] @ (direction / (length if length else 1.0))
        left_out = [self.index[word] for word in without if word in self.index]
        cosines[[number for number in left_out if number < len(cosines)]] = -np.inf
        count = min(count, int(np.isfinite(cosines).sum()))
        best = np.argpartition(-cosines, max(0, count - 1))[:count]
        best = best[np.argsort(-cosines[best], kind="stable")]
        return [(self.words[number], float(cosines[number])) for number in best]

    def neighbours(
        self, word: str, count: int = 10, among: int | None = None
    ) -> list[tuple[str, float]]:
        """The words nearest to ``word``, without itself."""
        return self.nearest(self.directions[self.number(word)], count, [word], among)

    def analogy(self, a: str, b: str, c: str, count: int = 1) -> list[tuple[str, float]]:
        """``a`` is to ``b`` as ``c`` is to …: nearest to b − a + c, the three left out.

        Without leaving them out the answer is nearly always ``b`` or ``c`` (3CosAdd, Mikolov et
        al. 2013c; the exclusion is criticised in Linzen 2016).
        """
        a_, b_, c_ = (self.directions[self.number(word)] for word in (a, b, c))
        return self.nearest(b_ - a_ + c_, count, [a, b, c])

    def odd_one_out(self, words: Sequence[str]) -> str:
        """The word farthest from the mean direction of all."""
        rows = self.directions[[self.number(word) for word in words]]
        return words[int(np.argmin(rows @ rows.mean(0)))]

    def save(self, path: str | os.PathLike, binary: bool = False) -> None:
        """Write the text format, or the binary one. Blanks inside words become underscores."""
        with Path(path).open("wb") as stream:
            stream.write(b"%d %d\n" % self.matrix.shape)
            for word, row in zip(self.words, self.matrix, strict=True):
                name = "_".join(word.split()).encode("utf-8")
                if binary:
                    stream.write(name + b" " + row.astype("<f4").tobytes() + b"\n")
                else:
                    stream.write(name + b" " + " ".join(map(repr, row.tolist())).encode() + b"\n")

    @classmethod
    def load(cls, path: str | os.PathLike) -> "WordVectors":
        """Read either format; which one it is, is seen from the second line.

        Raises ``CourseError`` with the line (or the word's place) for a file that is cut short,
        has a wrong dimension, or is something else.
        """
        path = Path(path)
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise CourseError(
                f"{path} cannot be read ({error.strerror}): give the path of a vector file."
            ) from None
        head, _, body = raw.partition(b"\n")
        parts = head.split()
        if (
            len(parts) != 2
            or not all(part.isdigit() and len(part) < 12 for part in parts)
            or b"0" in parts
        ):
            raise CourseError(
                f"{path.name}, line 1: a vector file starts with two numbers, `words width`."
            )
        count, width = map(int, parts)
        rows = (
            _text_rows(path.name, body, width)
            if _is_text(body, width)
            else _binary_rows(path.name, body, width)
        )
        words, vectors = [], []
        for word, vector in rows:
            words.append(word)
            vectors.append(vector)
            if len(words) == count:
                break
        if len(words) < count:
            raise CourseError(
                f"{path.name} ends after {len(words):,} of {count:,} words (line {len(words) + 1:,}): "
                "the file is cut short, copy it again."
            )
        matrix = np.stack(vectors)
        if not np.isfinite(matrix).all():
            bad = int(np.flatnonzero(~np.isfinite(matrix).all(1))[0])
            raise CourseError(
                f"{path.name}, line {bad + 2:,}: the vector of {words[bad]!r} is not made of numbers."
            )
        return cls(words, matrix)


def _is_text(body: bytes, width: int) -> bool:
    """True when the first row is a word and numbers that can be read."""
    parts = body.partition(b"\n")[0].split()[1:]
    try:
        return bool(parts) and np.array(parts, dtype=np.float64).size > 0
    except ValueError:
        return False


def _text_rows(name: str, body: bytes, width: int) -> Iterator[tuple[str, np.ndarray]]:
    for number, line in enumerate(body.split(b"\n"), start=2):
        if not line.strip():
            continue
        word, *values = line.split()
        if len(values) != width:
            raise CourseError(
                f"{name}, line {number:,}: {len(values)} numbers where the first line promises {width}: "
                "the file is damaged or cut short, copy it again."
            )
        try:
            yield word.decode("utf-8", "replace"), np.array(values, dtype=np.float32)
        except ValueError:
            raise CourseError(
                f"{name}, line {number:,}: not all of its values are numbers."
            ) from None


def _binary_rows(name: str, body: bytes, width: int) -> Iterator[tuple[str, np.ndarray]]:
    place, size, number = 0, 4 * width, 1
    while place < len(body):
        number += 1
        end = body.find(b" ", place, place + MOST_WORD_BYTES)
        if end < 0 or end + 1 + size > len(body):
            return
        yield (
            body[place:end].lstrip(b"\n").decode("utf-8", "replace"),
            np.frombuffer(body, "<f4", width, end + 1),
        )
        place = end + 1 + size
