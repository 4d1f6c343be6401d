"""The plainest tokenizer: one number a character. It learns, reads and writes as ``bpe.BPETokenizer`` does.

>>> tokenizer = CharacterTokenizer.train(["banana"], special=())
>>> tokenizer.encode("ban"), tokenizer.decode([1, 0, 2])
([1, 0, 2], 'ban')
"""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.transformer.bpe import END_OF_TEXT

UNKNOWN = "�"


class CharacterTokenizer:
    """Text to numbers and back.

    characters   one piece each, in this order; ``UNKNOWN`` is among them
    special      tokens that no text can produce, with the first numbers
    pieces       what each number stands for, as bytes (b"" for a special token)
    """

    def __init__(self, characters: Sequence[str], special: Sequence[str] = (END_OF_TEXT,)) -> None:
        self.special = {name: number for number, name in enumerate(special)}
        self.characters = list(characters)
        self.pieces = [b""] * len(special) + [character.encode() for character in characters]
        self._number = {character: len(special) + n for n, character in enumerate(characters)}

    def __len__(self) -> int:
        return len(self.pieces)

    @classmethod
    def train(
        cls, texts: Iterable[str], special: Sequence[str] = (END_OF_TEXT,)
    ) -> "CharacterTokenizer":
        """All characters of the texts, in code-point order, and � for those that come later."""
        found = {UNKNOWN}.union(*map(set, texts))
        return cls(sorted(found - set(map(chr, range(0xD800, 0xE000)))), special)

    def encode(self, text: str) -> list[int]:
        """One number a character; one that was not in the training text becomes �."""
        unknown = self._number[UNKNOWN]
        return [self._number.get(character, unknown) for character in text]

    def encode_bytes(self, data: bytes) -> list[int]:
        """The same for UTF-8; what is none becomes �."""
        return self.encode(data.decode("utf-8", "replace"))

    def decode_bytes(self, numbers: Iterable[int]) -> bytes:
        """The text as UTF-8. Special tokens are nothing."""
        return b"".join(self.pieces[number] for number in numbers)

    def decode(self, numbers: Iterable[int]) -> str:
        """The text."""
        return self.decode_bytes(numbers).decode("utf-8")

    def save(self, path: str | os.PathLike) -> None:
        """Write the characters and special tokens as JSON."""
        content = {"special": list(self.special), "characters": self.characters}
        Path(path).write_text(
            json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )

    @classmethod
    def load(cls, path: str | os.PathLike) -> "CharacterTokenizer":
        """Read what ``save`` wrote. Raises ``CourseError`` for anything else."""
        try:
            stored = json.loads(Path(path).read_text(encoding="utf-8"))
            characters, special = stored["characters"], stored["special"]
            good = all(isinstance(name, str) for name in special) and {
                len(one) for one in characters
            } == {1}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CourseError(
                f"{path} cannot be read as a tokenizer ({type(error).__name__}): copy it again."
            ) from None
        if not good or UNKNOWN not in characters or len(set(characters)) < len(characters):
            raise CourseError(
                f"{path} is a tokenizer of another kind: it is no list of different characters."
            )
        return cls(characters, special)
