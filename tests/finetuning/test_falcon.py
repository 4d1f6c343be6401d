"""Each trap of the libraries, reproduced and shown cured; and what is refused."""

import contextlib
import copy
from pathlib import Path

import pytest
import torch
from tiny_falcon import save_falcon
from transformers import AutoModelForCausalLM, DataCollatorForLanguageModeling

from course_lib.errors import CourseError
from course_lib.finetuning import falcon
from course_lib.finetuning.falcon import (
    check_room,
    choose_name,
    choose_padding,
    compute_type,
    load_base,
    verify,
)
from course_lib.finetuning.memory import LAYERS
from course_lib.finetuning.train import FinetuneConfig, add_adapter
from course_lib.workbook.machine import Machine

NEEDS = pytest.mark.skipif(
    not falcon.has_bitsandbytes(), reason="bitsandbytes is not installed (no wheel, or Colab)"
)
BOTH = pytest.mark.parametrize(
    "use_bitsandbytes", [pytest.param(True, marks=NEEDS), False], ids=["bitsandbytes", "course"]
)


def machine(name: str, gigabytes: int, capability: tuple[int, int]) -> Machine:
    options = {"gpu_memory": gigabytes * 10**9, "gpu_capability": capability}
    return Machine("3.12", "Linux", 2, None, None, None, gpu_name=name, **options)


T4, A10 = machine("T4", 16, (7, 5)), machine("A10", 24, (8, 6))
LAPTOP = Machine("3.12", "Linux", 2, None, None, None)


@BOTH
def test_a_base_in_four_bits(tiny: Path, use_bitsandbytes: bool) -> None:
    base = load_base(tiny, use_bitsandbytes=use_bitsandbytes)
    assert base.quantized_by == ("bitsandbytes" if use_bitsandbytes else "course")
    assert len(base.layers) == 8
    assert not any(p.requires_grad for p in base.model.parameters()) and not base.model.training
    whole = load_base(tiny, four_bit=False)
    ids = torch.randint(6, 300, (2, 20))
    with torch.no_grad():
        rounded, exact = base.model(ids).logits, whole.model(ids).logits
    assert 0 < (rounded - exact).std() / exact.std() < 0.3


@NEEDS
@torch.no_grad()
def test_our_four_bits_and_those_of_bitsandbytes_give_the_same_logits(tiny: Path) -> None:
    ids = torch.randint(6, 300, (2, 20))
    ours, theirs = (load_base(tiny, use_bitsandbytes=on).model(ids).logits for on in (False, True))
    # Not nearer: before 0.50 bitsandbytes seeks the level of a scale in another way.
    torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=1e-3)


