"""Skip-gram and CBOW with negative sampling (Mikolov et al. 2013a, b), updates written by hand.

Every word has two vectors: one as a centre, one as a neighbour. The score of a pair is their
dot product. A pair from the text should score high, a pair with a word drawn by chance low: the
loss is −log σ(score) for the real neighbour and −log σ(−score) for each negative.

The usual program updates pair by pair. Here the text is cut into blocks of 16 neighbouring
positions. All 16 share one set of negatives and their windows overlap, so one small matrix
product scores every pair of the block (width D, window 5):

    scores (16, 26 + 16)  =  centres (16, D)  ·  [26 surrounding positions, 16 negatives]ᵀ

A table of weights keeps the pairs within each position's window. A position with n neighbours
should see 5 n negatives and the block has 16 for it, so each counts 5 n / 16 times: the expected
update is that of the pair-by-pair program, for a fraction of the memory traffic.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from course_lib.embeddings.vectors import WordVectors
from course_lib.embeddings.vocabulary import Encoded, Vocabulary
from course_lib.errors import CourseError
from course_lib.workbook.progress import bar
from course_lib.workbook.training import DeferredInterrupt

BLOCK = 16  # positions that share their negatives
STEPS_A_CHUNK = 64  # steps whose negatives are drawn at once
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
    """

    width: int = 100
    window: int = 5
    negatives: int = 5
    epochs: int = 5
    learning_rate: float = 0.025
    subsample: float = 1e-3
    model: str = "skip-gram"
    blocks: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        if self.model not in ("skip-gram", "cbow"):
            raise CourseError(f"There is no model {self.model!r}: choose `skip-gram` or `cbow`.")
        if min(self.width, self.window, self.negatives, self.epochs, self.blocks) < 1:
            raise CourseError("Width, window, negatives, epochs and blocks must be 1 or more: raise the one that is 0.")


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


def block_size(window: int) -> int:
    """Positions that share their negatives: 16, or more for a wide window."""
    return max(BLOCK, 2 * window)


def weight_table(settings: Settings) -> Tensor:
    """The weight of each pair, shape ``(block · (window + 1)², block + 2 · window + block)``.

    Row ``(place · (window + 1) + left) · (window + 1) + right`` belongs to the position ``place``
    of a block that sees ``left`` words before it and ``right`` after it. The last ``block``
    columns are the negatives.
    """
    block, window = block_size(settings.window), settings.window
    around = block + 2 * window
    table = torch.zeros(block, window + 1, window + 1, around + block)
    for place in range(block):
        for left in range(window + 1):
            for right in range(window + 1):
                row = table[place, left, right]
                row[place + window - left : place + window + right + 1] = 1
                row[place + window] = 0  # a word is no neighbour of itself
                row[around:] = (left + right) * settings.negatives / block
    return table.view(-1, around + block)


def skip_gram_likelihood(centres: Tensor, others: Tensor, weights: Tensor) -> Tensor:
    """Σ weight · log-likelihood of the pairs of some blocks, a scalar: what training makes larger.

    centres   (blocks, block, width)    vectors of the centre words
    others    (blocks, columns, width)  vectors of the surrounding words, then of the negatives
    weights   (blocks, block, columns)  how much each pair counts; the last ``block`` are negatives
    """
    around = weights.shape[2] - weights.shape[1]
    scores = torch.bmm(centres, others.transpose(1, 2))
    likelihood = logsigmoid(torch.cat([scores[:, :, :around], -scores[:, :, around:]], 2))
    return (weights * likelihood).sum()


