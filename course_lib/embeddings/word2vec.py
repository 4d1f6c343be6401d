"""Word2Vec: skip-gram with negative sampling (Mikolov et al. 2013a, b), updates written by hand.

``objective`` says what is made larger and has its derivatives. Here is the rest: which words get
a vector, which of them see each other, how fast to learn, and the loop. An update takes blocks
from all over the text, since neighbouring ones are alike, in documentation often to the word.
"""

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib.embeddings.objective import (
    block_size,
    skip_gram_gradients,
    skip_gram_likelihood,
    weight_table,
)
from course_lib.embeddings.vectors import WordVectors
from course_lib.errors import CourseError
from course_lib.workbook.corpus.words import words
from course_lib.workbook.display import bar
from course_lib.workbook.training import DeferredInterrupt

MAX_WORDS = 200_000  # with 100 numbers each their vectors take 160 MB
UPDATES_AT_ONCE = 64  # whose negatives are drawn together; then comes a point of the loss curve
MIN_UPDATES = 200  # in an epoch, where the text is long enough
LONGEST_STEP = 2.5  # learning rate times pairs of one word in one update: longer ones overshoot


@dataclass(frozen=True)
class Encoded:
    """A corpus as numbers, int32 ``(words,)``: each word, and the document that it stands in."""

    token_ids: np.ndarray
    document_ids: np.ndarray

    def __len__(self) -> int:
        return len(self.token_ids)


