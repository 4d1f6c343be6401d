"""What happens beside a training: the rule that ends it, samples, progress, Ctrl-C."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import TrainerCallback

from course_lib.workbook.progress import bar
from course_lib.workbook.training import DeferredInterrupt


def stable_at(losses: Sequence[float], patience: int, tolerance: float) -> int | None:
    """Number of the evaluation (from 0) at which the loss has stabilised, or None.

    It has when the best of the last ``patience`` losses is not below the best before them by the
    share ``tolerance``. A patience of 0 never stops (early stopping: Prechelt 1998).
    """
    if patience < 1:
        return None
    for end in range(patience, len(losses)):
        before, since = min(losses[: end - patience + 1]), min(losses[end - patience + 1 : end + 1])
        if since > before * (1 - tolerance):
            return end
    return None


@torch.no_grad()
def continue_texts(model: Any, tokenizer: Any, prompts: Sequence[str], most: int = 24) -> list[str]:
    """What the model writes after each prompt, the likeliest token each time. Mode and random state stay."""
    was, texts = model.training, []
    model.eval()
    with torch.random.fork_rng(devices=[]):
        for prompt in prompts:
            ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids
            ids = (ids if ids.shape[1] else torch.tensor([[tokenizer.eos_token_id]])).to(
                model.device
            )
            out = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=most,
                do_sample=False,
                pad_token_id=tokenizer.pad_token_id,
            )
            texts.append(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))
    model.train(was)
    return texts


class Watch(TrainerCallback):
    """Looks on, and stops the training when there is a reason. Use it as a context around the training."""

    def __init__(self, tokenizer: Any, prompts: list[str], patience: int, tolerance: float) -> None:
        self.tokenizer, self.prompts = tokenizer, prompts
        self.patience, self.tolerance = patience, tolerance
        self.stable: int | None = None
        self.interrupted = False
        self._interrupt = DeferredInterrupt()
        self._shown: Any = None

    def __enter__(self) -> "Watch":
        self._interrupt.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._interrupt.__exit__(*error)
        if self._shown is not None:
            self._shown.close()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self._shown = bar(total=state.max_steps, description="Fine-tuning", unit="step")
            self._shown.update(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._shown is not None:
            self._shown.update()
        if self._interrupt.requested and state.global_step < state.max_steps:
            self.interrupted = control.should_save = control.should_training_stop = True

    def on_evaluate(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if self.prompts and state.is_world_process_zero:
            bare = getattr(model, "module", model)
            texts = continue_texts(bare, self.tokenizer, self.prompts)
            state.log_history.append({"step": state.global_step, "samples": texts})
        losses = [entry["eval_loss"] for entry in state.log_history if "eval_loss" in entry]
        if stable_at(losses, self.patience, self.tolerance) is not None:
            self.stable, control.should_training_stop = state.global_step, True
