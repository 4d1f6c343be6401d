"""Fine-tuning on a tiny Falcon: rows, the rule, the best kept, interruption, and what is forgotten."""

import math
import os
import signal
from pathlib import Path

import pytest
import torch
from peft.utils import get_peft_model_state_dict
from tiny_falcon import handbook
from transformers import AutoTokenizer, Trainer, TrainerCallback

from course_lib.errors import CourseError
from course_lib.finetuning import train as module
from course_lib.finetuning.examples import IGNORED, Pad, chunked, instructions, per_document
from course_lib.finetuning.falcon import load_base
from course_lib.finetuning.figures_training import curve
from course_lib.finetuning.score import perplexities, perplexity, surprise
from course_lib.finetuning.train import Recipe, fine_tune, last_whole_checkpoint, with_adapter
from course_lib.finetuning.watch import continue_texts, stable_at
from course_lib.workbook.corpus import load_corpus

BASE = dict(batch=4, rank=4, alpha=8, learning_rate=5e-3)


@pytest.fixture(scope="module")
def tokenizer(tiny: Path):  # noqa: ANN201
    return AutoTokenizer.from_pretrained(tiny)


@pytest.fixture(scope="module")
def rows(tokenizer) -> dict[str, list]:  # noqa: ANN001
    songs = list(load_corpus("songbook").texts())
    return {
        "new": per_document(songs[:12], tokenizer, 48),
        "held": per_document(songs[12:16], tokenizer, 48)[:12],
        "old": per_document(handbook()[:4], tokenizer, 48)[:12],
    }


def test_a_document_is_a_row_and_ends(tokenizer) -> None:  # noqa: ANN001
    found = per_document(["one two", "", "three " * 40], tokenizer, 16)
    assert (
        found[0]["input_ids"][-1] == 0 == found[-1]["input_ids"][-1]
        and found[0]["labels"] == found[0]["input_ids"]
    )
    assert all(1 < len(row["input_ids"]) <= 16 for row in found) and len(found) > 3
    joined = [number for row in found[1:] for number in row["input_ids"]]
    assert tokenizer.decode(joined, skip_special_tokens=True) == "three " * 40
    with pytest.raises(CourseError, match="nothing to learn from"):
        per_document(["", ""], tokenizer, 16)


def test_chunks_are_full_and_carry_the_ends(tokenizer) -> None:  # noqa: ANN001
    texts = ["one two three four", "five six", "seven " * 30]
    found = chunked(texts, tokenizer, 10)
    assert {len(row["input_ids"]) for row in found[:-1]} == {10}
    assert sum(row["input_ids"].count(0) for row in found) == 3


def test_only_the_answer_is_learned(tokenizer) -> None:  # noqa: ANN001
    short, long = instructions([("Why?", "Because."), ("word " * 99, "Yes.")], tokenizer, 32)
    learned = [number for number in short["labels"] if number != IGNORED]
    assert tokenizer.decode(learned) == "Because.<|endoftext|>"
    assert tokenizer.decode(short["input_ids"]) == "<|user|>Why?<|assistant|>Because.<|endoftext|>"
    assert len(long["input_ids"]) == 32 and tokenizer.decode(long["input_ids"]).endswith(
        "<|assistant|>Yes.<|endoftext|>"
    )
    (cut,) = instructions([("Why?", "because " * 50)], tokenizer, 16)
    assert len(cut["input_ids"]) == 16 and cut["labels"][0] == IGNORED != cut["labels"][1]


def test_padding_hides_only_itself() -> None:
    batch = Pad(0)(
        [
            {"input_ids": [5, 6, 0], "labels": [5, 6, 0]},
            {"input_ids": [7, 0], "labels": [IGNORED, 0]},
        ]
    )
    assert batch["labels"].tolist() == [[5, 6, 0], [IGNORED, 0, IGNORED]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]


def test_the_rule() -> None:
    falling = [5 * 0.9**n for n in range(10)]
    assert stable_at(falling, 3, 0.01) is None and stable_at([3.0] * 9, 0, 0.01) is None
    assert stable_at([3, 2, 1, 1.2, 1.1, 1.3, 0.1], 3, 0.01) == 5
    assert (
        stable_at([3, 2, 1, 0.999, 0.998, 0.997], 3, 0.01) == 5
        and stable_at([3, 2], 2, 0.01) is None
    )