def skip_gram_gradients(centres: Tensor, others: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Derivatives of ``skip_gram_likelihood`` by ``centres`` and by ``others``.

    That of log σ(s) by s is 1 − σ(s), that of log σ(−s) is −σ(s).
    """
    around = weights.shape[2] - weights.shape[1]
    error = torch.bmm(centres, others.transpose(1, 2)).sigmoid_().neg_()
    error[:, :, :around] += 1
    error *= weights
    return torch.bmm(error, others), torch.bmm(error.transpose(1, 2), centres)


def _shares(weights: Tensor, around: int) -> tuple[Tensor, Tensor, Tensor]:
    """For CBOW: each neighbour's share of the mean, the negatives' weights, 1 where there are neighbours."""
    count = weights[:, :, :around].sum(2, keepdim=True).clamp(min=1)
    seen = (weights[:, :, :around].sum(2, keepdim=True) > 0).to(weights.dtype)
    return weights[:, :, :around] / count, weights[:, :, around:] / count, seen


def cbow_likelihood(predicted: Tensor, around: Tensor, weights: Tensor) -> Tensor:
    """The same for CBOW, where the mean of the neighbours predicts the centre word, a scalar.

    predicted   (blocks, block + negatives, width)  vectors of the centre words, then of the negatives
    around      (blocks, block + 2 window, width)   vectors of the surrounding words
    weights     as for skip-gram
    """
    block = weights.shape[1]
    shares, negative_weights, seen = _shares(weights, around.shape[1])
    means = torch.bmm(shares, around)
    hits = logsigmoid((means * predicted[:, :block]).sum(2, keepdim=True)) * seen
    misses = logsigmoid(-torch.bmm(means, predicted[:, block:].transpose(1, 2))) * negative_weights
    return hits.sum() + misses.sum()


def cbow_gradients(predicted: Tensor, around: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Derivatives of ``cbow_likelihood`` by ``predicted`` and by ``around``.

    The first program added the whole error of the mean to every neighbour. The true derivative
    gives each its share (İrsoy et al. 2021, "Corrected CBOW performs as well as skip-gram").
    """
    block = weights.shape[1]
    shares, negative_weights, seen = _shares(weights, around.shape[1])
    means = torch.bmm(shares, around)
    hit = (1 - (means * predicted[:, :block]).sum(2, keepdim=True).sigmoid()) * seen
    miss = -torch.bmm(means, predicted[:, block:].transpose(1, 2)).sigmoid() * negative_weights
    up = hit * predicted[:, :block] + torch.bmm(miss, predicted[:, block:])
    by_predicted = torch.cat([hit * means, torch.bmm(miss.transpose(1, 2), means)], 1)
    return by_predicted, torch.bmm(shares.transpose(1, 2), up)


def reaches(documents: np.ndarray, window: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """How many words each position sees to its left and to its right, two int64 arrays ``(words,)``.

    Each draws its own window size, so near neighbours are used more often than far ones. A
    window ends where its document ends.
    """
    position = np.arange(len(documents))
    starts = np.flatnonzero(np.diff(documents, prepend=-1))
    lengths = np.diff(starts, append=len(documents))
    first, last = np.repeat(starts, lengths), np.repeat(starts + lengths - 1, lengths)
    near = rng.integers(1, window + 1, len(documents))
    return np.minimum(near, position - first), np.minimum(near, last - position)


def pairs(ids: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """All (centre, neighbour) pairs of word numbers, int array ``(pairs, 2)``.

    The blocks never list them; this is for looking at them, and for tests.
    """
    sizes = left + right
    centre = np.repeat(np.arange(len(ids)), sizes)
    place = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # 0 … size − 1 within a window
    step = place - left[centre]
    return np.stack([ids[centre], ids[centre + step + (step >= 0)]], 1)


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
        self._table = weight_table(settings)
        self._cumulative = np.cumsum(vocabulary.negative_distribution())
        self._cumulative[-1] = 1.0

    @property
    def _block(self) -> int:
        return block_size(self.settings.window)

    @property
    def _around(self) -> int:
        return self._block + 2 * self.settings.window

    def blocks(self, length: int) -> int:
        """Blocks an update for a text of ``length`` words: fewer for a short one."""
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
        seen = positions * (settings.window + 1 if settings.model == "skip-gram" else 1)  # real pairs
        real = seen * kept / kept.sum()
        drawn = seen * settings.negatives * self.vocabulary.negative_distribution()
        most = LONGEST_STEP / settings.learning_rate
        shares = [most / np.maximum(most, pairs) for pairs in (real * (1 + settings.negatives), real + drawn)]
        return tuple(torch.from_numpy(share.astype(np.float32))[:, None] for share in shares)

    def train(self, encoded: Encoded, description: str = "Word2Vec") -> Training:
        """Go through the text ``epochs`` times. An interruption keeps what has been learned."""
        settings, losses = self.settings, []
        total = settings.epochs * len(encoded)
        shown = bar(total=total, description=description, unit=" words")
        with shown, DeferredInterrupt() as interrupt:
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
            print(f"Stopped after {losses[-1][0]:,} of {total:,} words. The vectors learned so far are kept.")
        return Training(WordVectors(self.vocabulary.words, self.centre.numpy().copy()), losses, stopped)

    def _check(self, loss: float) -> None:
        """Raise ``CourseError`` when the loss has left the ground: it starts at (1 + negatives) · ln 2."""
        if not loss < 3 * (1 + self.settings.negatives) * math.log(2):
            raise CourseError(
                f"The training ran away (its loss is {loss:.3g}), so no vectors were made: "
                f"lower `learning_rate`, which is {self.settings.learning_rate}, or `blocks`."
            )

    def _epoch(self, encoded: Encoded, epoch: int) -> Iterator[tuple[float, float]]:
        """One pass. Yields the share done and the loss, a few hundred updates apart."""
        settings, window, block, count = self.settings, self.settings.window, self._block, self.blocks(len(encoded))
        kept = self.rng.random(len(encoded)) < self.vocabulary.keep_probability(settings.subsample)[encoded.ids]
        ids, documents = encoded.ids[kept], encoded.documents[kept]
        left, right = reaches(documents, window, self.rng)
        rows = (np.arange(len(ids)) % block * (window + 1) + left) * (window + 1) + right
        around, padding = self._around, -len(ids) % block
        rows = torch.from_numpy(np.pad(rows, (0, padding))).view(-1, block)  # row 0 sees nothing: no pairs
        ids = torch.from_numpy(np.pad(ids, (window, window + padding)).astype(np.int64))
        rates = self.rates(count * block)
        spread = torch.from_numpy(self.rng.permutation(len(rows)))
        chunk = count * STEPS_A_CHUNK
        for first in range(0, len(rows), chunk):
            mine = spread[first : first + chunk]
            surrounding = ids.unfold(0, around, block)[mine]
            centres, codes = surrounding[:, window : window + block], rows[mine]
            drawn = np.searchsorted(self._cumulative, self.rng.random((len(mine), block)))
            negatives = torch.from_numpy(drawn)
            for n in range(0, len(mine), count):
                part = slice(n, n + count)
                done = (epoch + (first + n) / len(rows)) / settings.epochs
                weights = self._table.index_select(0, codes[part].reshape(-1)).view(-1, block, around + block)
                sides = self._sides(centres[part], surrounding[part], negatives[part])
                if n == 0:
                    loss = self._loss(sides, weights)
                self._update(sides, weights, rates, settings.learning_rate * max(1e-4, 1 - done))
            yield (first + len(mine)) / len(rows), loss

    def _sides(self, centres: Tensor, around: Tensor, negatives: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """The two sides of the products: (table, word numbers, their vectors)."""
        if self.settings.model == "skip-gram":
            sides = (self.centre, centres), (self.neighbour, torch.cat([around, negatives], 1))
        else:
            sides = (self.neighbour, torch.cat([centres, negatives], 1)), (self.centre, around)
        return [(t, ids, t.index_select(0, ids.reshape(-1)).view(*ids.shape, -1)) for t, ids in sides]

    def _update(self, sides: list, weights: Tensor, rates: tuple[Tensor, Tensor], rate: float) -> None:
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
