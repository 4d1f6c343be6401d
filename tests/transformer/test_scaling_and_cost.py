"""Loss against compute, and what training costs."""

import pytest
import torch

from course_lib.transformer.model import Config, MiniGPT
from course_lib.transformer.scaling import (
    FALCON_7B,
    GPT3,
    GPU,
    PowerLaw,
    Run,
    fit_power_law,
    gpu_hours,
    parameter_count,
    read_gpus,
    run_sizes,
    training_flops,
)
from course_lib.workbook.evaluate import get_batch, next_token_loss
from course_lib.workbook.training import TrainingConfig


def test_a_line_is_found_again() -> None:
    law = PowerLaw(30.0, 0.12)
    runs = [Run(10.0**n, law(10.0**n)) for n in range(8, 13)]
    found = fit_power_law(runs)
    assert found.scale == pytest.approx(30) and found.exponent == pytest.approx(0.12)


@pytest.mark.parametrize("seed", range(5))
def test_larger_models_spend_more_and_all_learn(seed: int) -> None:
    data = torch.arange(13).repeat(200)  # 0, 1, … 12, 0, 1, …: each token decides the next
    shape = dict(n_layers=1, n_heads=2, n_kv_heads=1, block_size=32, bias=False)
    sizes = [Config(13, "falcon", d_model, **shape) for d_model in (8, 16)]
    before = float(next_token_loss(MiniGPT(sizes[0]), data[:65].view(5, 13)).detach())

    @torch.no_grad()
    def judge(model: MiniGPT) -> float:
        return float(next_token_loss(model, data[:64].view(4, 16)))

    training = TrainingConfig(40, 0.02, seed=seed)
    runs = run_sizes(sizes, lambda generator: get_batch(data, 17, 4, generator), judge, training)
    assert runs[0].flops < runs[1].flops
    for run, config in zip(runs, sizes, strict=True):
        count = parameter_count(config)
        assert run.flops == 6 * (count.linear + count.embedding) * 40 * 4 * 16
        assert run.loss < 0.7 * before


def test_gpt3s_operations_are_those_of_its_paper() -> None:
    """3.14e23 (Brown et al. 2020, appendix D)."""
    assert training_flops(parameter_count(GPT3).total, 300e9) == pytest.approx(3.14e23, rel=0.01)


def test_falcons_hours_are_near_the_reported_ones() -> None:
    """384 A100 for two weeks, as its makers report; the share of the peak is a guess."""
    card = next(gpu for gpu in read_gpus()[0] if gpu.name == "A100")
    hours = gpu_hours(training_flops(parameter_count(FALCON_7B).total, 1.5e12), card)
    assert hours == pytest.approx(384 * 14 * 24, rel=0.2)


def test_hours_by_hand() -> None:
    assert gpu_hours(3_600e12, GPU("round", 2e12, 1.0), utilization=0.5) == 1.0
