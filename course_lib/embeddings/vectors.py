"""Word vectors to calculate with, and the two file formats of the word2vec program.

Text: a line ``words vector_size``, then a line for each word: the word and its numbers. Binary:
the same first line, then for each word its UTF-8 bytes, a blank, and little-endian 32-bit floats.
The methods have the names of gensim's ``KeyedVectors``.
"""

import codecs
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from course_lib.errors import CourseError
from course_lib.workbook.settings import atomic_write

MAX_WORD_BYTES = 10_000  # a longer "word" in a binary file means that it is not one
CONTROL = re.compile(rb"[\0-\x08\x0e-\x1f\x7f]")


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

    def save(self, path: str | os.PathLike, binary: bool = False) -> None:
        """Write the text format, or the binary one. Blanks inside words become underscores."""
        with atomic_write(path) as temporary, temporary.open("wb") as stream:
            stream.write(b"%d %d\n" % self.matrix.shape)
            for word, row in zip(self.words, self.matrix, strict=True):
                spelled = " ".join(map(repr, row.tolist())).encode()
                numbers = row.astype("<f4").tobytes() if binary else spelled
                stream.write("_".join(word.split()).encode("utf-8") + b" " + numbers + b"\n")

    @classmethod
    def load(cls, path: str | os.PathLike) -> "WordVectors":
        """Read either format; which one it is, is seen from the bytes.

        In a text file a word may hold blanks (GloVe's ``new york``), unless one of its parts is
        a number. Raises ``CourseError`` with the line (or the word's place) for a file that is
        cut short, has a wrong dimension, or is something else.
        """
        path = Path(path)
        try:
            raw = path.read_bytes().removeprefix(codecs.BOM_UTF8)
        except OSError as error:
            raise CourseError(f"{path} cannot be read: {error.strerror}.") from None
        head, _, body = raw.partition(b"\n")
        first = re.fullmatch(rb"\s*([1-9]\d{0,10})\s+([1-9]\d{0,10})\s*", head)
        if not first:
            raise _refuse(path, 1, "a vector file starts with two numbers, `words vector_size`")
        count, vector_size = map(int, first.groups())
        rows = (_text_rows if _is_text(body) else _binary_rows)(path, body, vector_size)
        read = [row for row, _ in zip(rows, range(count), strict=False)]
        line = len(read) + 1
        if len(read) < count:
            why = f"the file ends after {len(read):,} of {count:,} words: copy it again"
            raise _refuse(path, line, why)
        for line, (word, vector) in enumerate(read, start=2):
            if not np.isfinite(vector).all():
                raise _refuse(path, line, f"the vector of {word!r} is not made of numbers")
        return cls([word for word, _ in read], np.stack([vector for _, vector in read]))


def _refuse(path: Path, line: int, why: str) -> CourseError:
    return CourseError(f"{path.name}, line {line:,}: {why}.")


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """``(…, vector_size)`` divided by their lengths; a vector of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths == 0, 1, lengths)


def _is_number(field: bytes) -> bool:
    try:
        return float(field) is not None
    except ValueError:
        return False


def _word(path: Path, line: int, raw: bytes) -> str:
    """Refused is what a reader of binary files sees behind a word that holds a blank."""
    try:
        if not CONTROL.search(raw):
            return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    raise _refuse(path, line, f"{raw[:20]!r} is no word in UTF-8, or one before it holds a blank")


def _is_text(body: bytes) -> bool:
    """A number at the end of the first row, or no control characters where the file begins."""
    fields = body.partition(b"\n")[0].split()
    return bool(fields) and _is_number(fields[-1]) or not CONTROL.search(body[:4096])


def _text_rows(path: Path, body: bytes, vector_size: int) -> Iterator[tuple[str, np.ndarray]]:
    for line, text in enumerate(body.split(b"\n"), start=2):
        fields = text.split()
        if not fields:
            continue
        word, values = fields[:-vector_size], fields[-vector_size:]
        if not word or any(map(_is_number, word[1:])):
            numbers = sum(map(_is_number, fields[1:]))
            raise _refuse(path, line, f"{numbers} numbers, and line 1 promises {vector_size}")
        try:
            vector = np.array(values, dtype=np.float32)
        except ValueError:
            raise _refuse(path, line, "not all of its values are numbers") from None
        yield _word(path, line, b" ".join(word)), vector


def _binary_rows(path: Path, body: bytes, vector_size: int) -> Iterator[tuple[str, np.ndarray]]:
    place, size, line = 0, 4 * vector_size, 1
    while 0 < (end := body.find(b" ", place, place + MAX_WORD_BYTES)) < len(body) - size:
        line += 1
        word = _word(path, line, body[place:end].lstrip(b"\n"))
        yield word, np.frombuffer(body, "<f4", vector_size, end + 1)
        place = end + 1 + size
