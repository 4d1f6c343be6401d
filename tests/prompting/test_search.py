"""The best of many lucky scores promises too much, and a prompt that is better does not."""

import numpy as np
import pytest

from course_lib.errors import CourseError
from course_lib.prompting.search import candidates, optimism


@pytest.mark.parametrize("seed", range(5))
def test_luck_is_optimistic_and_merit_is_not(seed: int) -> None:
    coins = np.random.default_rng(seed).random((24, 60)) < 0.5
    one, many = optimism(coins, 1, seed=seed).mean(), optimism(coins, 20, seed=seed).mean()
    assert abs(one) < 0.03 and many > 0.08
    merit = np.repeat([[False], [True]], (23, 1), axis=0).repeat(60, axis=1)
    assert (optimism(merit, 24, seed=seed) == 0).all()


def test_candidates_are_drawn_from_what_is_given() -> None:
    pool = [(str(n), "x") for n in range(6)]
    found = candidates(["a", "b"], pool, 3, 40, seed=2)
    assert found == candidates(["a", "b"], pool, 3, 40, seed=2)
    assert {prompt.instruction for prompt in found} == {"a", "b"} and len(set(map(str, found))) > 30
    with pytest.raises(CourseError, match="at least 7 examples"):
        candidates(["a"], pool, 7, 1)
