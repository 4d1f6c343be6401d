"""Byte-level byte-pair encoding: the tokenizer of GPT-2 and Falcon, learned and applied.

Text is cut into words, words into bytes, and the pair of neighbours that occurs most often
becomes one new piece; again and again, until the vocabulary is full (Sennrich et al. 2016; on
bytes: Radford et al. 2019, section 2.2). Every byte is a piece, so nothing is unknown.

>>> tokenizer = BPETokenizer.train(["low lower lowest"] * 3, vocabulary_size=262, special=())
>>> [tokenizer.decode([number]) for number in tokenizer.encode("lowest")]
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

from course_lib.errors import CourseError

Pair = tuple[int, int]
END_OF_TEXT = "<|endoftext|>"
# GPT-2's words: a blank belongs to the word behind it, and English endings stand alone.
WORD = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
MOST_CACHED = 100_000  # words whose pieces are remembered


def byte_characters() -> dict[int, str]:
    """A visible character for each byte, as in GPT-2's files: itself if it is printable.

    The others (control characters, the blank) take the characters from 256 on, in order.
    """
    visible = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    hidden = [byte for byte in range(256) if byte not in set(visible)]
    return {byte: chr(byte) for byte in visible} | {
        byte: chr(256 + n) for n, byte in enumerate(hidden)
    }


CHARACTER = byte_characters()
BYTE_ORDER = sorted(
    range(256), key=CHARACTER.__getitem__
)  # the first 256 pieces, in the order of the files


def count_words(texts: Iterable[str]) -> Counter[bytes]:
    """How often each word occurs, as UTF-8."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(WORD.findall(text))
    return Counter({word.encode("utf-8", "replace"): count for word, count in counts.items()})


def learn_merges(
    words: Sequence[list[int]], counts: Sequence[int], first: int, most: int, minimum: int
) -> list[Pair]:
    """The pairs to merge, in order; merge n makes piece ``first + n``. ``words`` are changed.

    words     each word as pieces
    counts    how often each word occurs
    most      merges at most
    minimum   stop at a pair that occurs less often

    Only words that hold the merged pair are touched, and counts are corrected, not made anew. The
    heap may hold old counts: one that no longer fits is put back with the new. Of pairs that
    occur equally often the one with the smallest pieces is first, as in ``tokenizers``.
    """
    occurrences: dict[Pair, int] = defaultdict(int)
    holders: dict[Pair, set[int]] = defaultdict(set)
    for number, (word, count) in enumerate(zip(words, counts, strict=True)):
        for pair in pairwise(word):
            occurrences[pair] += count
            holders[pair].add(number)
    heap = [(-count, pair) for pair, count in occurrences.items()]
    heapq.heapify(heap)
    merges: list[Pair] = []
    while heap and len(merges) < most:
        claimed, pair = heapq.heappop(heap)
        if -claimed != occurrences[pair]:
            if occurrences[pair] > 0:
                heapq.heappush(heap, (-occurrences[pair], pair))
            continue
        if -claimed < minimum:
            break
        new, born = first + len(merges), set()
        merges.append(pair)
        for number in holders.pop(pair):
            words[number] = _merge_in(words[number], pair, new, counts[number], occurrences, born)
            for fresh in pairwise(words[number]):
                if new in fresh:
                    holders[fresh].add(number)
        for fresh in born:
            heapq.heappush(heap, (-occurrences[fresh], fresh))
    return merges


def _merge_in(
    word: list[int], pair: Pair, new: int, count: int, occurrences: dict[Pair, int], born: set
) -> list[int]:
    """The word with ``pair`` replaced by ``new``; the counts of the pairs around it are corrected."""
    left, right = pair
    merged, place, last = [], 0, len(word) - 1
    while place <= last:
        if place < last and word[place] == left and word[place + 1] == right:
            if merged:
                occurrences[merged[-1], left] -= count
                occurrences[merged[-1], new] += count
                born.add((merged[-1], new))
            if place + 2 <= last:
                occurrences[right, word[place + 2]] -= count
                occurrences[new, word[place + 2]] += count
                born.add((new, word[place + 2]))
            merged.append(new)
            place += 2
        else:
            merged.append(word[place])
            place += 1
    return merged


