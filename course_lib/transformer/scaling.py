"""Loss against compute: the same text read by models of several sizes, and the line through them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_lib.transformer.cost import training_flops
from course_lib.transformer.counting import parameter_count
from course_lib.transformer.model import Config, MiniGPT
from course_lib.transformer.optimizer import MuonAndAdamW
from course_lib.workbook.evaluate import get_batch
from course_lib.workbook.training import TrainingConfig, train


@dataclass(frozen=True)
class Run:
    """One model of the experiment: operations spent on training it, and its loss afterwards."""

    operations: float
    loss: float


@dataclass(frozen=True)
class PowerLaw:
    """loss = scale · operations^(−exponent): a straight line when both axes are logarithmic."""

    scale: float
    exponent: float

    def __call__(self, operations: float) -> float:
        return self.scale * operations**-self.exponent


def run_sizes(
    configs: Sequence[Config],
    data: Tensor,
    judge: Callable[[MiniGPT], float],
    *,
    device: torch.device,
    steps: int,
    batch: int,
    length: int,
    learning_rate: float,
    seed: int = 0,
) -> list[Run]:
    """Train each configuration on the same windows of ``data`` (tokens,) and ``judge`` it on other text.

    Operations count the parameters outside the embedding, and the last layer, which does work
    (Kaplan et al. 2020 leave it out; for models as small as these it is most of the work).
    """
    runs = []
    for config in configs:
        torch.manual_seed(seed)
        model = MiniGPT(config).to(device)
        plan = TrainingConfig(steps, learning_rate, lr_scheduler_type="wsd", weight_decay=0.1, seed=seed)
        train(
            model,
            lambda generator: get_batch(data, length + 1, batch, generator).to(device),
            lambda m, rows: m.loss(rows),
            plan,
            make_optimizer=MuonAndAdamW,
            description=f"width {config.d_model}",
        )
        count = parameter_count(config)
        working = count.linear + count.embedding
        runs.append(Run(training_flops(working, steps * batch * length), judge(model.eval())))
    return runs


def fit_power_law(runs: Sequence[Run]) -> PowerLaw:
    """The straight line through the logarithms, by least squares."""
    slope, start = np.polyfit(
        [math.log(run.operations) for run in runs], [math.log(run.loss) for run in runs], 1
    )
    return PowerLaw(math.exp(start), -float(slope))
