"""Skip-gram and CBOW with negative sampling (Mikolov et al. 2013a and b), with hand-written updates.

Every word has two vectors: one as a centre, one as a neighbour. The score of a pair is their
dot product; a pair from the text should score high, a pair with a word drawn by chance low. Per
pair the loss is −log σ(score) for the real neighbour and −log σ(−score) for each negative.

The usual program updates pair by pair. Here the text is cut into blocks of 16 neighbouring
positions. All 16 share one set of negatives, and their windows overlap, so that one small
matrix product scores every pair of the block:

    scores (16, 26 + 16)  =  centres (16, D)  ·  [26 surrounding positions, 16 negatives]ᵀ

A mask keeps the pairs within each position's window. A position with n neighbours wants 5 n
negatives, and the block has 16 for it: each counts 5 n / 16 times. So the sum has the same
expected value as that of the pair-by-pair program, for a fraction of the memory traffic.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from course_lib.embeddings.vocabulary import Encoded, Vocabulary
from course_lib.embeddings.vectors import WordVectors
from course_lib.workbook.progress import bar
from course_lib.workbook.training import DeferredInterrupt

BLOCK = 16  # positions that share their negatives


@dataclass(frozen=True)
class Settings:
    """How to train.

    width          numbers in a vector
    window         neighbours on each side at most; each position draws its own, 1 … window
    negatives      drawn words for each real pair
    epochs         times through the text
    learning_rate  at the start; it falls linearly to nearly nothing
    subsample      frequent words are thinned out: ``Vocabulary.keep_probability``
    model          ``skip-gram`` or ``cbow``
    blocks         blocks in one update; their gradients add up, so more is faster and coarser
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


@dataclass
class Trained:
    """The vectors, and the loss of a real pair with its negatives: (words read, nats a pair)."""

    vectors: WordVectors
    losses: list[tuple[int, float]] = field(default_factory=list)
    interrupted: bool = False
