"""What size means: parameters, operations, money, and loss against compute.

Prices and peaks are data: ``assets/costs/gpus.json`` has a date and a source, and may be edited.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_lib.places import REPOSITORY
from course_lib.transformer.model import Config, MiniGPT
from course_lib.transformer.optimizer import MuonAndAdamW
from course_lib.workbook.evaluate import next_token_loss
from course_lib.workbook.training import TrainingConfig, train

GPT3 = Config(50_257, "gpt", d_model=12_288, n_layers=96, n_heads=96, block_size=2_048)
"""Brown et al. 2020, table 2.1 (175 billion) and section 2.1; vocabulary and biases as in GPT-2."""
FALCON_7B = Config(
    65_024,
    "falcon",
    d_model=4_544,
    n_layers=32,
    n_heads=71,
    n_kv_heads=1,
    block_size=2_048,
    bias=False,
)
"""The configuration published with ``tiiuae/falcon-7b``."""


@dataclass(frozen=True)
class ParameterCount:
    """Parameters by part; ``linear``: those in linear layers, which 4-bit loading makes smaller."""

    embedding: int
    positions: int
    linear: int
    norms: int

    @property
    def total(self) -> int:
        return self.embedding + self.positions + self.linear + self.norms


def parameter_count(config: Config) -> ParameterCount:
    """Count them from the configuration alone. The last layer is the embedding again: nothing."""
    d_model, inner = config.d_model, config.intermediate_size
    outputs = 2 * d_model + 2 * config.n_kv_heads * config.head_dim  # of q and o, of k and v
    two_norms = config.kind == "gpt" or config.num_ln_in_parallel_attn == 2
    attention = (d_model + config.bias) * outputs
    mlp = 2 * d_model * inner + config.bias * (inner + d_model)
    return ParameterCount(
        embedding=config.vocab_size * d_model,
        positions=config.block_size * d_model if config.kind == "gpt" else 0,
        linear=config.n_layers * (attention + mlp),
        norms=(config.n_layers * (1 + two_norms) + 1) * 2 * d_model,
    )


def training_flops(num_parameters: float, num_tokens: float) -> float:
    """About 6 operations for each parameter and token (Kaplan et al. 2020, section 2.1).

    Forward a multiplication and an addition, backward twice as much. Attention itself, which grows
    with the length of the text, is left out.
    """
    return 6 * num_parameters * num_tokens


@dataclass(frozen=True)
class GPU:
    """A card for hire: operations a second in bf16 at its peak, and its price."""

    name: str
    peak_flops: float
    dollars_per_hour: float


def gpu_hours(flops: float, gpu: GPU, utilization: float = 0.4) -> float:
    """Hours on one card that reaches a fraction of its peak; 0.3 to 0.5 are usual."""
    return flops / (gpu.peak_flops * utilization) / 3_600


def read_gpus() -> tuple[list[GPU], str]:
    """The cards of the table, and the month that its prices are of."""
    path = REPOSITORY / "assets" / "costs" / "gpus.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    return [GPU(**row) for row in stored["gpus"]], stored["as of"]


@dataclass(frozen=True)
class Run:
    """One model of the experiment: operations spent on training it, and its loss afterwards."""

    flops: float
    loss: float


def run_sizes(
    configs: Sequence[Config],
    get_batch: Callable[[torch.Generator], Tensor],
    evaluate: Callable[[MiniGPT], float],
    training: TrainingConfig,
) -> list[Run]:
    """Train each configuration on the same batches (batch, time + 1); ``evaluate`` says its loss.

    Operations count the parameters outside the embedding, and the last layer, which does work
    (Kaplan et al. 2020 leave it out; for models as small as these it is most of the work).
    """
    batch = get_batch(torch.Generator())
    num_tokens, runs = training.max_steps * batch[:, 1:].numel(), []
    for config in configs:
        torch.manual_seed(training.seed)
        model = MiniGPT(config).to(batch.device)
        options = dict(make_optimizer=MuonAndAdamW, description=f"width {config.d_model}")
        train(model, get_batch, next_token_loss, training, **options)
        count = parameter_count(config)
        flops = training_flops(count.linear + count.embedding, num_tokens)
        runs.append(Run(flops, evaluate(model.eval())))
    return runs


@dataclass(frozen=True)
class PowerLaw:
    """loss = scale · flops^(−exponent): a straight line when both axes are logarithmic."""

    scale: float
    exponent: float

    def __call__(self, flops: float) -> float:
        return self.scale * flops**-self.exponent


def fit_power_law(runs: Sequence[Run]) -> PowerLaw:
    """The straight line through the logarithms, by least squares."""
    logs = [(math.log(run.flops), math.log(run.loss)) for run in runs]
    slope, start = np.polyfit(*zip(*logs, strict=True), 1)
    return PowerLaw(math.exp(start), -float(slope))
