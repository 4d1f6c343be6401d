"""Loading models: a real small Falcon, and everything that can be wrong with a folder."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import FalconConfig, FalconForCausalLM, PreTrainedTokenizerFast

from course_lib.errors import CourseError
from course_lib.workbook import models
from course_lib.workbook.models import load_model


@pytest.fixture(scope="module")
def falcon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Falcon of a few thousand weights, saved as transformers saves it."""
    folder = tmp_path_factory.mktemp("falcon")
    torch.manual_seed(0)
    config = FalconConfig(vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2)
    FalconForCausalLM(config).save_pretrained(folder)
    words = {f"w{n}": n for n in range(20)}
    PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel(words, "w0"))).save_pretrained(
        folder
    )
    return folder


def test_a_folder_loads_with_its_tokenizer_in_evaluation_mode(falcon: Path) -> None:
    model, tokenizer = load_model(falcon)
    assert not model.training and model.config.vocab_size == len(tokenizer) == 20
    assert model(torch.tensor([[1, 2]])).logits.shape == (1, 2, 20)


def test_options_reach_the_library(falcon: Path) -> None:
    model, _ = load_model(falcon, dtype=torch.bfloat16, attn_implementation="eager")
    assert model.dtype == torch.bfloat16


def test_damaged_weights_are_one_sentence(falcon: Path, tmp_path: Path) -> None:
    for file in falcon.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CourseError, match="fetch them again"):
        load_model(tmp_path)


def test_pickled_weights_are_refused(falcon: Path, tmp_path: Path) -> None:
    for file in falcon.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    model, _ = load_model(falcon)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(CourseError, match="safetensors"):
        load_model(tmp_path)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="no config.json"):
        load_model(tmp_path)


def test_a_name_that_is_nothing() -> None:
    with pytest.raises(CourseError, match="There is no model 'mega-falcon'"):
        load_model("mega-falcon")


def test_the_hub_out_of_reach_is_one_sentence() -> None:
    with pytest.raises(CourseError, match="could not be fetched from the hub"):
        load_model("tiiuae/falcon-7b-not-cached-here")


def test_the_shipped_model_loads_without_a_bar(capfd: pytest.CaptureFixture) -> None:
    models.load_model("mini-falcon")
    told = capfd.readouterr()
    assert told.err == "" and told.out == ""


def test_what_is_held_out_is_known_by_its_hash() -> None:
    listed = models.held_out_hashes("mini-falcon")
    assert len(listed) > 1_000 and all(len(number) == 16 for number in listed)
    assert (
        models.text_hash("file") == "3b9c358f36f0a31b"
        and models.held_out_hashes("no-such-model") == frozenset()
    )


def test_what_is_held_out_here_was_held_out_there() -> None:
    """Documents that this Python shares with the machine of the training lie on the same side of the split."""
    from course_lib.workbook.corpus import load_corpus

    corpus, listed = load_corpus("python-docs"), models.held_out_hashes("mini-falcon")
    sides = {
        side: {models.text_hash(text) for text in part.texts()} & listed
        for side, part in (("held out", corpus.validation), ("training", corpus.train))
    }
    assert len(sides["held out"]) > 100 and len(sides["training"]) < 0.05 * len(sides["held out"])
