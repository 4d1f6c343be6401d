"""Word2Vec: skip-gram and CBOW with negative sampling, with updates written by hand.

``objective`` says what is made larger and has its derivatives. Here is the rest: which words see
each other, how fast to learn, and the loop. An update takes blocks from all over the text, since
neighbouring ones are alike, in documentation often to the word.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from course_lib.embeddings.objective import (
    block_size,
    cbow_gradients,
    cbow_likelihood,
    skip_gram_gradients,
    skip_gram_likelihood,
    weight_table,
)
from course_lib.embeddings.vectors import WordVectors
from course_lib.embeddings.vocabulary import Encoded, Vocabulary
from course_lib.errors import CourseError
from course_lib.workbook.progress import bar
from course_lib.workbook.training import DeferredInterrupt

MOST_UPDATES = (
    64  # whose negatives are drawn at once; after them there is a point for the loss curve
)
UPDATES = 200  # in an epoch at least, where the text is long enough
LONGEST_STEP = 2.5  # learning rate times pairs of one word in one update: longer ones overshoot


@dataclass(frozen=True)
class Settings:
    """How to train.

    width          numbers in a vector
    window         neighbours on each side at most; each position draws its own, 1 … window
    negatives      drawn words for each real pair
    epochs         times through the text
    learning_rate  at the start; it falls linearly to nearly nothing
    subsample      frequent words are thinned out, see ``Vocabulary.keep_probability``
    model          ``skip-gram`` or ``cbow``
    blocks         blocks in one update: more is faster and coarser
    threads        of torch: a second one gains a sixth on a quiet machine and loses much on a busy one
    """

    width: int = 100
    window: int = 5
    negatives: int = 5
    epochs: int = 5
    learning_rate: float = 0.025
    subsample: float = 1e-3
    model: str = "skip-gram"
    blocks: int = 32
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.model not in ("skip-gram", "cbow"):
            raise CourseError(f"There is no model {self.model!r}: choose `skip-gram` or `cbow`.")
        if min(self.width, self.window, self.negatives, self.epochs, self.blocks, self.threads) < 1:
            raise CourseError(
                "Width, window, negatives, epochs, blocks and threads must be 1 or more: raise the one that is 0."
            )


@dataclass
class Training:
    """What came of it.

    vectors      the centre vectors
    losses       (words read, nats for a real pair with its negatives)
    interrupted  True when it was stopped before its end; the vectors are those of that moment
    """

    vectors: WordVectors
    losses: list[tuple[int, float]] = field(default_factory=list)
    interrupted: bool = False


def reaches(
    documents: np.ndarray, window: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """How many words each position sees to its left and to its right, two int16 arrays ``(words,)``.

    Each draws its own window size, so near neighbours are used more often than far ones. A
    window ends where its document ends.
    """
    starts = np.flatnonzero(np.diff(documents, prepend=-1)).astype(np.int32)
    lengths = np.diff(starts, append=np.int32(len(documents)))
    before = np.arange(len(documents), dtype=np.int32) - np.repeat(starts, lengths)
    after = np.repeat(lengths, lengths) - 1 - before
    near = rng.integers(1, window + 1, len(documents), dtype=np.int16)
    return np.minimum(near, before).astype(np.int16), np.minimum(near, after).astype(np.int16)


def pairs(ids: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """All (centre, neighbour) pairs of word numbers, int array ``(pairs, 2)``.

    The blocks never list them; this is for looking at them, and for tests.
    """
    left, sizes = left.astype(np.int64), left.astype(np.int64) + right
    centre = np.repeat(np.arange(len(ids)), sizes)
    place = np.arange(sizes.sum()) - np.repeat(
        np.cumsum(sizes) - sizes, sizes
    )  # 0 … size − 1 within a window
    step = place - left[centre]
    return np.stack([ids[centre], ids[centre + step + (step >= 0)]], 1)


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """torch computes with that many threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Word2Vec:
    """The two tables of vectors, and the loop that trains them.

    centre      (vocabulary, width)  the vectors that are kept
    neighbour   (vocabulary, width)
    """

    def __init__(self, vocabulary: Vocabulary, settings: Settings) -> None:
        self.vocabulary, self.settings = vocabulary, settings
        self.rng = np.random.default_rng(settings.seed)
        start = self.rng.random((len(vocabulary), settings.width), dtype=np.float32) - 0.5
        self.centre = torch.from_numpy(start / settings.width)
        self.neighbour = torch.zeros_like(self.centre)
        self._table = weight_table(settings.window, settings.negatives)
        self._cumulative = np.cumsum(vocabulary.negative_distribution())
        self._cumulative[-1] = 1.0

    @property
    def _block(self) -> int:
        return block_size(self.settings.window)

    @property
    def _around(self) -> int:
        return self._block + 2 * self.settings.window

    def blocks(self, length: int) -> int:
        """Blocks an update for a text of ``length`` words (after thinning out): fewer for a short one."""
        return max(1, min(self.settings.blocks, length // (self._block * UPDATES)))

    def rates(self, positions: int) -> tuple[Tensor, Tensor]:
        """Each word's share of the learning rate, for ``centre`` and ``neighbour``, ``(vocabulary, 1)``.

        positions    positions in an update

        1 for nearly all. The gradients of all pairs of an update are computed at the same place
        and add up; a word that is expected in too many of them takes shorter steps, without
        which a vocabulary of a few words would run away to infinity.
        """
        settings = self.settings
        kept = self.vocabulary.keep_probability(settings.subsample) * self.vocabulary.counts
        seen = positions * (
            settings.window + 1 if settings.model == "skip-gram" else 1
        )  # real pairs
        real = seen * kept / kept.sum()
        drawn = seen * settings.negatives * self.vocabulary.negative_distribution()
        most = LONGEST_STEP / settings.learning_rate
        shares = [
            most / np.maximum(most, pairs)
            for pairs in (real * (1 + settings.negatives), real + drawn)
        ]
        return tuple(torch.from_numpy(share.astype(np.float32))[:, None] for share in shares)

    def train(self, encoded: Encoded, description: str = "Word2Vec") -> Training:
        """Go through the text ``epochs`` times. An interruption keeps what has been learned."""
        settings, losses = self.settings, []
        total = settings.epochs * len(encoded)
        shown = bar(total=total, description=description, unit=" words")
        with shown, _threads(settings.threads), DeferredInterrupt() as interrupt:
            for epoch in range(settings.epochs):
                for share, loss in self._epoch(encoded, epoch):
                    words_read = round((epoch + share) * len(encoded))
                    losses.append((words_read, loss))
                    self._check(loss)
                    shown.update(words_read - shown.n)
                    if interrupt.requested:
                        break
                if interrupt.requested:
                    break
        stopped = bool(interrupt.requested) and losses[-1][0] < total
        if stopped:
            print(
                f"Stopped after {losses[-1][0]:,} of {total:,} words. The vectors learned so far are kept."
            )
        return Training(
            WordVectors(self.vocabulary.words, self.centre.numpy().copy()), losses, stopped
        )

    def _check(self, loss: float) -> None:
        """Raise ``CourseError`` when the loss has left the ground: it starts at (1 + negatives) · ln 2."""
        if not loss < 3 * (1 + self.settings.negatives) * math.log(2):
            raise CourseError(
                f"The training ran away (its loss is {loss:.3g}), so no vectors were made: "
                f"lower `learning_rate`, which is {self.settings.learning_rate}, or `blocks`."
            )

    def _epoch(self, encoded: Encoded, epoch: int) -> Iterator[tuple[float, float]]:
        """One pass. Yields the share done and the loss, at most 64 updates apart."""
        settings, window, block = self.settings, self.settings.window, self._block
        keep = self.vocabulary.keep_probability(settings.subsample).astype(np.float32)
        kept = self.rng.random(len(encoded), dtype=np.float32) < keep[encoded.ids]
        ids, documents = encoded.ids[kept], encoded.documents[kept]
        count = self.blocks(len(ids))
        left, right = reaches(documents, window, self.rng)
        place = np.arange(len(ids), dtype=np.int32) % block
        rows = (place * (window + 1) + left) * (window + 1) + right
        around, padding = self._around, -len(ids) % block
        rows = torch.from_numpy(np.pad(rows, (0, padding))).view(
            -1, block
        )  # row 0 sees nothing: no pairs
        ids = torch.from_numpy(np.pad(ids, (window, window + padding)))
        rates = self.rates(count * block)
        spread = torch.from_numpy(self.rng.permutation(len(rows)))
        chunk = count * max(1, min(MOST_UPDATES, len(rows) // (10 * count)))
        for first in range(0, len(rows), chunk):
            mine = spread[first : first + chunk]
            surrounding = ids.unfold(0, around, block)[mine].long()
            centres, codes = surrounding[:, window : window + block], rows[mine].long()
            drawn = np.searchsorted(self._cumulative, self.rng.random((len(mine), block)))
            negatives = torch.from_numpy(drawn)
            for n in range(0, len(mine), count):
                part = slice(n, n + count)
                done = (epoch + (first + n) / len(rows)) / settings.epochs
                weights = self._table.index_select(0, codes[part].reshape(-1)).view(
                    -1, block, around + block
                )
                sides = self._sides(centres[part], surrounding[part], negatives[part])
                if n == 0:
                    loss = self._loss(sides, weights)
                self._update(sides, weights, rates, settings.learning_rate * max(1e-4, 1 - done))
            yield (first + len(mine)) / len(rows), loss

    def _sides(
        self, centres: Tensor, around: Tensor, negatives: Tensor
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """The two sides of the products: (table, word numbers, their vectors)."""
        if self.settings.model == "skip-gram":
            sides = (self.centre, centres), (self.neighbour, torch.cat([around, negatives], 1))
        else:
            sides = (self.neighbour, torch.cat([centres, negatives], 1)), (self.centre, around)
        return [
            (t, ids, t.index_select(0, ids.reshape(-1)).view(*ids.shape, -1)) for t, ids in sides
        ]

    def _update(
        self, sides: list, weights: Tensor, rates: tuple[Tensor, Tensor], rate: float
    ) -> None:
        """One step uphill. A word that occurs more than once receives the sum of its gradients."""
        gradients = skip_gram_gradients if self.settings.model == "skip-gram" else cbow_gradients
        (_, _, first), (_, _, second) = sides
        for (table, ids, _), gradient in zip(sides, gradients(first, second, weights), strict=True):
            flat = ids.reshape(-1)
            steps = rates[0 if table is self.centre else 1].index_select(0, flat).mul_(rate)
            table.index_add_(0, flat, gradient.view(len(flat), -1).mul_(steps))

    def _loss(self, sides: list[tuple[Tensor, Tensor, Tensor]], weights: Tensor) -> float:
        """Nats for a real pair (skip-gram) or a position (CBOW) with its negatives."""
        (_, _, first), (_, _, second) = sides
        real = weights[:, :, : self._around].sum(2)
        if self.settings.model == "skip-gram":
            return -float(skip_gram_likelihood(first, second, weights) / real.sum().clamp(min=1))
        return -float(cbow_likelihood(first, second, weights) / (real > 0).sum().clamp(min=1))
