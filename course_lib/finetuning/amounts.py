"""Own text alone, to be compared with a base that has read much more: the same shape, trained from nothing."""

import copy
import math
import time
from collections.abc import Sequence
from typing import Any

import torch

from course_lib.errors import CourseError
from course_lib.finetuning.examples import IGNORED, Pad, Row
from course_lib.finetuning.score import surprise


def from_scratch(
    config: Any,
    rows: Sequence[Row],
    *,
    batch: int,
    seconds: float | None = None,
    steps: int | None = None,
    learning_rate: float = 3e-3,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> tuple[Any, int]:
    """A model of this configuration with random weights, trained in full (fp32) on ``rows`` and nothing else.

    It learns for so many ``seconds``, or so many ``steps``; give one of them. The learning rate rises in
    the first fifth and falls along a cosine to the end. Returns the model and the number of steps it took.
    """
    from transformers import FalconForCausalLM

    if not rows or (seconds is None) == (steps is None) or (seconds or steps or 0) <= 0:
        raise CourseError(
            "There is nothing to learn from: give a row, and either `seconds` or `steps` above 0."
        )
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        own = copy.deepcopy(config)
        own.dtype = torch.float32
        model = FalconForCausalLM(own).to(device).train()
    optimiser = torch.optim.AdamW(model.parameters(), learning_rate, weight_decay=0.1)
    pad, order, taken, started = Pad(config.pad_token_id), [], 0, time.perf_counter()
    while (done := (time.perf_counter() - started) / seconds if seconds else taken / steps) < 1:
        while len(order) < batch:
            order += torch.randperm(len(rows), generator=generator).tolist()
        chosen, order = order[:batch], order[batch:]
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * min(
                0.04 + done / 0.2, 0.5 + 0.5 * math.cos(math.pi * max(0, done - 0.2) / 0.8)
            )
        optimiser.zero_grad()
        given = {name: part.to(device) for name, part in pad([rows[n] for n in chosen]).items()}
        model(**given, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        taken += 1
    return model.eval(), taken


def row_bytes(rows: Sequence[Row], tokenizer: Any) -> int:
    """Bytes of text in the learned tokens, but for a row's first, which is not guessed. Special tokens are no text.

    In a byte-level tokenizer a piece has one character for each of its bytes.
    """
    special = set(tokenizer.all_special_ids)
    guessed = [n for row in rows for n in row["labels"][1:] if n != IGNORED and n not in special]
    return sum(len(piece) for piece in tokenizer.convert_ids_to_tokens(guessed))


def bits_per_byte(model: Any, rows: Sequence[Row], tokenizer: Any) -> float:
    """Surprise at ``rows`` a byte of their text: one scale for models with different tokens."""
    size = row_bytes(rows, tokenizer)
    if not size:
        raise CourseError("There is no text to measure on: no row has two tokens.")
    return surprise(model, rows, tokenizer.pad_token_id)[0] / math.log(2) / size
