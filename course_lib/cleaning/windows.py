"""Every run of ``size`` tokens as one 64-bit number: for repeated passages and for leaks.

A token is a word, a punctuation mark, or one character of a script without spaces. Its code is
Python's own hash of it, which is salted anew in each process: nobody can write a text that
collides on purpose, and only equality is ever asked. A run's code is a polynomial in its tokens'
codes modulo 2**64, found from running sums (Karp and Rabin 1987, "Efficient randomized
pattern-matching algorithms"). Two different runs share a code with a chance of 2**-64.
"""

import re
from collections.abc import Iterator, Sequence
from operator import itemgetter

import numpy as np

from course_lib.workbook.corpus.words import NO_SPACES

TOKEN = re.compile(rf"[{NO_SPACES}]|[^\W{NO_SPACES}]+|[^\w\s]")
CHUNK = 1 << 20  # characters of text coded at a time

_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2**64
_INVERSE = pow(_BASE, -1, 1 << 64)


def token_codes(text: str) -> np.ndarray:
    """One code a token, ``(tokens,)`` uint64. The tokens themselves are never held together."""
    return np.fromiter(map(hash, map(itemgetter(0), TOKEN.finditer(text))), np.int64).view(
        np.uint64
    )


def token_spans(text: str) -> np.ndarray:
    """First character and end of each token, ``(tokens, 2)`` int64."""
    places = (place for token in TOKEN.finditer(text) for place in token.span())
    return np.fromiter(places, np.int64).reshape(-1, 2)


def window_codes(codes: np.ndarray, size: int) -> np.ndarray:
    """The code of each run of ``size`` tokens, ``(tokens - size + 1,)`` uint64; empty for a shorter text."""
    count = len(codes) - size + 1
    if count < 1:
        return np.zeros(0, dtype=np.uint64)
    sums = np.zeros(len(codes) + 1, dtype=np.uint64)
    np.cumsum(codes * _powers(_BASE, len(codes)), out=sums[1:])
    return (sums[size:] - sums[:-size]) * _powers(_INVERSE, count)


def _powers(base: int, count: int) -> np.ndarray:
    """base**0 … base**(count - 1) modulo 2**64."""
    factors = np.full(count, base, dtype=np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)


def chunks(texts: Sequence[str]) -> Iterator[range]:
    """Row numbers, in groups of about ``CHUNK`` characters: small texts share the cost of each array operation."""
    begin = size = 0
    for row, text in enumerate(texts):
        size += len(text)
        if size >= CHUNK:
            yield range(begin, row + 1)
            begin, size = row + 1, 0
    if begin < len(texts):
        yield range(begin, len(texts))


def windows_of(texts: Sequence[str], size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All runs of ``size`` tokens that lie within one text.

    Returns ``codes`` (runs, uint64), ``places`` (runs, int64: the run's first token, counted over
    all texts) and ``starts`` (texts + 1, int64: text i owns the tokens ``starts[i]`` to ``starts[i + 1]``).
    """
    tokens = [token_codes(text) for text in texts]
    starts = np.concatenate(([0], np.cumsum([len(own) for own in tokens]))).astype(np.int64)
    joined = np.concatenate(tokens) if tokens else np.zeros(0, dtype=np.uint64)
    codes = window_codes(joined, size)
    places = np.arange(len(codes), dtype=np.int64)
    owner = np.searchsorted(starts, places, side="right") - 1
    inside = places + size <= starts[owner + 1]
    return codes[inside], places[inside], starts
