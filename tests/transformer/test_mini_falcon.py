"""The base model's scripts at small size: trained, interrupted, saved, read, measured."""

import json
import signal
import sys
from pathlib import Path
from types import ModuleType

import card_of_mini_falcon as card
import numpy as np
import pytest
import torch
import train_mini_falcon as training

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
def test_our_transformer_gives_its_logits(trained: Path) -> None:
    theirs, _ = load_model(trained, dtype=torch.float32)
    ids = torch.randint(6, 400, (1, 40))
    torch.testing.assert_close(from_falcon(theirs)(ids), theirs(ids).logits, atol=1e-4, rtol=1e-4)


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
