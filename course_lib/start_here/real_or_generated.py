"""The guessing game of notebook 00: which of two paragraphs is real?"""

import html
import random
import re
from dataclasses import dataclass
from typing import Any

from course_lib.workbook import settings
from course_lib.workbook.corpus import Corpus, mask_emails
from course_lib.workbook.corpus.words import split_words

_SENTENCE_END = re.compile(r"[.!?。！？]$")


def paragraphs(corpus: Corpus, prose_share: float = 0.85) -> list[list[str]]:
    """The words of every paragraph of running text; code, tables and lists of symbols are left out.

    Running text: at least ``prose_share`` of the pieces begin with a letter. A corpus that has
    hardly any is taken as it is. E-mail addresses are masked.
    """
    everything, prose = [], []
    for text in corpus.texts():
        for paragraph in text.split("\n\n"):
            pieces = split_words(mask_emails(paragraph))
            if pieces:
                everything.append(pieces)
                if len(pieces) >= 8 and sum(p[0].isalpha() for p in pieces) >= prose_share * len(
                    pieces
                ):
                    prose.append(pieces)
    enough = sum(map(len, prose)) >= 0.1 * sum(map(len, everything))
    return prose if enough else everything


def real_paragraph(corpus: Corpus, seed: int = 0, length: tuple[int, int] = (25, 60)) -> list[str]:
    """The words of one paragraph, chosen by the seed: of fitting length and ending like a sentence.

    A corpus without such a one gives the paragraph that comes nearest in length, cut if need be.
    """
    found = paragraphs(corpus)
    random.Random(seed).shuffle(found)
    whole = (p for p in found if length[0] <= len(p) <= length[1] and _SENTENCE_END.search(p[-1]))
    nearest = min(found, key=lambda p: abs(len(p) - length[0]), default=[])
    return next(whole, nearest[: length[1]])


@dataclass(frozen=True)
class Guess:
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


def make_guess(real: str, made: str, seed: int = 0) -> Guess:
    """Put the two paragraphs in an order that the seed decides."""
    if random.Random(seed).random() < 0.5:
        return Guess(real, made, "A")
    return Guess(made, real, "B")


def play(guess: Guess) -> Any:
    """Show the two paragraphs, with two buttons where there is somebody to press them."""
    if settings.headless():
        return guess
    import ipywidgets as widgets

    paragraphs = widgets.HTML(guess._repr_html_().split("<details>")[0])
    verdict = widgets.HTML()
    buttons = [widgets.Button(description=f"{name} is real") for name in "AB"]

    def press(button: Any) -> None:
        right = button.description[0] == guess.real
        verdict.value = (
            "Yes, a person wrote it." if right else "No: that one was made by counting words."
        )

    for button in buttons:
        button.on_click(press)
    return widgets.VBox([paragraphs, widgets.HBox(buttons), verdict])
