"""Two games: guess the next letter as in Shannon's experiment, and talk to ELIZA.

With a front end they are played; without one a recorded or simulated game is shown.
"""

import html
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from course_lib.history.bits import shannon_bounds
from course_lib.history.eliza import Eliza
from course_lib.history.ngrams import START, KneserNey
from course_lib.start_here.real_or_generated import real_paragraph
from course_lib.workbook import settings
from course_lib.workbook.corpus import Corpus
from course_lib.workbook.corpus.words import join_words

ALPHABET = "abcdefghijklmnopqrstuvwxyz "


def letters_only(text: str) -> str:
    """Lower-case letters and single blanks, as in Shannon's experiment with 27 symbols.

    Letters of other scripts stay, with their marks; what is invisible (soft hyphens) goes.
    """
    text = unicodedata.normalize("NFC", text.lower())
    kept = (
        c if (kind := unicodedata.category(c))[0] in "LM" else " " * (kind != "Cf") for c in text
    )
    return " ".join("".join(kept).split())


def sentence_to_guess(corpus: Corpus, seed: int = 0, max_length: int = 60) -> str:
    """A sentence of held-out text, reduced to letters and blanks."""
    text = letters_only(join_words(real_paragraph(corpus.validation, seed)))
    return text[:max_length].strip() or "nothing to guess"


def machine_ranks(sentence: str, model: KneserNey) -> list[int]:
    """How many guesses a model needs for each letter, when it tries the likeliest first."""
    alphabet = sorted(set(ALPHABET) | set(sentence))
    ranks = []
    for place, letter in enumerate(sentence):
        context = [START] * (model.order - 1) + list(sentence[:place])
        probs = {other: model.probability(other, context) for other in alphabet}
        ranks.append(1 + sum(prob > probs[letter] for prob in probs.values()))
    return ranks


class ShannonGame:
    """Guess a sentence letter by letter. ``ranks``: guesses needed for each letter so far."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        self.ranks: list[int] = []
        self._wrong: list[str] = []

    def guess(self, letter: str) -> bool:
        """One guess for the next letter (``_`` for a blank). True when it is right."""
        rest = self.sentence[len(self.ranks) :]
        letter = letter.lower().replace("_", " ")[:1]
        if not rest or not letter or letter in self._wrong:
            return False
        if letter != rest[0]:
            self._wrong.append(letter)
            return False
        self.ranks.append(len(self._wrong) + 1)
        self._wrong = []
        return True

    def __repr__(self) -> str:
        place = len(self.ranks)
        shown = self.sentence[:place].replace(" ", "_") + "▯" * (place < len(self.sentence))
        tried = f"  not: {' '.join(self._wrong).replace('  ', ' _ ')}" if self._wrong else ""
        if not self.ranks:
            return shown + tried
        lower, upper = shannon_bounds(self.ranks)
        return f"{shown}{tried}\n{place} letters: between {lower:.2f} and {upper:.2f} bits a letter"


class Conversation:
    """What was said."""

    def __init__(self, bot: Eliza, said: Sequence[str] = ()) -> None:
        self.bot = bot
        self.lines = [f"ELIZA: {bot.script.greeting}"]
        for text in said:
            self.say(text)

    def say(self, text: str) -> None:
        """One utterance and its answer."""
        self.lines += [f"  you: {text}", f"ELIZA: {self.bot.answer(text)}"]

    def __repr__(self) -> str:
        return "\n".join(self.lines)


def play_shannon(sentence: str) -> Any:
    """The game with a field for one letter at a time; without a front end, its beginning."""
    game = ShannonGame(sentence)
    placeholder = "next letter, _ for a blank"
    return game if settings.headless() else _field(placeholder, True, game.guess, game.__repr__)


def chat(bot: Eliza, said: Sequence[str]) -> Any:
    """A chat with ELIZA. ``said`` is what the recorded conversation says without a front end."""
    if settings.headless():
        return Conversation(bot, said)
    talk = Conversation(bot)

    def last_lines() -> str:
        return "\n".join(line[:500] for line in [*talk.lines[-24:], "", *bot.trace])

    return _field("say something, then press Enter", False, talk.say, last_lines)


def _field(
    placeholder: str, each_letter: bool, typed: Callable[[str], Any], text: Callable[[], str]
) -> Any:
    """What ``text`` says, above a field that hands over what is typed: each letter, or at Enter."""
    import ipywidgets as widgets

    shown = widgets.HTML(f"<pre>{html.escape(text())}</pre>")
    layout = widgets.Layout(width="60%")
    field = widgets.Text(placeholder=placeholder, continuous_update=each_letter, layout=layout)

    def changed(change: dict) -> None:
        if change["new"]:
            typed(change["new"])
            field.value = ""
            shown.value = f"<pre>{html.escape(text())}</pre>"

    field.observe(changed, names="value")
    return widgets.VBox([shown, field])
