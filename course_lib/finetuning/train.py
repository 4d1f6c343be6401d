"""Fine-tuning with transformers' Trainer and peft: an adapter is learned, the base stays as it is.

Under ``torchrun`` the same call trains on several devices. Checkpoints are for this machine only.
"""

import contextlib
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate.utils import broadcast_object_list
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments

from course_lib.errors import CourseError
from course_lib.finetuning.archive import refuse_adapted
from course_lib.finetuning.examples import Example
from course_lib.finetuning.falcon import GAINS, Base, write
from course_lib.workbook.display import bar
from course_lib.workbook.evaluate import IGNORE_INDEX, pad_batch
from course_lib.workbook.machine import one_thread
from course_lib.workbook.training import DeferredInterrupt, History

# As GPUs and processors say that the memory is full.
FULL = ("out of memory", "not enough memory", "can't allocate memory")


@dataclass(frozen=True)
class FinetuneConfig:
    """How to fine-tune, in the words of peft's LoraConfig and transformers' TrainingArguments.

    max_steps        updates; each adds up the gradients of ``gradient_accumulation_steps`` batches
    batch_size       examples at a time on each device
    warmup_ratio     fraction of the steps in which the learning rate rises; then it falls to 0
    target_modules   names of the layers to adapt; none: all linear ones but the last that guesses
    eval_steps       steps between evaluations, after each of which the state is saved
    early_stopping_patience    stop after so many evaluations in a row of which none was better than
                     the best before it by more than ``early_stopping_threshold``; 0: never
    early_stopping_threshold   in nats per token: a difference, and not a fraction of the loss
    gradient_checkpointing     less memory for activations, about a third more time
    """

    max_steps: int
    learning_rate: float = 1e-3
    batch_size: int = 8
    gradient_accumulation_steps: int = 1
    warmup_ratio: float = 0.03
    r: int = 16
    lora_alpha: float = 32
    lora_dropout: float = 0.05
    target_modules: tuple[str, ...] = ()
    eval_steps: int = 20
    early_stopping_patience: int = 3
    early_stopping_threshold: float = 0.02
    gradient_checkpointing: bool = False
    seed: int = 0


@dataclass
class FinetuneResult:
    """``model`` has the adapter of ``best_step``; ``samples`` are (step, texts) at the prompts."""

    model: PeftModel
    history: History
    samples: list[tuple[int, list[str]]]
    best_step: int
    stopped_early: bool


def add_adapter(base: Base, config: FinetuneConfig) -> PeftModel:
    """The base with a new adapter, fp32 and seeded. The base's module tree is changed in place."""
    refuse_adapted(base.model)
    torch.manual_seed(config.seed)
    same = {name: getattr(config, name) for name in ("r", "lora_alpha", "lora_dropout")}
    layers = list(config.target_modules) or "all-linear"
    adapter = LoraConfig(**same, target_modules=layers, task_type="CAUSAL_LM")
    # In transformers from 5.20 on or so checkpointing has a new name; peft asks for the old one.
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        if config.gradient_checkpointing:
            base.model.gradient_checkpointing_enable({"use_reentrant": False})
            # The frozen embedding's output must ask for a gradient, or none reaches the adapters.
            base.model.enable_input_require_grads()
        return get_peft_model(base.model, adapter)


def fine_tune(
    base: Base,
    training: Sequence[Example],
    held_out: Sequence[Example],
    config: FinetuneConfig,
    folder: Path,
    *,
    prompts: Sequence[str] = (),
    resume: bool = False,
) -> FinetuneResult:
    """Learn an adapter; the best one by held-out loss is kept.

    folder    each run gets a folder of its own in it: ``run-1``, ``run-2``, …
    prompts   continued after each evaluation, see ``write``
    resume    go on with the last run in ``folder`` from its last whole checkpoint; on a CPU the
              result is that of one run

    Ctrl-C lets the step at hand end, saves, and returns with ``history.interrupted`` set.
    """
    if not training or not held_out:
        raise CourseError(
            "Fine-tuning needs an example to learn from and a held-out one: give more documents."
        )
    started, model = time.perf_counter(), add_adapter(base, config)
    run, interrupt = run_folder(Path(folder), resume), DeferredInterrupt()
    callback = RunCallback(base.tokenizer, prompts, interrupt)
    early = EarlyStoppingCallback(config.early_stopping_patience, config.early_stopping_threshold)
    trainer = Trainer(
        model=model,
        args=training_arguments(base, config, run),
        train_dataset=list(training),
        eval_dataset=list(held_out),
        data_collator=fill_up,
        processing_class=base.tokenizer,
        callbacks=[callback, early] if config.early_stopping_patience else [callback],
    )
    trainer.remove_callback(transformers.PrinterCallback)  # it prints every log
    last, small = last_whole_checkpoint(run), base.model.num_parameters() < GAINS
    try:
        # Several threads make steps of a small model no faster, and much slower on busy cores.
        with interrupt, one_thread() if small else contextlib.nullcontext():
            trainer.train(resume_from_checkpoint=str(last) if last else None)
    except RuntimeError as error:
        if "size mismatch" in str(error):
            raise CourseError(
                f"The checkpoints in {run.name} are of another adapter: leave out resume=True."
            ) from error
        if not any(phrase in str(error).lower() for phrase in FULL):
            raise
        raise CourseError(
            f"The memory ran out: lower `batch_size` (it is {config.batch_size}; raise "
            "`gradient_accumulation_steps` instead) or the length of examples, or set "
            "gradient_checkpointing=True; resume=True goes on from the last checkpoint."
        ) from error
    # For 16-bit steps the Trainer wraps `forward`: give the model back as it was.
    trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    state, interrupted = trainer.state, callback.interrupted
    losses, evaluations, samples = (
        [(entry["step"], entry[key]) for entry in state.log_history if key in entry]
        for key in ("loss", "eval_loss", "samples")
    )
    seconds, best = time.perf_counter() - started, state.best_model_checkpoint
    return FinetuneResult(
        model.eval(),
        History([loss for _, loss in losses], evaluations, seconds, interrupted),
        samples,
        best_step=number_of(best) if best else state.global_step,
        stopped_early=state.global_step < config.max_steps and not interrupted,
    )


