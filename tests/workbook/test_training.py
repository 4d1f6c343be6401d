"""The training loop, interrupted, resumed, refused; and the one measurement, token by token."""

import json
import math
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from course_lib.errors import CourseError
from course_lib.workbook.evaluate import (
    IGNORE_INDEX,
    Evaluation,
    evaluate,
    get_batch,
    next_token_loss,
    pad_batch,
    token_nll,
)
from course_lib.workbook.training import DeferredInterrupt, TrainingConfig, learning_rate_at, train

WEIGHTS = torch.linspace(-1, 1, 8).unsqueeze(1)


def make_model(seed: int) -> nn.Module:
    """Two of its layers share their weights, like an embedding and a head."""
    torch.manual_seed(seed)
    first, second = nn.Linear(8, 8), nn.Linear(8, 8)
    second.weight = first.weight
    return nn.Sequential(first, nn.Dropout(0.1), second, nn.Linear(8, 1))


def draw(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    features = torch.randn(16, 8, generator=generator)
    return features, features @ WEIGHTS


def squared(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    return (model(batch[0]) - batch[1]).square().mean()


def judge(model: nn.Module) -> float:
    torch.rand(1)  # an evaluation may draw: the training is not disturbed
    return squared(model, draw(torch.Generator().manual_seed(99))).item()


class InterruptAt:
    """Draws batches and presses Ctrl-C ``times`` while drawing number ``at``."""

    def __init__(self, at: int, times: int = 1) -> None:
        self.left, self.times = at, times

    def __call__(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        self.left -= 1
        for _ in range(self.times if self.left == 0 else 0):
            signal.raise_signal(signal.SIGINT)
        return draw(generator)


@pytest.fixture
def saved(tmp_path) -> TrainingConfig:
    """A run of four steps with a checkpoint at its end."""
    config = TrainingConfig(4, checkpoint_path=tmp_path / "run.safetensors", save_steps=2)
    train(make_model(0), draw, squared, config)
    return config


def test_it_learns() -> None:
    history = train(make_model(0), draw, squared, TrainingConfig(300, 0.02), evaluate=judge)
    assert sum(history.losses[-20:]) < 0.5 * sum(history.losses[:20])
    assert [step for step, _ in history.evaluations] == [300]
    assert not history.interrupted and history.seconds > 0


@pytest.mark.parametrize("seed", range(5))
def test_an_interrupted_run_resumes_bit_for_bit(seed: int, tmp_path, capsys) -> None:
    path = tmp_path / "run.safetensors"
    config = TrainingConfig(40, eval_steps=10, checkpoint_path=path, seed=seed)
    whole = make_model(seed)
    expected = train(whole, draw, squared, config, evaluate=judge)
    at = 5 + 7 * seed
    first = train(make_model(seed), InterruptAt(at), squared, config, evaluate=judge)
    assert first.interrupted and first.steps == at
    assert f"Interrupted after {at} of 40 steps" in capsys.readouterr().out
    resumed = make_model(seed + 1)
    history = train(resumed, draw, squared, config, evaluate=judge, resume=True)
    assert history.losses == expected.losses and history.evaluations == expected.evaluations
    assert resumed[0].weight is resumed[2].weight
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_without_a_checkpoint_the_weights_stay_and_a_second_interruption_passes(capsys) -> None:
    model = make_model(0)
    before = model[0].weight.clone()
    history = train(model, InterruptAt(3), squared, TrainingConfig(100))
    assert history.steps == 3 and not torch.equal(before, model[0].weight)
    assert "keeps what it learned" in capsys.readouterr().out
    with pytest.raises(KeyboardInterrupt):
        train(make_model(0), InterruptAt(1, times=2), squared, TrainingConfig(5))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("damage", ["cut", "text", "no random state", "no facts"])
def test_a_damaged_checkpoint_changes_nothing(damage: str, saved: TrainingConfig) -> None:
    path, model = saved.checkpoint_path, make_model(1)
    content = path.read_bytes()
    with safe_open(path, framework="pt") as file:
        facts = file.metadata()
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    if damage == "no facts":
        save_file(tensors, path, {"facts": json.dumps({"history": {}})})
    elif damage == "no random state":
        del tensors["random.generator"]
        save_file(tensors, path, facts)
    else:
        path.write_bytes(content[:-50] if damage == "cut" else b"hello" * 50)
    before = model[0].weight.clone()
    with pytest.raises(CourseError, match="damaged or was cut short"):
        train(model, draw, squared, saved, resume=True)
    assert torch.equal(model[0].weight, before)


def sgd(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), config.learning_rate, momentum=0.9)


def one_group(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    return torch.optim.AdamW(reversed(list(model.parameters())), config.learning_rate)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model": nn.Linear(8, 1)}, "another model"),
        ({"make_optimizer": sgd}, "another optimizer"),
        ({"make_optimizer": one_group}, "another model"),
        ({"learning_rate": 0.5}, "another learning_rate"),
        ({"lr_scheduler_type": "linear", "seed": 3}, "another lr_scheduler_type, another seed"),
    ],
)
def test_another_run_is_refused(change: dict, sentence: str, saved: TrainingConfig) -> None:
    model = change.pop("model", make_model(0))
    options = {key: change.pop(key) for key in ("make_optimizer",) if key in change}
    with pytest.raises(CourseError, match=sentence):
        train(model, draw, squared, replace(saved, **change), resume=True, **options)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_longer_run_goes_on_and_the_file_is_not_mapped(saved: TrainingConfig) -> None:
    """Windows lets nobody replace a file that is mapped into memory."""
    model, seen = make_model(0), []

    def look(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        seen.append("run.safetensors" in Path("/proc/self/maps").read_text())
        return draw(generator)

    train(model, look, squared, replace(saved, max_steps=6), resume=True)
    assert seen == [False, False]


def test_on_a_full_disk_the_old_checkpoint_survives(saved: TrainingConfig, full_disk: None) -> None:
    content = saved.checkpoint_path.read_bytes()
    with pytest.raises(CourseError, match="No space left"):
        train(make_model(1), draw, squared, saved)
    assert saved.checkpoint_path.read_bytes() == content


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_products_are_in_bf16_and_weights_in_fp32() -> None:
    model, seen = make_model(0).cuda(), []

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        out = model(batch[0].cuda())
        seen.append(out.dtype)
        return (out.float() - batch[1].cuda()).square().mean()

    history = train(model, draw, loss, TrainingConfig(300, 0.02))
    bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    assert set(seen) == {torch.bfloat16 if bf16 else torch.float32}
    assert model[0].weight.dtype == torch.float32 and history.losses[-1] < history.losses[0] / 2


def test_gradients_are_clipped_and_a_loss_that_is_no_number_stops_with_a_sentence() -> None:
    model, seen = nn.Linear(8, 1), []
    model.weight.register_hook(lambda gradient: seen.append(gradient.norm().item()))
    train(model, draw, lambda m, b: 1e6 * squared(m, b), TrainingConfig(1, max_grad_norm=0.5))
    assert seen[0] > 1e3 and model.weight.grad.norm() <= 0.5 + 1e-4
    with pytest.raises(CourseError, match="smaller learning rate"):
        train(make_model(0), draw, lambda m, b: squared(m, b) * math.nan, TrainingConfig(3))


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant", "wsd"])
def test_schedules_rise_then_fall(schedule: str) -> None:
    config = TrainingConfig(100, 1.0, warmup_ratio=0.1, lr_scheduler_type=schedule)
    rates = [learning_rate_at(step, config) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * (n + 1) for n in range(10)])
    assert all(a >= b for a, b in zip(rates[9:], rates[10:], strict=False))
    assert rates[-1] == 1.0 if schedule == "constant" else rates[-1] < 0.03
    assert schedule != "wsd" or rates[10:61] == [1.0] * 51


def test_a_handler_that_python_did_not_set_stays(monkeypatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda _: None)
    monkeypatch.setattr(signal, "signal", lambda *_: pytest.fail("the handler was replaced"))
    with DeferredInterrupt() as interrupt:
        assert not interrupt.requested


# --- The one measurement ---
@pytest.fixture(scope="module")
def model() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=30, n_positions=32, n_embd=16, n_layer=2, n_head=2)
    return GPT2LMHeadModel(config).eval()


