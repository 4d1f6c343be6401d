"""Overlaps against a slow search; extraction from a model that knows its texts by heart, and of texts it never saw."""

import random
from pathlib import Path

import pytest
import torch
from tiny_falcon import teach

from course_lib.errors import CourseError
from course_lib.finetuning.falcon import load_base
from course_lib.finetuning.memorisation import extraction, longest_overlap, shared_beginning


def slow(written: list[int], sources: list[list[int]]) -> int:
    runs = {
        tuple(source[a:b])
        for source in sources
        for a in range(len(source))
        for b in range(a + 1, len(source) + 1)
    }
    own = [(a, b) for a in range(len(written)) for b in range(a + 1, len(written) + 1)]
    return max((b - a for a, b in own if tuple(written[a:b]) in runs), default=0)


@pytest.mark.parametrize("seed", range(40))
def test_overlaps_are_those_of_a_slow_search(seed: int) -> None:
    rng = random.Random(seed)
    letters = rng.choice([2, 3, 9])
    written = [rng.randrange(letters) for _ in range(rng.randrange(25))]
    sources = [
        [rng.randrange(letters) for _ in range(rng.randrange(25))] for _ in range(rng.randrange(4))
    ]
    found = longest_overlap(written, sources)
    assert found.length == slow(written, sources)
    if found.length:
        there = sources[found.source][found.source_start : found.source_start + found.length]
        assert written[found.start : found.start + found.length] == there


def test_an_overlap_is_found_in_long_texts() -> None:
    rng = random.Random(0)
    sources = [[rng.randrange(4_000) for _ in range(20_000)] for _ in range(5)]
    written = [rng.randrange(4_000) for _ in range(2_000)]
    written[700:760] = sources[3][1_234:1_294]
    found = longest_overlap(written, sources)
    assert (found.source, found.length) == (3, 60) and (found.start, found.source_start) == (
        700,
        1_234,
    )


def test_what_was_learned_by_heart_comes_out(tiny: Path) -> None:
    model = load_base(tiny, four_bit=False).model
    generator = torch.Generator().manual_seed(3)
    known, other = (torch.randint(6, 300, (4, 40), generator=generator) for _ in range(2))
    model.requires_grad_(True)
    teach(model, known.repeat(3, 1).flatten(), 200)
    model.train()
    knows = extraction(model, known.tolist(), prefix=12, continuation=16)
    not_known = extraction(model, other.tolist(), prefix=12, continuation=16)
    assert model.training and (knows.tried, not_known.tried) == (4, 4)
    assert knows.rate > 0.5 and knows.mean_share > 0.6
    assert not_known.rate == 0 and not_known.mean_share < 0.2
    assert extraction(model, known.tolist(), prefix=12, continuation=16, batch=1) == knows


def test_what_is_too_short_is_left_out_or_refused(tiny: Path) -> None:
    model = load_base(tiny, four_bit=False).model
    assert extraction(model, [[7] * 10, [7] * 30], 8, 8).tried == 1
    with pytest.raises(CourseError, match="No text has 16 tokens"):
        extraction(model, [[7] * 10], 8, 8)
    with pytest.raises(CourseError):
        extraction(model, [[7] * 10], 0, 8)
    assert shared_beginning([1, 2, 3], [1, 2, 4]) == 2 and shared_beginning([], [1]) == 0
