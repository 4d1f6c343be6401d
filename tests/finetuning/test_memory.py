"""The prediction: Falcon-7B's published arithmetic, and the bytes of a real small model."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import FalconForCausalLM

from course_lib.finetuning import memory
from course_lib.finetuning.falcon import linear_layers
from course_lib.finetuning.nf4 import quantize_layers
from course_lib.transformer.convert import config_of
from course_lib.transformer.scaling import FALCON_7B, parameter_count


def test_falcon_7b_comes_out() -> None:
    count = parameter_count(FALCON_7B)
    assert count.total == 6_921_720_704 and count.linear == pytest.approx(6.6260e9, rel=1e-4)
    half, four = memory.estimate(FALCON_7B, "inference"), memory.estimate(FALCON_7B, "qlora", r=16)
    full = memory.estimate(FALCON_7B, "full")
    assert half.model == pytest.approx(13.84e9, rel=1e-3)
    assert four.linear == pytest.approx(3.313e9, rel=1e-3)
    assert four.scales == pytest.approx(0.105e9, rel=5e-3)
    assert four.embedding == pytest.approx(0.591e9, rel=1e-3)
    assert memory.adapter_parameters(FALCON_7B, 16) == 32_636_928 < count.total / 200
    assert four.adapter + four.gradients + four.optimizer == pytest.approx(0.52e9, rel=5e-3)
    assert full.model + full.gradients + full.optimizer == 16 * count.total
    assert four.linear + four.scales < 0.29 * half.linear


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_weights_and_states_are_those_measured(tiny: Path, dtype: torch.dtype) -> None:
    model = FalconForCausalLM.from_pretrained(tiny, dtype=dtype)
    config, options = config_of(model.config), {"dtype_bytes": dtype.itemsize}
    for name, shape in memory.layer_shapes(config).items():
        named = [tuple(m.weight.shape) for n, m in model.named_modules() if n.endswith(f".{name}")]
        assert named == [shape] * 2
    before, plain = memory.measured(model), memory.estimate(config, "inference", **options)
    assert (before.linear, before.scales) == (plain.linear, 0)
    assert before.rest == pytest.approx(plain.embedding + plain.norms, rel=0.02)
    quantize_layers(model, linear_layers(model))
    adapted = get_peft_model(model, LoraConfig(r=8, target_modules=list(memory.LAYERS)))
    after, predicted = memory.measured(adapted), memory.estimate(config, "qlora", r=8, **options)
    assert (after.linear, after.scales) == (predicted.linear, predicted.scales)
    assert after.trained == predicted.adapter
    assert after.model == pytest.approx(predicted.model, rel=0.02)
    optimizer = torch.optim.AdamW([p for p in adapted.parameters() if p.requires_grad])
    ids = torch.ones(1, 4, dtype=torch.long)
    adapted(ids, labels=ids).loss.backward()
    optimizer.step()
    gradients = sum(p.grad.nbytes for p in adapted.parameters() if p.grad is not None)
    states = [value for state in optimizer.state.values() for value in state.values()]
    moments = sum(value.nbytes for value in states if value.ndim)
    assert (moments, gradients) == (predicted.optimizer, predicted.gradients)


@pytest.mark.parametrize(("batch_size", "seq_length"), [(1, 64), (4, 32)])
def test_activations_are_those_that_are_kept(tiny: Path, batch_size: int, seq_length: int) -> None:
    """What autograd saves in a full-precision step, the logits left out, within a quarter."""
    model = FalconForCausalLM.from_pretrained(tiny)
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    ids = torch.randint(6, 300, (batch_size, seq_length))
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        assert model.transformer(ids).last_hidden_state.requires_grad
    options = {"dtype_bytes": 4, "gradient_checkpointing": False}
    predicted = memory.estimate(config_of(model.config), "full", batch_size, seq_length, **options)
    assert sum(kept.values()) == pytest.approx(predicted.activations, rel=0.25)
