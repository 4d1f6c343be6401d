"""The base model's scripts at small size: trained, interrupted, saved, read, measured."""

import json
import random
import shutil
import signal
import sys
from pathlib import Path
from types import ModuleType

import card_of_mini_falcon as card
import mini_falcon as reader
import numpy as np
import pytest
import torch
import train_mini_falcon as training

from course_lib.transformer.bpe import BPETokenizer
from course_lib.transformer.convert import from_falcon
from course_lib.workbook.corpus import load_corpus
from course_lib.workbook.models import load_model


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def small(patch: pytest.MonkeyPatch) -> None:
    """The script on the handbook with a tiny shape."""
    shape = dict(vocab_size=400, hidden_size=32, num_hidden_layers=2, num_attention_heads=4)
    patch.setattr(training, "SHAPE", training.SHAPE | shape | {"max_position_embeddings": 128})
    patch.setattr(training, "load_corpus", lambda _: load_corpus("handbook"))
    patch.setattr(training, "compiled", lambda model: model)
    for name, value in dict(VOCABULARY=400, LENGTH=96, BATCH=2, HEAD=8).items():
        patch.setattr(training, name, value)


def run(patch: pytest.MonkeyPatch, module: ModuleType, *arguments: object) -> None:
    patch.setattr(sys, "argv", ["script", *map(str, arguments)])
    module.main()


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """The model after 6 steps."""
    work, out = (tmp_path_factory.mktemp("trained") / name for name in ("work", "mini-falcon"))
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        run(patch, training, "--steps", 6, "--work", work, "--out", out)
    return out


def test_it_saves_a_falcon_with_a_chat_template(trained: Path) -> None:
    facts = read(trained / "training.json")
    assert facts["steps"] == 6 and facts["data"]["used"] > 10
    model, tokenizer = load_model(trained)
    assert model.config.model_type == "falcon" and model.dtype == torch.bfloat16
    assert tokenizer.pad_token_id == 1 != tokenizer.eos_token_id == 0
    asked = [{"role": "user", "content": "hello"}]
    chat = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=False)
    assert chat[0] == 3 and chat[-1] == 4 and 5 in chat
    assert len(read(trained / "held_out.json")["sha256, first 16 digits"]) >= 3


@torch.no_grad()
def test_three_programs_give_the_same_logits_and_greedy_tokens(trained: Path) -> None:
    theirs, _ = load_model(trained, dtype=torch.float32)
    small_one = reader.MiniFalcon(trained)
    ids, cache = torch.randint(6, 400, (1, 40)), {}
    expected = theirs(ids).logits[0]
    spans = ((0, 7), (7, 8), (8, 40))
    in_parts = [small_one.logits(ids[0, a:b].tolist(), cache) for a, b in spans]
    at_once = small_one.logits(ids[0].tolist(), {})
    for found in (from_falcon(theirs)(ids)[0], at_once, torch.cat(in_parts)):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    start, options = ids[:, :10], dict(max_new_tokens=12, do_sample=False, pad_token_id=1)
    expected = theirs.generate(start, **options)[0, 10:].tolist()
    found = list(small_one.generate(start[0].tolist(), 12, temperature=0))
    assert found == expected[: len(found)] and (len(found) == 12 or expected[len(found)] == 0)


def test_the_short_tokenizer_gives_the_same_ids(trained: Path) -> None:
    path, rng = trained / "tokenizer.json", random.Random(0)
    short, ours = reader.Tokenizer(path), BPETokenizer.load(path)
    texts = list(load_corpus("handbook").texts())[:20]
    texts += ["x² ½ Ⅷ _a_ 温室\u3000室\n\t  don't\x85'll 🌱a\u0301 "]
    alphabet = "ab 1²½_\n\té温🌱'’.,\u00a0\u2003Ⅷ٣"
    texts += ["".join(rng.choices(alphabet, k=30)) for _ in range(2_000)]
    for text in texts:
        assert short.encode(text) == ours.encode(text)
        assert short.decode(ours.encode(text)) == text


@pytest.mark.parametrize("damage", ["cut", "other shape", "no tokenizer"])
def test_damaged_files_get_one_sentence(trained: Path, tmp_path, damage: str, monkeypatch) -> None:
    folder = shutil.copytree(trained, tmp_path / "model")
    if damage == "cut":
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "other shape":
        config = read(folder / "config.json") | {"num_hidden_layers": 5}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    else:
        (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(reader, "FOLDER", folder)
    with pytest.raises(SystemExit, match="clone the repository again"):
        run(monkeypatch, reader, "Hello")


def test_an_interrupted_training_goes_on(tmp_path, monkeypatch) -> None:
    work, out = tmp_path / "work", tmp_path / "out"
    small(monkeypatch)
    draw, drawn = training.batches, []

    def stopped(*given: object) -> object:
        drawn.append(1)
        if len(drawn) == 2:
            signal.raise_signal(signal.SIGINT)
        return draw(*given)

    monkeypatch.setattr(training, "batches", stopped)
    asked = ("--steps", 5, "--work", work, "--out", out)
    with pytest.raises(SystemExit, match="goes on from here"):
        run(monkeypatch, training, *asked)
    assert not out.exists() and len(drawn) == 2
    run(monkeypatch, training, *asked)
    facts = read(out / "training.json")
    assert facts["steps"] == 5 == len(drawn) and "--width 32 --layers 2" in facts["command"]
    with pytest.raises(SystemExit, match="a training of 2 steps"):  # longer than what is asked
        run(monkeypatch, training, "--steps", 1, "--work", work, "--out", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_passages_that_were_trained_on_are_found(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    monkeypatch.setattr(card, "LENGTH", 64)
    old, new = rng.integers(6, 400, 5_000), rng.integers(6, 400, 600)
    new[100:150] = old[2_000:2_050]
    shared = card.shared_passages(new, old)
    assert shared[100:150].all() and shared.sum() == 50
