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
            raise ValueError("an n-gram model needs an order of at least 1 and a document")
        known = {t for d in documents for t in d} if vocabulary is None else set(vocabulary)
        self.order = order
        self.vocabulary = known | {END, UNKNOWN}
        counts = count_ngrams(([t if t in known else UNKNOWN for t in d] for d in documents), order)
        # By length of the n-gram; of each context the sum of its counts and how many tokens follow.
        self.counts: list[dict[Gram, int]] = [{} for _ in range(order + 1)]
        self.totals: list[dict[Gram, int]] = [{} for _ in range(order + 1)]
        self.num_followers: list[dict[Gram, int]] = [{} for _ in range(order + 1)]
        self.discounts = [0.0] * (order + 1)
        for length in range(order, 0, -1):
            self._learn(length, counts)
            if length > 1:
                counts = self._lower(counts)

    @staticmethod
    def _lower(counts: Counter[Gram]) -> Counter[Gram]:
        """Continuation counts of the order below; raw ones where a start stands to the left."""
        lower: Counter[Gram] = Counter()
        for gram, count in counts.items():
            lower[gram[1:]] += count if gram[0] == START and gram[1] == START else 1
        return lower

    def _learn(self, length: int, counts: Counter[Gram]) -> None:
        totals: dict[Gram, int] = defaultdict(int)
        followers: dict[Gram, int] = defaultdict(int)
        ones = twos = 0
        for gram, count in counts.items():
            totals[gram[:-1]] += count
            followers[gram[:-1]] += 1
            ones += count == 1
            twos += count == 2
        self.counts[length] = dict(counts)
        self.totals[length], self.num_followers[length] = dict(totals), dict(followers)
        self.discounts[length] = ones / (ones + 2 * twos) if ones and twos else 0.5

    def probability(self, token: Token, context: Sequence[Token] = ()) -> float:
        """P(token | the last ``order - 1`` tokens of context). Sums to one over the vocabulary."""
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
            left = discount * self.num_followers[length][seen]  # goes to the shorter context
            result = (max(count - discount, 0) + left * result) / total
        return result

    def log2_probability(self, document: Sequence[Token]) -> float:
        """The sum of log2 P over a document's tokens and its end: minus the bits to write it."""
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
        if not tokens:
            raise ValueError("perplexity needs at least one document")
        return 2 ** (bits / tokens)

    def generate(
        self, max_tokens: int, rng: random.Random, prompt: Sequence[Token] = ()
    ) -> list[Token]:
        """Continue ``prompt`` by up to ``max_tokens``, drawn one by one; a drawn end stops it."""
        tokens = padded(prompt, self.order)[:-1]
        begin = len(tokens)
        while len(tokens) < begin + max_tokens:
            token = self._draw(tokens[len(tokens) - self.order + 1 :], rng)
            if token == END:
                break
            tokens.append(token)
        return [*prompt, *tokens[begin:]]

    def _draw(self, context: Sequence[Token], rng: random.Random) -> Token:
        """At each order a discounted count is drawn, or the next lower order decides."""
        for length in range(min(len(context) + 1, self.order), 0, -1):
            seen = tuple(context[len(context) - length + 1 :])
            total = self.totals[length].get(seen)
            if total is None:
                continue
            mark = rng.random() * total
            discount = self.discounts[length]
            if mark < total - discount * self.num_followers[length][seen]:
                for token, count in self._followers[length][seen]:
                    mark -= count - discount
                    if mark < 0:
                        return token
        return rng.choice(self._any)

    @cached_property
    def _any(self) -> list[Token]:
        """What may be drawn when no count decides: every word, in a fixed order."""
        return sorted(self.vocabulary - {UNKNOWN, END}, key=str) or [END]

    @cached_property
    def _followers(self) -> list[dict[Gram, list[tuple[Token, int]]]]:
        """By length, the followers of each context with their counts; made when text is drawn."""
        index = [defaultdict(list) for _ in self.counts]
        for length, counts in enumerate(self.counts):
            for gram, count in counts.items():
                index[length][gram[:-1]].append((gram[-1], count))
        return index
