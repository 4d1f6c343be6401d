"""Choosing a prompt by its score on a development set, and what that score is worth.

Random search over instructions and examples, as DSPy's does (Khattab and others 2023, 2310.03714,
section 5). The best of many scores is also the luckiest: it promises more than the prompt keeps.
"""

import random
from collections.abc import Sequence

import numpy as np

from course_lib.errors import CourseError
from course_lib.prompting.few_shot import Item, Prompt


def candidates(
    wordings: Sequence[str], pool: Sequence[Item], shots: int, number: int, seed: int = 0
) -> list[Prompt]:
    """``number`` prompts: a wording, and ``shots`` examples in an order, all drawn at random."""
    if not wordings or shots > len(pool):
        raise CourseError(f"Give a wording and at least {shots} examples to choose from.")
    draw = random.Random(seed)
    return [Prompt(draw.choice(wordings), draw.sample(pool, shots)) for _ in range(number)]


def optimism(right: np.ndarray, number: int, splits: int = 500, seed: int = 0) -> np.ndarray:
    """How much the chosen prompt's score falls on items that did not choose it: ``(splits,)``.

    right    (prompts, items); each time half of the items, drawn at random, choose the best of
             ``number`` prompts, drawn too, and the other half judges it
    """
    rng, (prompts, items), gaps = np.random.default_rng(seed), right.shape, []
    for _ in range(splits):
        some = right[rng.choice(prompts, number, replace=False)][:, rng.permutation(items)]
        chosen_by, judged_by = np.split(some.astype(float), [items // 2], axis=1)
        best = chosen_by.mean(1).argmax()
        gaps.append(chosen_by[best].mean() - judged_by[best].mean())
    return np.array(gaps)
