"""The training loop: learning, interruption, exact resume, bad files."""

import math
import signal
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.workbook.training import TrainingConfig, learning_rate_at, train

WEIGHTS = torch.linspace(-1, 1, 8).unsqueeze(1)


def make_model(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(8, 32), nn.Dropout(0.1), nn.ReLU(), nn.Linear(32, 1))


def draw(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    features = torch.randn(16, 8, generator=generator)
    return features, features @ WEIGHTS


def squared(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    return (model(batch[0]) - batch[1]).square().mean()


def judge(model: nn.Module) -> float:
    return squared(model, draw(torch.Generator().manual_seed(99))).item()


class InterruptAt:
    """Draws batches and presses Ctrl-C while drawing number ``at``."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)
        return draw(generator)


@pytest.mark.parametrize("seed", range(5))
def test_it_learns(seed: int) -> None:
    history = train(
        make_model(seed), draw, squared, TrainingConfig(300, 0.02, seed=seed), evaluate=judge
    )
    assert sum(history.losses[-20:]) < 0.5 * sum(history.losses[:20])
    assert [step for step, _ in history.evaluations] == [300]
    assert not history.interrupted and history.seconds > 0


@pytest.mark.parametrize("seed", range(5))
def test_an_interrupted_run_resumes_bit_for_bit(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    config = TrainingConfig(
        40, eval_steps=10, checkpoint_path=tmp_path / "run.safetensors", seed=seed
    )
    whole = make_model(seed)
    expected = train(whole, draw, squared, config, evaluate=judge)
    broken = make_model(seed)
    at = 5 + 7 * seed
    first = train(broken, InterruptAt(at), squared, config, evaluate=judge)
    assert first.interrupted and first.steps == at
    assert f"Interrupted after {at} of 40 steps" in capsys.readouterr().out
    resumed = make_model(seed + 1)
    history = train(resumed, draw, squared, config, evaluate=judge, resume=True)
    assert history.losses == expected.losses
    assert history.evaluations == expected.evaluations
    assert all(
        torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True)
    )


def test_interruption_without_a_checkpoint_keeps_the_weights(capsys: pytest.CaptureFixture) -> None:
    model = make_model(0)
    before = model[0].weight.clone()
    history = train(model, InterruptAt(3), squared, TrainingConfig(100))
    assert history.steps == 3 and not torch.equal(before, model[0].weight)
    assert "keeps what it learned" in capsys.readouterr().out


def test_a_second_interruption_is_not_held_back() -> None:
    def impatient(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return draw(generator)

    with pytest.raises(KeyboardInterrupt):
        train(make_model(0), impatient, squared, TrainingConfig(5))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_tied_weights_are_saved_and_restored(tmp_path: Path) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)
            self.two.weight = self.one.weight

        def forward(self, features: Tensor) -> Tensor:
            return self.two(self.one(features)).sum(-1, keepdim=True)

    config = TrainingConfig(6, checkpoint_path=tmp_path / "tied.safetensors", save_steps=3)
    model = Tied()
    train(model, draw, squared, config)
    again = Tied()
    history = train(again, draw, squared, config, resume=True)
    assert history.steps == 6 and torch.equal(model.one.weight, again.one.weight)
    assert again.one.weight is again.two.weight


@pytest.mark.parametrize("damage", ["cut", "empty", "text"])
def test_a_damaged_checkpoint_is_refused(damage: str, tmp_path: Path) -> None:
    config = TrainingConfig(4, checkpoint_path=tmp_path / "run.safetensors", save_steps=2)
    train(make_model(0), draw, squared, config)
    content = config.checkpoint_path.read_bytes()
    config.checkpoint_path.write_bytes(
        {"cut": content[:-50], "empty": b"", "text": b"hello" * 50}[damage]
    )
    with pytest.raises(CourseError, match="damaged or was cut short"):
        train(make_model(0), draw, squared, config, resume=True)


def test_a_checkpoint_of_another_shape_is_refused(tmp_path: Path) -> None:
    config = TrainingConfig(4, checkpoint_path=tmp_path / "run.safetensors", save_steps=2)
    train(make_model(0), draw, squared, config)
    with pytest.raises(CourseError, match="another shape"):
        train(nn.Linear(8, 1), draw, squared, config, resume=True)


def test_a_full_disk_is_one_sentence_and_the_old_checkpoint_survives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainingConfig(4, checkpoint_path=tmp_path / "run.safetensors", save_steps=2)
    train(make_model(0), draw, squared, config)
    content = config.checkpoint_path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("course_lib.workbook.checkpoints.save_file", full)
    with pytest.raises(CourseError, match="No space left"):
        train(make_model(1), draw, squared, config)
    assert config.checkpoint_path.read_bytes() == content


def test_gradients_are_clipped() -> None:
    model = nn.Linear(8, 1)
    start = model.weight.detach().clone()

    def huge(own: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return 1e6 * squared(own, batch)

    seen = []
    hook = model.weight.register_hook(lambda gradient: seen.append(gradient.norm().item()))
    train(model, draw, huge, TrainingConfig(1, 0.1, max_grad_norm=0.5))
    hook.remove()
    assert seen[0] > 1e3 and model.weight.grad.norm() <= 0.5 + 1e-4
    assert not torch.equal(start, model.weight)


def test_a_loss_that_is_not_a_number_stops_with_a_sentence() -> None:
    with pytest.raises(CourseError, match="smaller learning rate"):
        train(make_model(0), draw, lambda m, b: squared(m, b) * math.nan, TrainingConfig(3))


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant", "wsd"])
def test_schedules_rise_then_fall(schedule: str) -> None:
    config = TrainingConfig(100, 1.0, warmup_ratio=0.1, lr_scheduler_type=schedule)
    rates = [learning_rate_at(step, config) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * (n + 1) for n in range(10)])
    assert all(a >= b for a, b in zip(rates[9:], rates[10:], strict=False))
    assert rates[-1] == 1.0 if schedule == "constant" else rates[-1] < 0.03
