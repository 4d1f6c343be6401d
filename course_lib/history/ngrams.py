"""n-gram language models: from counting to interpolated Kneser–Ney.

Sources: Shannon 1948, "A Mathematical Theory of Communication" (counting); Kneser and Ney
1995, "Improved backing-off for m-gram language modeling"; Chen and Goodman 1999, "An empirical
study of smoothing techniques for language modeling", section 4.1.6 (the interpolated form).
"""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from functools import cached_property

Token = Hashable
Gram = tuple[Token, ...]
START, END, UNKNOWN = "<s>", "</s>", "<unk>"


def padded(document: Sequence[Token], order: int) -> list[Token]:
    """The document between ``order - 1`` start marks and one end mark."""
    return [START] * (order - 1) + list(document) + [END]


def count_ngrams(documents: Iterable[Sequence[Token]], order: int) -> Counter[Gram]:
    """How often each n-gram of length ``order`` occurs; every real token is guessed once."""
    counts: Counter[Gram] = Counter()
    for document in documents:
        tokens = padded(document, order)
        counts.update(zip(*(tokens[i:] for i in range(order)), strict=False))
    return counts


class KneserNey:
    """Interpolated Kneser–Ney with one discount an order.

    order        length of the n-grams: ``order - 1`` tokens are looked at
    documents    sequences of tokens (words, letters, token ids) to learn from
    vocabulary   the tokens that may occur; default: those of the documents. Others count as
                 one unknown token, so that every text has a probability.

    The highest order counts how often an n-gram occurs. A lower order counts in how many
    different contexts it occurs: "Francisco" is frequent, but follows nearly always "San", so
    it is a bad guess after anything else. n-grams that begin a document have no other context
    to their left and keep their raw counts.
    """

    def __init__(
        self,
        documents: Iterable[Sequence[Token]],
        order: int = 5,
        vocabulary: Iterable[Token] | None = None,
    ) -> None:
        documents = [list(document) for document in documents]
        if order < 1 or not documents:
            raise ValueError(
                "an n-gram model needs an order of at least 1 and at least one document"
            )
        known = set(vocabulary) if vocabulary is not None else {t for d in documents for t in d}
        self.order = order
        self.vocabulary = known | {END, UNKNOWN}
        counts = count_ngrams(([t if t in known else UNKNOWN for t in d] for d in documents), order)
        self.counts: list[dict[Gram, int]] = [{} for _ in range(order + 1)]
        self.totals: list[dict[Gram, int]] = [{} for _ in range(order + 1)]
        self.kinds: list[dict[Gram, int]] = [{} for _ in range(order + 1)]
        self.discounts = [0.0] * (order + 1)
        for length in range(order, 0, -1):
            self._learn(length, counts)
            if length > 1:
                counts = self._lower(counts)

    @staticmethod
    def _lower(counts: Counter[Gram] | dict[Gram, int]) -> Counter[Gram]:
        """Continuation counts of the order below; raw counts where nothing but a start stands left."""
        lower: Counter[Gram] = Counter()
        for gram, count in counts.items():
            lower[gram[1:]] += count if gram[0] == START and gram[1] == START else 1
        return lower

    def _learn(self, length: int, counts: Counter[Gram]) -> None:
        """Counts, their sums and numbers of different followers for one length, and its discount."""
        totals: dict[Gram, int] = defaultdict(int)
        kinds: dict[Gram, int] = defaultdict(int)
        ones = twos = 0
        for gram, count in counts.items():
            totals[gram[:-1]] += count
            kinds[gram[:-1]] += 1
            ones += count == 1
            twos += count == 2
        self.counts[length], self.totals[length], self.kinds[length] = (
            dict(counts),
            dict(totals),
            dict(kinds),
        )
        self.discounts[length] = ones / (ones + 2 * twos) if ones and twos else 0.5

    def probability(self, token: Token, context: Sequence[Token] = ()) -> float:
        """P(token | the last ``order - 1`` tokens of the context). Sums to one over the vocabulary."""
        token = token if token in self.vocabulary else UNKNOWN
        history = tuple(t if t in self.vocabulary or t == START else UNKNOWN for t in context)
        history = history[len(history) - min(len(history), self.order - 1) :]
        result = 1 / len(self.vocabulary)
        for length in range(1, len(history) + 2):
            seen = history[len(history) - length + 1 :]
            total = self.totals[length].get(seen)
            if total is None:
                break
            discount = self.discounts[length]
            count = self.counts[length].get((*seen, token), 0)
            result = (
                max(count - discount, 0) + discount * self.kinds[length][seen] * result
            ) / total
        return result

    def log2_probability(self, document: Sequence[Token]) -> float:
        """The sum of log2 P over the tokens of a document and its end: minus the bits to write it."""
        tokens = padded(document, self.order)
        first = self.order - 1
        return sum(
            math.log2(self.probability(tokens[i], tokens[i - first : i]))
            for i in range(first, len(tokens))
        )

    def perplexity(self, documents: Iterable[Sequence[Token]]) -> float:
        """2 to the mean number of bits a token; the end of a document counts as one."""
        bits = tokens = 0.0
        for document in documents:
            bits -= self.log2_probability(document)
            tokens += len(document) + 1
        return 2 ** (bits / tokens)

    def generate(self, length: int, rng: random.Random, start: Sequence[Token] = ()) -> list[Token]:
        """Continue ``start`` by up to ``length`` tokens, drawn one by one; stops at the document's end."""
        tokens = padded(start, self.order)[:-1]
        begin = len(tokens)
        while len(tokens) < begin + length:
            token = self._draw(tokens[len(tokens) - self.order + 1 :], rng)
            if token == END:
                break
            tokens.append(token)
        return [*start, *tokens[begin:]]

    def _draw(self, context: Sequence[Token], rng: random.Random) -> Token:
        """One token: at each order, either a discounted count is drawn, or the next lower order decides."""
        for length in range(min(len(context) + 1, self.order), 0, -1):
            seen = tuple(context[len(context) - length + 1 :])
            total = self.totals[length].get(seen)
            if total is None:
                continue
            mark = rng.random() * total
            discount = self.discounts[length]
            if mark < total - discount * self.kinds[length][seen]:
                for token, count in self._followers(length)[seen]:
                    mark -= count - discount
                    if mark < 0:
                        return token
        return rng.choice(self._any)

    @cached_property
    def _any(self) -> list[Token]:
        """What may be drawn when no count decides: every word, in an order that does not depend on chance."""
        return sorted(self.vocabulary - {UNKNOWN, END}, key=str) or [END]

    def _followers(self, length: int) -> dict[Gram, list[tuple[Token, int]]]:
        """Followers of each context, made when text is first generated."""
        if not hasattr(self, "_index"):
            self._index: dict[int, dict[Gram, list[tuple[Token, int]]]] = {}
        if length not in self._index:
            index: dict[Gram, list[tuple[Token, int]]] = defaultdict(list)
            for gram, count in self.counts[length].items():
                index[gram[:-1]].append((gram[-1], count))
            self._index[length] = index
        return self._index[length]
