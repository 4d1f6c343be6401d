"""The checks of the exercises in notebook 07."""

import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from course_lib.workbook.exercises import exercise, require

NOTEBOOK = "07_prompts_as_programs"


@exercise(NOTEBOOK, "7.1")
def may_come(answer: Callable[[Sequence, int, bytes], bool]) -> str:
    """``answer(table, state, word)``: whether all bytes of a token can be read."""
    table = [[0] * 256 for _ in range(4)]
    table[1][97], table[2][98], table[2][99] = 2, 2, 3  # a, any number of b, then c
    for state, word, right, diagnosis in (
        (2, b"c", True, "You begin in state 1, but the text so far has led to ``state``."),
        (2, b"ba", False, "The b is fine, the a is not: every byte has to be read, not the first."),
        (2, b"ab", False, "Its a leads to 0, the dead end, and you read on from there."),
        (2, b"bb", True, "“bb” leads to state 2. A token may come before the text is whole."),
        (
            1,
            b"abbc",
            True,
            "“abbc” is read from state 1 to 3: go on from the state that you reached.",
        ),
        (1, b"c", False, "From state 1 no c leads on: ``table[state][byte]`` is 0."),
    ):
        require(bool(answer(table, state, word)) == right, diagnosis)
    return "a token may come if none of its bytes leads to the dead end."


@exercise(NOTEBOOK, "7.2")
def up_to(answer: Callable[[int], str]) -> str:
    """``answer(high)``: an expression for the whole numbers from 0 to ``high``, 10 to 99."""
    for high in (42, 10, 99, 30, 39):
        expression = answer(high)
        for number in [*range(101), 420, 999]:
            fits = re.fullmatch(expression, str(number)) is not None
            wrong = "and must not: at the last ten the second digit has a bound of its own"
            wrong = "and should not" if number < 10 or number // 10 != high // 10 else wrong
            said = f"fits, {wrong}" if fits else "does not fit, and it should"
            require(fits == (number <= high), f"up_to({high}) = {expression}: {number} {said}.")
        zero = re.fullmatch(expression, "07") or re.fullmatch(expression, "")
        require(not zero, f"{expression} takes 07 or an empty text: no number is written so.")
    return "bounds on numbers are only expressions, digit by digit."


@exercise(NOTEBOOK, "7.3")
def rarity(answer: Callable[[int, int], float]) -> str:
    """``answer(having, texts)``: what a word is worth that ``having`` of the texts contain."""
    given, right = float(answer(2, 100)), float(np.log1p(98.5 / 2.5))
    for wrong, diagnosis in (
        (98.5 / 2.5, "That is the ratio: its logarithm is missing."),
        (np.log(98.5 / 2.5), "Add 1 inside the logarithm: else a word of most texts is below 0."),
        (np.log1p(98 / 2), "The two halves are missing: without them no text is division by 0."),
        (np.log1p(2.5 / 98.5), "The ratio is upside down: the texts *without* the word are above."),
    ):
        require(abs(given - wrong) > 1e-6, diagnosis)
    require(abs(given - right) < 1e-6, f"2 of 100 texts make {right:.3f}, not {given:.3f}.")
    require(answer(100, 100) > 0, "A word that every text has counts little, not below 0.")
    return "a word that few texts have says most about where to look."


@exercise(NOTEBOOK, "7.4")
def optimism_gap(answer: Callable[[np.ndarray, np.ndarray], float]) -> str:
    """``answer(development, held_out)``: right or not, (prompts, items) each → one difference."""
    development = np.array([[1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 0, 0]], bool)
    held_out = np.array([[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0]], bool)
    given = float(answer(development, held_out))
    for wrong, diagnosis in (
        (-0.5, "The sign is turned: promised minus kept."),
        (-0.75, "You chose by the held-out items: choose by the others, and look at these last."),
        (0.75 - 7 / 12, "Of the held-out items only the *chosen* prompt's score counts."),
        (2.0, "That counts items: divide by their number."),
        (0.75 - 1, "Each side has a prompt of its own: choose one, then score it twice."),
    ):
        require(abs(given - wrong) > 1e-6, diagnosis)
    require(abs(given - 0.5) < 1e-6, f"0.75 promised and 0.25 kept make 0.5, not {given:.3f}.")
    return "what a score promised that was also used to choose, less what it kept."


@exercise(NOTEBOOK, "7.5")
def grounded(answer: Callable[[Any, str], Any]) -> str:
    """``answer(order, letter)``: the order, or ``ValueError`` if its town is not in the letter."""

    def objection(town: str, letter: str = "Please send two Leaf to Anna in Leeds.") -> str:
        order = SimpleNamespace(item="Leaf", number=2, town=town)
        try:
            require(
                answer(order, letter) is order, "Give the order back, as it is, if all is well."
            )
        except ValueError as error:
            return str(error) or "no sentence"
        return ""

    require(not objection("Leeds"), "“Leeds” is in “… to Anna in Leeds.”, and you object to it.")
    require(objection("Linde"), "“Linde” is not in “… to Anna in Leeds.”, and you let it through.")
    require("Linde" in objection("Linde"), "Name the town in your sentence: the model reads it.")
    require(objection("Lee"), "“Lee” is only a part of “Leeds”: compare whole words.")
    require(objection(""), "An empty town went through: it is a part of every text.")
    two = objection("New Malden", "One Canopy to New Malden, please.")
    require(not two, "“New Malden” has two words, and the letter names it, and you object to it.")
    return "what no type can know, a check can: the value must stand in the text."
