"""The benchmarks of fine-tuning at small size: what they write, load and measure."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
import torch
from transformers import FalconConfig

from course_lib.finetuning.falcon import has_bitsandbytes, load_base
from course_lib.places import REPOSITORY
from course_lib.transformer.convert import config_of
from course_lib.transformer.scaling import FALCON_7B, parameter_count


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


shape7b, qlora = script("falcon7b_shape"), script("qlora")
SMALL = {
    **shape7b.SHAPE,
    "vocab_size": 4_096,
    "hidden_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
}


def test_the_shape_is_falcon_7b() -> None:
    shape = config_of(FalconConfig(**shape7b.SHAPE))
    assert parameter_count(shape) == parameter_count(FALCON_7B)
    assert (shape.d_model, shape.n_layers, shape.n_heads, shape.n_kv_heads, shape.block_size) == (
        4_544,
        32,
        71,
        1,
        2_048,
    )


def test_shards_are_written_loaded_and_trained(tmp_path: Path) -> None:
    size = shape7b.write_weights(tmp_path / "shape", SMALL)
    shards = sorted(path.name for path in (tmp_path / "shape").glob("*.safetensors"))
    assert len(shards) == 4 and shards[0] == "model-00001-of-00004.safetensors"
    index = json.loads(
        (tmp_path / "shape" / "model.safetensors.index.json").read_text(encoding="utf-8")
    )
    assert index["metadata"]["total_size"] == size and set(index["weight_map"].values()) == set(
        shards
    )
    assert (
        shape7b.stored_shape(tmp_path / "shape") == SMALL and shape7b.stored_shape(tmp_path) is None
    )
    whole = load_base(tmp_path / "shape", four_bit=False).model
    assert sum(p.numel() for p in whole.parameters()) * 2 == size
    weight = whole.get_submodule("transformer.h.1.mlp.dense_h_to_4h").weight
    assert float(weight.std()) == pytest.approx(0.02, rel=0.05)
    facts = shape7b.measure(tmp_path / "shape")
    assert facts["loading"]["measured over predicted"] == pytest.approx(1, rel=0.02)
    assert facts["generation"]["tokens"] in (2, 64)
    if not torch.cuda.is_available():
        step = facts["one training step of 1 × 128 tokens"]
        assert step["loss"] == pytest.approx(8.3, abs=0.5)  # ln 4,096: a random model knows nothing


@pytest.mark.skipif(not has_bitsandbytes(), reason="the plain script needs bitsandbytes")
def test_ours_and_the_plain_script_learn_the_same(tiny: Path) -> None:
    found = qlora.in_turn(str(tiny), 8, 1)
    assert set(found) == {"ours", "plain"} and all(
        one["seconds a step"] > 0 for one in found.values()
    )
    assert found["ours"]["held-out loss"] == pytest.approx(
        found["plain"]["held-out loss"], rel=0.05
    )


def test_quality_is_measured(tiny: Path) -> None:
    found = qlora.quality(str(tiny), 4, 1)
    assert found["linear layers, 4 bits over 16 bits"] < 0.29
    assert found["whole model in 4 bits, measured over predicted"] == pytest.approx(1, rel=0.02)
    assert 0.9 < found["4 bits over 16 bits, mean loss"] < 1.1
