"""How surprised a model is by held-out text: of the new domain, and of the old one (forgetting)."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from course_lib.errors import CourseError
from course_lib.finetuning.examples import IGNORED, Pad, Row


@torch.no_grad()
def surprise(model: Any, rows: Sequence[Row], padding: int, batch: int = 8) -> tuple[float, int]:
    """(nats over all learned tokens, their number). The model's mode is left as it was."""
    was, pad, device = model.training, Pad(padding), next(model.parameters()).device
    nats, count = 0.0, 0
    model.eval()
    try:
        for start in range(0, len(rows), batch):
            part = {
                key: value.to(device) for key, value in pad(rows[start : start + batch]).items()
            }
            labels = part.pop("labels")[:, 1:]
            logits = model(**part, use_cache=False).logits[:, :-1].float()
            nats += float(
                cross_entropy(
                    logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum"
                )
            )
            count += int((labels != IGNORED).sum())
    finally:
        model.train(was)
    if not count:
        raise CourseError("There is nothing to measure: no row has two tokens.")
    return nats, count


def perplexity(model: Any, rows: Sequence[Row], padding: int, batch: int = 8) -> float:
    """e to the mean surprise a token: among how many equally likely tokens the model seems to choose."""
    nats, count = surprise(model, rows, padding, batch)
    return math.exp(nats / count)


def perplexities(
    model: Any, domains: dict[str, Sequence[Row]], padding: int, batch: int = 8
) -> dict[str, float]:
    """For several domains. Called before and after, it shows what was learned and what forgotten."""
    return {name: perplexity(model, rows, padding, batch) for name, rows in domains.items()}
