"""Byte-level byte-pair encoding: the tokenizer of GPT-2 and Falcon, learned and applied.

Text is cut into words, words into bytes, and the pair of neighbours that occurs most often
becomes one new token; again and again, until the vocabulary is full (Sennrich et al. 2016; on
bytes: Radford et al. 2019, section 2.2). Every byte is a token, so nothing is unknown.

>>> tokenizer = BPETokenizer.train(["low lower lowest"] * 3, vocab_size=262, special_tokens=())
>>> [tokenizer.decode([token_id]) for token_id in tokenizer.encode("lowest")]
['low', 'est']
"""

import heapq
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import regex
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from course_lib.errors import CourseError

Pair = tuple[int, int]
END_OF_TEXT = "<|endoftext|>"
# GPT-2's words: a blank belongs to the word behind it, and English endings stand alone.
WORD = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")


def bytes_to_unicode() -> dict[int, str]:
    """A visible character for each byte, as in GPT-2's files: itself if it is printable.

    The others (control characters, the blank) take the characters from 256 on, in order.
    """
    visible = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("ÿ") + 1)} - {ord("\xad")}
    hidden = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {
        byte: chr(256 + n) for n, byte in enumerate(hidden)
    }


CHARACTER = bytes_to_unicode()
BYTE_ORDER = sorted(range(256), key=CHARACTER.__getitem__)  # the first 256 tokens, as in the files


def learn_merges(
    words: dict[tuple[int, ...], int], first_id: int, max_merges: int, min_frequency: int
) -> list[Pair]:
    """The pairs to merge, in order; merge n makes token ``first_id + n``.

    words   how often each word, as token ids, occurs

    Only words that hold the merged pair are touched, and counts are corrected, not made anew. The
    heap may hold old counts: one that no longer fits is put back with the new. Of pairs that
    occur equally often the one with the smallest ids is first, as in ``tokenizers``. It ends at a
    pair rarer than ``min_frequency``.
    """
    pieces, counts = list(words), list(words.values())
    frequency: dict[Pair, int] = defaultdict(int)
    holders: dict[Pair, set[int]] = defaultdict(set)
    for index, word in enumerate(pieces):
        for pair in pairwise(word):
            frequency[pair] += counts[index]
            holders[pair].add(index)
    heap = [(-count, pair) for pair, count in frequency.items()]
    heapq.heapify(heap)
    merges: list[Pair] = []
    while heap and len(merges) < max_merges:
        claimed, pair = heapq.heappop(heap)
        if -claimed != frequency[pair]:
            if frequency[pair] > 0:
                heapq.heappush(heap, (-frequency[pair], pair))
            continue
        if -claimed < min_frequency:
            break
        new_id, changes = first_id + len(merges), defaultdict(int)
        merges.append(pair)
        for index in holders.pop(pair):
            pieces[index] = _merge(pieces[index], pair, new_id, counts[index], changes)
            for new in pairwise(pieces[index]):
                if new_id in new:
                    holders[new].add(index)
        for changed, count in changes.items():
            frequency[changed] += count
            if count > 0:
                heapq.heappush(heap, (-frequency[changed], changed))
    return merges


def _merge(
    word: Sequence[int], pair: Pair, new_id: int, count: int, changes: dict[Pair, int]
) -> list[int]:
    """The word with ``pair`` replaced by ``new_id``; ``changes`` count the pairs around it."""
    left, right = pair
    merged, i, last = [], 0, len(word) - 1
    while i <= last:
        if i == last or word[i] != left or word[i + 1] != right:
            merged.append(word[i])
            i += 1
            continue
        if merged:
            changes[merged[-1], left] -= count
            changes[merged[-1], new_id] += count
        if i + 2 <= last:
            changes[right, word[i + 2]] -= count
            changes[new_id, word[i + 2]] += count
        merged.append(new_id)
        i += 2
    return merged


