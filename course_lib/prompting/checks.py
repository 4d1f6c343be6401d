"""The checks of the exercises in notebook 07."""

from collections.abc import Callable

import numpy as np

from course_lib.workbook.exercises import exercise, require

NOTEBOOK = "07_prompts_as_programs"


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
    require(
        0 < answer(100, 100) < answer(1, 100), "A word of every text counts little, not below 0."
    )
    return "a word that few texts have says most about where to look."


@exercise(NOTEBOOK, "7.4")
def optimism_gap(answer: Callable[[np.ndarray, np.ndarray], float]) -> str:
    """``answer(development, held_out)``: right or not, (prompts, items) each → one difference."""
    development = np.array([[1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 0, 0]], bool)
    held_out = np.array([[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0]], bool)
    given = float(answer(development, held_out))
    for wrong, diagnosis in (
        (-0.5, "The sign is turned: promised minus kept."),
        (
            -0.25,
            "You took the prompt that is best on the held-out items: that looks at the answers.",
        ),
        (0.75 - 7 / 12, "Of the held-out items only the *chosen* prompt's score counts."),
        (2.0, "That counts items: divide by their number."),
        (0.75 - 1, "Each side has a prompt of its own: choose one, then score it twice."),
    ):
        require(abs(given - wrong) > 1e-6, diagnosis)
    require(abs(given - 0.5) < 1e-6, f"0.75 promised and 0.25 kept make 0.5, not {given:.3f}.")
    return "what a score promised that was also used to choose, less what it kept."
