"""The training loop that all notebooks share, and its checkpoints.

It knows nothing of the model: it needs parameters, a function that draws a batch, and one
that turns a batch into a loss. It can be interrupted at any step without losing what was
learned, and goes on from its checkpoint exactly where it stopped.

A checkpoint is one safetensors file, no pickle: model, optimiser state and the state of the random
generators are tensors; the rest (history, settings) is JSON in the file's header.
"""

import contextlib
import ctypes
import gc
import json
import math
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.workbook.display import bar
from course_lib.workbook.settings import atomic_write

Run = tuple[nn.Module, torch.optim.Optimizer, torch.Generator]
# What a resumed run has in common with the one that it goes on from; it may have more steps.
FIXED = ("learning_rate", "warmup_ratio", "lr_scheduler_type", "weight_decay", "seed")
# The learning rate after the warm-up, as a fraction of the highest one: ``t`` runs from 0 to 1
# after the warm-up, ``left`` is the fraction of all steps that is still to come.
SCHEDULES: dict[str, Callable[[float, float], float]] = {
    "cosine": lambda t, left: 0.5 * (1 + math.cos(math.pi * t)),
    "linear": lambda t, left: 1 - t,
    "constant": lambda t, left: 1.0,
    "wsd": lambda t, left: min(1.0, left / 0.4),
}


@dataclass(frozen=True)
class TrainingConfig:
    """How to train; the names are those of transformers' ``TrainingArguments``.

    max_steps           updates of the weights
    learning_rate       the highest one; it rises over ``warmup_ratio`` of the steps, then falls
    lr_scheduler_type   ``cosine``, ``linear``, ``constant``, or ``wsd`` (warm-up, stable, decay:
                        Hu et al. 2024, "MiniCPM"), which falls only in the last 40 % of the steps
    max_grad_norm       a longer gradient is shortened to it
    eval_steps          steps between evaluations; 0: only at the end
    checkpoint_path     file to save to when interrupted and every ``save_steps`` (0: only then)
    """

    max_steps: int
    learning_rate: float = 1e-3
    warmup_ratio: float = 0.05
    lr_scheduler_type: str = "cosine"
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    eval_steps: int = 0
    checkpoint_path: Path | None = None
    save_steps: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        name, known = self.lr_scheduler_type, ", ".join(SCHEDULES)
        if name not in SCHEDULES:
            raise CourseError(f"There is no lr_scheduler_type {name!r}: take one of {known}.")


@dataclass
class History:
    """What happened: training loss a step, (step, validation loss), seconds, an early end."""

    losses: list[float] = field(default_factory=list)
    evaluations: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def steps(self) -> int:
        return len(self.losses)


def learning_rate_at(step: int, config: TrainingConfig) -> float:
    """The learning rate of update ``step`` (from 0)."""
    warmup = max(1, round(config.warmup_ratio * config.max_steps))
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    t, left = (step - warmup) / (config.max_steps - warmup), 1 - step / config.max_steps
    return config.learning_rate * SCHEDULES[config.lr_scheduler_type](t, left)