def training_arguments(base: Base, config: FinetuneConfig, run: Path) -> TrainingArguments:
    """Our configuration as the Trainer's."""
    gpu, dtype = torch.cuda.is_available(), base.model.dtype
    every = min(config.eval_steps, config.max_steps)
    same = ("max_steps", "learning_rate", "gradient_accumulation_steps", "seed")
    arguments = TrainingArguments(
        output_dir=str(run),
        **{name: getattr(config, name) for name in same},
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        warmup_steps=max(1, round(config.warmup_ratio * config.max_steps)),
        eval_strategy="steps",
        eval_steps=every,
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=True,
        restore_callback_states_from_checkpoint=True,
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        remove_unused_columns=False,
        label_names=["labels"],
        use_cpu=not gpu,
        fp16=gpu and dtype == torch.float16,
        bf16=dtype == torch.bfloat16,  # the adapter is multiplied in 16 bits, and kept in 32
        dataloader_pin_memory=gpu,
        ddp_find_unused_parameters=False,
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # DataParallel would cut logits_to_keep into pieces
    return arguments


def fill_up(examples: Sequence[Example]) -> dict[str, Any]:
    """Examples below one another (batch, time), filled up on the right, where no token looks.

    So no mask is needed, and attention stays in its fastest form. Logits, the largest tensor of
    all, are computed only at the places where one of the rows learns the next token.
    """
    rows = pad_batch(examples)
    following = torch.nn.functional.pad(rows["labels"][:, 1:], (0, 1), value=IGNORE_INDEX)
    keep = (following != IGNORE_INDEX).any(0).nonzero()[:, 0]
    learned = following[:, keep]  # already those of the next token
    given = {"input_ids": rows["input_ids"], "logits_to_keep": keep, "use_cache": False}
    return given | {"labels": learned, "shift_labels": learned}


def number_of(path: Path | str) -> int:
    return int(Path(path).name.rsplit("-", 1)[1])


def run_folder(folder: Path, resume: bool) -> Path:
    """The last run in ``folder`` to go on with, else a new one; older runs stay as they are."""
    number = max(map(number_of, folder.glob("run-*")), default=0)
    numbers = [number if resume and number else number + 1]
    broadcast_object_list(numbers)  # under torchrun all processes must agree
    return folder / f"run-{numbers[0]}"


def last_whole_checkpoint(run: Path) -> Path | None:
    """The latest checkpoint that was written to its end, of which the state is the last file."""
    whole = (state.parent for state in run.glob("checkpoint-*/trainer_state.json"))
    return max(whole, key=number_of, default=None)


class RunCallback(transformers.TrainerCallback):
    """Progress, samples and Ctrl-C."""

    def __init__(self, tokenizer: Any, prompts: Sequence, interrupt: DeferredInterrupt) -> None:
        self.tokenizer, self.prompts = tokenizer, prompts
        self.interrupt, self.interrupted = interrupt, False

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        visible, total = state.is_world_process_zero, state.max_steps
        self.bar = bar(total=total, description="Fine-tuning", unit="step", visible=visible)
        self.bar.update(state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.bar.close()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.bar.update()
        if self.interrupt.requested and state.global_step < state.max_steps:
            self.interrupted = control.should_save = control.should_training_stop = True

    def on_evaluate(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if self.prompts and state.is_world_process_zero:
            model = getattr(model, "module", model)
            texts = [write(model, self.tokenizer, prompt)[0] for prompt in self.prompts]
            state.log_history.append({"step": state.global_step, "samples": texts})
