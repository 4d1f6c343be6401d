"""The checks of the exercises in notebook 07."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from course_lib.workbook.exercises import exercise, require

NOTEBOOK = "07_prompts_as_programs"


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
