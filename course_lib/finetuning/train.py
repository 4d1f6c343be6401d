"""Fine-tuning with transformers' Trainer and peft: an adapter is learned, the base stays as it is.

Names that the libraries rename from version to version stand here and nowhere else. Under
``torchrun`` the same call trains on several devices. The checkpoints of a run are the Trainer's own
and meant for this machine; what one keeps or gives away is made by ``archive``.
"""

import contextlib
import inspect
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import Trainer, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from course_lib.errors import CourseError
from course_lib.finetuning.adapters import fresh
from course_lib.finetuning.examples import Pad, Row
from course_lib.finetuning.falcon import Base
from course_lib.finetuning.lora import KINDS
from course_lib.finetuning.memory import LAYERS
from course_lib.finetuning.watch import Watch, stable_at

FULL = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
)  # as cards and processors say it
WHOLE = ("trainer_state.json", "optimizer.pt", "scheduler.pt", "adapter_model.safetensors")


@dataclass(frozen=True)
class Recipe:
    """How to fine-tune.

    steps, batch, accumulate   updates; rows at a time on each device; batches in one update
    warmup                     share of the steps in which the learning rate rises
    rank … kind                the adapter, see ``lora``
    evaluate_every             steps between evaluations, after each of which the state is saved
    patience, tolerance        stop when the best of the last ``patience`` evaluations is not better than
                               the best before them by this share; patience 0: never
    checkpointing              less memory for activations, about a third more time

    Raises ``CourseError`` for numbers and layers that make no adapter.
    """

    steps: int
    learning_rate: float = 1e-3
    batch: int = 8
    accumulate: int = 1
    warmup: float = 0.03
    rank: int = 16
    alpha: float = 32
    dropout: float = 0.05
    targets: tuple[str, ...] = LAYERS
    kind: str = "lora"
    evaluate_every: int = 20
    patience: int = 3
    tolerance: float = 0.005
    checkpointing: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if (
            min(self.batch, self.accumulate, self.rank, self.evaluate_every) < 1
            or self.learning_rate <= 0
        ):
            raise CourseError(
                "batch, accumulate, rank and evaluate_every are 1 or more, learning_rate more than 0."
            )
        if not (0 <= self.dropout < 1 and 0 <= self.warmup <= 1):
            raise CourseError(
                "dropout and warmup are shares: 0 or more, dropout below 1 and warmup at most 1."
            )
        if not self.targets or not set(self.targets) <= set(LAYERS):
            raise CourseError(f"targets are some of Falcon's layers: {', '.join(LAYERS)}.")
        if self.kind not in KINDS:
            raise CourseError(f"There is no adapter {self.kind!r}: take one of {', '.join(KINDS)}.")


@dataclass
class Outcome:
    """What happened: (step, loss) in training and on held-out rows, (step, texts) at the fixed prompts.

    ``best`` is the step whose adapter ``model`` has; ``stable`` the step at which the rule ended the run, or None.
    """

    model: PeftModel
    losses: list[tuple[int, float]]
    evaluations: list[tuple[int, float]]
    samples: list[tuple[int, list[str]]] = field(default_factory=list)
    best: int = 0
    stable: int | None = None
    interrupted: bool = False
    seconds: float = 0.0


def with_adapter(base: Base, recipe: Recipe) -> PeftModel:
    """The base with a fresh adapter, fp32 and seeded. The base's module tree is changed in place."""
    if recipe.kind == "dora" and base.bits_by == "course":
        raise CourseError(
            "DoRA needs bitsandbytes or a base that is not in 4 bits: take `lora` or `rslora`."
        )
    if isinstance(base.model, PeftModel) or any(
        "lora_" in name for name, _ in base.model.named_parameters()
    ):
        raise CourseError("This base carries an adapter already: load it anew with `load_base`.")
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=list(recipe.targets),
        use_rslora=recipe.kind == "rslora",
        use_dora=recipe.kind == "dora",
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(recipe.seed)
    return fresh(base.model, config)


def fine_tune(
    base: Base,
    training: Sequence[Row],
    held_out: Sequence[Row],
    recipe: Recipe,
    folder: Path,
    *,
    prompts: Sequence[str] = (),
    resume: bool = False,
) -> Outcome:
    """Learn an adapter; the best one by held-out loss is kept.

    folder    for the checkpoints of this run; without ``resume`` older ones in it are moved to ``earlier-1``, …
    prompts   continued greedily after each evaluation
    resume    go on from the last whole checkpoint in ``folder``, or give back what a run that had come to
              its end found; on a CPU the result is that of a run that was never interrupted

    Ctrl-C lets the step at hand end, saves, and returns with ``interrupted`` set.
    """
    if recipe.steps < 1 or not training or not held_out:
        raise CourseError(
            "Fine-tuning needs a step, a row to learn from and a held-out one: give more documents."
        )
    context = base.model.config.max_position_embeddings
    if (longest := max(len(row["input_ids"]) for row in (*training, *held_out))) > context:
        raise CourseError(
            f"A row has {longest:,} tokens and {base.name} reads at most {context:,}: make the rows shorter."
        )
    started, model = time.perf_counter(), with_adapter(base, recipe)
    watch = Watch(base.tokenizer, list(prompts), recipe.patience, recipe.tolerance)
    trainer = Trainer(
        model=model,
        args=settings(base, recipe, folder),
        train_dataset=list(training),
        eval_dataset=list(held_out),
        data_collator=Pad(base.tokenizer.pad_token_id),
        processing_class=base.tokenizer,
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)  # it prints every log
    last = start_from(folder, resume)
    if last and (ended := ended_run(last, recipe)):
        watch.stable = ended.global_step if stabilised(ended, recipe) else None
        best = Path(folder) / Path(ended.best_model_checkpoint).name
        set_peft_model_state_dict(model, load_file(best / "adapter_model.safetensors"))
        return outcome(model.eval(), ended, watch, time.perf_counter() - started)
    try:
        with watch:
            trainer.train(resume_from_checkpoint=last)
    except RuntimeError as error:
        if "size mismatch" in str(error):
            raise CourseError(
                f"The checkpoints in {Path(folder).name} are of another adapter: give its recipe, or another folder."
            ) from error
        if not any(phrase in str(error).lower() for phrase in FULL):
            raise
        raise CourseError(
            f"The memory ran out: lower `batch` (it is {recipe.batch}; raise `accumulate` instead) or the length of "
            f"rows, or set checkpointing=True; resume=True goes on from the last checkpoint in {Path(folder).name}."
        ) from error
    return outcome(model.eval(), trainer.state, watch, time.perf_counter() - started)


