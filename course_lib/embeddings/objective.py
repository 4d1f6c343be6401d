"""What Word2Vec makes larger, and its derivatives, for blocks of text at a time.

Every word has two vectors: one as a centre, one as a neighbour. The score of a pair is their
dot product. A pair from the text should score high, a pair with a word drawn by chance low: the
likelihood is log σ(score) for the real neighbour and log σ(−score) for each negative (Mikolov
et al. 2013b, equation 4).

The usual program updates pair by pair. Here the text is cut into blocks of 16 neighbouring
positions. All 16 share one set of negatives and their windows overlap, so one small matrix
product scores every pair of the block (width D, window 5):

    scores (16, 26 + 16)  =  centres (16, D)  ·  [26 surrounding positions, 16 negatives]ᵀ

A table of weights keeps the pairs within each position's window. A position with n neighbours
should see 5 n negatives and the block has 16 for it, so each counts 5 n / 16 times: the expected
update is that of the pair-by-pair program, for a fraction of the memory traffic.
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

BLOCK = 16  # positions that share their negatives


def block_size(window: int) -> int:
    """Positions that share their negatives: 16, or more for a wide window."""
    return max(BLOCK, 2 * window)


def weight_table(window: int, negatives: int) -> Tensor:
    """The weight of each pair, shape ``(block · (window + 1)², block + 2 · window + block)``.

    Row ``(place · (window + 1) + left) · (window + 1) + right`` belongs to the position ``place``
    of a block that sees ``left`` words before it and ``right`` after it. The last ``block``
    columns are the negatives.
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
                row[around:] = (left + right) * negatives / block
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
