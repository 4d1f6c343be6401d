"""Overlaps against a slow search; extraction from a model that knows its texts by heart."""

import random
from pathlib import Path

import pytest
import torch
from tiny_falcon import teach

from course_lib.finetuning.falcon import load_base
from course_lib.finetuning.memorisation import common_prefix, extraction, longest_overlap


def runs(text: list[int]) -> set[tuple[int, ...]]:
    return {tuple(text[a:b]) for a in range(len(text)) for b in range(a + 1, len(text) + 1)}


@pytest.mark.parametrize("seed", range(40))
def test_overlaps_are_those_of_a_slow_search(seed: int) -> None:
    rng = random.Random(seed)
    letters = rng.choice([2, 3, 9])
    written, *sources = (
        [rng.randrange(letters) for _ in range(rng.randrange(25))]
        for _ in range(rng.randrange(1, 5))
    )
    shared = runs(written) & set().union(*map(runs, sources))
    overlap = longest_overlap(written, sources)
    assert len(overlap) == max(map(len, shared), default=0)
    assert not overlap or tuple(overlap) in shared


def test_an_overlap_is_found_in_long_texts() -> None:
    rng = random.Random(0)
    sources = [[rng.randrange(4_000) for _ in range(20_000)] for _ in range(5)]
    written = [rng.randrange(4_000) for _ in range(2_000)]
    written[700:760] = sources[3][1_234:1_294]
    assert longest_overlap(written, sources) == sources[3][1_234:1_294]


def test_what_was_learned_by_heart_comes_out(tiny: Path) -> None:
    model = load_base(tiny, four_bit=False).model
    generator = torch.Generator().manual_seed(3)
    known, other = (torch.randint(6, 300, (4, 40), generator=generator) for _ in range(2))
    model.requires_grad_(True)
    teach(model, known.repeat(3, 1).flatten(), 200)
    model.train()
    knows = extraction(model, known.tolist(), 12, 16)
    not_known = extraction(model, other.tolist(), 12, 16)
    assert model.training and (knows.num_texts, not_known.num_texts) == (4, 4)
    assert knows.num_exact > 2 and knows.mean_fraction > 0.6
    assert not_known.num_exact == 0 and not_known.mean_fraction < 0.2
    assert extraction(model, known.tolist(), 12, 16, batch_size=1) == knows


def test_what_is_too_short_is_left_out_or_refused(tiny: Path) -> None:
    model = load_base(tiny, four_bit=False).model
    assert extraction(model, [[7] * 10, [7] * 30], 8, 8).num_texts == 1
    with pytest.raises(ValueError, match="no text has 16 tokens"):
        extraction(model, [[7] * 10], 8, 8)
    assert common_prefix([1, 2, 3], [1, 2, 4]) == 2 and common_prefix([], [1]) == 0