def test_perplexity_is_that_of_transformers_and_padding_changes_nothing(
    tiny: Path, rows: dict
) -> None:
    model = load_base(tiny, four_bit=False).model
    for row in rows["new"][:3]:
        ids = torch.tensor([row["input_ids"]])
        expected = float(model(input_ids=ids, labels=ids).loss)
        assert math.log(perplexity(model, [row], 1)) == pytest.approx(expected, rel=1e-4)
    model.train()
    perplexity(model, rows["new"][:1], 1)
    assert model.training
    together, apart = (
        surprise(model, rows["old"], 1, batch=12),
        surprise(model, rows["old"], 1, batch=1),
    )
    assert together[0] == pytest.approx(apart[0], rel=1e-4) and together[1] == apart[1]
    with pytest.raises(CourseError):
        perplexity(model, [{"input_ids": [4], "labels": [4]}], 1)


@pytest.mark.parametrize("own", [False, True], ids=["best there is", "course"])
def test_songs_are_learned_and_the_base_is_untouched(
    tiny: Path, rows: dict, tmp_path: Path, own: bool
) -> None:
    base = load_base(tiny, own=own)
    frozen = {
        name: value.clone()
        for name, value in base.model.state_dict().items()
        if value.dtype == torch.uint8
    }
    domains = {"new": rows["held"], "old": rows["old"]}
    before = perplexities(base.model, domains, 1)
    result = fine_tune(
        base,
        rows["new"],
        rows["held"],
        Recipe(30, evaluate_every=10, **BASE),
        tmp_path,
        prompts=["The road", ""],
    )
    after = perplexities(result.model, domains, 1)
    assert after["new"] < 0.9 * before["new"], "nothing was learned"
    assert after["new"] / before["new"] < after["old"] / before["old"], (
        "the old domain gained as much"
    )
    assert len(result.losses) == 30 and [step for step, _ in result.evaluations] == [10, 20, 30]
    assert [step for step, _ in result.samples] == [10, 20, 30] and all(
        len(texts) == 2 for _, texts in result.samples
    )
    best = min(result.evaluations, key=lambda pair: pair[1])
    assert result.best == best[0] and not result.model.training and result.stable is None
    now = result.model.state_dict()
    assert len(frozen) >= 8
    for name, value in frozen.items():
        (found,) = (
            v for k, v in now.items() if k.replace(".base_layer", "") == f"base_model.model.{name}"
        )
        assert torch.equal(found, value)


def test_it_ends_when_the_loss_is_stable_and_keeps_the_best(
    tiny: Path, rows: dict, tmp_path: Path
) -> None:
    """Far too high a rate: the held-out loss rises, the rule ends the run, the best one is what comes back."""
    recipe = Recipe(60, evaluate_every=2, patience=2, **{**BASE, "learning_rate": 0.3})
    result = fine_tune(load_base(tiny, own=True), rows["new"], rows["held"], recipe, tmp_path)
    assert result.stable is not None and result.stable < 60 and len(result.losses) == result.stable
    best = min(loss for _, loss in result.evaluations)
    assert math.log(perplexity(result.model, rows["held"], 1)) == pytest.approx(best, rel=0.05)
    assert result.evaluations[-1][1] > best


@pytest.mark.parametrize("own", [False, True], ids=["best there is", "course"])
def test_checkpointing_changes_memory_and_nothing_else(
    tiny: Path, rows: dict, tmp_path: Path, own: bool
) -> None:
    """It computes activations again in the backward pass: a base in 4 bits must still pass its gradients on."""
    losses, calls = [], [0, 0]
    for number, on in enumerate((False, True)):

        def count(*_: object, number: int = number) -> None:
            calls[number] += torch.is_grad_enabled()

        base = load_base(tiny, own=own)
        base.model.transformer.h[0].self_attention.register_forward_hook(count)
        recipe = Recipe(4, evaluate_every=4, dropout=0.0, checkpointing=on, **BASE)
        losses.append(
            fine_tune(base, rows["new"], rows["held"], recipe, tmp_path / str(number)).losses
        )
    assert len(set(losses[0])) == 4
    for (_, first), (_, second) in zip(*losses, strict=True):
        assert second == pytest.approx(first, rel=1e-3)
    assert calls == [4, 8], "checkpointing was not on"


