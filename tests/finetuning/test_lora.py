"""Our adapter is peft's: the same outputs, the same gradients, the same merged weights."""

import copy

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from course_lib.errors import CourseError
from course_lib.finetuning.lora import (
    LoRALinear,
    adapt,
    adapters,
    nearest_of_rank,
    rank_for,
    trained_share,
)

KINDS = pytest.mark.parametrize("kind", ["lora", "rslora", "dora"])
SEEDS = pytest.mark.parametrize("seed", [0, 1, 2])


def pair(
    kind: str, seed: int, bias: bool, dropout: float = 0.0
) -> tuple[LoRALinear, nn.Module, nn.Module]:
    """Ours and peft's around the same layer with the same shaken weights, and the model of peft's."""
    torch.manual_seed(seed)
    holder = nn.ModuleDict({"layer": nn.Linear(24, 40, bias=bias)})
    options = {"use_rslora": kind == "rslora", "use_dora": kind == "dora"}
    ours = LoRALinear(copy.deepcopy(holder["layer"]), 6, 9, dropout, kind)
    config = LoraConfig(
        r=6, lora_alpha=9, lora_dropout=dropout, target_modules=["layer"], **options
    )
    model = get_peft_model(holder, config)
    theirs = model.base_model.model["layer"]
    with torch.no_grad():
        ours.down.normal_(std=0.3)
        ours.up.normal_(std=0.3)
        theirs.lora_A["default"].weight.copy_(ours.down)
        theirs.lora_B["default"].weight.copy_(ours.up)
        if kind == "dora":
            ours.length.mul_(torch.rand_like(ours.length) + 0.5)
            theirs.lora_magnitude_vector["default"].weight.copy_(ours.length)
    return ours, theirs, model


@KINDS
@SEEDS
@pytest.mark.parametrize("bias", [False, True])
def test_forward_and_backward_are_those_of_peft(kind: str, seed: int, bias: bool) -> None:
    ours, theirs, _ = pair(kind, seed, bias)
    inputs = [torch.randn(3, 5, 24, requires_grad=True) for _ in range(1)]
    inputs.append(inputs[0].detach().clone().requires_grad_())
    outputs = [layer(x) for layer, x in zip((ours, theirs), inputs, strict=True)]
    torch.testing.assert_close(*outputs, atol=1e-5, rtol=1e-5)
    target = torch.randn_like(outputs[0])
    for output in outputs:
        (output * target).sum().backward()
    found = [inputs[0].grad, ours.down.grad, ours.up.grad]
    expected = [
        inputs[1].grad,
        theirs.lora_A["default"].weight.grad,
        theirs.lora_B["default"].weight.grad,
    ]
    if kind == "dora":
        found.append(ours.length.grad)
        expected.append(theirs.lora_magnitude_vector["default"].weight.grad)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert ours.base.weight.grad is None


@KINDS
@SEEDS
@torch.no_grad()
def test_merged_weights_are_those_of_peft_and_come_out_again(kind: str, seed: int) -> None:
    ours, theirs, _ = pair(kind, seed, bias=True)
    x, before = torch.randn(7, 24), ours.base.weight.clone()
    apart = ours(x)
    ours.merge()
    theirs.merge()
    assert (ours.base.weight - before).abs().max() > 0.05
    torch.testing.assert_close(ours.base.weight, theirs.base_layer.weight, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours(x), apart, atol=1e-4, rtol=1e-4)
    ours.merge()  # a second time changes nothing
    torch.testing.assert_close(ours.base.weight, theirs.base_layer.weight, atol=1e-5, rtol=1e-5)
    ours.unmerge()
    torch.testing.assert_close(ours.base.weight, before, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours(x), apart, atol=1e-4, rtol=1e-4)


@KINDS
@SEEDS
def test_dropout_is_that_of_peft(kind: str, seed: int) -> None:
    ours, theirs, _ = pair(kind, seed, bias=True, dropout=0.4)
    x = torch.randn(7, 24)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        found = ours.train()(x)
        torch.manual_seed(seed)
        expected = theirs.train()(x)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(found, ours.eval()(x), atol=1e-3)


@KINDS
def test_it_starts_where_its_base_stands_and_learns(kind: str) -> None:
    torch.manual_seed(3)
    base = nn.Linear(16, 16)
    layer, x = LoRALinear(copy.deepcopy(base), 4, 8, kind=kind), torch.randn(64, 16)
    torch.testing.assert_close(layer(x), base(x), atol=1e-6, rtol=1e-5)
    target = x @ torch.randn(16, 4) @ torch.randn(4, 16) * 0.1 + base(x).detach()
    optimiser = torch.optim.Adam([p for p in layer.parameters() if p.requires_grad], 0.02)
    losses = []
    for _ in range(150):
        loss = (layer(x) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert torch.equal(layer.base.weight, base.weight)


def test_adapting_a_model_freezes_the_rest() -> None:
    model = nn.Sequential(
        nn.Linear(8, 8), nn.ReLU(), nn.ModuleDict({"out": nn.Linear(8, 2)})["out"]
    )
    named = nn.ModuleDict({"up": nn.Linear(8, 32), "rest": model, "down": nn.Linear(32, 8)})
    assert adapt(named, ["up", "down"], rank=2) == ["up", "down"]
    trained = {name for name, p in named.named_parameters() if p.requires_grad}
    assert trained == {f"{a}.{b}" for a in ("up", "down") for b in ("down", "up")}
    assert len(adapters(named)) == 2
    assert trained_share(named) == pytest.approx(160 / sum(p.numel() for p in named.parameters()))
    with pytest.raises(CourseError, match="no layer called sideways"):
        adapt(named, ["sideways"])


@pytest.mark.parametrize("options", [{"rank": 0}, {"kind": "pissa"}, {"dropout": 1.0}])
def test_impossible_adapters_are_refused(options: dict) -> None:
    with pytest.raises(CourseError):
        LoRALinear(nn.Linear(4, 4), **options)


def test_low_rank_is_found() -> None:
    torch.manual_seed(0)
    matrix = torch.randn(30, 5) @ torch.randn(5, 20)
    assert rank_for(matrix, 0.999999) <= 5 < rank_for(torch.randn(30, 20), 0.9)
    torch.testing.assert_close(nearest_of_rank(matrix, 5), matrix, atol=1e-4, rtol=1e-4)
    errors = [float((nearest_of_rank(matrix, rank) - matrix).norm()) for rank in (1, 2, 3, 4)]
    assert errors == sorted(errors, reverse=True) and errors[-1] > 0.1
