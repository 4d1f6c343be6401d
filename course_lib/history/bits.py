"""Bits per byte: one scale for letters, words, networks and file compressors.

A model that gives a text the probability P can be turned into a compressor that writes it in
-log2 P bits (Shannon 1948). Divided by the text's length in bytes, models with different tokens,
and programs such as gzip, can be compared.
"""

import lzma
import zlib
from collections.abc import Callable, Sequence
from math import log2

from course_lib.history.ngrams import KneserNey


def ngram_bits_per_byte(training: bytes, held_out: bytes, order: int) -> float:
    """A Kneser–Ney model over bytes. Order 1 counts letters only."""
    model = KneserNey([training], order, vocabulary=range(256))
    return -model.log2_probability(held_out) / len(held_out)


def gzip_bits_per_byte(training: bytes, held_out: bytes) -> float:
    """What the held-out text costs gzip's method after the training text. It looks back 32 kB."""
    return _added(lambda data: zlib.compress(data, 9), training, held_out)


def xz_bits_per_byte(training: bytes, held_out: bytes) -> float:
    """The same for xz, which looks back over megabytes."""
    return _added(lambda data: lzma.compress(data, preset=6), training, held_out)


def _added(compress: Callable[[bytes], bytes], training: bytes, held_out: bytes) -> float:
    return 8 * (len(compress(training + held_out)) - len(compress(training))) / len(held_out)


def shannon_bounds(ranks: Sequence[int]) -> tuple[float, float]:
    """Lower and upper bound on the bits a letter, from a guessing game (Shannon 1951, eq. 17).

    ranks   for each letter, how many guesses were needed (1: right at once)

    With q_i the fraction of letters that needed i guesses: sum i (q_i - q_{i+1}) log2 i is at most
    the entropy, and that is at most -sum q_i log2 q_i. The lower bound assumes that the q_i fall;
    in a short game they are sorted to do so.
    """
    q = sorted((ranks.count(rank) / len(ranks) for rank in set(ranks)), reverse=True)
    falls = [first - second for first, second in zip(q, [*q[1:], 0.0], strict=True)]
    lower = sum(i * fall * log2(i) for i, fall in enumerate(falls, 1))
    return lower, -sum(fraction * log2(fraction) for fraction in q)
