"""The exercises of notebook 00, and its game."""

import random
from collections import Counter

import pytest
from exercise_tests import mistakes_are_diagnosed

from course_lib.start_here import checks
from course_lib.start_here.real_or_generated import make_guess, play, real_paragraph
from course_lib.workbook import settings
from course_lib.workbook.corpus import Corpus, Document
from course_lib.workbook.corpus.document import table_of


def windows(words: list[str], start: int = 0, stop: int = -2, step: int = 1) -> list[tuple]:
    return [tuple(words[i : i + 3]) for i in range(start, len(words) + stop, step)]


def draw(followers: Counter, rng: random.Random) -> str:
    return rng.choices(list(followers), list(followers.values()))[0]


MISTAKES = {
    "triples": [
        (lambda w: windows(w, stop=-3), "one is missing"),
        (lambda w: windows(w, stop=0), "past the last trigram"),
        (lambda w: windows(w, stop=0, step=3), "do not overlap"),
        (lambda w: windows(w, start=1), "start at the first word"),
        (lambda w: [*windows(w), ("a", "b", "c")], "there are 5"),
    ],
    "draw": [
        (lambda f, rng: f.most_common(1)[0][0], "always gives"),
        (lambda f, rng: rng.choice(list(f)), "do the counts count"),
        (lambda f, rng: rng.choices(list(f)), "take its only entry"),
        (lambda f, rng: rng.choice(list(f.values())), "no word that follows"),
        (lambda f, rng: draw(f, random.Random()), "draw with `rng`"),
        (lambda f, rng: draw(Counter({w: c * c for w, c in f.items()}), rng), "6 of 10"),
    ],
}
test_mistakes_get_their_diagnosis = mistakes_are_diagnosed(checks, MISTAKES)


@pytest.mark.parametrize("stop", ["।", ".", "؟", "。"])
def test_a_paragraph_of_any_script_is_found(stop: str) -> None:
    whole = "हिन्दी में " * 15 + "लिखना" + stop
    documents = [Document(text, text) for text in ("हिन्दी " * 26, whole, "short")]
    corpus = Corpus(table_of(documents, ["train"] * 3), name="x", source="x")
    assert real_paragraph(corpus)[-1] == stop


def test_the_game_hides_its_answer(monkeypatch) -> None:
    guess = make_guess("<b>", "made", seed=1)
    assert play(guess) is guess and getattr(guess, guess.real.lower()) == "<b>"
    monkeypatch.setattr(settings, "headless", lambda: False)
    shown, row, verdict = play(guess).children
    row.children["AB".index(guess.real)].click()
    assert verdict.value.startswith("Yes") and "<details>" not in shown.value
