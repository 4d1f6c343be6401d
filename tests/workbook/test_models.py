"""Loading models: a real small Falcon, and everything that can be wrong with a folder."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from course_lib.errors import CourseError
from course_lib.workbook import models
from course_lib.workbook.models import load_model


def test_a_folder_loads_with_its_tokenizer_in_evaluation_mode(tiny: Path) -> None:
    model, tokenizer = load_model(tiny, dtype=torch.bfloat16)
    assert not model.training and model.dtype == torch.bfloat16
    assert model.config.vocab_size == len(tokenizer)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [("cut", "fetch them again"), ("pickled", "safetensors"), ("lacking", "lack transformer")],
)
def test_bad_weights_are_one_sentence(damage: str, sentence: str, tiny: Path, tmp_path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    weights.unlink()
    if damage == "cut":
        weights.write_bytes((tiny / weights.name).read_bytes()[:-100])
    elif damage == "pickled":
        torch.save(tensors, folder / "pytorch_model.bin")
    else:
        del tensors["transformer.ln_f.bias"]
        save_file(tensors, weights, {"format": "pt"})
    with pytest.raises(CourseError, match=sentence):
        load_model(folder)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (".", "a folder with a config.json"),
        ("falcon-7b", "falcon-7b wants a GPU .*: take smollm2"),
        ("mega-falcon", "There is no model 'mega-falcon'"),
        ("tiiuae/falcon-7b-not-cached-here", "could not be fetched from the hub"),
    ],
)
def test_what_is_no_model_is_one_sentence(name: str, sentence: str, monkeypatch) -> None:
    monkeypatch.setattr(models, "look", lambda: SimpleNamespace(gpu_name=None, number_type="auto"))
    with pytest.raises(CourseError, match=sentence):
        load_model(name)


def test_the_shipped_model_loads_without_a_bar(capfd) -> None:
    assert load_model("mini-falcon")[0].dtype == torch.float32
    told = capfd.readouterr()
    assert told.err == "" and told.out == ""
