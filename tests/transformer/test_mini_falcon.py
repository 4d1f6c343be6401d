"""The base model's scripts at small size, and the GPT on one page."""

import json
import signal
import sys
from pathlib import Path
from types import ModuleType

import card_of_mini_falcon as card
import mini_gpt_in_one_page as page
import numpy as np
import one_page
import pytest
import torch
import train_mini_falcon as training

from course_lib.workbook.corpus import load_corpus
from course_lib.workbook.models import load_model
from course_lib.workbook.settings import read_json


# --- The GPT on one page ---
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
    facts = read_json(trained / "training.json")
    assert facts["steps"] == 6 and facts["data"]["used"] > 10
    model, tokenizer = load_model(trained)
    assert model.config.model_type == "falcon" and model.dtype == torch.bfloat16
    assert tokenizer.pad_token_id == 1 != tokenizer.eos_token_id == 0
    asked = [{"role": "user", "content": "hello"}]
    chat = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=False)
    assert chat[0] == 3 and chat[-1] == 4 and 5 in chat
    assert len(read_json(trained / "held_out.json")["sha256, first 16 digits"]) >= 3


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
    facts = read_json(out / "training.json")
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


@pytest.fixture
def tiny_page(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in dict(BLOCK_SIZE=16, D_MODEL=16, N_HEADS=2, N_LAYERS=2, MERGES=40).items():
        monkeypatch.setattr(page, name, value)


@pytest.mark.parametrize("seed", range(5))
def test_it_learns_the_songbook_and_writes(tiny_page: None, seed: int) -> None:
    text = "\n".join(path.read_text("utf-8") for path in sorted(page.SONGS.glob("*.txt"))[:20])
    tokenizer = page.Tokenizer(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode(text)) < 0.8 * len(text.encode())
    torch.manual_seed(seed)
    model, data = page.GPT(), torch.tensor(tokenizer.encode(text))
    with torch.no_grad():
        before = page.loss_of(model, data, 64)
    page.train(model, data, 60)
    with torch.no_grad():
        after = page.loss_of(model, data, 64)
    assert abs(before - torch.tensor(256.0 + 40).log()) < 0.3 and after < before - 0.7
    assert len(page.write(model, [10], 20)) == 21


def test_too_little_text_gets_a_sentence(tmp_path) -> None:
    (tmp_path / "short.txt").write_text("The leeks want water.")
    with pytest.raises(SystemExit, match="21 characters in .txt files: 20,000 are needed"):
        page.main(str(tmp_path))


def test_three_ways_give_the_same_scores(tiny_page: None, tmp_path) -> None:
    one_page.main(["--tokens", "6", "--rounds", "1"], tmp_path / "result.json")
    record = json.loads((tmp_path / "result.json").read_text())
    assert record["largest difference of a score"] < 1e-4
    assert set(record["milliseconds"]) == {"loops", "NumPy", "torch"}
