"""Muon and AdamW as one optimiser: who trains what, checkpoints, learning."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.transformer.model import Config, MiniGPT
from course_lib.transformer.optimizer import ADAMW_LR_SCALE, MuonAndAdamW
from course_lib.workbook.evaluate import next_token_loss as loss
from course_lib.workbook.training import TrainingConfig, train

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

    train(model(), draw, loss, CONFIG, make_optimizer=Watched)
    assert max(seen["muon"]) == 0.02 and seen["muon"][-1] < 0.02
    assert seen["adam"] == pytest.approx([ADAMW_LR_SCALE * rate for rate in seen["muon"]])


def test_an_interrupted_run_ends_like_a_whole_one(tmp_path) -> None:
    whole, stopped, fresh = model(), model(), model(seed=1)
    train(whole, draw, loss, CONFIG, make_optimizer=MuonAndAdamW)
    config = replace(CONFIG, checkpoint_path=tmp_path / "run.safetensors", save_steps=5)
    calls = []

    def stops(model: MiniGPT, rows: Tensor) -> Tensor:
        calls.append(1)
        if len(calls) == 8:
            raise RuntimeError("the power is gone")
        return loss(model, rows)

    with pytest.raises(RuntimeError):
        train(stopped, draw, stops, config, make_optimizer=MuonAndAdamW)
    with pytest.raises(CourseError, match="another optimi"):
        train(fresh, draw, loss, config, resume=True)
    history = train(fresh, draw, loss, config, make_optimizer=MuonAndAdamW, resume=True)
    assert history.steps == 12
    for one, other in zip(whole.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("seed", range(3))
def test_it_learns(seed: int) -> None:
    """Each token decides the next one: (n + 3) modulo 20."""

    def rows(generator: torch.Generator) -> Tensor:
        return (torch.randint(0, 20, (8, 1), generator=generator) + 3 * torch.arange(9)) % 20

    config = TrainingConfig(80, 0.02, seed=seed)
    history = train(model(seed), rows, loss, config, make_optimizer=MuonAndAdamW)
    assert history.losses[-1] < 0.5 * history.losses[0]
