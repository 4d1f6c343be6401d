"""How many parameters a model has, from its configuration alone: nothing is allocated."""

from dataclasses import dataclass

from course_lib.transformer.model import Config

GPT3 = Config(vocab_size=50_257, kind="gpt", d_model=12_288, n_layers=96, n_heads=96, block_size=2_048)
"""Brown et al. 2020, table 2.1 (175 billion) and section 2.1; vocabulary and biases as in GPT-2."""
FALCON_7B = Config(
    vocab_size=65_024,
    kind="falcon",
    d_model=4_544,
    n_layers=32,
    n_heads=71,
    n_kv_heads=1,
    block_size=2_048,
    bias=False,
)
"""The configuration published with ``tiiuae/falcon-7b``."""


@dataclass(frozen=True)
class Count:
    """Parameters by part."""

    embedding: int
    positions: int
    attention: int
    mlp: int
    norms: int

    @property
    def linear(self) -> int:
        """Those in linear layers, which 4-bit loading makes smaller."""
        return self.attention + self.mlp

    @property
    def total(self) -> int:
        return self.embedding + self.positions + self.attention + self.mlp + self.norms


def parameter_count(config: Config) -> Count:
    """Count them. The last layer is the embedding again and costs nothing."""
    width = config.d_model
    outputs = width + 2 * config.n_kv_heads * config.head_dim + width  # q, k and v, o
    attention = width * outputs + config.bias * outputs
    mlp = 2 * width * config.intermediate_size + config.bias * (config.intermediate_size + width)
    norms = 2 if config.kind == "gpt" or config.num_ln_in_parallel_attn == 2 else 1
    return Count(
        embedding=config.vocab_size * width,
        positions=config.block_size * width if config.kind == "gpt" else 0,
        attention=config.n_layers * attention,
        mlp=config.n_layers * mlp,
        norms=(config.n_layers * norms + 1) * 2 * width,
    )
