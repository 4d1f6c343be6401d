"""How many parameters a model has, from its configuration alone: nothing is allocated."""

from dataclasses import dataclass

from course_lib.transformer.model import Config

GPT3 = Config(vocabulary=50_257, kind="gpt", width=12_288, layers=96, heads=96, context=2_048)
"""Brown et al. 2020, table 2.1 (175 billion) and section 2.1; vocabulary and biases as in GPT-2."""
FALCON_7B = Config(
    vocabulary=65_024,
    kind="falcon",
    width=4_544,
    layers=32,
    heads=71,
    few_heads=1,
    context=2_048,
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
    width, depth = config.width, config.width // config.heads
    outputs = width + 2 * config.kv_heads * depth + width  # query, key and value, out
    attention = width * outputs + config.bias * outputs
    mlp = 2 * width * config.mlp_width + config.bias * (config.mlp_width + width)
    norms = 2 if config.kind == "gpt" or config.two_norms else 1
    return Count(
        embedding=config.vocabulary * width,
        positions=config.context * width if config.kind == "gpt" else 0,
        attention=config.layers * attention,
        mlp=config.layers * mlp,
        norms=(config.layers * norms + 1) * 2 * width,
    )