class BPETokenizer:
    """Text to token ids and back.

    merges           pairs of token ids, in the order in which they were learned
    special_tokens   names that no text can produce, with the first ids: {name: id}
    token_bytes      what each id stands for (b"" for a special token)
    """

    def __init__(
        self, merges: Sequence[Pair], special_tokens: Sequence[str] = (END_OF_TEXT,)
    ) -> None:
        first = len(special_tokens)
        self.special_tokens = {name: token_id for token_id, name in enumerate(special_tokens)}
        self.token_bytes = [b""] * first + [bytes([byte]) for byte in BYTE_ORDER]
        self.merges = list(merges)
        self.merged_id: dict[Pair, int] = {}  # a smaller id was learned earlier, and goes first
        for left, right in self.merges:
            self.merged_id[left, right] = len(self.token_bytes)
            self.token_bytes.append(self.token_bytes[left] + self.token_bytes[right])
        self._byte_id = [first + BYTE_ORDER.index(byte) for byte in range(256)]
        self._cache: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self.token_bytes)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int,
        special_tokens: Sequence[str] = (END_OF_TEXT,),
        min_frequency: int = 2,
    ) -> "BPETokenizer":
        """Learn from ``texts``; the vocabulary stays smaller when no pair is frequent enough."""
        smallest = 256 + len(special_tokens)
        if vocab_size < smallest:
            raise CourseError(
                f"A vocabulary of {vocab_size} is too small: bytes and special tokens need "
                f"{smallest}."
            )
        byte_id, counts = cls([], special_tokens)._byte_id, Counter()
        for text in texts:
            counts.update(WORD.findall(text))
        encoded = ((word.encode("utf-8", "replace"), count) for word, count in counts.items())
        words = {tuple(byte_id[byte] for byte in word): count for word, count in encoded}
        merges = learn_merges(words, smallest, vocab_size - smallest, min_frequency)
        return cls(merges, special_tokens)

    def encode(self, text: str) -> list[int]:
        """The text as ids. The name of a special token in it is text like any other."""
        ids: list[int] = []
        for word in WORD.findall(text):
            known = self._cache.get(word)
            if known is None:
                known = self.encode_bytes(word.encode("utf-8", "replace"))
                if len(self._cache) < 100_000 and len(word) < 100:
                    self._cache[word] = known
            ids += known
        return ids

    def encode_bytes(self, data: bytes) -> list[int]:
        """Any bytes as ids, as one word: the earliest learned merge that fits, until none fits.

        Of equal ones the leftmost goes first. Tokens form a linked list and candidates a heap, so
        that a word of a million bytes works.
        """
        merged_id, end = self.merged_id, len(data)
        ids = [*(self._byte_id[byte] for byte in data), -1]  # -1: no token, merges with nothing
        after, before = [*range(1, end + 1)], [*range(-1, end)]
        heap = [(merged_id[pair], i) for i, pair in enumerate(pairwise(ids)) if pair in merged_id]
        heapq.heapify(heap)
        while heap:
            new_id, i = heapq.heappop(heap)
            j = after[i]
            if merged_id.get((ids[i], ids[j])) != new_id:
                continue  # one of the two has gone into another token
            ids[i], ids[j] = new_id, -1
            after[i] = after[j]
            before[after[i]] = i
            for left, right in ((before[i], i), (i, after[i])):
                if (pair := (ids[left], ids[right])) in merged_id:
                    heapq.heappush(heap, (merged_id[pair], left))
        return [token_id for token_id in ids if token_id >= 0]

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of the tokens. Special tokens are nothing."""
        ids = list(ids)
        self._check(ids)
        return b"".join([self.token_bytes[token_id] for token_id in ids])

    def _check(self, ids: list[int]) -> None:
        for token_id in ids:
            if not 0 <= token_id < len(self):
                raise CourseError(
                    f"There is no token {token_id}: this tokenizer has 0 to {len(self) - 1}. "
                    "Is it the one that the model learned with?"
                )

    def decode(self, ids: Iterable[int]) -> str:
        """The text. Bytes that are no UTF-8, as half a character at a cut, become �."""
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def id_to_token(self, token_id: int) -> str:
        """A token as the files write it: one visible character a byte, Ġ for a blank."""
        self._check([token_id])
        names = list(self.special_tokens)
        if token_id < len(names):
            return names[token_id]
        return "".join(CHARACTER[byte] for byte in self.token_bytes[token_id])

    def to_tokenizers(self) -> Tokenizer:
        """The same tokenizer as one of the ``tokenizers`` library."""
        vocab = {self.id_to_token(token_id): token_id for token_id in range(len(self))}
        merges = [(self.id_to_token(left), self.id_to_token(right)) for left, right in self.merges]
        theirs = Tokenizer(models.BPE(vocab, merges))
        theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        theirs.decoder = decoders.ByteLevel()
        theirs.add_special_tokens(list(self.special_tokens))
        return theirs

    def save(self, path: str | os.PathLike) -> None:
        """Write ``tokenizer.json``, which ``tokenizers`` and ``transformers`` read."""
        Path(path).write_text(self.to_tokenizers().to_str(pretty=True) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike) -> "BPETokenizer":
        """Read what ``save`` wrote. Raises ``CourseError`` for anything else."""
        try:
            stored = json.loads(Path(path).read_text(encoding="utf-8"))
            vocab, merges = stored["model"]["vocab"], stored["model"]["merges"]
            special_tokens = sorted(stored["added_tokens"], key=lambda token: token["id"])
            tokenizer = cls(
                [(vocab[left], vocab[right]) for left, right in merges],
                [token["content"] for token in special_tokens],
            )
            same = all(tokenizer.id_to_token(token_id) == name for name, token_id in vocab.items())
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise CourseError(
                f"{path} cannot be read as a tokenizer ({type(error).__name__}): copy it again."
            ) from None
        if not same or len(vocab) != len(tokenizer):
            raise CourseError(
                f"{path} is a tokenizer of another kind: its tokens are numbered differently."
            )
        return tokenizer
