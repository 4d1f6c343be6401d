"""The hand-written gradients against autograd, finite differences, and one pair at a time."""

import pytest
import torch
from torch import Tensor

from course_lib.embeddings.objective import (
    block_size,
    cbow_gradients,
    cbow_likelihood,
    skip_gram_gradients,
    skip_gram_likelihood,
    weight_table,
)

MODELS = {
    "skip-gram": (skip_gram_likelihood, skip_gram_gradients),
    "cbow": (cbow_likelihood, cbow_gradients),
}


def random_blocks(
    model: str, window: int, negatives: int, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Two sides in float64 and weights drawn from the table, one block with padding."""
    generator = torch.Generator().manual_seed(seed)
    block, reach = block_size(window), window + 1
    table = weight_table(window, negatives).double()
    place = torch.arange(block).repeat(3, 1)
    left, right = (torch.randint(0, reach, (3, block), generator=generator) for _ in range(2))
    left[2, block // 2 :], right[2, block // 2 :] = 0, 0
    weights = table[(place * reach + left) * reach + right]
    around = block + 2 * window
    sizes = (block, around + block) if model == "skip-gram" else (2 * block, around)
    first, second = (
        torch.randn(3, size, 6, generator=generator, dtype=torch.float64) for size in sizes
    )
    return first, second, weights


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("window", "negatives"), [(1, 1), (5, 5), (3, 8), (12, 2)])
@pytest.mark.parametrize("seed", range(5))
def test_gradients_agree_with_autograd(model: str, window: int, negatives: int, seed: int) -> None:
    likelihood, gradients = MODELS[model]
    first, second, weights = random_blocks(model, window, negatives, seed)
    leaves = first.clone().requires_grad_(), second.clone().requires_grad_()
    likelihood(*leaves, weights).backward()
    for found, leaf in zip(gradients(first, second, weights), leaves, strict=True):
        torch.testing.assert_close(found, leaf.grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_gradients_agree_with_finite_differences(model: str) -> None:
    likelihood, gradients = MODELS[model]
    first, second, weights = random_blocks(model, 2, 3, seed=1)
    found, step = gradients(first, second, weights), 1e-6
    for side, gradient in enumerate(found):
        for place in [(0, 0, 0), (1, 5, 2), (2, 3, 5), (0, 17, 1)]:
            if place[1] >= gradient.shape[1]:
                continue
            moved = []
            for sign in (1, -1):
                sides = [first.clone(), second.clone()]
                sides[side][place] += sign * step
                moved.append(likelihood(*sides, weights))
            slope = (moved[0] - moved[1]) / (2 * step)
            assert abs(float(slope - gradient[place])) < 1e-6


def test_a_block_is_the_sum_of_its_pairs() -> None:
    """Every position with its own window, its neighbours once, every negative negatives·n/block times."""
    window, negatives = 2, 5
    block, reach = block_size(window), 3
    left, right = torch.randint(0, reach, (2, block), generator=torch.Generator().manual_seed(3))
    weights = weight_table(window, negatives)[(torch.arange(block) * reach + left) * reach + right][
        None
    ]
    generator = torch.Generator().manual_seed(4)
    centres = torch.randn(1, block, 4, generator=generator)
    others = torch.randn(1, block + 2 * window + block, 4, generator=generator)
    found, _ = skip_gram_gradients(centres, others, weights)
    for place in range(block):
        own = torch.zeros(4)
        neighbours = [
            window + place + step
            for step in range(-int(left[place]), int(right[place]) + 1)
            if step
        ]
        for column in neighbours:
            own += (1 - torch.sigmoid(others[0, column] @ centres[0, place])) * others[0, column]
        for column in range(block + 2 * window, others.shape[1]):
            share = negatives * len(neighbours) / block
            own -= share * torch.sigmoid(others[0, column] @ centres[0, place]) * others[0, column]
        torch.testing.assert_close(found[0, place], own, rtol=1e-5, atol=1e-6)


def test_row_zero_of_the_table_sees_nothing() -> None:
    """Padding at the end of the text uses it."""
    for window in (1, 5, 20):
        assert not weight_table(window, 5)[0].any()
