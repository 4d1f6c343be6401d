"""Cutting text into words and putting words together again, for every script.

Good enough for counting; notebook 03 builds the tokenizer that real models use.
"""

import re
from collections.abc import Iterable

# Scripts that are written without spaces: there every character counts as a word.
NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{NO_SPACES}]|[^\W{NO_SPACES}]+")
_PIECE = re.compile(rf"[{NO_SPACES}]|[^\W{NO_SPACES}]+(?:['’][^\W{NO_SPACES}]+)*|[^\w\s]")
_NO_BLANK_BEFORE = re.compile(rf"[.,;:!?)\]}}%’”。，、！？）」]|[{NO_SPACES}]")
_NO_BLANK_AFTER = re.compile(rf"[(\[{{“（「#@]|[{NO_SPACES}]")


def words(text: str) -> list[str]:
    """Lower-case words without punctuation; single characters in scripts without spaces.

    >>> words("Don't PANIC, 42!")
    ['don', 't', 'panic', '42']
    """
    return _WORD.findall(text.lower())


def split_words(text: str) -> list[str]:
    """Words and punctuation marks as they stand.

    >>> split_words("Don't panic, 日本!")
    ["Don't", 'panic', ',', '日', '本', '!']
    """
    return _PIECE.findall(text)


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
