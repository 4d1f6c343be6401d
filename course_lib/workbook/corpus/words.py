"""Cutting text into words and putting words together again, for every script.

Good enough for counting; notebook 03 builds the tokenizer that real models use.
"""

import re
from collections.abc import Iterable

import regex

# Scripts that are written without spaces: there every letter with its marks counts as a word.
NO_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
# Vowel signs, points and accents belong to their letter (Unicode's class M); soft hyphens and
# joiners stand inside words. \u1039 and \u17d2 put the next letter below this one.
_MARKS = r"(?:[\u1039\u17d2]\p{L}|[\p{M}\u200c\u200d])*"
_LETTERS = rf"[\w\p{{M}}\u00ad\u200c\u200d--{NO_SPACES}]+"
_SINGLE = rf"[{NO_SPACES}]{_MARKS}"
_START = r"(?=[\p{L}\p{N}_])"
_WORD = regex.compile(rf"{_START}{_LETTERS}|{_SINGLE}", regex.V1)
_ASCII_WORD = re.compile(r"\w+", re.ASCII)  # the same for plain English, and much faster
_ASCII_PIECE = re.compile(r"\w+(?:'\w+)*|[^\w\s\x1c-\x1f]", re.ASCII)
# Beside letters of such scripts nothing else says where a blank stood, so there it is a piece.
_BLANK = rf"(?<=[{NO_SPACES}]\p{{M}}*) (?=\S)|(?<=\S) (?=[{NO_SPACES}])"
_PIECE = regex.compile(
    rf"{_SINGLE}|{_START}{_LETTERS}(?:['’]{_START}{_LETTERS})*|(?!\s)\X|{_BLANK}", regex.V1
)
_TIGHT = rf"{_SINGLE}|[\p{{Cf}}་ ]"
_NO_BLANK_BEFORE = regex.compile(rf"[.,;:!?)\]}}%’”。，、！？）」।॥؟،؛]|{_TIGHT}")
_NO_BLANK_AFTER = regex.compile(rf"[(\[{{“（「#@¿¡]|{_TIGHT}")


def words(text: str) -> list[str]:
    """Lower-case words without punctuation; single letters in scripts without spaces.

    >>> words("Don't PANIC, 42!")
    ['don', 't', 'panic', '42']
    >>> words("हिन्दी में")
    ['हिन्दी', 'में']
    """
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text.lower())


def split_words(text: str) -> list[str]:
    """Words and punctuation marks as they stand; ``join_words`` puts them together again.

    >>> split_words("Don't panic: 日本!")
    ["Don't", 'panic', ':', ' ', '日', '本', '!']
    """
    return (_ASCII_PIECE if text.isascii() else _PIECE).findall(text)


def join_words(pieces: Iterable[str]) -> str:
    """The pieces as readable text: blanks between words, none before a comma.

    >>> join_words(["Don't", "panic", "(", "yet", ")", "!"])
    "Don't panic (yet)!"
    """
    text, last = "", ""
    for piece in pieces:
        tight = not last or _NO_BLANK_BEFORE.fullmatch(piece) or _NO_BLANK_AFTER.fullmatch(last)
        text += piece if tight else " " + piece
        last = piece
    return text