class BPETokenizer:
    """Text to numbers and back.

    special   tokens that no text can produce, with the first numbers
    merges    pairs of pieces, in the order in which they were learned
    pieces    what each number stands for, as bytes (b"" for a special token)
    """

    def __init__(self, merges: Sequence[Pair], special: Sequence[str] = (END_OF_TEXT,)) -> None:
        self.special = {name: number for number, name in enumerate(special)}
        self.pieces = [b""] * len(special) + [bytes([byte]) for byte in BYTE_ORDER]
        self.merges = list(merges)
        self.rank: dict[
            Pair, int
        ] = {}  # pair → the piece that it becomes; a smaller one goes first
        for left, right in self.merges:
            self.rank[left, right] = len(self.pieces)
            self.pieces.append(self.pieces[left] + self.pieces[right])
        self._of_byte = [0] * 256
        for place, byte in enumerate(BYTE_ORDER):
            self._of_byte[byte] = len(special) + place
        self._cache: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self.pieces)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocabulary_size: int,
        special: Sequence[str] = (END_OF_TEXT,),
        minimum: int = 2,
    ) -> "BPETokenizer":
        """Learn from ``texts``. The vocabulary stays smaller when no pair occurs ``minimum`` times any more."""
        smallest = 256 + len(special)
        if vocabulary_size < smallest:
            raise CourseError(
                f"A vocabulary of {vocabulary_size} is too small: bytes and special tokens need {smallest}."
            )
        empty = cls([], special)
        counted = count_words(texts)
        words = [[empty._of_byte[byte] for byte in word] for word in counted]
        return cls(
            learn_merges(
                words, list(counted.values()), smallest, vocabulary_size - smallest, minimum
            ),
            special,
        )

    def encode(self, text: str) -> list[int]:
        """The text as numbers. The name of a special token in it is text like any other."""
        numbers: list[int] = []
        for word in WORD.findall(text):
            known = self._cache.get(word)
            if known is None:
                known = self._merge(word.encode("utf-8", "replace"))
                if len(self._cache) < MOST_CACHED and len(word) < 100:
                    self._cache[word] = known
            numbers += known
        return numbers

    def encode_bytes(self, data: bytes) -> list[int]:
        """Any bytes as numbers, as one word: ``decode_bytes`` gives them back."""
        return self._merge(data)

    def _merge(self, word: bytes) -> list[int]:
        """The pieces of a word: the earliest learned merge that fits, the leftmost first, until none fits.

        Pieces form a linked list and candidates a heap, so that a word of a million bytes works.
        """
        pieces = [self._of_byte[byte] for byte in word]
        if len(pieces) < 2:
            return pieces
        after = [*range(1, len(pieces)), -1]
        before = list(range(-1, len(pieces) - 1))
        heap = [
            (self.rank[pair], place)
            for place, pair in enumerate(pairwise(pieces))
            if pair in self.rank
        ]
        heapq.heapify(heap)
        while heap:
            new, place = heapq.heappop(heap)
            follower = after[place]
            if (
                follower < 0
                or pieces[place] < 0
                or self.rank.get((pieces[place], pieces[follower])) != new
            ):
                continue
            pieces[place], pieces[follower] = new, -1
            after[place] = after[follower]
            if after[place] >= 0:
                before[after[place]] = place
                self._offer(heap, pieces, place, after[place])
            if before[place] >= 0:
                self._offer(heap, pieces, before[place], place)
        return [piece for piece in pieces if piece >= 0]

    def _offer(self, heap: list, pieces: list[int], place: int, follower: int) -> None:
        rank = self.rank.get((pieces[place], pieces[follower]))
        if rank is not None:
            heapq.heappush(heap, (rank, place))

    def decode_bytes(self, numbers: Iterable[int]) -> bytes:
        """The bytes of the pieces. Special tokens are nothing."""
        return b"".join(self.pieces[number] for number in numbers)

    def decode(self, numbers: Iterable[int]) -> str:
        """The text. Bytes that are no UTF-8, as half a character at a cut, become �."""
        return self.decode_bytes(numbers).decode("utf-8", "replace")

    def name(self, number: int) -> str:
        """A piece as the files write it: one visible character a byte, Ġ for a blank."""
        names = list(self.special)
        return (
            names[number]
            if number < len(names)
            else "".join(CHARACTER[byte] for byte in self.pieces[number])
        )

    def to_json(self) -> dict:
        """The ``tokenizers`` library's description of this tokenizer."""
        byte_level = {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "trim_offsets": True,
            "use_regex": True,
        }
        marks = {
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [
                {"id": number, "content": name, **marks} for name, number in self.special.items()
            ],
            "normalizer": None,
            "pre_tokenizer": byte_level,
            "post_processor": None,
            "decoder": byte_level,
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": False,
                "byte_fallback": False,
                "ignore_merges": False,
                "vocab": {self.name(number): number for number in range(len(self))},
                "merges": [[self.name(left), self.name(right)] for left, right in self.merges],
            },
        }

    def save(self, path: str | os.PathLike) -> None:
        """Write ``tokenizer.json``, which ``tokenizers`` and ``transformers`` read."""
        Path(path).write_text(
            json.dumps(self.to_json(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )

    @classmethod
    def load(cls, path: str | os.PathLike) -> "BPETokenizer":
        """Read a ``tokenizer.json`` that ``save`` wrote. Raises ``CourseError`` for anything else."""
        try:
            stored = json.loads(Path(path).read_text(encoding="utf-8"))
            vocabulary, merges = stored["model"]["vocab"], stored["model"]["merges"]
            special = [
                token["content"]
                for token in sorted(stored["added_tokens"], key=lambda token: token["id"])
            ]
            tokenizer = cls(
                [(vocabulary[left], vocabulary[right]) for left, right in merges], special
            )
            same = all(tokenizer.name(number) == name for name, number in vocabulary.items())
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise CourseError(
                f"{path} cannot be read as a tokenizer ({type(error).__name__}): copy it again."
            ) from None
        if not same or len(vocabulary) != len(tokenizer):
            raise CourseError(
                f"{path} is a tokenizer of another kind: its pieces are numbered differently."
            )
        return tokenizer
