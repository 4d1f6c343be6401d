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


def real_paragraph(corpus: Corpus, seed: int = 0, length: tuple[int, int] = (25, 70)) -> list[str]:
    """The words of a paragraph of running text, chosen by the seed; e-mail addresses are masked.

    A paragraph of fitting length that ends like a sentence is preferred; a corpus without
    one gives the words that come nearest.
    """
    rng = random.Random(seed)
    order = list(range(len(corpus)))
    rng.shuffle(order)
    best: list[str] = []
    for row in order[:2000]:
        for paragraph in corpus[row].text.split("\n\n")[:20]:
            found = split_words(mask_emails(paragraph[:4000]))
            letters = sum(piece[0].isalpha() for piece in found)
            if length[0] <= len(found) <= length[1] and letters > 0.8 * len(found):
                if _SENTENCE_END.search(paragraph.strip()):
                    return found
                best = best or found
            elif not best or abs(len(found) - length[0]) < abs(len(best) - length[0]):
                best = found[: length[1]] or best
    return best


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
        verdict.value = "Yes, a person wrote it." if right else "No: that one was made by counting words."

    for button in buttons:
        button.on_click(press)
    return widgets.VBox([paragraphs, widgets.HBox(buttons), verdict])
