"""The base model's scripts, at small size: trained, interrupted, saved, read by three programs, measured."""

import importlib.util
import json
import random
import shutil
import signal
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from course_lib.places import REPOSITORY
from course_lib.transformer.bpe import BPETokenizer
from course_lib.transformer.convert import from_falcon
from course_lib.workbook.corpus import load_corpus
from course_lib.workbook.models import load_model


def script(name: str, folder: str = "assets/models") -> ModuleType:
    path = REPOSITORY / folder / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModuleType, Path, Path]:
    """The training script on the handbook, with a tiny shape; stopped after 3 steps and taken up again to 6."""
    training = script("train_mini_falcon")
    work, out = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("models") / "mini-falcon"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "load_corpus", lambda _: load_corpus("handbook"))
        patch.setattr(training, "compiled", lambda model, *_: model)
        patch.setattr(training, "VOCABULARY", 400)
        patch.setattr(training, "LENGTH", 96)
        patch.setattr(training, "BATCH", 2)
        patch.setattr(training, "HEAD", 8)
        shape = {
            "vocab_size": 400,
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
        }
        patch.setattr(
            training, "SHAPE", {**training.SHAPE, **shape, "max_position_embeddings": 128}
        )
        for steps in ("3", "6"):
            patch.setattr(
                sys, "argv", ["train", "--steps", steps, "--work", str(work), "--out", str(out)]
            )
            if steps == "3":
                patch.setattr(training, "train", stopping_after(training.train, 3))
            training.main()
    return training, work, out


def stopping_after(train: object, steps: int) -> object:
    """The same loop with a checkpoint at every step."""

    def shortened(*arguments: object, **options: object) -> object:
        model, draw, loss, plan = arguments
        return train(
            model, draw, loss, plan.__class__(**{**vars(plan), "save_every": 1}), **options
        )

    return shortened


def test_it_goes_on_where_it_stopped_and_saves_a_falcon(trained: tuple) -> None:
    _, _, out = trained
    facts = json.loads((out / "training.json").read_text(encoding="utf-8"))
    assert facts["steps"] == 6 and facts["data"]["used"] > 10
    model, tokenizer = load_model(out)
    assert model.config.model_type == "falcon" and model.dtype == torch.bfloat16
    assert tokenizer.pad_token_id == 1 != tokenizer.eos_token_id == 0
    chat = tokenizer.apply_chat_template(
        [{"role": "user", "content": "hello"}], add_generation_prompt=True, return_dict=False
    )
    assert chat[0] == 3 and chat[-1] == 4 and 5 in chat
    assert (
        len(
            json.loads((out / "held_out.json").read_text(encoding="utf-8"))[
                "sha256, first 16 digits"
            ]
        )
        >= 3
    )


