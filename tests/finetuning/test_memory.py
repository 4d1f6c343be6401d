"""The prediction: Falcon-7B's published arithmetic, and the bytes of a real small model."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tiny_falcon import save_falcon
from transformers import FalconForCausalLM

from course_lib.errors import CourseError
from course_lib.finetuning.falcon import load_base
from course_lib.finetuning.memory import (
    LAYERS,
    METHODS,
    adapter_parameters,
    estimate,
    largest_batch,
    layer_shapes,
    measured,
    what_fits,
)
from course_lib.finetuning.nf4_linear import quantise_layers
from course_lib.finetuning.train import Recipe, fine_tune, with_adapter
from course_lib.transformer.convert import config_of
from course_lib.transformer.scaling import FALCON_7B, parameter_count


def test_falcon_7b_comes_out() -> None:
    count = parameter_count(FALCON_7B)
    assert count.total == 6_921_720_704 and count.linear == pytest.approx(6.6260e9, rel=1e-4)
    half, four = estimate(FALCON_7B, "inference"), estimate(FALCON_7B, "qlora", rank=16)
    assert half.model == pytest.approx(13.84e9, rel=1e-3)
    assert four.linear == pytest.approx(3.313e9, rel=1e-3)
    assert four.scales == pytest.approx(0.105e9, rel=5e-3)
    assert estimate(FALCON_7B, "qlora", double=False).scales == pytest.approx(0.414e9, rel=1e-3)
    assert four.embedding == pytest.approx(0.591e9, rel=1e-3)
    assert estimate(FALCON_7B, "qlora", rest_bytes=4).embedding == pytest.approx(1.18e9, rel=5e-3)
    assert adapter_parameters(FALCON_7B, 16) == 32_636_928
    assert adapter_parameters(FALCON_7B, 16, (name for name in ("dense", "query_key_value"))) > 0
    assert four.states == pytest.approx(0.52e9, rel=5e-3)
    assert four.model < 5e9 and adapter_parameters(FALCON_7B, 16) / count.total < 1 / 200
    assert (
        estimate(FALCON_7B, "full").model + estimate(FALCON_7B, "full").states == 16 * count.total
    )
    assert four.linear + four.scales < 0.29 * half.linear


def test_more_of_anything_needs_more() -> None:
    base = estimate(FALCON_7B, "qlora", 2, 512)
    for larger in (
        estimate(FALCON_7B, "qlora", 4, 512),
        estimate(FALCON_7B, "qlora", 2, 1024),
        estimate(FALCON_7B, "qlora", 2, 512, rank=64),
        estimate(FALCON_7B, "qlora", 2, 512, checkpointing=False),
        estimate(FALCON_7B, "lora", 2, 512),
    ):
        assert larger.total > base.total
    totals = [estimate(FALCON_7B, method).total for method in METHODS[:3]]
    assert totals == sorted(totals, reverse=True)


def test_what_fits() -> None:
    assert what_fits(FALCON_7B, 13 * 10**9) == ["qlora", "inference in 4 bits"]
    assert what_fits(FALCON_7B, 24 * 10**9) == list(METHODS[1:])
    assert "full" not in what_fits(FALCON_7B, 80 * 10**9) and what_fits(FALCON_7B, 10**9) == []
    most = largest_batch(FALCON_7B, 16 * 10**9)
    assert estimate(FALCON_7B, batch=most).total <= 16e9 < estimate(FALCON_7B, batch=most + 1).total
    assert largest_batch(FALCON_7B, 10**9) == 0


def test_nonsense_is_refused() -> None:
    for call in (
        lambda: estimate(FALCON_7B, "magic"),
        lambda: estimate(FALCON_7B, batch=0),
        lambda: adapter_parameters(FALCON_7B, 4, ["lm_head"]),
    ):
        with pytest.raises(CourseError):
            call()


def test_layers_have_the_shapes_of_transformers(tiny: Path) -> None:
    model = FalconForCausalLM.from_pretrained(tiny)
    for name, shape in layer_shapes(config_of(model.config)).items():
        found = [tuple(m.weight.shape) for n, m in model.named_modules() if n.endswith(f".{name}")]
        assert found == [shape] * 2


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_weights_and_states_are_those_measured(
    tiny: Path, double: bool, dtype: torch.dtype
) -> None:
    model = FalconForCausalLM.from_pretrained(tiny, dtype=dtype)
    config, kind = config_of(model.config), dtype.itemsize
    before, plain = measured(model), estimate(config, "inference", kind_bytes=kind)
    assert (before.linear, before.scales) == (plain.linear, 0)
    assert before.rest == pytest.approx(plain.embedding + plain.norms, rel=0.02)
    names = [name for name, _ in model.named_modules() if name.rsplit(".", 1)[-1] in LAYERS]
    quantise_layers(model, names, double)
    adapted = get_peft_model(model, LoraConfig(r=8, target_modules=list(LAYERS)))
    after, predicted = (
        measured(adapted),
        estimate(config, "qlora", rank=8, double=double, kind_bytes=kind),
    )
    assert (after.linear, after.scales, after.trained) == (
        predicted.linear,
        predicted.scales,
        predicted.adapter,
    )
    assert after.model == pytest.approx(predicted.model, rel=0.02)
    optimiser = torch.optim.AdamW([p for p in adapted.parameters() if p.requires_grad])
    adapted(
        torch.ones(1, 4, dtype=torch.long), labels=torch.ones(1, 4, dtype=torch.long)
    ).loss.backward()
    optimiser.step()
    moments = sum(
        v.numel() * v.element_size() for s in optimiser.state.values() for v in s.values() if v.ndim
    )
    gradients = sum(
        p.grad.numel() * p.grad.element_size() for p in adapted.parameters() if p.grad is not None
    )
    assert (moments, gradients) == (predicted.optimiser, predicted.gradients)


@pytest.mark.parametrize(("batch", "length"), [(1, 64), (4, 32)])
def test_activations_are_those_that_are_kept(tiny: Path, batch: int, length: int) -> None:
    """What autograd saves in a full-precision step, the logits left out, within a quarter."""
    model = FalconForCausalLM.from_pretrained(tiny)
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        state = model.transformer(torch.randint(6, 300, (batch, length))).last_hidden_state
    predicted = estimate(
        config_of(model.config), "full", batch, length, kind_bytes=4, checkpointing=False
    )
    assert state.requires_grad and sum(kept.values()) == pytest.approx(
        predicted.activations, rel=0.25
    )


def test_on_mini_falcon_as_it_is_loaded() -> None:
    """The model that ships, through the call of the notebook, by bitsandbytes where it is installed."""
    base = load_base("mini-falcon")
    predicted = estimate(
        config_of(base.model.config), "qlora", rank=16, kind_bytes=base.model.dtype.itemsize
    )
    found = measured(with_adapter(base, Recipe(1, rank=16)))
    assert found.linear == predicted.linear and found.trained == predicted.adapter
    assert found.scales == pytest.approx(predicted.scales, rel=0.02)
    assert found.model == pytest.approx(predicted.model, rel=0.02)


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="the peak of a training step is measured on a GPU"
)
@pytest.mark.parametrize("checkpointing", [False, True])
def test_on_a_gpu_the_peak_is_as_predicted(tmp_path: Path, checkpointing: bool) -> None:
    """A Falcon large enough that weights and activations dominate; the allocator's own number within a tenth."""
    wide = save_falcon(
        tmp_path / "wide", hidden_size=2048, num_attention_heads=32, num_hidden_layers=8
    )
    base = load_base(wide)
    batch, length = 8, 128
    rows = [{"input_ids": [7 + n % 300 for n in range(length)], "labels": [7] * length}] * (
        2 * batch
    )
    recipe = Recipe(
        2, batch=batch, rank=16, checkpointing=checkpointing, evaluate_every=2, dropout=0.0
    )
    torch.cuda.reset_peak_memory_stats()
    fine_tune(base, rows, rows[:1], recipe, tmp_path / "run")
    config = config_of(base.model.config)
    predicted = estimate(config, "qlora", batch, length, kind_bytes=2, checkpointing=checkpointing)
    assert torch.cuda.max_memory_allocated() == pytest.approx(predicted.total, rel=0.1)
