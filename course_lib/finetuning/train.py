"""Fine-tuning with transformers' Trainer and peft: an adapter is learned, the base stays as it is.

Under ``torchrun`` the same call trains on several devices. The checkpoints of a run are the
Trainer's own and meant for this machine; what one keeps or gives away is made by ``adapters``.
"""

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate.utils import broadcast_object_list
from peft import LoraConfig, PeftModel, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import EarlyStoppingCallback, Trainer, TrainerState, TrainingArguments

from course_lib.errors import CourseError
from course_lib.finetuning.archive import quietly, refuse_adapted
from course_lib.finetuning.examples import Example
from course_lib.finetuning.falcon import Base, continue_greedily
from course_lib.finetuning.memory import LAYERS
from course_lib.workbook.display import bar
from course_lib.workbook.evaluate import pad_batch
from course_lib.workbook.training import DeferredInterrupt, History

# As cards and processors say that the memory is full.
FULL = ("out of memory", "not enough memory", "can't allocate memory")
WHOLE = ("trainer_state.json", "optimizer.pt", "scheduler.pt", "adapter_model.safetensors")


@dataclass(frozen=True)
class FinetuneConfig:
    """How to fine-tune, in the words of peft's LoraConfig and transformers' TrainingArguments.

    max_steps        updates; each adds up the gradients of ``gradient_accumulation_steps`` batches
    batch_size       examples at a time on each device
    warmup_ratio     fraction of the steps in which the learning rate rises; a cosine follows
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
    target_modules: tuple[str, ...] = LAYERS
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
    adapter = LoraConfig(**same, target_modules=list(config.target_modules), task_type="CAUSAL_LM")
    with quietly():
        model = get_peft_model(base.model, adapter)
    if config.gradient_checkpointing:
        # A new name since transformers 5.20 or so, where the old one gives a warning.
        new = getattr(base.model, "activation_checkpointing_enable", None)
        (new or base.model.gradient_checkpointing_enable)({"use_reentrant": False})
        # The frozen embedding's output must ask for a gradient, else none would reach the adapters.
        base.model.enable_input_require_grads()
    return model


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
    prompts   continued greedily after each evaluation
    resume    go on with the last run in ``folder`` from its last whole checkpoint, or give back
              what it found if it had ended; on a CPU the result is that of one run

    Ctrl-C lets the step at hand end, saves, and returns with ``history.interrupted`` set.
    """
    if not training or not held_out:
        raise CourseError(
            "Fine-tuning needs an example to learn from and a held-out one: give more documents."
        )
    context = base.model.config.max_position_embeddings
    if (longest := max(len(e["input_ids"]) for e in (*training, *held_out))) > context:
        raise CourseError(
            f"An example has {longest:,} tokens and {base.name} reads at most {context:,}: "
            "make the examples shorter."
        )
    started, model = time.perf_counter(), add_adapter(base, config)
    run, callback = run_folder(Path(folder), resume), RunCallback(base.tokenizer, prompts)
    early = EarlyStoppingCallback(config.early_stopping_patience, config.early_stopping_threshold)
    trainer = Trainer(
        model=model,
        args=training_arguments(base, config, run),
        train_dataset=list(training),
        eval_dataset=list(held_out),
        data_collator=functools.partial(pad_batch, pad_token_id=base.tokenizer.pad_token_id),
        processing_class=base.tokenizer,
        callbacks=[callback, early] if config.early_stopping_patience else [callback],
    )
    trainer.remove_callback(transformers.PrinterCallback)  # it prints every log
    last = last_whole_checkpoint(run)
    try:
        if last and (ended := ended_state(last, config)):
            trainer.state, best = ended, ended.best_model_checkpoint
            set_peft_model_state_dict(model, load_file(f"{best}/adapter_model.safetensors"))
        else:
            with callback:
                trainer.train(resume_from_checkpoint=str(last) if last else None)
    except RuntimeError as error:
        if "size mismatch" in str(error):
            raise CourseError(
                f"The checkpoints in {run.name} are of another adapter: give its FinetuneConfig, "
                "or start a new run without resume=True."
            ) from error
        if not any(phrase in str(error).lower() for phrase in FULL):
            raise
        raise CourseError(
            f"The memory ran out: lower `batch_size` (it is {config.batch_size}; raise "
            "`gradient_accumulation_steps` instead) or the length of examples, or set "
            "gradient_checkpointing=True; resume=True goes on from the last checkpoint."
        ) from error
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
    return TrainingArguments(
        output_dir=str(run),
        **{name: getattr(config, name) for name in same},
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        warmup_steps=max(1, round(config.warmup_ratio * config.max_steps)),
        lr_scheduler_type="cosine",
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
        bf16=gpu and dtype == torch.bfloat16,
        dataloader_pin_memory=gpu,
        ddp_find_unused_parameters=False,
    )