@torch.no_grad()
def test_three_programs_give_the_same_logits(trained: tuple) -> None:
    _, _, out = trained
    theirs, _ = load_model(out, dtype=torch.float32)
    reader = script("mini_falcon")
    small = reader.MiniFalcon(out)
    ids = torch.randint(6, 400, (1, 40))
    expected = theirs(ids).logits[0]
    torch.testing.assert_close(from_falcon(theirs)(ids)[0], expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(small.logits(ids[0].tolist(), {}), expected, atol=1e-4, rtol=1e-4)
    cache: dict = {}
    parts = [
        small.logits(ids[0, start:end].tolist(), cache) for start, end in ((0, 7), (7, 8), (8, 40))
    ]
    torch.testing.assert_close(torch.cat(parts), expected, atol=1e-4, rtol=1e-4)


def test_the_short_tokenizer_gives_the_same_ids(trained: tuple) -> None:
    _, _, out = trained
    reader, rng = script("mini_falcon"), random.Random(0)
    short, ours = (
        reader.Tokenizer(out / "tokenizer.json"),
        BPETokenizer.load(out / "tokenizer.json"),
    )
    texts = list(load_corpus("handbook").texts())[:20] + [
        "x² ½ Ⅷ _a_ 温室\u3000室\n\t  don't\x85'll 🌱a\u0301 "
    ]
    alphabet = "ab 1²½_\n\té温🌱'’.,\u00a0\u2003Ⅷ٣"
    texts += ["".join(rng.choices(alphabet, k=30)) for _ in range(2_000)]
    for text in texts:
        assert short.encode(text) == ours.encode(text)
        assert short.decode(ours.encode(text)) == text


def test_greedy_writing_is_that_of_transformers(trained: tuple) -> None:
    _, _, out = trained
    theirs, _ = load_model(out, dtype=torch.float32)
    ids = list(range(20, 30))
    expected = theirs.generate(
        torch.tensor([ids]), max_new_tokens=12, do_sample=False, pad_token_id=1
    )[0, 10:].tolist()
    found = list(script("mini_falcon").MiniFalcon(out).write(ids, 12, temperature=0))
    assert found == expected[: len(found)] and (len(found) == 12 or expected[len(found)] == 0)


@pytest.mark.parametrize("damage", ["cut", "other shape", "no tokenizer"])
def test_damaged_files_get_one_sentence(trained: tuple, tmp_path: Path, damage: str) -> None:
    _, _, out = trained
    reader, folder = script("mini_falcon"), shutil.copytree(out, tmp_path / "model")
    if damage == "cut":
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "other shape":
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(
            json.dumps({**config, "num_hidden_layers": 5}), encoding="utf-8"
        )
    else:
        (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(SystemExit, match="clone the repository again"),
    ):
        patch.setattr(reader, "FOLDER", folder)
        patch.setattr(sys, "argv", ["mini_falcon", "Hello"])
        reader.main()


def test_the_text_is_cleaned(trained: tuple) -> None:
    training = trained[0]
    table = "  0.123  4.567  8.901  2.345  6.789\n"
    assert (
        training.cleaned(f"Write to ann@company.com.\n\n\n\n{table}Done.")
        == "Write to [e-mail].\n\nDone."
    )


def test_some_sequences_repeat_a_passage_and_only_its_second_time_is_learned(
    trained: tuple,
) -> None:
    training = trained[0]
    import numpy as np

    tokens = np.arange(300, 60_000).astype(np.uint16)  # every token once: any repetition is ours
    generator = torch.Generator().manual_seed(0)
    drawn = [training.batches(tokens, tokens[:50], generator) for _ in range(200)]
    rows, targets = (torch.cat(part) for part in zip(*drawn, strict=True))
    assert rows.shape == targets.shape == (200 * training.BATCH, training.LENGTH)
    learned = targets[:, :-1] != training.IGNORED
    assert torch.equal(
        rows[:, 1:][learned], targets[:, :-1][learned]
    )  # the next token, where it is learned
    random = (targets == training.IGNORED).any(1)
    assert 0.06 < float(random.float().mean()) < 0.2
    for row, target in zip(rows[random].tolist(), targets[random].tolist(), strict=True):
        ignored = [place for place, token in enumerate(target) if token == training.IGNORED]
        assert len(ignored) <= training.LENGTH // 4 + 1
        assert max(row[place] for place in ignored[1:-1] or [0]) < training.VOCABULARY
    plain = rows[~random]
    twice = [len(row.unique()) < len(row) for row in plain]
    assert 0 < sum(twice) / len(twice) < 0.1


def test_prose_is_told_from_tables_and_lists(trained: tuple) -> None:
    runs_on = trained[0].runs_on
    assert runs_on(
        "This paragraph goes on for a while, as prose does, and its lines are long.\n" * 3
    )
    assert not runs_on("x : int\n    The first.\ny : int\n    The second.\n" * 3)
    assert not runs_on("")


def small(monkeypatch: pytest.MonkeyPatch, training: ModuleType) -> None:
    """The script on the handbook with a tiny shape, as in ``trained``."""
    shape = {"vocab_size": 400, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    for name, value in (
        ("load_corpus", lambda _: load_corpus("handbook")),
        ("compiled", lambda model, *_: model),
        ("VOCABULARY", 400),
        ("LENGTH", 96),
        ("BATCH", 2),
        ("HEAD", 8),
        ("SHAPE", {**training.SHAPE, **shape, "max_position_embeddings": 128}),
    ):
        monkeypatch.setattr(training, name, value)


def test_an_interrupted_training_leaves_the_model_that_is_there(
    trained: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    training, out = trained[0], tmp_path / "out"
    small(monkeypatch, training)
    draw, drawn = training.batches, []

    def stopped(*given: object) -> object:
        drawn.append(1)
        if len(drawn) == 2:
            signal.raise_signal(signal.SIGINT)
        return draw(*given)

    asked = ["train", "--steps", "5", "--work", str(tmp_path / "work"), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", asked)
    monkeypatch.setattr(training, "batches", stopped)
    with pytest.raises(SystemExit, match="goes on from here"):
        training.main()
    assert not out.exists() and len(drawn) == 2
    training.main()
    facts = json.loads((out / "training.json").read_text(encoding="utf-8"))
    assert facts["steps"] == 5 == len(drawn) and "--width 32 --layers 2" in facts["command"]


def test_a_longer_training_is_not_taken_for_a_shorter_one(
    trained: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, work, _ = trained
    small(monkeypatch, training)
    monkeypatch.setattr(
        sys, "argv", ["train", "--steps", "4", "--work", str(work), "--out", str(tmp_path / "out")]
    )
    with pytest.raises(SystemExit, match="a training of 6 steps"):
        training.main()
    assert not (tmp_path / "out").exists()


def test_the_card_measures_and_tells(trained: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    _, work, out = trained
    card = script("card_of_mini_falcon")
    monkeypatch.setattr(card, "LENGTH", 64)
    monkeypatch.setattr(
        card, "copying", lambda *_: 0.0
    )  # its string alone is longer than this tiny context
    monkeypatch.setattr(card, "memorised", lambda *_: 0.0)
    monkeypatch.setattr(sys, "argv", ["card", "--work", str(work), "--out", str(out)])
    card.main()
    measured = json.loads((out / "training.json").read_text(encoding="utf-8"))["measured"]
    assert 0.5 < measured["held-out documents, bits per byte"] < 8
    text = (out / "README.md").read_text(encoding="utf-8")
    assert "## Samples" in text and "## Limits" in text


def test_passages_that_were_trained_on_are_found_and_left_out(trained: tuple) -> None:
    import numpy as np

    card = script("card_of_mini_falcon")
    rng = np.random.default_rng(0)
    training, new = rng.integers(6, 400, 5_000), rng.integers(6, 400, 600)
    new[100:150] = training[2_000:2_050]
    shared = card.shared_passages(new, training)
    assert shared[100:150].all() and shared.sum() == 50
    _, work, out = trained
    model, pieces = (
        from_falcon(load_model(out, dtype=torch.float32)[0]),
        BPETokenizer.load(work / "tokenizer.json"),
    )
    tokens = np.clip(new, 6, 399)[: card.LENGTH + 1]
    whole = card.bits_per_byte(model, pieces, tokens)
    parts = [
        card.bits_per_byte(model, pieces, tokens, judged=part)
        for part in (np.arange(513) < 200, np.arange(513) > 199)
    ]
    assert min(parts) < whole < max(parts)  # the whole is their mean, weighted by bytes


def test_copying_is_seen_in_a_model_that_copies() -> None:
    import numpy as np

    card = script("card_of_mini_falcon")

    class Copier(torch.nn.Module):
        """Says what stood 100 tokens earlier, plus one place: a perfect induction head for this distance."""

        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(1_000, 1)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            source = torch.roll(ids, 99, dims=1)
            return torch.nn.functional.one_hot(source, 1_000).float()

    held_out = np.random.default_rng(1).integers(6, 262, 5_000)
    assert card.copying(Copier(), held_out, distance=100, tries=5) == 1
    assert card.copying(Copier(), held_out, distance=90, tries=5) < 0.1


def test_sizes_are_compared_at_equal_operations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = script("mini_falcon_sizes", "benchmarks")
    shipped, _ = load_model("mini-falcon")
    own = shipped.config.hidden_size, shipped.config.num_hidden_layers
    assert sizes.parameters(*own) == sum(p.numel() for p in shipped.parameters())
    assert (
        sizes.operations(192, 9)
        < sizes.operations(256, 6)
        < sizes.operations(256, 8)
        < sizes.operations(320, 6)
    )
    for shape, steps in (
        ("256x8", 10),
        ("192x9", 15),
    ):  # as if trained: they are read and not trained again
        out = tmp_path / f"{shape}-{steps}" / "model"
        out.mkdir(parents=True)
        facts = {
            "steps": steps,
            "tokens read": steps,
            "minutes": 1.0,
            "held-out loss": [[1, 9.0], [steps, 5.0]],
        }
        (out / "training.json").write_text(json.dumps(facts), encoding="utf-8")
        for name in sizes.TOKENS:
            (tmp_path / f"{shape}-{steps}" / name).touch()
    result = tmp_path / "result.json"
    given = [
        "--steps",
        "10",
        "--shapes",
        "256x8",
        "192x9",
        "--work",
        str(tmp_path),
        "--out",
        str(result),
    ]
    monkeypatch.setattr(sys, "argv", ["sizes", *given, "--prepared", str(tmp_path / "prepared")])
    sizes.main()
    runs = json.loads(result.read_text(encoding="utf-8"))["runs"]
    assert [run["steps"] for run in runs] == [10, 15] and {
        run["held-out loss, nats a token"] for run in runs
    } == {5.0}
    assert runs[1]["operations"] == pytest.approx(runs[0]["operations"], rel=0.05)