def make_adamw(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW; weight decay only for matrices, as is usual (biases and norms are left free)."""
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95))


def train(
    model: nn.Module,
    get_batch: Callable[[torch.Generator], Any],
    loss_fn: Callable[[nn.Module, Any], Tensor],
    config: TrainingConfig,
    *,
    evaluate: Callable[[nn.Module], float] | None = None,
    resume: bool = False,
    make_optimizer: Callable[[nn.Module, TrainingConfig], torch.optim.Optimizer] = make_adamw,
    description: str = "Training",
) -> History:
    """Train ``model`` in place and return the history.

    get_batch(generator)            one batch; all its randomness must come from the generator
    loss_fn(model, batch)           the loss, a scalar tensor
    evaluate(model)                 a validation loss; called without gradients, in evaluation mode
    resume                          go on from ``config.checkpoint_path``; on a CPU the result is
                                    bit for bit that of a run that was never interrupted
    make_optimizer(model, config)   another optimiser than AdamW; a parameter group's ``lr_scale``
                                    multiplies the learning rate, 1 if it has none

    An interruption (Ctrl-C, the stop button) lets the step at hand end, saves the checkpoint
    if the configuration names one, and returns normally with ``interrupted`` set.
    """
    generator = torch.Generator().manual_seed(config.seed)
    optimizer, history = make_optimizer(model, config), History()
    run, path = (model, optimizer, generator), config.checkpoint_path
    made_by = {name: getattr(config, name) for name in FIXED} | {
        "optimizer": type(optimizer).__name__,
        "model": [[*p.shape] for group in optimizer.param_groups for p in group["params"]],
    }
    if resume and path is not None and path.exists():
        history = load_checkpoint(path, run, made_by)
    # Products in bf16 on a GPU that has it; weights, losses and updates stay in fp32.
    on_gpu = next(model.parameters()).is_cuda
    bf16 = on_gpu and torch.cuda.is_bf16_supported(including_emulation=False)
    started = time.perf_counter() - history.seconds
    model.train()
    progress = bar(None, description, total=config.max_steps, initial=history.steps, unit="step")
    with progress, DeferredInterrupt() as interrupt:
        for step in range(history.steps, config.max_steps):
            with torch.autocast("cuda", torch.bfloat16, enabled=bf16):
                loss = loss_fn(model, get_batch(generator))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            history.losses.append(loss.item())  # now: on a GPU the work goes on while Python waits
            if not math.isfinite(history.losses[-1]):
                raise CourseError(
                    f"The loss became {history.losses[-1]} at step {step + 1}: start again with a "
                    f"smaller learning rate than {config.learning_rate:g}, or look at the batches."
                )
            nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate_at(step, config) * group.get("lr_scale", 1.0)
            optimizer.step()
            progress.update()
            progress.set_postfix_str(f"loss {history.losses[-1]:.3f}", refresh=False)
            done = step + 1
            due = config.eval_steps and done % config.eval_steps == 0
            if evaluate is not None and (due or done == config.max_steps):
                model.eval()
                with torch.random.fork_rng(), torch.no_grad():  # the training draws as without it
                    history.evaluations.append((done, float(evaluate(model))))
                model.train()
            history.seconds = time.perf_counter() - started
            if path is not None and config.save_steps and done % config.save_steps == 0:
                save_checkpoint(path, run, history, made_by)
            if interrupt.requested and done < config.max_steps:
                history.interrupted = True
                break
    if history.interrupted:
        steps = f"{done} of {config.max_steps} steps"
        print(f"Interrupted after {steps}; the model keeps what it learned.")
        if path is not None:
            save_checkpoint(path, run, history, made_by)
            print(f"Go on with resume=True (saved in {path.name}).")
    give_memory_back()
    return history


def give_memory_back() -> None:
    """glibc keeps what a training run has freed, 1 GB here; other systems give it back anyway."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


class DeferredInterrupt:
    """Holds an interruption back until a step is whole, so that no update is half done.

    The first Ctrl-C or press of the stop button sets ``requested``; a second one is not held
    back. Where Python can set no handler, or could not put the old one back, nothing changes.
    """

    requested = False

    def __enter__(self) -> "DeferredInterrupt":
        main = threading.current_thread() is threading.main_thread()
        self._previous = signal.getsignal(signal.SIGINT) if main else None
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._hold)
        return self

    def _hold(self, *_: Any) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __exit__(self, *_: Any) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)


def save_checkpoint(path: Path, run: Run, history: History, made_by: dict) -> None:
    """Write atomically: an earlier checkpoint is replaced only when the new one is whole."""
    model, optimizer, generator = run
    facts = {"history": {**asdict(history), "interrupted": False}, "made_by": made_by}
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": torch.as_tensor(state[key]) for key in state}
    tensors |= {"random.generator": generator.get_state(), "random.torch": torch.get_rng_state()}
    # Clones: tied weights share memory, which the format refuses.
    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    try:
        with atomic_write(path) as temporary:
            save_file(tensors, temporary, metadata={"facts": json.dumps(facts)})
    except (OSError, SafetensorError) as error:
        raise CourseError(
            f"The checkpoint {path.name} could not be written ({error}): free some disk space, "
            "then go on; the model in memory is unharmed."
        ) from error


def load_checkpoint(path: Path, run: Run, made_by: dict) -> History:
    """Put everything back as it was. Nothing is changed if the file is bad.

    Raises ``CourseError`` for a file that is damaged, or that another model, another optimiser or
    other settings than ``made_by`` made.
    """
    model, optimizer, generator = run
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}, "random": {}}
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
            for name in file.keys():  # noqa: SIM118
                part, key = name.split(".", 1)
                # A clone: what stays mapped to the file keeps Windows from replacing it later.
                parts[part][key] = file.get_tensor(name).clone()
        history, saved, random = History(**facts["history"]), facts["made_by"], parts["random"]
        of_run, of_torch = random["generator"], random["torch"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CourseError(
            f"The checkpoint {path.name} is damaged or was cut short: delete it and train again."
        ) from error
    if other := [name for name in made_by if saved.get(name) != made_by[name]]:
        raise CourseError(
            f"The checkpoint {path.name} is of a run with another {', another '.join(other)}: take "
            "the same model and settings, or delete the file and train again."
        )
    states: dict[int, dict[str, Tensor]] = defaultdict(dict)  # as the optimiser wants them
    for name, value in parts["optimizer"].items():
        index, key = name.split(".")
        states[int(index)][key] = value
    model.load_state_dict(parts["model"])
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": dict(states), "param_groups": groups})
    generator.set_state(of_run)
    torch.set_rng_state(of_torch)
    history.evaluations = [(step, loss) for step, loss in history.evaluations]
    return history
