"""Two games: guess the next letter as in Shannon's experiment, and talk to ELIZA.

With a front end they are played; without one a recorded or simulated game is shown.
"""

import html
from collections.abc import Sequence
from typing import Any

from course_lib.history.bits import shannon_bounds
from course_lib.history.eliza import Eliza
from course_lib.history.ngrams import KneserNey
from course_lib.start_here.real_or_generated import real_paragraph
from course_lib.workbook import settings
from course_lib.workbook.corpus import Corpus
from course_lib.workbook.corpus.words import join_words

ALPHABET = "abcdefghijklmnopqrstuvwxyz "


def letters_only(text: str) -> str:
    """Lower-case letters and single blanks, as in Shannon's experiment with 27 symbols.

    Texts in other scripts keep their own letters.
    """
    kept = "".join(letter if letter.isalpha() else " " for letter in text.lower())
    return " ".join(kept.split())


def sentence_to_guess(corpus: Corpus, seed: int = 0, length: int = 60) -> str:
    """A sentence of held-out text, reduced to letters and blanks."""
    text = letters_only(join_words(real_paragraph(corpus.validation, seed)))
    return text[:length].strip() or "nothing to guess"


def machine_ranks(sentence: str, model: KneserNey) -> list[int]:
    """How many guesses a model needs for each letter, when it tries the likeliest first."""
    alphabet = sorted(set(ALPHABET) | set(sentence))
    ranks = []
    for place, letter in enumerate(sentence):
        context = list(sentence[:place])
        shares = {
            other: model.probability(other, ["<s>"] * (model.order - 1) + context)
            for other in alphabet
        }
        ranks.append(1 + sum(share > shares[letter] for share in shares.values()))
    return ranks


class ShannonGame:
    """Guess a sentence letter by letter. ``ranks``: guesses needed for each letter so far."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        self.ranks: list[int] = []
        self._wrong: list[str] = []

    @property
    def place(self) -> int:
        return len(self.ranks)

    @property
    def over(self) -> bool:
        return self.place == len(self.sentence)

    def guess(self, letter: str) -> bool:
        """One guess for the next letter (a blank may be typed as ``_``). True when it is right."""
        letter = letter.lower().replace("_", " ")[:1]
        if self.over or not letter or letter in self._wrong:
            return False
        if letter == self.sentence[self.place]:
            self.ranks.append(len(self._wrong) + 1)
            self._wrong = []
            return True
        self._wrong.append(letter)
        return False

    def __repr__(self) -> str:
        shown = self.sentence[: self.place].replace(" ", "_") + "▯" * (not self.over)
        tried = f"  not: {' '.join(self._wrong).replace('  ', ' _ ')}" if self._wrong else ""
        return shown + tried + (f"\n{self.estimate()}" if self.ranks else "")

    def estimate(self) -> str:
        """The entropy that the guesses so far imply."""
        lower, upper = shannon_bounds(self.ranks)
        return f"{self.place} letters: between {lower:.2f} and {upper:.2f} bits a letter"


def play_shannon(sentence: str) -> Any:
    """The game with a field for one letter at a time; without a front end, its beginning."""
    game = ShannonGame(sentence)
    if settings.headless():
        return game
    import ipywidgets as widgets

    shown = widgets.HTML(f"<pre>{html.escape(repr(game))}</pre>")
    field = widgets.Text(
        placeholder="next letter, _ for a blank", layout=widgets.Layout(width="14em")
    )

    def typed(change: dict) -> None:
        if change["new"]:
            game.guess(change["new"])
            field.value = ""
            shown.value = f"<pre>{html.escape(repr(game))}</pre>"

    field.observe(typed, names="value")
    return widgets.VBox([shown, field])


class Conversation:
    """What was said, as text and as HTML."""

    def __init__(self, bot: Eliza, said: Sequence[str] = ()) -> None:
        self.bot = bot
        self.lines: list[tuple[str, str]] = [("ELIZA", bot.greeting)]
        for text in said:
            self.say(text)

    def say(self, text: str) -> str:
        """One utterance and its answer."""
        answer = self.bot.answer(text)
        self.lines += [("you", text), ("ELIZA", answer)]
        return answer

    def __repr__(self) -> str:
        return "\n".join(f"{who:>5}: {text}" for who, text in self.lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<p style='margin:2px 0'><b>{who}:</b> {html.escape(text[:500])}</p>"
            for who, text in self.lines[-24:]
        )
        return f"<div style='border-left:4px solid #888;padding-left:10px'>{rows}</div>"


def chat(bot: Eliza, said: Sequence[str]) -> Any:
    """A chat with ELIZA. ``said`` is what the recorded conversation says without a front end."""
    if settings.headless():
        return Conversation(bot, said)
    import ipywidgets as widgets

    conversation = Conversation(bot)
    shown = widgets.HTML(conversation._repr_html_())
    trace = widgets.HTML()
    field = widgets.Text(
        placeholder="say something, then press Enter", layout=widgets.Layout(width="60%")
    )
    button = widgets.Button(description="Say it")

    def say(_: Any) -> None:
        conversation.say(field.value)
        field.value = ""
        shown.value = conversation._repr_html_()
        trace.value = "<br>".join(f"<code>{html.escape(line[:200])}</code>" for line in bot.trace)

    field.continuous_update = False
    field.observe(lambda change: say(None) if change["new"] else None, names="value")
    button.on_click(lambda _: say(None) if field.value else None)
    return widgets.VBox([shown, widgets.HBox([field, button]), trace])
