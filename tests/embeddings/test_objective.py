"""The hand-written gradients against autograd and against one pair at a time."""

import pytest
import torch
from torch import Tensor

from course_lib.embeddings.objective import (
    block_size,
    skip_gram_gradients,
    skip_gram_likelihood,
    weight_table,
)


def random_blocks(window: int, negative: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Two sides in float64 and weights drawn from the table, one block with padding."""
    generator = torch.Generator().manual_seed(seed)
    block, reach = block_size(window), window + 1
    left, right = (torch.randint(0, reach, (3, block), generator=generator) for _ in range(2))
    left[2, block // 2 :], right[2, block // 2 :] = 0, 0
    place = torch.arange(block).repeat(3, 1)
    weights = weight_table(window, negative).double()[(place * reach + left) * reach + right]
    centres, others = (
        torch.randn(3, size, 6, generator=generator, dtype=torch.float64)
        for size in (block, 2 * block + 2 * window)
    )
    return centres, others, weights


@pytest.mark.parametrize(("window", "negative"), [(1, 1), (5, 5), (3, 8), (12, 2)])
@pytest.mark.parametrize("seed", range(5))
def test_gradients_agree_with_autograd(window: int, negative: int, seed: int) -> None:
    *sides, weights = random_blocks(window, negative, seed)
    leaves = [side.clone().requires_grad_() for side in sides]
    skip_gram_likelihood(*leaves, weights).backward()
    for found, leaf in zip(skip_gram_gradients(*sides, weights), leaves, strict=True):
        torch.testing.assert_close(found, leaf.grad, rtol=1e-10, atol=1e-12)


def test_a_block_is_the_sum_of_its_pairs() -> None:
    """Every position with its own window: neighbours once, negatives negative·n/block times."""
    window, negative, block = 2, 5, block_size(2)
    assert not weight_table(window, negative)[0].any()  # padding at the end of the text uses it
    generator = torch.Generator().manual_seed(3)
    left, right = torch.randint(0, 3, (2, block), generator=generator)
    rows = (torch.arange(block) * 3 + left) * 3 + right
    weights = weight_table(window, negative)[rows][None]
    centres = torch.randn(1, block, 4, generator=generator)
    others = torch.randn(1, block + 2 * window + block, 4, generator=generator)
    found, _ = skip_gram_gradients(centres, others, weights)
    for place in range(block):
        steps = [n for n in range(-int(left[place]), int(right[place]) + 1) if n]
        expected = torch.zeros(4)
        for other in (others[0, window + place + n] for n in steps):
            expected += (1 - torch.sigmoid(other @ centres[0, place])) * other
        for other in others[0, block + 2 * window :]:
            share = negative * len(steps) / block
            expected -= share * torch.sigmoid(other @ centres[0, place]) * other
        torch.testing.assert_close(found[0, place], expected, rtol=1e-5, atol=1e-6)
