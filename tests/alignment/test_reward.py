"""A head finds the direction of what was chosen; the shipped replies have their states."""

import numpy as np
import pytest
import torch

from course_lib.alignment.preferences import Comparison, compare, read_messages, true_reward
from course_lib.alignment.reward import RewardModel, accuracy, fit_head, mean_states, read_pool
from course_lib.errors import CourseError


def made(number: int, seed: int) -> tuple[list[Comparison], dict]:
    """Replies whose first number is what counts."""
    draw = torch.Generator().manual_seed(seed)
    states = {("a", str(n)): torch.randn(8, generator=draw) for n in range(40)}
    pairs = np.random.default_rng(seed).integers(40, size=(number, 2)).tolist()
    ahead = [int(states["a", str(i)][0] < states["a", str(j)][0]) for i, j in pairs]
    return [
        Comparison("a", str(i), str(j), c) for (i, j), c in zip(pairs, ahead, strict=True)
    ], states


@pytest.mark.parametrize("seed", range(5))
def test_a_head_finds_what_counts(seed: int) -> None:
    comparisons, states = made(300, seed)
    head = fit_head(comparisons, states)
    assert head.abs().argmax() == 0 and head[0] > 0
    assert accuracy(head, comparisons, states) > 0.9


def test_contradictions_and_ties_give_no_direction() -> None:
    comparisons, states = made(50, 0)
    turned = [Comparison(c.prompt, c.first, c.second, 1 - c.choice) for c in comparisons]
    ties = [Comparison(c.prompt, c.first, c.second, None) for c in comparisons]
    for some in (comparisons + turned, ties):
        assert fit_head(some, states).abs().max() < 1e-3
    one = [comparisons[0]] * 5
    assert fit_head(one, states).isfinite().all()
    with pytest.raises(CourseError, match="no comparison"):
        fit_head([], states)


def test_rewards_are_in_standard_deviations() -> None:
    usual = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    heads = {"a": torch.tensor([1.0, 0, 0, 0]), "b": torch.tensor([0.0, 2, 0, 0])}
    model = RewardModel(heads, {"a": 1.0, "b": 0.5}, usual)
    assert model(usual).mean() == pytest.approx(0, abs=1e-5)
    assert model(usual).std() == pytest.approx(1, abs=1e-5)
    assert RewardModel({"a": torch.zeros(4)}, {"a": 1.0}, usual)(usual).isfinite().all()


def test_padding_is_no_part_of_the_mean() -> None:
    states, mask = torch.ones(2, 3, 4), torch.tensor([[1, 1, 0], [0, 0, 0]])
    states[0, 2] = 9
    assert mean_states(states, mask).tolist() == [[1.0] * 4, [0.0] * 4]


def test_the_shipped_replies() -> None:
    """Each letter has its replies, and a head learns from their states what customers like."""
    pool, states = read_pool()
    training, held_out = read_messages()
    assert list(pool) == [*training, *held_out]
    assert all(state.isfinite().all() for state in states.values())
    judged = compare({one: pool[one] for one in training}, 1_000, noise=0.2)
    truths = compare({one: pool[one] for one in held_out}, 500, seed=1, noise=0.0, tie=0.0)
    assert accuracy(fit_head(judged, states), truths, states) > 0.6
    assert 1 < np.mean([true_reward(text) for one in held_out for text in pool[one]]) < 2.5
