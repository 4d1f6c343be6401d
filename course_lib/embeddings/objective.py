"""What Word2Vec makes larger, and its derivatives, for blocks of text at a time.

Every word has two vectors: one as a centre, one as a neighbour. The score of a pair is their
dot product. A pair from the text should score high, a pair with a word drawn by chance low: the
likelihood is log σ(score) for the real neighbour and log σ(−score) for each negative (Mikolov
et al. 2013b, equation 4).

The usual program updates pair by pair. Here the text is cut into blocks of 16 neighbouring
positions. All 16 share one set of negatives and their windows overlap, so one small matrix
product scores every pair of the block (vectors of D numbers, window 5):

    scores (16, 26 + 16)  =  centres (16, D)  ·  [26 surrounding positions, 16 negatives]ᵀ

A table of weights keeps the pairs within each position's window. A position with n neighbours
should see 5 n negatives and the block has 16 for it, so each counts 5 n / 16 times: the expected
update is that of the pair-by-pair program, for a fraction of the memory traffic.
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def block_size(window: int) -> int:
    """Positions that share their negatives: 16, or more for a wide window."""
    return max(16, 2 * window)


def weight_table(window: int, negative: int) -> Tensor:
    """The weight of each pair, ``(block · (window + 1)², block + 2 · window + block)``.

    Row ``(place · (window + 1) + left) · (window + 1) + right`` belongs to the position ``place``
    of a block that sees ``left`` words before it and ``right`` after it. The last ``block``
    columns are the negatives, of which each real pair should see ``negative``.
    """
    block = block_size(window)
    around = block + 2 * window
    table = torch.zeros(block, window + 1, window + 1, around + block)
    for place in range(block):
        for left in range(window + 1):
            for right in range(window + 1):
                row = table[place, left, right]
                row[place + window - left : place + window + right + 1] = 1
                row[place + window] = 0  # a word is no neighbour of itself
                row[around:] = (left + right) * negative / block
    return table.view(-1, around + block)


def skip_gram_likelihood(centres: Tensor, others: Tensor, weights: Tensor) -> Tensor:
    """Σ weight · log-likelihood of the pairs of some blocks, a scalar: what training makes larger.

    centres   (blocks, block, vector_size)    vectors of the centre words
    others    (blocks, columns, vector_size)  of the surrounding words, then of the negatives
    weights   (blocks, block, columns)        how much each pair counts
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
