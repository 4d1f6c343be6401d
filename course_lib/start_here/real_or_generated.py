"""The guessing game of notebook 00: which of two paragraphs is real?"""

import html
import random
import re
from dataclasses import dataclass
from typing import Any

from course_lib.workbook import settings
from course_lib.workbook.corpus import Corpus, mask_emails
from course_lib.workbook.corpus.words import split_words

_SENTENCE_END = re.compile(r"[.!?…。！？।॥؟۔]$")


def paragraphs(corpus: Corpus, min_letters: float = 0.85) -> list[list[str]]:
    """The words of every paragraph of running text; code, tables and lists of symbols are left out.

    Running text: at least that fraction of the words and marks begin with a letter. A corpus
    that has hardly any is taken as it is. E-mail addresses are masked.
    """
    blocks = (block for text in corpus.texts() for block in text.split("\n\n"))
    everything = [words for block in blocks if (words := split_words(mask_emails(block)))]
    letters = [sum(word[0].isalpha() for word in words) for words in everything]
    long = [(words, n) for words, n in zip(everything, letters, strict=True) if len(words) >= 8]
    prose = [words for words, n in long if n >= min_letters * len(words)]
    enough = sum(map(len, prose)) >= 0.1 * sum(map(len, everything))
    return prose if enough else everything


def real_paragraph(
    corpus: Corpus, seed: int = 0, min_words: int = 25, max_words: int = 60
) -> list[str]:
    """The words of one paragraph, drawn by the seed: of fitting length, ending like a sentence.

    A corpus without such a one gives the paragraph that comes nearest in length, cut if need be.
    """
    found = paragraphs(corpus)
    random.Random(seed).shuffle(found)
    fitting = (words for words in found if min_words <= len(words) <= max_words)
    whole = (words for words in fitting if _SENTENCE_END.search(words[-1]))
    nearest = min(found, key=lambda words: abs(len(words) - min_words), default=[])
    return next(whole, nearest[:max_words])


@dataclass(frozen=True)
class RealOrGenerated:
    """Two paragraphs, A and B; ``real`` says which one a person wrote."""

    a: str
    b: str
    real: str

    def __repr__(self) -> str:
        return f"A: {self.a}\n\nB: {self.b}"

    def _repr_html_(self) -> str:
        style = "max-width:46em;border-left:4px solid #888;padding-left:10px;margin:8px 0"
        shown = "".join(
            f'<p style="{style}"><b>{name}</b> · {html.escape(text)}</p>'
            for name, text in (("A", self.a), ("B", self.b))
        )
        return f"{shown}<details><summary>Which one is real?</summary>{self.real}</details>"


def make_guess(real: str, generated: str, seed: int = 0) -> RealOrGenerated:
    """Put the two paragraphs in an order that the seed decides."""
    a_is_real = random.Random(seed).random() < 0.5
    texts = (real, generated) if a_is_real else (generated, real)
    return RealOrGenerated(*texts, real="A" if a_is_real else "B")


def play(guess: RealOrGenerated) -> Any:
    """Show the two paragraphs, with two buttons where there is somebody to press them."""
    if settings.headless():
        return guess
    import ipywidgets as widgets

    verdict = widgets.HTML()
    buttons = [widgets.Button(description=f"{name} is real") for name in "AB"]

    def press(button: widgets.Button) -> None:
        wrong = "No: that one was made by counting words."
        right = "Yes, a person wrote it."
        verdict.value = right if button.description[0] == guess.real else wrong

    for button in buttons:
        button.on_click(press)
    without_answer = guess._repr_html_().split("<details>")[0]
    return widgets.VBox([widgets.HTML(without_answer), widgets.HBox(buttons), verdict])