def number_of(path: Path | str) -> int:
    return int(Path(path).name.rsplit("-", 1)[1])


def run_folder(folder: Path, resume: bool) -> Path:
    """The last run in ``folder`` to go on with, else a new one; older runs stay as they are."""
    number = max(map(number_of, folder.glob("run-*")), default=0)
    numbers = [number if resume and number else number + 1]
    broadcast_object_list(numbers)  # under torchrun all processes must agree
    return folder / f"run-{numbers[0]}"


def last_whole_checkpoint(run: Path) -> Path | None:
    """The latest checkpoint that was written to its end; None when there is none."""
    whole = (p for p in run.glob("checkpoint-*") if all((p / name).is_file() for name in WHOLE))
    return max(whole, key=number_of, default=None)


def ended_state(checkpoint: Path, config: FinetuneConfig) -> TrainerState | None:
    """What a run wrote that had ended, by its number of steps or early; None if it had not.

    The path to the best checkpoint is corrected on the disk, in case the folder was moved.
    """
    path = checkpoint / "trainer_state.json"
    state = TrainerState.load_from_json(str(path))
    if not state.best_model_checkpoint:
        return None
    state.best_model_checkpoint = str(checkpoint.parent / Path(state.best_model_checkpoint).name)
    state.save_to_json(str(path))
    early = state.stateful_callbacks.get("EarlyStoppingCallback", {}).get("attributes", {})
    waited = early.get("early_stopping_patience_counter", 0)
    stopped = 0 < config.early_stopping_patience <= waited
    return state if stopped or state.global_step >= config.max_steps else None


def generate_texts(model: Any, tokenizer: Any, prompts: Sequence[str]) -> list[str]:
    """24 tokens after each prompt, the likeliest each time."""
    texts = []
    for prompt in prompts:
        ids = tokenizer(prompt, add_special_tokens=False).input_ids or [tokenizer.eos_token_id]
        (new,) = continue_greedily(model, torch.tensor([ids], device=model.device), 24)
        texts.append(tokenizer.decode(new, skip_special_tokens=True))
    return texts


class RunCallback(transformers.TrainerCallback):
    """Progress, samples and Ctrl-C. Use it as a context around the training."""

    def __init__(self, tokenizer: Any, prompts: Sequence[str]) -> None:
        self.tokenizer, self.prompts, self.interrupted = tokenizer, prompts, False
        self._interrupt, self._bar = DeferredInterrupt(), bar(visible=False)

    def __enter__(self) -> None:
        self._interrupt.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._interrupt.__exit__(*error)
        self._bar.close()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        visible, total = state.is_world_process_zero, state.max_steps
        self._bar = bar(total=total, description="Fine-tuning", unit="step", visible=visible)
        self._bar.update(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._bar.update()
        if self._interrupt.requested and state.global_step < state.max_steps:
            self.interrupted = control.should_save = control.should_training_stop = True

    def on_evaluate(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if self.prompts and state.is_world_process_zero:
            texts = generate_texts(getattr(model, "module", model), self.tokenizer, self.prompts)
            state.log_history.append({"step": state.global_step, "samples": texts})
