"""How well a model predicts held-out text: negative log-likelihood, perplexity, bits per byte.

One measurement for every model of the course. A model is anything that turns token ids
``(batch, time)`` into logits ``(batch, time, vocab_size)``: ours return the tensor, those of
transformers an object that has it as ``logits``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from course_lib.errors import CourseError

IGNORE_INDEX = -100
"""The label of a token that is neither learned nor scored, as in torch and transformers."""


def get_batch(data: Tensor, block_size: int, batch_size: int, generator: torch.Generator) -> Tensor:
    """``(batch_size, block_size)``: stretches that begin anywhere in ``data`` ``(length,)``."""
    starts = torch.randint(max(1, len(data) - block_size + 1), (batch_size, 1), generator=generator)
    return data[(starts + torch.arange(block_size)).clamp(max=len(data) - 1)]


def next_token_loss(model: nn.Module, input_ids: Tensor) -> Tensor:
    """Mean cross-entropy (nats) of every token of ``(batch, time)`` but the first."""
    logits = _logits(model(input_ids[:, :-1]))
    return cross_entropy(logits.flatten(0, 1), input_ids[:, 1:].flatten())


def token_nll(model: nn.Module, input_ids: Tensor, labels: Tensor | None = None) -> Tensor:
    """-ln p of each token but the first, given those before it: nats, ``(batch, time - 1)``.

    labels   the tokens to score, IGNORE_INDEX for others (they get 0); None: all

    Padding on the right needs no mask in a causal model. No gradient is kept, and the model's
    mode (training or not) is left as it was.
    """
    if input_ids.shape[1] < 2:
        return torch.zeros(len(input_ids), 0, device=input_ids.device)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            logits = _logits(model(input_ids[:, :-1])).float()
    finally:
        model.train(was_training)
    wanted = (input_ids if labels is None else labels)[:, 1:]
    options = {"ignore_index": IGNORE_INDEX, "reduction": "none"}
    return cross_entropy(logits.flatten(0, 1), wanted.flatten(), **options).view_as(wanted)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """nats: the negative log-likelihood of all scored tokens together."""

    nats: float
    num_tokens: int

    @property
    def cross_entropy(self) -> float:
        """Nats per token."""
        return self.nats / self.num_tokens

    @property
    def perplexity(self) -> float:
        """e to the cross-entropy: as if it chose among so many equally likely tokens."""
        return math.exp(self.cross_entropy)

    @property
    def bits_per_token(self) -> float:
        return self.cross_entropy / math.log(2)

    def bits_per_byte(self, num_bytes: int) -> float:
        """For text of ``num_bytes`` bytes: one scale for models with different tokens."""
        return self.nats / math.log(2) / num_bytes


def evaluate(
    model: nn.Module,
    data: Tensor | Sequence[dict[str, list[int]]],
    block_size: int = 64,
    batch_size: int = 64,
) -> Evaluation:
    """The negative log-likelihood of unseen text.

    data   one long text as ids ``(length,)``. It is read in stretches of ``block_size`` tokens that
           overlap by half, and only the second half of each is scored (the first whole), so that
           every token has a past to look at; or examples with ``input_ids`` and perhaps ``labels``,
           each scored whole, padded on the right to the longest of its batch.

    Raises ``CourseError`` when there is nothing to score.
    """
    device = next(model.parameters()).device
    examples = _stretches(data.tolist(), block_size) if isinstance(data, Tensor) else data
    nats, num_tokens = 0.0, 0
    for start in range(0, len(examples), batch_size):
        batch = pad_batch(examples[start : start + batch_size])
        labels = batch["labels"].to(device)
        nats += token_nll(model, batch["input_ids"].to(device), labels).sum().item()
        num_tokens += int((labels[:, 1:] != IGNORE_INDEX).sum())
    if not num_tokens:
        raise CourseError("There is nothing to measure: give a text of at least two tokens.")
    return Evaluation(nats, num_tokens)


def pad_batch(examples: Sequence[dict[str, list[int]]], pad_token_id: int = 0) -> dict[str, Tensor]:
    """``input_ids``, ``labels``, ``attention_mask`` ``(batch, time)``, padded on the right.

    Labels ignore padding; without labels all tokens are labels.
    """
    ids = [example["input_ids"] for example in examples]
    labels = [example.get("labels", example["input_ids"]) for example in examples]

    def pad(rows: Sequence[Sequence[int]], value: int) -> Tensor:
        tensors = [torch.tensor(row, dtype=torch.long) for row in rows]
        return pad_sequence(tensors, batch_first=True, padding_value=value)

    return {
        "input_ids": pad(ids, pad_token_id),
        "labels": pad(labels, IGNORE_INDEX),
        "attention_mask": pad([[1] * len(row) for row in ids], 0),
    }


def _stretches(ids: list[int], block_size: int) -> list[dict[str, list[int]]]:
    """Stretches of ``block_size`` tokens and one more to predict; labels mark what is scored."""
    half = max(1, block_size // 2)
    past = block_size + 1 - half  # tokens that the stretch before has scored
    stretches = [{"input_ids": ids[: past + half]}]
    for start in range(half, len(ids) - past, half):
        row = ids[start : start + past + half]
        stretches.append({"input_ids": row, "labels": [IGNORE_INDEX] * past + row[past:]})
    return stretches


def _logits(output: Any) -> Tensor:
    return output if isinstance(output, Tensor) else output.logits