class Vocabulary:
    """Words and their counts ``(words,)``, the most frequent first. ``index``: word → its id."""

    def __init__(self, words: Sequence[str], counts: Sequence[int]) -> None:
        self.words = list(words)
        self.counts = np.asarray(counts, dtype=np.int64)
        self.index = {word: token_id for token_id, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def keep_probability(self, sample: float = 1e-3) -> np.ndarray:
        """The probability that one occurrence of each word stays in the text, ``(words,)``.

        Frequent words tell little. A word that is a fraction f of the text is kept with
        probability sqrt(sample / f) + sample / f, as in the program that came with the paper
        (Mikolov et al. 2013b, section 2.3, gives it without the second term). 0 keeps all.
        """
        if sample == 0:
            return np.ones(len(self))
        ratio = sample / (self.counts / self.counts.sum())
        return np.minimum(1.0, np.sqrt(ratio) + ratio)

    def negative_distribution(self, power: float = 0.75) -> np.ndarray:
        """How often each word is drawn as a negative: count to the ``power``, summing to one."""
        weights = self.counts.astype(np.float64) ** power
        return weights / weights.sum()


def build_vocabulary(texts: Iterable[str], min_count: int = 5) -> tuple[Vocabulary, Encoded]:
    """The vocabulary of some documents, read once, and the documents as numbers.

    Words that occur less than ``min_count`` times are left out of the text, as if they were not
    there. Raises ``CourseError`` when fewer than two words are left.
    """
    first_ids: dict[str, int] = {}
    flat, lengths = array("i"), []
    for text in texts:
        row = [first_ids.setdefault(word, len(first_ids)) for word in words(text)]
        flat.extend(row)
        lengths.append(len(row))
    ids = np.array(flat, dtype=np.int32)
    counts = np.bincount(ids, minlength=len(first_ids))
    order = np.argsort(-counts, kind="stable")[:MAX_WORDS]
    order = order[counts[order] >= min_count]
    if len(order) < 2:
        raise CourseError(
            f"The text has {len(ids):,} words, and {len(order)} different ones occur {min_count} "
            "times or more: that is too few to learn from. Give more text, or lower `min_count`."
        )
    new_ids = np.full(len(first_ids), -1, dtype=np.int32)
    new_ids[order] = np.arange(len(order), dtype=np.int32)
    token_ids = new_ids[ids]
    document_ids = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    known, spelled = token_ids >= 0, list(first_ids)
    vocabulary = Vocabulary([spelled[n] for n in order], counts[order])
    return vocabulary, Encoded(token_ids[known], document_ids[known])


@dataclass(frozen=True)
class Word2VecConfig:
    """How to train; the names are those of gensim's ``Word2Vec``.

    vector_size     numbers in a vector
    window          neighbours on each side at most; each position draws its own, 1 … window
    negative        words drawn by chance for each real pair
    epochs          times through the text
    learning_rate   at the start; it falls linearly to nearly nothing
    sample          frequent words are thinned out, see ``Vocabulary.keep_probability``
    num_blocks      blocks in one update: more is faster and coarser
    num_threads     of torch: a second one gains a sixth on a quiet machine, loses on a busy one
    """

    vector_size: int = 100
    window: int = 5
    negative: int = 5
    epochs: int = 5
    learning_rate: float = 0.025
    sample: float = 1e-3
    num_blocks: int = 32
    num_threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (value >= 0 if name in ("sample", "seed") else value > 0):
                raise CourseError(f"`{name}` is {value}: it must be above 0.")


class Word2VecResult(NamedTuple):
    """``losses``: (words read, nats for a real pair with its negatives) along the way."""

    vectors: WordVectors
    losses: list[tuple[int, float]]


def sample_windows(
    document_ids: np.ndarray, window: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """How many words each position sees to its left and to its right, two int16 ``(words,)``.

    Each draws its own window size, so near neighbours are used more often than far ones. A
    window ends where its document ends.
    """
    starts = np.flatnonzero(np.diff(document_ids, prepend=-1)).astype(np.int32)
    lengths = np.diff(starts, append=np.int32(len(document_ids)))
    before = np.arange(len(document_ids), dtype=np.int32) - np.repeat(starts, lengths)
    after = np.repeat(lengths, lengths) - 1 - before
    size = rng.integers(1, window + 1, len(document_ids), dtype=np.int16)
    return np.minimum(size, before).astype(np.int16), np.minimum(size, after).astype(np.int16)


class Word2Vec:
    """Two tables of vectors ``(words, vector_size)``, and the loop that trains them."""

    def __init__(self, vocabulary: Vocabulary, config: Word2VecConfig) -> None:
        self.vocabulary, self.config = vocabulary, config
        self.rng = np.random.default_rng(config.seed)
        start = self.rng.random((len(vocabulary), config.vector_size), dtype=np.float32) - 0.5
        self.centre = torch.from_numpy(start / config.vector_size)
        self.neighbour = torch.zeros_like(self.centre)
        self._block = block_size(config.window)
        self._weights = weight_table(config.window, config.negative)
        self._cumulative = np.cumsum(vocabulary.negative_distribution())
        self._cumulative[-1] = 1.0

    def rate_scales(self, positions: int) -> tuple[Tensor, Tensor]:
        """A factor ``(words, 1)`` on each word's learning rate, for ``centre`` and ``neighbour``.

        1 for nearly all. The gradients of all pairs of an update are computed at the same place
        and add up; a word that is expected in too many of them (an update has so many
        ``positions``) takes shorter steps, or a vocabulary of a few words would run away.
        """
        kept = self.vocabulary.keep_probability(self.config.sample) * self.vocabulary.counts
        real = positions * (self.config.window + 1) * kept / kept.sum()  # pairs of the text
        negatives = real.sum() * self.config.negative * self.vocabulary.negative_distribution()
        largest = LONGEST_STEP / self.config.learning_rate
        pairs = real * (1 + self.config.negative), real + negatives
        scales = (largest / np.maximum(largest, number) for number in pairs)
        return tuple(torch.from_numpy(scale.astype(np.float32))[:, None] for scale in scales)

    def train(self, encoded: Encoded) -> Word2VecResult:
        """Go through the text ``epochs`` times. An interruption keeps what has been learned."""
        total, losses = self.config.epochs * len(encoded), []
        guessing = (1 + self.config.negative) * math.log(2)  # the loss at the start
        shown = bar(total=total, description="Word2Vec", unit=" words")
        threads = torch.get_num_threads()
        torch.set_num_threads(self.config.num_threads)
        try:
            with shown, DeferredInterrupt() as interrupt:
                for fraction, loss in self._updates(encoded):
                    if not loss < 3 * guessing:
                        raise CourseError(
                            f"The training ran away (its loss is {loss:.3g}): lower "
                            f"`learning_rate`, which is {self.config.learning_rate}."
                        )
                    losses.append((round(fraction * total), loss))
                    shown.update(losses[-1][0] - shown.n)
                    if interrupt.requested:
                        break
        finally:
            torch.set_num_threads(threads)
        if (done := losses[-1][0]) < total:
            print(f"Stopped after {done:,} of {total:,} words. The vectors learned are kept.")
        return Word2VecResult(
            WordVectors(self.vocabulary.words, self.centre.numpy().copy()), losses
        )

    def _updates(self, encoded: Encoded) -> Iterator[tuple[float, float]]:
        """All updates. Yields the fraction done and the loss, at most 64 updates apart."""
        config, block = self.config, self._block
        for epoch in range(config.epochs):
            around, rows = self._blocks(encoded)
            count = max(1, min(config.num_blocks, len(rows) // MIN_UPDATES))  # in an update
            scales = self.rate_scales(count * block)
            order = torch.from_numpy(self.rng.permutation(len(rows)))
            step = count * max(1, min(UPDATES_AT_ONCE, len(rows) // (10 * count)))
            for first in range(0, len(rows), step):
                chosen = order[first : first + step]
                drawn = np.searchsorted(self._cumulative, self.rng.random((len(chosen), block)))
                parts = around[chosen].long(), torch.from_numpy(drawn), rows[chosen].long()
                loss = self._loss(*(part[:count] for part in parts))
                for n in range(0, len(chosen), count):
                    done = (epoch + (first + n) / len(rows)) / config.epochs
                    rate = config.learning_rate * max(1e-4, 1 - done)
                    self._update(*(part[n : n + count] for part in parts), scales, rate)
                yield (epoch + (first + len(chosen)) / len(rows)) / config.epochs, loss

    def _blocks(self, encoded: Encoded) -> tuple[Tensor, Tensor]:
        """The text of one epoch, thinned out and cut up: ids ``(blocks, block + 2 · window)``, and
        the row of the table of weights for each position of a block ``(blocks, block)``."""
        window, block = self.config.window, self._block
        keep = self.vocabulary.keep_probability(self.config.sample).astype(np.float32)
        kept = self.rng.random(len(encoded), dtype=np.float32) < keep[encoded.token_ids]
        left, right = sample_windows(encoded.document_ids[kept], window, self.rng)
        place = np.arange(len(left), dtype=np.int32) % block
        rows = (place * (window + 1) + left) * (window + 1) + right
        padding = -len(rows) % block if len(rows) else block  # row 0 of the table sees nothing
        ids = np.pad(encoded.token_ids[kept], (window, window + padding))
        around = torch.from_numpy(ids).unfold(0, block + 2 * window, block)
        return around, torch.from_numpy(np.pad(rows, (0, padding))).view(-1, block)

    def _look_up(self, around: Tensor, negatives: Tensor, rows: Tensor) -> tuple:
        """Ids of the centres and of all others, their vectors, and the weights of the pairs."""
        window = self.config.window
        ids = around[:, window : window + self._block], torch.cat([around, negatives], 1)
        tables = zip((self.centre, self.neighbour), ids, strict=True)
        vectors = [t.index_select(0, i.reshape(-1)).view(*i.shape, -1) for t, i in tables]
        weights = self._weights.index_select(0, rows.reshape(-1)).view(*rows.shape, -1)
        return ids, vectors, weights

    def _loss(self, around: Tensor, negatives: Tensor, rows: Tensor) -> float:
        """Nats for a real pair with its negatives."""
        _, vectors, weights = self._look_up(around, negatives, rows)
        real = weights[:, :, : around.shape[1]].sum().clamp(min=1)
        return -float(skip_gram_likelihood(*vectors, weights) / real)

    def _update(
        self, around: Tensor, negatives: Tensor, rows: Tensor, scales: tuple, rate: float
    ) -> None:
        """One step uphill. A word that occurs more than once receives the sum of its gradients."""
        ids, vectors, weights = self._look_up(around, negatives, rows)
        gradients = skip_gram_gradients(*vectors, weights)
        for number, table in enumerate((self.centre, self.neighbour)):
            flat = ids[number].reshape(-1)
            steps = scales[number].index_select(0, flat).mul_(rate)
            table.index_add_(0, flat, gradients[number].view(len(flat), -1).mul_(steps))
