"""What training costs."""

import pytest

from course_lib.transformer.scaling import (
    FALCON_7B,
    GPT3,
    gpu_hours,
    parameter_count,
    training_flops,
)


def test_gpt3s_operations_are_those_of_its_paper() -> None:
    """3.14e23 (Brown et al. 2020, appendix D)."""
    assert training_flops(parameter_count(GPT3).total, 300e9) == pytest.approx(3.14e23, rel=0.01)


def test_falcons_hours_are_near_the_reported_ones() -> None:
    """384 A100 for two weeks, as its makers report; the share of the peak is a guess."""
    hours = gpu_hours(training_flops(parameter_count(FALCON_7B).total, 1.5e12), 312e12)
    assert hours == pytest.approx(384 * 14 * 24, rel=0.2)


def test_hours_by_hand() -> None:
    assert gpu_hours(3_600e12, 2e12, utilization=0.5) == 1.0
