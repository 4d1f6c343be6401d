"""Fine-tuning on a tiny Falcon: the rule, the best kept, interruption, and what is forgotten."""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate import PartialState
from peft.utils import get_peft_model_state_dict
from transformers import AutoTokenizer, Trainer, TrainerCallback

from course_lib.errors import CourseError
from course_lib.finetuning import train as module
from course_lib.finetuning.examples import per_document
from course_lib.finetuning.falcon import load_base
from course_lib.finetuning.train import FinetuneConfig, add_adapter, fine_tune
from course_lib.workbook.corpus import load_corpus
from course_lib.workbook.evaluate import evaluate

CONFIG = FinetuneConfig(
    12, batch_size=4, r=4, lora_alpha=8, learning_rate=5e-3, lora_dropout=0.1, eval_steps=4
)


def make_rows(folder: Path) -> dict[str, list]:
    tokenizer, songs = AutoTokenizer.from_pretrained(folder), list(load_corpus("songbook").texts())
    texts = {"new": songs[:12], "held": songs[12:16], "old": list(load_corpus("handbook").texts())}
    made = {name: per_document(some[:12], tokenizer, 48) for name, some in texts.items()}
    return {"new": made["new"], "held": made["held"][:12], "old": made["old"][:12]}


@pytest.fixture(scope="module")
def rows(tiny: Path) -> dict[str, list]:
    return make_rows(tiny)


@pytest.fixture
def tune(tiny: Path, rows: dict, tmp_path):
    def run(config: FinetuneConfig, folder: str = "run", **options: object):
        base = load_base(tiny, use_bitsandbytes=False)
        return fine_tune(base, rows["new"], rows["held"], config, tmp_path / folder, **options)

    return run


def test_songs_alone_are_learned(tiny: Path, rows: dict, tmp_path, use_bitsandbytes: bool) -> None:
    base, kept = (load_base(tiny, use_bitsandbytes=use_bitsandbytes) for _ in range(2))
    config = replace(CONFIG, max_steps=30, eval_steps=10)
    result = fine_tune(base, rows["new"], rows["held"], config, tmp_path, prompts=["The road", ""])
    before, after = (
        {name: evaluate(model, rows[name]).perplexity for name in ("held", "old")}
        for model in (kept.model, result.model)
    )
    assert after["held"] < 0.9 * before["held"], "nothing was learned"
    assert after["held"] / before["held"] < after["old"] / before["old"], "the old gained as much"
    steps = [10, 20, 30]
    assert [s for s, _ in result.history.evaluations] == steps == [s for s, _ in result.samples]
    assert len(result.history.losses) == 30 and all(len(texts) == 2 for _, texts in result.samples)
    assert result.best_step == min(result.history.evaluations, key=lambda pair: pair[1])[0]
    assert not result.model.training and not result.stopped_early
    now = {n.replace(".base_layer", ""): v for n, v in result.model.state_dict().items()}
    for name, value in kept.model.state_dict().items():
        assert torch.equal(now[f"base_model.model.{name}"], value)


def test_rows_filled_up_without_a_mask_learn_what_they_learn_alone(tiny_llama: Path, rows) -> None:
    """Loss and gradient are those of the examples one by one, what is not learned left out."""
    examples = [dict(row, labels=[-100] * 3 + row["labels"][3:]) for row in rows["new"][:4]]
    counts = [len(example["labels"]) - 3 for example in examples]
    model = add_adapter(load_base(tiny_llama, four_bit=False), replace(CONFIG, lora_dropout=0.0))
    last = [p for name, p in model.named_parameters() if "lora_B" in name][-1]
    for training in (True, False):
        together = model.train(training)(**module.fill_up(examples))
        apart = [torch.tensor([(e["input_ids"], e["labels"])]).unbind(1) for e in examples]
        losses = torch.stack([model(ids, labels=labels).loss for ids, labels in apart])
        loss = (losses * torch.tensor(counts)).sum() / sum(counts)
        assert together.logits.shape[:2] == (4, max(counts))
        gradients = [torch.autograd.grad(one, last)[0] for one in (together.loss, loss)]
        torch.testing.assert_close([together.loss, gradients[0]], [loss, gradients[1]])


def test_early_stopping_ends_it_and_the_best_is_kept(rows: dict, tune) -> None:
    """Far too high a rate: the held-out loss rises, and what comes back is the best adapter."""
    config = replace(CONFIG, max_steps=60, eval_steps=2, early_stopping_patience=2)
    result = tune(replace(config, learning_rate=0.3))
    steps, losses = zip(*result.history.evaluations, strict=True)
    assert result.stopped_early and steps[-1] == len(result.history.losses) < 60
    best = min(losses)
    assert min(losses[-2:]) > best - config.early_stopping_threshold and losses[-1] > best
    assert evaluate(result.model, rows["held"]).cross_entropy == pytest.approx(best, rel=0.05)


def test_gradient_checkpointing_changes_memory_and_nothing_else(
    tiny: Path, rows: dict, tmp_path, use_bitsandbytes: bool
) -> None:
    """It computes activations again: a base in 4 bits must still pass its gradients on."""
    losses = []
    for on in (False, True):
        base = load_base(tiny, use_bitsandbytes=use_bitsandbytes)
        config = replace(CONFIG, max_steps=3, lora_dropout=0.0, gradient_checkpointing=on)
        run = fine_tune(base, rows["new"], rows["held"][:2], config, tmp_path)
        assert base.model.transformer.gradient_checkpointing == on
        losses.append(run.history.losses)
    assert len(set(losses[0])) == 3 and losses[1] == pytest.approx(losses[0], rel=1e-3)