class Killed(TrainerCallback):
    """After step 7: the process is gone (an error), or somebody pressed Ctrl-C."""

    def __init__(self, how: str) -> None:
        self.how = how

    def on_step_end(self, args, state, control, **_: object) -> None:  # noqa: ANN001
        if state.global_step == 7:
            if self.how == "kill":
                raise SystemError("killed")
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("how", ["kill", "Ctrl-C"])
def test_after_a_kill_it_goes_on_to_the_same_result(
    tiny: Path, rows: dict, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(12, evaluate_every=4, dropout=0.1, **BASE)

    def run(folder: Path, **options: object) -> module.Outcome:
        return fine_tune(
            load_base(tiny, own=True),
            rows["new"],
            rows["held"],
            recipe,
            folder,
            prompts=["A"],
            **options,
        )

    whole = run(tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(
            module,
            "Trainer",
            lambda **kw: Trainer(**{**kw, "callbacks": [*kw["callbacks"], Killed(how)]}),
        )
        if how == "kill":
            with pytest.raises(SystemError):
                run(tmp_path / "cut")
        else:
            stopped = run(tmp_path / "cut")
            assert stopped.interrupted and len(stopped.losses) in (7, 8)
    (tmp_path / "cut" / "checkpoint-11").mkdir()  # one that was not written to its end
    assert Path(last_whole_checkpoint(tmp_path / "cut")).name in (
        "checkpoint-4",
        "checkpoint-7",
        "checkpoint-8",
    )
    resumed = run(tmp_path / "cut", resume=True)
    assert (
        not resumed.interrupted and resumed.best == whole.best and resumed.samples == whole.samples
    )
    first, second = (get_peft_model_state_dict(outcome.model) for outcome in (whole, resumed))
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("rate", [1e-2, 0.3], ids=["by its steps", "by the rule"])
def test_a_run_that_ended_is_given_back_and_not_trained_on(
    tiny: Path, rows: dict, tmp_path: Path, rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = 2 if rate == 0.3 else 0
    recipe = Recipe(14, evaluate_every=2, patience=patience, **{**BASE, "learning_rate": rate})
    first = fine_tune(
        load_base(tiny, own=True), rows["new"], rows["held"], recipe, tmp_path / "run"
    )
    assert (first.stable is not None) == (rate == 0.3)
    moved = (tmp_path / "run").rename(tmp_path / "elsewhere")
    with monkeypatch.context() as patch:
        patch.setattr(module.Trainer, "training_step", None)  # a step would fail
        again = fine_tune(
            load_base(tiny, own=True), rows["new"], rows["held"], recipe, moved, resume=True
        )
    assert (again.losses, again.evaluations, again.best) == (
        first.losses,
        first.evaluations,
        first.best,
    )
    assert again.stable == first.stable and not again.interrupted
    adapters = [get_peft_model_state_dict(outcome.model) for outcome in (first, again)]
    for name, value in adapters[0].items():
        torch.testing.assert_close(adapters[1][name], value)


def test_a_new_run_does_not_take_up_an_old_one(tiny: Path, rows: dict, tmp_path: Path) -> None:
    fine_tune(
        load_base(tiny, own=True),
        rows["new"],
        rows["held"],
        Recipe(8, evaluate_every=4, **BASE),
        tmp_path,
    )
    new = fine_tune(
        load_base(tiny, own=True),
        rows["new"],
        rows["held"],
        Recipe(2, evaluate_every=1, **BASE),
        tmp_path,
    )
    assert len(new.losses) == 2 and Path(last_whole_checkpoint(tmp_path)).name == "checkpoint-2"
    assert (
        Path(last_whole_checkpoint(tmp_path / "earlier-1")).name == "checkpoint-8"
    )  # nothing is lost
    other = Recipe(6, evaluate_every=1, **{**BASE, "rank": 3})
    with pytest.raises(CourseError, match="of another adapter"):
        fine_tune(
            load_base(tiny, own=True), rows["new"], rows["held"], other, tmp_path, resume=True
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {"rank": 0},
        {"batch": 0},
        {"accumulate": 0},
        {"evaluate_every": 0},
        {"learning_rate": 0.0},
        {"dropout": 1.5},
        {"dropout": -0.1},
        {"warmup": 2.0},
        {"targets": ("nope",)},
        {"targets": ()},
        {"kind": "nope"},
    ],
)
def test_numbers_that_make_no_adapter_are_refused(wrong: dict) -> None:
    with pytest.raises(CourseError):
        Recipe(2, **wrong)


def test_a_curve_says_that_a_run_was_interrupted() -> None:
    losses, evaluations = [(1, 3.0), (2, 2.5), (3, 2.4)], [(2, 2.6)]
    cut = module.Outcome(None, losses, evaluations, best=2, interrupted=True)
    assert "interrupted after step 3" in curve(cut, 3, 0.01).sentence
    assert (
        "to its last step"
        in curve(module.Outcome(None, losses, evaluations, best=2), 3, 0.01).sentence
    )
    with pytest.raises(CourseError, match="no evaluation"):
        curve(module.Outcome(None, losses, [], interrupted=True), 3, 0.01)


def test_memory_that_runs_out_is_one_sentence(
    tiny: Path, rows: dict, tmp_path: Path, monkeypatch
) -> None:  # noqa: ANN001
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(module.Trainer, "training_step", full)
    with pytest.raises(CourseError, match="lower `batch` .* resume=True"):
        fine_tune(load_base(tiny, own=True), rows["new"], rows["held"], Recipe(2, **BASE), tmp_path)


def test_memory_that_runs_out_keeps_the_last_checkpoint(
    tiny: Path, rows: dict, tmp_path: Path, monkeypatch
) -> None:  # noqa: ANN001
    recipe, step = Recipe(6, evaluate_every=2, dropout=0.1, **BASE), module.Trainer.training_step
    whole = fine_tune(
        load_base(tiny, own=True), rows["new"], rows["held"], recipe, tmp_path / "whole"
    )
    calls = []

    def full_at_the_fourth(self, *given: object, **named: object) -> torch.Tensor:  # noqa: ANN001
        calls.append(1)
        if len(calls) == 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step(self, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(module.Trainer, "training_step", full_at_the_fourth)
        with pytest.raises(CourseError, match="lower `batch`"):
            fine_tune(
                load_base(tiny, own=True), rows["new"], rows["held"], recipe, tmp_path / "cut"
            )
    assert Path(last_whole_checkpoint(tmp_path / "cut")).name == "checkpoint-2"
    resumed = fine_tune(
        load_base(tiny, own=True), rows["new"], rows["held"], recipe, tmp_path / "cut", resume=True
    )
    assert resumed.evaluations[-1][1] == pytest.approx(whole.evaluations[-1][1], rel=1e-4)


def test_one_document_is_enough_and_none_is_refused(tiny: Path, rows: dict, tmp_path: Path) -> None:
    one, base = rows["new"][:1], load_base(tiny, own=True)
    result = fine_tune(base, one, rows["held"][:1], Recipe(2, **BASE), tmp_path)
    assert len(result.losses) == 2
    with pytest.raises(CourseError, match="give more documents"):
        fine_tune(load_base(tiny, own=True), [], rows["held"], Recipe(2, **BASE), tmp_path)


def test_a_row_longer_than_the_context_is_refused(tiny: Path, rows: dict, tmp_path: Path) -> None:
    long = {"input_ids": [7] * 129, "labels": [7] * 129}
    with pytest.raises(CourseError, match="129 tokens and .* reads at most 128"):
        fine_tune(load_base(tiny, own=True), [long], rows["held"], Recipe(2, **BASE), tmp_path)


@pytest.mark.filterwarnings("error::FutureWarning")
def test_an_adapter_comes_without_warnings(tiny: Path) -> None:
    with_adapter(load_base(tiny, own=True), Recipe(1))


def test_impossible_recipes_are_refused(tiny: Path, rows: dict, tmp_path: Path) -> None:
    base = load_base(tiny, own=True)
    for recipe, training in (
        (Recipe(0), rows["new"]),
        (Recipe(2), []),
        (Recipe(2, kind="dora"), rows["new"]),
    ):
        with pytest.raises(CourseError):
            fine_tune(base, training, rows["held"], recipe, tmp_path)
    with_adapter(base, Recipe(2))
    with pytest.raises(CourseError, match="carries an adapter already"):
        with_adapter(base, Recipe(2))


def test_samples_leave_mode_and_chance_alone(tiny: Path) -> None:
    base = load_base(tiny, own=True)
    base.model.train()
    state = torch.get_rng_state()
    first = continue_texts(base.model, base.tokenizer, ["The"], 8)
    assert base.model.training and torch.equal(state, torch.get_rng_state())
    assert continue_texts(base.model, base.tokenizer, ["The"], 8) == first
