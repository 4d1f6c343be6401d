"""Our adapter is peft's: the same outputs, the same gradients, the same merged weights."""

import copy

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from course_lib.finetuning.lora import LoRALinear

SEEDS = pytest.mark.parametrize("seed", [0, 1, 2])


def pair(seed: int, bias: bool, lora_dropout: float = 0.0) -> tuple[LoRALinear, nn.Module]:
    """Ours and peft's around the same layer with the same shaken weights."""
    torch.manual_seed(seed)
    holder = nn.ModuleDict({"layer": nn.Linear(24, 40, bias=bias)})
    options = {"r": 6, "lora_alpha": 9, "lora_dropout": lora_dropout}
    ours = LoRALinear(copy.deepcopy(holder["layer"]), **options)
    model = get_peft_model(holder, LoraConfig(target_modules=["layer"], **options))
    theirs = model.base_model.model["layer"]
    with torch.no_grad():
        ours.lora_A.normal_(std=0.3)
        ours.lora_B.normal_(std=0.3)
        theirs.lora_A["default"].weight.copy_(ours.lora_A)
        theirs.lora_B["default"].weight.copy_(ours.lora_B)
    return ours, theirs


@SEEDS
@pytest.mark.parametrize("bias", [False, True])
def test_forward_and_backward_are_those_of_peft(seed: int, bias: bool) -> None:
    ours, theirs = pair(seed, bias)
    x = torch.randn(3, 5, 24, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    torch.testing.assert_close(ours(x), theirs(y), atol=1e-5, rtol=1e-5)
    target = torch.randn(3, 5, 40)
    for output in (ours(x), theirs(y)):
        (output * target).sum().backward()
    weights = theirs.lora_A["default"].weight, theirs.lora_B["default"].weight
    grads = [x.grad, ours.lora_A.grad, ours.lora_B.grad]
    expected = [y.grad, *(weight.grad for weight in weights)]
    torch.testing.assert_close(grads, expected, atol=1e-4, rtol=1e-4)
    assert ours.base_layer.weight.grad is None


@SEEDS
@torch.no_grad()
def test_the_change_and_the_merged_weights_are_those_of_peft(seed: int) -> None:
    ours, theirs = pair(seed, bias=True)
    assert ours.scaling == theirs.scaling["default"]
    delta = ours.get_delta_weight()
    torch.testing.assert_close(delta, theirs.get_delta_weight("default"), atol=1e-5, rtol=1e-5)
    theirs.merge()
    merged, expected = ours.base_layer.weight + delta, theirs.base_layer.weight
    assert delta.abs().max() > 0.05
    torch.testing.assert_close(merged, expected, atol=1e-5, rtol=1e-5)


@SEEDS
def test_dropout_is_that_of_peft(seed: int) -> None:
    ours, theirs = pair(seed, bias=True, lora_dropout=0.4)
    x, results = torch.randn(7, 24), []
    for layer in (ours.train(), theirs.train()):
        torch.manual_seed(seed)
        results.append(layer(x))
    torch.testing.assert_close(*results, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(results[0], ours.eval()(x), atol=1e-3)


def test_it_starts_where_its_base_stands_and_only_the_detour_learns() -> None:
    base, x = nn.Linear(16, 16), torch.randn(64, 16)
    layer = LoRALinear(copy.deepcopy(base), r=4, lora_alpha=8)
    assert torch.equal(layer(x), base(x))
    trained = {name for name, p in layer.named_parameters() if p.requires_grad}
    assert trained == {"lora_A", "lora_B"}
