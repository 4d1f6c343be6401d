"""Four bits as bitsandbytes has them, LoRA as peft's; and the prediction of memory."""

import copy
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import FalconForCausalLM

from course_lib.finetuning import memory, nf4
from course_lib.finetuning.falcon import linear_layers
from course_lib.finetuning.lora import LoRALinear
from course_lib.finetuning.merging import dequantized
from course_lib.finetuning.nf4 import NF4Linear, quantize_layers
from course_lib.transformer.convert import config_of
from course_lib.transformer.scaling import FALCON_7B, parameter_count

OLD = find_spec("bitsandbytes") is not None and version("bitsandbytes") < "0.50"
WHY = "bitsandbytes before 0.50 fails on odd sizes, gives zeros another code, breaks ties elsewise"


def inputs(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(48, 96, generator=generator) * 0.03
    outliers, zeros = normal.clone(), normal.clone()
    outliers.view(-1)[torch.randint(normal.numel(), (20,), generator=generator)] = 7.5
    zeros[3:6], zeros[10] = 0, 0
    return {
        "normal": normal,
        "outliers": outliers,
        "with zeros": zeros,
        "all zeros": torch.zeros(4, 64),
        "odd": normal.view(-1)[:4_101].clone(),
        "odd rows": torch.randn(33, 37, generator=generator),
        "less than a block": normal.view(-1)[:10].clone(),
        "even steps": torch.linspace(-1, 1, 6_400).view(64, 100),
        "tiny": normal * 1e-20,
        "many blocks": torch.randn(300, 640, generator=generator),
    }


def error(values: torch.Tensor, *args: object, **options: object) -> float:
    """Size of the mistake over the size of the values."""
    back = nf4.dequantize(nf4.quantize(values, *args, **options))
    return float((back - values).norm() / values.norm())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", list(inputs(0)))
@pytest.mark.parametrize("double_quant", [False, True])
@pytest.mark.parametrize(
    ("quant_type", "blocksize"),
    [("nf4", 64), ("nf4", 128), ("nf4", 512), ("fp4", 64), ("fp4", 512)],
)
def test_bytes_and_values_are_those_of_bitsandbytes(
    bnb, dtype, name, double_quant, quant_type, blocksize
) -> None:
    if OLD and (double_quant or name not in ("normal", "outliers", "many blocks")):
        pytest.skip(WHY)
    options = {"blocksize": blocksize, "quant_type": quant_type}
    for seed in (0, 1):
        values = inputs(seed)[name].to(dtype)
        ours = nf4.quantize(values, double_quant=double_quant, **options)
        packed, state = bnb.quantize_4bit(values, compress_statistics=double_quant, **options)
        assert torch.equal(ours.absmax, state.absmax)
        assert quant_type == "fp4" or torch.equal(ours.packed, packed[:, 0])  # fp4 has two zeros
        if double_quant:
            assert torch.equal(ours.nested_absmax, state.state2.absmax)
            assert torch.equal(ours.offset, state.offset)
        state.shape = torch.Size([values.numel()])  # see the test of rows below
        expected = bnb.dequantize_4bit(packed, state).view(values.shape)
        assert expected.dtype == dtype and torch.equal(nf4.dequantize(ours), expected)


def test_bitsandbytes_takes_wrong_scales_when_a_row_ends_within_a_block(bnb) -> None:
    """On a CPU it quantises all of a matrix in a row and dequantises row by row. Ours does not."""
    values = inputs(0)["normal"]
    theirs = bnb.dequantize_4bit(*bnb.quantize_4bit(values, blocksize=64, quant_type="nf4"))
    wrong = float((theirs - values).norm() / values.norm())
    assert error(values) < 0.1 < wrong, "mended: falcon.py need not care any more"


def test_the_levels_are_those_of_bitsandbytes(bnb) -> None:
    for name in ("nf4", "fp4"):
        assert torch.equal(nf4.codebook(name), bnb.get_4bit_type(name, device="cpu"))
    assert torch.equal(nf4.dynamic_levels(), bnb.create_dynamic_map())


def test_a_learner_who_changes_a_codebook_changes_nothing_else() -> None:
    values = inputs(0)["normal"]
    before = nf4.dequantize(nf4.quantize(values, double_quant=True))
    for levels in (*map(nf4.codebook, nf4.QUANT_TYPES), nf4.normal_levels(), nf4.dynamic_levels()):
        levels.zero_()
    assert torch.equal(nf4.dequantize(nf4.quantize(values, double_quant=True)), before)
    assert nf4.codebook("nf4").max() == 1


def test_what_cannot_be_quantised_is_said() -> None:
    codes = torch.zeros(9, dtype=torch.uint8)
    for wrong, words in ((codes, "floating-point"), (torch.randn(9), "nf4, fp4, int4")):
        with pytest.raises(ValueError, match=words):
            nf4.quantize(wrong, "nf3")


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_layer_is_the_dequantized_one_both_ways(bias: bool, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    layer = NF4Linear(nn.Linear(96, 48, bias=bias).to(dtype))
    plain = dequantized(layer, dtype)
    x = torch.randn(2, 5, 96, dtype=dtype, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    near = dict.fromkeys(("atol", "rtol"), 2e-2 if dtype == torch.bfloat16 else 1e-5)
    torch.testing.assert_close(layer(x), plain(y), **near)
    layer(x).square().sum().backward()
    plain(y).square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad, **near)


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


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("lora_dropout", [0.0, 0.4])
def test_outputs_gradients_and_merged_weights_are_those_of_peft(seed, lora_dropout) -> None:
    ours, theirs = pair(seed, bias=seed % 2 > 0, lora_dropout=lora_dropout)
    xs = [torch.linspace(-2, 2, 360).view(3, 5, 24).requires_grad_() for _ in "ab"]
    outputs, target = [], torch.randn(3, 5, 40)
    for layer, x in zip((ours.train(), theirs.train()), xs, strict=True):
        torch.manual_seed(seed)  # the same inputs are dropped
        outputs.append(layer(x))
        (outputs[-1] * target).sum().backward()
    torch.testing.assert_close(*outputs, atol=1e-5, rtol=1e-5)
    assert torch.allclose(outputs[0], ours.eval()(xs[0]), atol=1e-3) == (not lora_dropout)
    weights = theirs.lora_A["default"].weight, theirs.lora_B["default"].weight
    grads = [xs[0].grad, ours.lora_A.grad, ours.lora_B.grad]
    expected = [xs[1].grad, *(weight.grad for weight in weights)]
    torch.testing.assert_close(grads, expected, atol=1e-4, rtol=1e-4)
    assert ours.base_layer.weight.grad is None
    delta = ours.get_delta_weight()
    theirs.merge()
    merged = ours.base_layer.weight + delta
    assert delta.abs().max() > 0.05
    torch.testing.assert_close(merged, theirs.base_layer.weight, atol=1e-5, rtol=1e-5)


# --- The prediction of memory ---
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
    adapted = get_peft_model(model, LoraConfig(r=8, target_modules="all-linear"))
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
