"""What size means: parameters, operations, hours."""

from dataclasses import dataclass

from course_lib.transformer.model import Config

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
    two_norms = config.kind != "falcon" or config.num_ln_in_parallel_attn == 2
    llama = config.kind == "llama"  # a third matrix in the MLP, norms of one vector
    attention = (d_model + config.bias) * outputs
    mlp = (2 + llama) * d_model * inner + config.bias * (inner + d_model)
    return ParameterCount(
        embedding=config.vocab_size * d_model,
        positions=config.block_size * d_model if config.kind == "gpt" else 0,
        linear=config.n_layers * (attention + mlp),
        norms=(config.n_layers * (1 + two_norms) + 1) * (2 - llama) * d_model,
    )


def training_flops(num_parameters: float, num_tokens: float) -> float:
    """About 6 operations for each parameter and token (Kaplan et al. 2020, section 2.1).

    Forward a multiplication and an addition, backward twice as much. Attention itself, which grows
    with the length of the text, is left out.
    """
    return 6 * num_parameters * num_tokens


def gpu_hours(flops: float, peak_flops: float, utilization: float = 0.4) -> float:
    """Hours on one GPU that reaches a fraction of its peak; 0.3 to 0.5 are usual."""
    return flops / (peak_flops * utilization) / 3_600