class Stopped(TrainerCallback):
    """After step 7: the process is gone, the memory is full, or somebody pressed Ctrl-C."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def on_step_end(self, args, state, control, **_: object) -> None:
        if state.global_step == 7:
            if self.error:
                raise self.error
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def whole(tiny: Path, rows: dict, tmp_path_factory):
    """What one run without a stop learns."""
    base, folder = load_base(tiny, use_bitsandbytes=False), tmp_path_factory.mktemp("whole")
    return fine_tune(base, rows["new"], rows["held"], CONFIG, folder, prompts=["A"])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SystemError("killed"), "killed"),
        (torch.OutOfMemoryError("CUDA out of memory"), "lower `batch_size` .* resume=True"),
        (None, ""),
    ],
    ids=["kill", "memory", "Ctrl-C"],
)
def test_after_a_stop_it_goes_on(tune, whole, tmp_path, error, words: str, monkeypatch) -> None:
    def trainer(**options: object) -> Trainer:
        return Trainer(**{**options, "callbacks": [*options["callbacks"], Stopped(error)]})

    with monkeypatch.context() as patch:
        patch.setattr(module, "Trainer", trainer)
        if error:
            with pytest.raises((SystemError, CourseError), match=words):
                tune(CONFIG, prompts=["A"])
        else:
            stopped = tune(CONFIG, prompts=["A"])
            assert stopped.history.interrupted and len(stopped.history.losses) in (7, 8)
    run = tmp_path / "run" / "run-1"
    (run / "checkpoint-11").mkdir()  # one that was not written to its end
    assert module.number_of(module.last_whole_checkpoint(run)) in (4, 7, 8)
    resumed = tune(CONFIG, prompts=["A"], resume=True)
    assert not resumed.history.interrupted and resumed.samples == whole.samples
    assert (resumed.best_step, len(list(run.parent.iterdir()))) == (whole.best_step, 1)
    learned, expected = (get_peft_model_state_dict(one.model) for one in (resumed, whole))
    torch.testing.assert_close(learned, expected, atol=1e-6, rtol=1e-5)


def test_a_new_run_does_not_take_up_an_old_one(tune, tmp_path) -> None:
    config, short = replace(CONFIG, max_steps=8), replace(CONFIG, max_steps=2, eval_steps=1)
    first, again, new = tune(config), tune(config, resume=True), tune(short)
    assert again.best_step == first.best_step and len(again.history.losses) in (8, 9)
    assert len(new.history.losses) == 2
    runs = [tmp_path / "run" / f"run-{number}" for number in (1, 2)]
    last = [module.number_of(module.last_whole_checkpoint(run)) for run in runs]
    assert last[0] >= 8 and last[1] == 2  # nothing is lost
    with pytest.raises(CourseError, match="of another adapter"):
        tune(replace(CONFIG, max_steps=6, r=3), resume=True)
    assert len(tune(short, "none yet", resume=True).history.losses) == 2
    with pytest.raises(CourseError, match="more documents"):
        fine_tune(None, [], [], CONFIG, tmp_path)


@pytest.mark.filterwarnings("error::FutureWarning")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_an_adapter_is_fp32_and_comes_without_warnings(tiny: Path, dtype: torch.dtype) -> None:
    base = load_base(tiny, dtype=dtype, use_bitsandbytes=False)
    model = add_adapter(base, replace(CONFIG, gradient_checkpointing=True))
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}


def learn(folder: Path, batch_size: int, out: Path) -> dict:
    """A run, and what came of it; its first process writes that to ``out``, too."""
    rows, base = make_rows(folder), load_base(folder, use_bitsandbytes=False)
    config = replace(CONFIG, max_steps=6, batch_size=batch_size, lora_dropout=0.0, eval_steps=3)
    history = fine_tune(base, rows["new"][:40], rows["held"][:8], config, out).history
    facts = {"losses": history.losses, "evaluated": [loss for _, loss in history.evaluations]}
    facts["processes"] = PartialState().num_processes
    if PartialState().is_main_process:
        (out / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    return facts


@pytest.mark.skipif(sys.platform != "linux", reason="gloo over loopback is tried on Linux only")
def test_two_processes_with_half_the_batch_learn_what_one_learns(tiny: Path, tmp_path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = str(server.getsockname()[1])
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "GLOO_SOCKET_IFNAME": "lo"}
    environment = {**os.environ, **address, "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, str(tiny), str(tmp_path)]
    subprocess.run(command, env=environment, check=True, timeout=240)
    two = json.loads((tmp_path / "facts.json").read_text(encoding="utf-8"))
    assert [path.name for path in tmp_path.glob("run-*")] == ["run-1"]  # both processes agreed
    one = learn(tiny, 4, tmp_path / "one")
    assert (one["processes"], two["processes"]) == (1, 2)
    assert one["losses"] == pytest.approx(two["losses"], rel=2e-3)
    assert one["evaluated"] == pytest.approx(two["evaluated"], rel=2e-3)
    assert max(one["losses"]) - min(one["losses"]) > 0.05, one


if __name__ == "__main__":  # as torchrun does it, but what is imported is imported once
    child = os.fork()
    os.environ["RANK"] = os.environ["LOCAL_RANK"] = str(int(not child))
    learn(Path(sys.argv[1]), 2, Path(sys.argv[2]))
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