def test_losses_are_those_of_transformers(model: GPT2LMHeadModel) -> None:
    ids = torch.randint(0, 30, (3, 12))
    labels = ids.masked_fill(torch.rand(3, 12) < 0.3, IGNORE_INDEX)
    nll = token_nll(model, ids, labels)
    scored = labels[:, 1:] != IGNORE_INDEX
    expected = model(ids, labels=labels).loss.item()
    assert nll.shape == (3, 11) and not nll[~scored].any()
    assert nll[scored].mean().item() == pytest.approx(expected, abs=1e-5)
    assert next_token_loss(model, ids).item() == pytest.approx(model(ids, labels=ids).loss.item())


def test_nothing_before_it_nothing_to_score(model: GPT2LMHeadModel) -> None:
    assert token_nll(model, torch.zeros(1, 1, dtype=torch.long)).shape == (1, 0)
    for nothing in (torch.zeros(1, dtype=torch.long), []):
        with pytest.raises(CourseError, match="nothing to measure"):
            evaluate(model, nothing)


@pytest.mark.parametrize("length", [2, 8, 9, 10, 13, 17, 60])
@pytest.mark.parametrize("block_size", [1, 5, 8])
def test_every_token_is_scored_once(model: GPT2LMHeadModel, length: int, block_size: int) -> None:
    found = evaluate(model.train(), torch.randint(0, 30, (length,)), block_size, batch_size=2)
    assert found.num_tokens == length - 1 and model.training
    model.eval()


def test_examples_are_scored_as_if_alone(model: GPT2LMHeadModel) -> None:
    examples = [{"input_ids": [1, 2, 3, 4]}, {"input_ids": [5, 6], "labels": [IGNORE_INDEX, 6]}]
    batch = pad_batch(examples, pad_token_id=9)
    assert batch["input_ids"].tolist() == [[1, 2, 3, 4], [5, 6, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    alone = [evaluate(model, [example]) for example in examples]
    together = evaluate(model, examples)
    assert together.num_tokens == 4
    assert together.nats == pytest.approx(sum(one.nats for one in alone), rel=1e-5)


def test_units() -> None:
    found = Evaluation(nats=8 * math.log(2), num_tokens=4)
    assert (found.bits_per_token, found.bits_per_byte(16)) == pytest.approx((2.0, 0.5))
    assert found.perplexity == pytest.approx(4.0)


def test_batches_stay_inside_the_text() -> None:
    data, generator = torch.arange(20), torch.Generator().manual_seed(0)
    rows = get_batch(data, 5, 200, generator)
    assert set(rows[:, 0].tolist()) == set(range(16)) and bool((rows.diff() == 1).all())
    assert get_batch(data[:3], 5, 2, generator).tolist() == [[0, 1, 2, 2, 2]] * 2
