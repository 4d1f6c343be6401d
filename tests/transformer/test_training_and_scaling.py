"""Training language models: Muon and AdamW as one optimiser; loss against compute, and cost."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.transformer.figures import loss_curve
from course_lib.transformer.model import Config, MiniGPT
from course_lib.transformer.optimizer import ADAMW_LR_SCALE, MuonAndAdamW
from course_lib.transformer.scaling import (
    FALCON_7B,
    GPT3,
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
from course_lib.workbook.training import History, TrainingConfig, train

SHAPE = Config(20, "gpt", d_model=16, n_layers=2, n_heads=2, block_size=16)
CONFIG = TrainingConfig(12, 0.02, lr_scheduler_type="wsd", warmup_ratio=0.2)


def model(seed: int = 0) -> MiniGPT:
    torch.manual_seed(seed)
    return MiniGPT(SHAPE)


def draw(generator: torch.Generator) -> Tensor:
    return torch.randint(0, 20, (2, 9), generator=generator)


def test_every_parameter_is_trained_once() -> None:
    own = model()
    optimizer = MuonAndAdamW(own, CONFIG)
    trained = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(trained) == sorted(map(id, own.parameters()))
    muon = {id(p) for p in optimizer.parts[0].param_groups[0]["params"]}
    assert id(own.embedding.weight) not in muon and id(own.blocks[0].mlp.up_proj.weight) in muon
    assert id(own.blocks[0].mlp.up_proj.bias) not in muon


def test_each_part_gets_its_learning_rate() -> None:
    seen: dict[str, list[float]] = {"muon": [], "adam": []}

    class Watched(MuonAndAdamW):
        def step(self) -> None:
            seen["muon"].append(self.parts[0].param_groups[0]["lr"])
            seen["adam"].append(self.parts[1].param_groups[0]["lr"])
            super().step()

    train(model(), draw, next_token_loss, CONFIG, make_optimizer=Watched)
    assert max(seen["muon"]) == 0.02 and seen["muon"][-1] < 0.02
    assert seen["adam"] == pytest.approx([ADAMW_LR_SCALE * rate for rate in seen["muon"]])


def test_an_interrupted_run_ends_like_a_whole_one(tmp_path: Path) -> None:
    whole, stopped, fresh = model(), model(), model(seed=1)
    train(whole, draw, next_token_loss, CONFIG, make_optimizer=MuonAndAdamW)
    config = replace(CONFIG, checkpoint_path=tmp_path / "run.safetensors", save_steps=5)
    calls = []

    def stops(model: MiniGPT, rows: Tensor) -> Tensor:
        calls.append(1)
        if len(calls) == 8:
            raise RuntimeError("the power is gone")
        return next_token_loss(model, rows)

    with pytest.raises(RuntimeError):
        train(stopped, draw, stops, config, make_optimizer=MuonAndAdamW)
    with pytest.raises(CourseError, match="another optimi"):
        train(fresh, draw, next_token_loss, config, resume=True)
    history = train(fresh, draw, next_token_loss, config, make_optimizer=MuonAndAdamW, resume=True)
    assert history.steps == 12
    for one, other in zip(whole.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(one, other)


# --- Scaling ---


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


def test_the_sentence_below_a_loss_is_computed() -> None:
    falls = loss_curve(History(losses=[3.0, 2.0, 1.5], evaluations=[(3, 1.6)]))
    rises = loss_curve(History(losses=[1.5, 2.0, 3.0]))
    assert "falls: 3.00 at the start, 1.50 at the end" in falls.sentence
    assert "does not fall: 1.50 at the start, 3.00" in rises.sentence
