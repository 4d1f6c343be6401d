"""The training loop that all notebooks share.

It knows nothing of the model: it needs parameters, a function that draws a batch, and one
that turns a batch into a loss. It can be interrupted at any step without losing what was
learned, and goes on from its checkpoint exactly where it stopped.
"""

import math
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.workbook import checkpoints
from course_lib.workbook.figures import DescribedFigure, canvas
from course_lib.workbook.progress import bar

Batch = Any
DrawBatch = Callable[[torch.Generator], Batch]
BatchLoss = Callable[[nn.Module, Batch], Tensor]


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    steps           updates of the weights
    learning_rate   the highest one; it rises over ``warmup`` (a share of the steps) and then
                    falls along ``schedule``: ``cosine``, ``linear``, ``constant``, or ``wsd``,
                    which falls only in the last 40 % of the steps
    clip            largest norm of the gradient; longer ones are shortened to it
    evaluate_every  steps between evaluations; 0: only at the end
    checkpoint      file to save to when interrupted and every ``save_every`` steps (0: only then)
    """

    steps: int
    learning_rate: float = 1e-3
    warmup: float = 0.05
    schedule: str = "cosine"
    weight_decay: float = 0.01
    clip: float = 1.0
    evaluate_every: int = 0
    checkpoint: Path | None = None
    save_every: int = 0
    seed: int = 0


@dataclass
class History:
    """What happened: training loss a step, (step, validation loss), seconds, and whether it ended early."""

    losses: list[float] = field(default_factory=list)
    evaluations: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def steps(self) -> int:
        return len(self.losses)


def learning_rate_at(step: int, plan: TrainingConfig) -> float:
    """The learning rate of update ``step`` (from 0)."""
    warmup = max(1, round(plan.warmup_ratio * plan.max_steps))
    if step < warmup:
        return plan.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(1, plan.max_steps - warmup)
    factor = {
        "cosine": 0.5 * (1 + math.cos(math.pi * done)),
        "linear": 1 - done,
        "constant": 1.0,
        "wsd": min(1.0, (plan.max_steps - step) / (0.4 * plan.max_steps)),
    }[plan.lr_scheduler_type]
    return plan.learning_rate * factor


def make_optimiser(model: nn.Module, plan: TrainingConfig) -> torch.optim.AdamW:
    """AdamW; weight decay only for matrices, as is usual (biases and norms are left free)."""
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": plan.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [g for g in groups if g["params"]], lr=plan.learning_rate, betas=(0.9, 0.95)
    )


def train(
    model: nn.Module,
    draw_batch: DrawBatch,
    batch_loss: BatchLoss,
    plan: TrainingConfig,
    *,
    evaluate: Callable[[nn.Module], float] | None = None,
    resume: bool = False,
    optimiser_for: Callable[[nn.Module, TrainingConfig], torch.optim.Optimizer] = make_optimiser,
    description: str = "Training",
) -> History:
    """Train ``model`` in place and return the history.

    draw_batch(generator)      one batch; all its randomness must come from the generator
    batch_loss(model, batch)   the loss, a scalar tensor
    evaluate(model)            a validation loss; called without gradients, in evaluation mode
    resume                     go on from ``plan.checkpoint``; on a CPU the result is bit for
                               bit that of a run that was never interrupted
    optimiser_for(model, plan) another optimiser than AdamW; a group's ``share`` of the learning
                               rate is kept, 1 if it has none

    An interruption (Ctrl-C, the stop button) lets the step at hand end, saves the checkpoint
    if the plan names one, and returns normally with ``interrupted`` set.
    """
    if plan.max_steps < 1:
        raise CourseError("A training plan needs at least one step: raise `steps`.")
    generator = torch.Generator().manual_seed(plan.seed)
    optimiser = optimiser_for(model, plan)
    history = History()
    if resume and plan.checkpoint_path is not None and Path(plan.checkpoint_path).exists():
        history = History(**checkpoints.load(plan.checkpoint_path, model, optimiser, generator))
        history.interrupted = False
    started = time.perf_counter() - history.seconds
    model.train()
    shown = bar(total=plan.max_steps, description=description, unit="step")
    shown.update(history.steps)
    with shown, DeferredInterrupt() as interrupt:
        for step in range(history.steps, plan.max_steps):
            history.losses.append(
                _update(model, draw_batch, batch_loss, optimiser, plan, step, generator)
            )
            shown.update()
            shown.set_postfix_str(f"loss {history.losses[-1]:.3f}", refresh=False)
            due = plan.eval_steps and (step + 1) % plan.eval_steps == 0
            if evaluate is not None and (due or step + 1 == plan.max_steps):
                history.evaluations.append((step + 1, _evaluate(model, evaluate)))
            history.seconds = time.perf_counter() - started
            if (
                plan.checkpoint_path is not None
                and plan.save_steps
                and (step + 1) % plan.save_steps == 0
            ):
                _save(model, optimiser, plan, history, generator)
            if interrupt.requested and history.steps < plan.max_steps:
                history.interrupted = True
                break
    if history.interrupted:
        _say_interrupted(model, optimiser, plan, history, generator)
    return history


class DeferredInterrupt:
    """Holds an interruption back until a step is whole, so that no update is half done.

    The first Ctrl-C or press of the stop button sets ``requested``; a second one is not held
    back. Outside the main thread, where Python allows no signal handler, nothing changes.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: Any = None

    def __enter__(self) -> "DeferredInterrupt":
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._hold)
        return self

    def _hold(self, *_: Any) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __exit__(self, *_: Any) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)