def test_without_bitsandbytes_the_layer_is_ours(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(falcon, "has_bitsandbytes", lambda: False)
    assert load_base(tiny).quantized_by == "course"
    assert load_base(tiny, four_bit=False).quantized_by == ""


@NEEDS
def test_the_trap_falcon_silently_stays_in_sixteen_bits_and_is_found_out(tiny: Path) -> None:
    """Fails when transformers puts Falcon into 4 bits by itself: then ``quantizable`` may go."""
    settings = falcon.four_bit_settings(torch.float32)
    model = AutoModelForCausalLM.from_pretrained(
        tiny, quantization_config=settings, device_map={"": "cpu"}
    )
    names = falcon.linear_layers(model)
    assert not any(falcon.is_four_bit(model.get_submodule(name)) for name in names), (
        "mended by transformers"
    )
    with pytest.raises(CourseError, match="0 of 8 linear layers"):
        verify(falcon.Base(model, None, "it", "bitsandbytes", names))


@NEEDS
def test_without_the_cure_loading_raises_and_nothing_stays_patched(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers.models.falcon import modeling_falcon

    theirs = modeling_falcon.FalconLinear
    load_base(tiny)
    assert modeling_falcon.FalconLinear is theirs is not torch.nn.Linear
    monkeypatch.setattr(falcon, "quantizable", contextlib.nullcontext)
    with pytest.raises(CourseError, match="requirements.lock"):
        load_base(tiny)


def gradients_before_and_after(base: falcon.Base) -> tuple[list, list]:
    """An adapter's gradients, an evaluation, and the gradients again."""
    model, ids = (
        add_adapter(base, FinetuneConfig(1, r=4, lora_dropout=0.0)),
        torch.randint(6, 300, (2, 24)),
    )

    def gradient() -> list[torch.Tensor]:
        model.train().zero_grad()
        model(ids, labels=ids).loss.backward()
        return [p.grad.clone() for name, p in model.named_parameters() if "lora_B" in name]

    before = gradient()
    with torch.no_grad():
        model.eval()(ids)
    return before, gradient()


@BOTH
def test_an_evaluation_leaves_the_gradients_alone(tiny: Path, use_bitsandbytes: bool) -> None:
    base = load_base(tiny, use_bitsandbytes=use_bitsandbytes)
    before, after = gradients_before_and_after(base)
    assert before[0].norm() > 0
    torch.testing.assert_close(before, after, atol=1e-6, rtol=1e-4)


@NEEDS
@pytest.mark.filterwarnings("ignore")
def test_the_trap_gradients_are_lost_after_an_evaluation(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when bitsandbytes stops repacking: then ``keep_packing`` may go."""
    from bitsandbytes.functional import has_avx512bf16

    if not has_avx512bf16():
        pytest.skip("this processor has no AVX512-BF16, so bitsandbytes does not repack here")
    monkeypatch.setattr(falcon, "keep_packing", lambda model: None)
    before, after = gradients_before_and_after(load_base(tiny))
    assert after[0].norm() < 0.5 * before[0].norm(), "mended by bitsandbytes"


def test_rows_that_end_within_a_block_get_our_layer(tmp_path: Path) -> None:
    odd = save_falcon(tmp_path / "odd", hidden_size=96)
    assert load_base(odd).quantized_by == "course"


def test_the_trap_padding_with_the_end_of_text_hides_it_and_is_cured(tiny: Path) -> None:
    base = load_base(tiny, use_bitsandbytes=False)
    base.tokenizer.pad_token = base.tokenizer.eos_token
    rows = [{"input_ids": [9, 8, 7, 0]}, {"input_ids": [9, 0]}]
    trapped = DataCollatorForLanguageModeling(base.tokenizer, mlm=False)(copy.deepcopy(rows))[
        "labels"
    ]
    assert not (trapped == 0).any(), "mended by transformers"
    chosen = choose_padding(base.model, base.tokenizer)
    assert (
        chosen not in (0, None)
        and base.model.config.pad_token_id == chosen < base.model.config.vocab_size
    )
    cured = DataCollatorForLanguageModeling(base.tokenizer, mlm=False)(copy.deepcopy(rows))[
        "labels"
    ]
    assert (cured == 0).sum() == 2


def test_a_tampered_size_is_found_out(tiny: Path) -> None:
    base = load_base(tiny, use_bitsandbytes=False)
    layer = base.model.get_submodule(base.layers[0])
    layer.weight = torch.nn.Parameter(layer.weight.repeat(9, 1), requires_grad=False)
    with pytest.raises(CourseError, match="bytes of linear"):
        verify(base)


def test_the_choice_of_model_and_type() -> None:
    assert [compute_type(m) for m in (T4, A10, LAPTOP)] == [
        torch.float16,
        torch.bfloat16,
        torch.float32,
    ]
    assert (
        choose_name(A10, 23 * 10**9, hub=True)
        == choose_name(T4, 15 * 10**9, hub=True)
        == falcon.LARGE
    )
    assert (
        choose_name(A10, 23 * 10**9, hub=False) == choose_name(A10, 3 * 10**9, True) == falcon.SMALL
    )
    assert choose_name(LAPTOP, None, True) == falcon.SMALL


def test_too_little_room_is_said_before_the_download(tiny: Path) -> None:
    config = falcon.read_config(tiny)
    check_room("it", config, True, 10**9)
    with pytest.raises(CourseError, match="what fits is inference in 4 bits"):
        check_room("it", config, True, 700_000)
    with pytest.raises(CourseError, match="smaller model"):
        check_room("it", config, True, 1_000)


def test_nothing_is_fetched_when_it_would_not_fit(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(falcon, "_free_gpu_memory", lambda: 700_000)
    monkeypatch.setattr(
        falcon, "load_model", lambda *_, **__: pytest.fail("weights were asked for")
    )
    with pytest.raises(
        CourseError, match=r"of GPU memory and 0\.0 GB are free: what fits is inference in 4 bits"
    ):
        load_base(tiny)


def test_a_gated_model_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoConfig

    def refused(*_: object, **__: object) -> None:
        raise OSError("You are trying to access a gated repo. 401 Client Error.")

    monkeypatch.setattr(AutoConfig, "from_pretrained", refused)
    with pytest.raises(
        CourseError, match="configuration of owner/model .* gated model wants its licence accepted"
    ):
        load_base("owner/model")


def test_the_ground_is_as_the_course_knows_it(tiny: Path) -> None:
    """Fails loudly when a version of transformers, peft or bitsandbytes moves what ``falcon.py`` stands on."""
    from transformers import FalconForCausalLM
    from transformers.models.falcon import modeling_falcon

    config = falcon.read_config(tiny)
    assert modeling_falcon.FalconLinear is not torch.nn.Linear, (
        "Falcon has plain layers now: `quantizable` may go"
    )
    theirs = FalconForCausalLM(config)
    assert {type(theirs.get_submodule(name)) for name in falcon.linear_layers(theirs)} == {
        modeling_falcon.FalconLinear
    }
    with falcon.quantizable():
        plain = FalconForCausalLM(config)
    names = falcon.linear_layers(plain)
    assert len(names) == 4 * config.num_hidden_layers and {
        name.rsplit(".", 1)[-1] for name in names
    } == set(LAYERS)
    assert {type(plain.get_submodule(name)) for name in names} == {torch.nn.Linear}, (
        "`quantizable` does nothing"
    )
    assert theirs.state_dict().keys() == plain.state_dict().keys()
    if falcon.has_bitsandbytes():
        from bitsandbytes.nn import Linear4bit

        layer = Linear4bit(64, 64, bias=False)
        assert hasattr(layer, "support_avx512bf16_for_cpu"), (
            "bitsandbytes repacks by another name: see `keep_packing`"
        )


def test_a_silent_hub_and_a_cut_shard_are_one_sentence(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="configuration of nobody/nothing-here cannot be read"):
        load_base("nobody/nothing-here")
    for file in tiny.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1_000])
    with pytest.raises(CourseError, match="damaged"):
        load_base(tmp_path)


def test_weight_files_are_read_and_not_mapped(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import modeling_utils

    theirs, asked = modeling_utils.safe_open, []

    def noting(*given: object, **named: object) -> object:
        asked.append(named.get("backend"))
        return theirs(*given, **named)

    monkeypatch.setattr(modeling_utils, "safe_open", noting)
    read = falcon.load_base(tiny, four_bit=False)
    assert asked and modeling_utils.safe_open is noting
    assert set(asked) == {"pread"}
    mapped = AutoModelForCausalLM.from_pretrained(tiny, dtype=read.model.dtype).state_dict()
    assert asked[-1] != "pread", "transformers does not map any more: `unmapped` may go"
    for name, weight in read.model.state_dict().items():
        assert torch.equal(weight, mapped[name]), name
