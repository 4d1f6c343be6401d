"""n-gram language models: from counting to interpolated Kneser–Ney.

Sources: Shannon 1948, "A Mathematical Theory of Communication" (counting); Kneser and Ney
1995, "Improved backing-off for m-gram language modeling"; Chen and Goodman 1999, "An empirical
study of smoothing techniques for language modeling", section 4.1.6 (the interpolated form).
"""

import math
import random
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

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
        # By length of the n-gram, then by context: what follows it, how often; and their sum.
        self.followers: list[dict[Gram, dict[Token, int]]] = [{} for _ in range(order + 1)]
        self.totals: list[dict[Gram, int]] = [{} for _ in range(order + 1)]
        self.discounts = [0.0] * (order + 1)
        for length in range(order, 0, -1):
            for gram, count in counts.items():
                self.followers[length].setdefault(gram[:-1], {})[gram[-1]] = count
            after = self.followers[length].items()
            self.totals[length] = {context: sum(tokens.values()) for context, tokens in after}
            ones, twos = (sum(count == n for count in counts.values()) for n in (1, 2))
            self.discounts[length] = ones / (ones + 2 * twos) if ones and twos else 0.5
            if length > 1:
                counts = self._lower(counts)

    @staticmethod
    def _lower(counts: Counter[Gram]) -> Counter[Gram]:
        """Continuation counts of the order below; raw ones where a start stands to the left."""
        lower: Counter[Gram] = Counter()
        for gram, count in counts.items():
            lower[gram[1:]] += count if gram[0] == START and gram[1] == START else 1
        return lower

    def probability(self, token: Token, context: Sequence[Token] = ()) -> float:
        """P(token | the last ``order - 1`` tokens of context). Sums to one over the vocabulary."""
        token = token if token in self.vocabulary else UNKNOWN
        history = tuple(t if t in self.vocabulary or t == START else UNKNOWN for t in context)
        history = history[len(history) - min(len(history), self.order - 1) :]
        result = 1 / len(self.vocabulary)
        for length in range(1, len(history) + 2):
            seen = history[len(history) - length + 1 :]
            followers = self.followers[length].get(seen)
            if followers is None:
                break
            discount = self.discounts[length]
            left = discount * len(followers)  # goes to the shorter context
            counted = max(followers.get(token, 0) - discount, 0)
            result = (counted + left * result) / self.totals[length][seen]
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
        documents = list(documents)
        bits = -sum(map(self.log2_probability, documents))
        return 2 ** (bits / sum(len(document) + 1 for document in documents))

    def generate(self, max_tokens: int, rng: random.Random) -> list[Token]:
        """A document of up to ``max_tokens``, drawn one by one; a drawn end stops it."""
        tokens = [START] * (self.order - 1)
        for _ in range(max_tokens):
            token = self._draw(tokens[len(tokens) - self.order + 1 :], rng)
            if token == END:
                break
            tokens.append(token)
        return tokens[self.order - 1 :]

    def _draw(self, context: Sequence[Token], rng: random.Random) -> Token:
        """At each order a discounted count is drawn, or the next lower order decides."""
        for length in range(min(len(context) + 1, self.order), 0, -1):
            seen = tuple(context[len(context) - length + 1 :])
            followers = self.followers[length].get(seen)
            if followers is None:
                continue
            mark = rng.random() * self.totals[length][seen]
            for token, count in followers.items():
                mark -= count - self.discounts[length]
                if mark < 0:
                    return token
        return rng.choice(sorted(self.vocabulary - {UNKNOWN, END}, key=str) or [END])