def _update(
    model: nn.Module,
    draw_batch: DrawBatch,
    batch_loss: BatchLoss,
    optimiser: torch.optim.Optimizer,
    plan: TrainingConfig,
    step: int,
    generator: torch.Generator,
) -> float:
    """One step: loss, gradient, clipping, update. Returns the loss."""
    loss = batch_loss(model, draw_batch(generator))
    value = loss.item()
    if not math.isfinite(value):
        raise CourseError(
            f"The loss became {value} at step {step + 1}: start again with a smaller learning rate "
            f"than {plan.learning_rate:g}, and look for empty or broken batches."
        )
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), plan.max_grad_norm)
    for group in optimiser.param_groups:
        group["lr"] = learning_rate_at(step, plan) * group.get("share", 1.0)
    optimiser.step()
    return value


def _evaluate(model: nn.Module, evaluate: Callable[[nn.Module], float]) -> float:
    """Evaluation mode and no gradients, and back; the training's random numbers are not disturbed."""
    state = torch.get_rng_state()
    model.eval()
    try:
        with torch.no_grad():
            return float(evaluate(model))
    finally:
        model.train()
        torch.set_rng_state(state)


def _save(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    plan: TrainingConfig,
    history: History,
    generator: torch.Generator,
) -> None:
    facts = {**asdict(history), "interrupted": False}
    states = {"generator": generator.get_state(), "torch": torch.get_rng_state()}
    checkpoints.save(Path(plan.checkpoint_path), model, optimiser, states, facts)  # type: ignore[arg-type]


def _say_interrupted(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    plan: TrainingConfig,
    history: History,
    generator: torch.Generator,
) -> None:
    sentence = (
        f"Interrupted after {history.steps} of {plan.max_steps} steps; the model keeps what it learned."
    )
    if plan.checkpoint_path is not None:
        _save(model, optimiser, plan, history, generator)
        sentence += f" Go on with resume=True (saved in {Path(plan.checkpoint_path).name})."
    print(sentence)


def loss_curve(history: History, title: str = "Training") -> DescribedFigure:
    """The loss a step, smoothed, with the validation loss as points."""
    figure, axis = canvas()
    losses = torch.tensor(history.losses)
    width = max(1, len(losses) // 50)
    smooth = losses.unfold(0, width, 1).mean(-1)
    axis.plot(range(1, len(losses) + 1), losses, alpha=0.25, label="each step")
    axis.plot(range(width, len(losses) + 1), smooth, label=f"mean of {width} steps")
    if history.evaluations:
        axis.plot(*zip(*history.evaluations, strict=True), "s--", label="validation")
    axis.set(title=title, xlabel="step", ylabel="loss (nats)")
    axis.legend()
    return DescribedFigure(
        figure, "The loss falls as the model learns: quickly first, then slowly."
    )
