"""``torch.compile`` where a compiler is there, and the model as it is where not."""

import torch
from torch import nn

from course_lib.transformer.model import MiniGPT


def compiled(model: MiniGPT, batch: int, length: int) -> nn.Module:
    """The model as ``torch.compile`` makes it for tokens (batch, length); without a compiler ``model`` itself.

    Both share their weights. Compiling takes half a minute: for trainings of many minutes.
    """
    tokens = torch.zeros(batch, length, dtype=torch.long, device=model.embedding.weight.device)
    try:
        faster = torch.compile(model)
        faster(tokens)
    except (
        Exception
    ):  # a missing compiler shows itself in many ways, and each of them means the same
        return model
    return faster
