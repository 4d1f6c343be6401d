"""Fine-tuning on a tiny Falcon: the rule, the best kept, interruption, and what is forgotten."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft.utils import get_peft_model_state_dict
from tiny_falcon import handbook
from transformers import AutoTokenizer, Trainer, TrainerCallback

from course_lib.errors import CourseError
from course_lib.finetuning import train as module
from course_lib.finetuning.examples import per_document
from course_lib.finetuning.falcon import load_base
from course_lib.finetuning.train import (
    FinetuneConfig,
    FinetuneResult,
    add_adapter,
    fine_tune,
    generate_texts,
    last_whole_checkpoint,
)
from course_lib.workbook.corpus import load_corpus
from course_lib.workbook.evaluate import evaluate

CONFIG = FinetuneConfig(
    12, batch_size=4, r=4, lora_alpha=8, learning_rate=5e-3, lora_dropout=0.1, eval_steps=4
)


@pytest.fixture(scope="module")
def rows(tiny: Path) -> dict[str, list]:
    tokenizer, songs = AutoTokenizer.from_pretrained(tiny), list(load_corpus("songbook").texts())
    texts = {"new": songs[:12], "held": songs[12:16], "old": handbook()[:4]}
    made = {name: per_document(texts[name], tokenizer, 48) for name in texts}
    return {"new": made["new"], "held": made["held"][:12], "old": made["old"][:12]}


@pytest.fixture
def tune(tiny: Path, rows: dict, tmp_path: Path):  # noqa: ANN201
    def run(config: FinetuneConfig, folder: str = "run", ours: bool = True, **options: object):  # noqa: ANN202
        base = load_base(tiny, use_bitsandbytes=not ours)
        return fine_tune(base, rows["new"], rows["held"], config, tmp_path / folder, **options)

    return run


def weights(result: FinetuneResult) -> dict[str, torch.Tensor]:
    return get_peft_model_state_dict(result.model)


@pytest.mark.parametrize("ours", [False, True], ids=["best there is", "course"])
def test_songs_are_learned_and_the_base_is_untouched(
    tiny: Path, rows: dict, tune, ours: bool
) -> None:  # noqa: ANN001
    base = load_base(tiny, use_bitsandbytes=not ours).model
    frozen = {n: v.clone() for n, v in base.state_dict().items() if v.dtype == torch.uint8}
    result = tune(replace(CONFIG, max_steps=30, eval_steps=10), ours=ours, prompts=["The road", ""])
    before, after = (
        {name: evaluate(model, rows[name]).perplexity for name in ("held", "old")}
        for model in (base, result.model)
    )
    assert after["held"] < 0.9 * before["held"], "nothing was learned"
    assert after["held"] / before["held"] < after["old"] / before["old"], "the old gained as much"
    steps = [10, 20, 30]
    assert [s for s, _ in result.history.evaluations] == steps == [s for s, _ in result.samples]
    assert len(result.history.losses) == 30 and all(len(texts) == 2 for _, texts in result.samples)
    assert result.best_step == min(result.history.evaluations, key=lambda pair: pair[1])[0]
    assert not result.model.training and not result.stopped_early
    now = {n.replace(".base_layer", ""): v for n, v in result.model.state_dict().items()}
    assert len(frozen) >= 8
    for name, value in frozen.items():
        assert torch.equal(now[f"base_model.model.{name}"], value)


def test_early_stopping_ends_it_and_the_best_is_kept(rows: dict, tune) -> None:  # noqa: ANN001
    """Far too high a rate: the held-out loss rises, and what comes back is the best adapter."""
    config = replace(CONFIG, max_steps=60, eval_steps=2, early_stopping_patience=2)
    result = tune(replace(config, learning_rate=0.3))
    steps, losses = zip(*result.history.evaluations, strict=True)
    assert result.stopped_early and steps[-1] == len(result.history.losses) < 60
    best = min(losses)
    assert min(losses[-2:]) > best - config.early_stopping_threshold and losses[-1] > best
    loss = evaluate(result.model, rows["held"]).cross_entropy
    assert loss == pytest.approx(best, rel=0.05)


@pytest.mark.parametrize("ours", [False, True], ids=["best there is", "course"])
def test_gradient_checkpointing_changes_memory_and_nothing_else(
    tiny: Path, rows: dict, tmp_path: Path, ours: bool
) -> None:
    """It computes activations again: a base in 4 bits must still pass its gradients on."""
    losses, calls = [], [0, 0]
    for number in (0, 1):

        def count(*_: object, number: int = number) -> None:
            calls[number] += torch.is_grad_enabled()

        base = load_base(tiny, use_bitsandbytes=not ours)
        base.model.transformer.h[0].self_attention.register_forward_hook(count)
        config = replace(CONFIG, max_steps=4, lora_dropout=0.0, gradient_checkpointing=bool(number))
        run = fine_tune(base, rows["new"], rows["held"], config, tmp_path / str(number))
        losses.append(run.history.losses)
    assert len(set(losses[0])) == 4 and losses[1] == pytest.approx(losses[0], rel=1e-3)
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
    tune, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # noqa: ANN001
    def trainer(**options: object) -> Trainer:
        return Trainer(**{**options, "callbacks": [*options["callbacks"], Killed(how)]})

    whole = tune(CONFIG, "whole", prompts=["A"])
    with monkeypatch.context() as patch:
        patch.setattr(module, "Trainer", trainer)
        if how == "kill":
            with pytest.raises(SystemError):
                tune(CONFIG, "cut", prompts=["A"])
        else:
            stopped = tune(CONFIG, "cut", prompts=["A"])
            assert stopped.history.interrupted and len(stopped.history.losses) in (7, 8)
    run = tmp_path / "cut" / "run-1"
    (run / "checkpoint-11").mkdir()  # one that was not written to its end
    assert module.number_of(last_whole_checkpoint(run)) in (4, 7, 8)
    (tmp_path / "cut").rename(tmp_path / "moved")
    resumed = tune(CONFIG, "moved", prompts=["A"], resume=True)
    assert not resumed.history.interrupted and resumed.samples == whole.samples
    assert resumed.best_step == whole.best_step
    torch.testing.assert_close(weights(resumed), weights(whole), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("rate", [1e-2, 0.3], ids=["by its steps", "early"])
def test_a_run_that_ended_is_given_back_and_not_trained_on(
    tune, tmp_path: Path, rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:  # noqa: ANN001
    config = replace(CONFIG, max_steps=14, eval_steps=2, learning_rate=rate)
    config = replace(config, early_stopping_patience=2 if rate == 0.3 else 0)
    first = tune(config)
    assert first.stopped_early == (rate == 0.3)
    (tmp_path / "run").rename(tmp_path / "elsewhere")
    monkeypatch.setattr(module.Trainer, "training_step", None)  # a step would fail
    again = tune(config, "elsewhere", resume=True)
    for name in ("losses", "evaluations", "interrupted"):
        assert getattr(again.history, name) == getattr(first.history, name)
    assert (again.best_step, again.stopped_early) == (first.best_step, first.stopped_early)
    torch.testing.assert_close(weights(again), weights(first))


def test_a_new_run_does_not_take_up_an_old_one(tune, tmp_path: Path) -> None:  # noqa: ANN001
    tune(replace(CONFIG, max_steps=8))
    new = tune(replace(CONFIG, max_steps=2, eval_steps=1))
    assert len(new.history.losses) == 2
    last = [last_whole_checkpoint(tmp_path / "run" / f"run-{number}") for number in (1, 2)]
    assert [path.name for path in last] == ["checkpoint-8", "checkpoint-2"]  # nothing is lost
    with pytest.raises(CourseError, match="of another adapter"):
        tune(replace(CONFIG, max_steps=6, r=3), resume=True)
    assert len(tune(replace(CONFIG, max_steps=2), "none yet", resume=True).history.losses) == 2


def test_memory_that_runs_out_is_one_sentence_and_keeps_the_last_checkpoint(
    tune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # noqa: ANN001
    config, step, calls = replace(CONFIG, max_steps=6, eval_steps=2), Trainer.training_step, []
    whole = tune(config, "whole")

    def full_at_the_fourth(self, *given: object, **named: object) -> torch.Tensor:  # noqa: ANN001
        calls.append(1)
        if len(calls) == 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step(self, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(module.Trainer, "training_step", full_at_the_fourth)
        with pytest.raises(CourseError, match="lower `batch_size` .* resume=True"):
            tune(config)
    assert last_whole_checkpoint(tmp_path / "run" / "run-1").name == "checkpoint-2"
    resumed = tune(config, resume=True)
    assert resumed.history.evaluations[-1][1] == pytest.approx(
        whole.history.evaluations[-1][1], rel=1e-4
    )


def test_one_document_is_enough_and_what_cannot_be_is_refused(
    tiny: Path, rows: dict, tmp_path: Path
) -> None:
    base, one = load_base(tiny, use_bitsandbytes=False), rows["new"][:1]
    long = {"input_ids": [7] * 129, "labels": [7] * 129}
    for training, words in (([], "more documents"), ([long], "129 tokens and .* at most 128")):
        with pytest.raises(CourseError, match=words):
            fine_tune(base, training, rows["held"], CONFIG, tmp_path)
    result = fine_tune(base, one, rows["held"][:1], replace(CONFIG, max_steps=2), tmp_path)
    assert len(result.history.losses) == 2
    with pytest.raises(CourseError, match="carries an adapter already"):
        add_adapter(base, CONFIG)


@pytest.mark.filterwarnings("error::FutureWarning")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("four_bit", [True, False])
def test_an_adapter_is_fp32_and_comes_without_warnings(
    tiny: Path, four_bit: bool, dtype: torch.dtype
) -> None:
    base = load_base(tiny, four_bit, dtype=dtype, use_bitsandbytes=False)
    model = add_adapter(base, replace(CONFIG, gradient_checkpointing=True))
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}


def test_samples_leave_mode_and_chance_alone(tiny: Path) -> None:
    base = load_base(tiny, use_bitsandbytes=False)
    base.model.train()
    state = torch.get_rng_state()
    first = generate_texts(base.model, base.tokenizer, ["The"])
    assert base.model.training and torch.equal(state, torch.get_rng_state())
    assert generate_texts(base.model, base.tokenizer, ["The"]) == first