def settings(base: Base, recipe: Recipe, folder: Path) -> TrainingArguments:
    """Our recipe in the words of the installed transformers."""
    known = inspect.signature(TrainingArguments).parameters
    renamed = (
        "activation_checkpointing"
        if "activation_checkpointing" in known
        else "gradient_checkpointing"
    )
    gpu, kind = torch.cuda.is_available(), base.model.dtype
    every = max(1, min(recipe.evaluate_every, recipe.steps))
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=recipe.steps,
        learning_rate=recipe.learning_rate,
        per_device_train_batch_size=recipe.batch,
        per_device_eval_batch_size=recipe.batch,
        gradient_accumulation_steps=recipe.accumulate,
        warmup_steps=max(1, round(recipe.warmup * recipe.steps)),
        lr_scheduler_type="cosine",
        weight_decay=0.0,
        max_grad_norm=1.0,
        seed=recipe.seed,
        data_seed=recipe.seed,
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        remove_unused_columns=False,
        label_names=["labels"],
        use_cpu=not gpu,
        fp16=gpu and kind == torch.float16,
        bf16=gpu and kind == torch.bfloat16,
        dataloader_pin_memory=gpu,
        ddp_find_unused_parameters=False,
        **{renamed: recipe.checkpointing, f"{renamed}_kwargs": {"use_reentrant": False}},
    )


def checkpoint_activations(model: PeftModel) -> None:
    """What ``checkpointing`` does, for a loop of one's own: keep a block's inputs, compute the rest again.

    The frozen embedding's output must ask for a gradient, else none would reach the adapters.
    """
    bare = model.get_base_model()
    new = getattr(bare, "activation_checkpointing_enable", None)
    (new or bare.gradient_checkpointing_enable)({"use_reentrant": False})
    bare.enable_input_require_grads()


def last_whole_checkpoint(folder: Path) -> str | None:
    """The latest checkpoint that was written to its end; None when there is none."""
    found = [
        path
        for path in Path(folder).glob("checkpoint-*")
        if all((path / name).is_file() for name in WHOLE)
    ]
    return str(max(found, key=lambda path: int(path.name.split("-")[1]))) if found else None


def start_from(folder: Path, resume: bool) -> str | None:
    """The checkpoint to go on from; without ``resume`` none, and those of other runs are moved aside."""
    if resume:
        return last_whole_checkpoint(folder)
    aside = Path(folder) / f"earlier-{1 + len(list(Path(folder).glob('earlier-*')))}"
    for path in list(Path(folder).glob("checkpoint-*")):
        aside.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # under torchrun another process may be faster
            path.rename(aside / path.name)
    return None


def ended_run(checkpoint: str, recipe: Recipe) -> TrainerState | None:
    """What a run wrote that had come to its end, by the number of steps or by the rule; None if it had not."""
    state = TrainerState.load_from_json(str(Path(checkpoint) / "trainer_state.json"))
    ended = state.global_step >= recipe.steps or stabilised(state, recipe)
    return state if ended and state.best_model_checkpoint else None


def stabilised(state: TrainerState, recipe: Recipe) -> bool:
    """Whether the rule says so of a run's evaluations."""
    losses = [entry["eval_loss"] for entry in state.log_history if "eval_loss" in entry]
    return stable_at(losses, recipe.patience, recipe.tolerance) is not None


def outcome(model: PeftModel, state: Any, watch: Watch, seconds: float) -> Outcome:
    """Read the Trainer's log."""
    log = state.log_history
    best = state.best_model_checkpoint
    return Outcome(
        model,
        losses=[(entry["step"], entry["loss"]) for entry in log if "loss" in entry],
        evaluations=[(entry["step"], entry["eval_loss"]) for entry in log if "eval_loss" in entry],
        samples=[(entry["step"], entry["samples"]) for entry in log if "samples" in entry],
        best=int(Path(best).name.split("-")[1]) if best else state.global_step,
        stable=watch.stable,
        interrupted=watch.interrupted,
        seconds=seconds,
    )
