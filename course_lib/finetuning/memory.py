"""Where the memory goes, from a configuration alone: nothing is allocated.

    weights + scales + adapter      what the model is
    gradients + optimizer           what learning adds, for the trained part only
    activations + logits            what one batch needs
    cache                           keys and values while writing

Sizes are in bytes. Temporary buffers of libraries and the allocator's gaps are not in it.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from torch import nn

from course_lib.finetuning.nf4 import BLOCKSIZE, NESTED_BLOCKSIZE
from course_lib.transformer.model import Config
from course_lib.transformer.scaling import parameter_count

METHODS = ("full", "lora", "qlora", "inference", "inference in 4 bits")
FP32, ADAM = 4, 8


class Memory(NamedTuple):
    """Bytes by part."""

    linear: int
    scales: int
    embedding: int
    norms: int
    adapter: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    cache: int

    @property
    def model(self) -> int:
        """What lies in memory before anything runs."""
        return self.linear + self.scales + self.embedding + self.norms

    @property
    def total(self) -> int:
        return sum(self)


def layer_shapes(config: Config) -> dict[str, tuple[int, int]]:
    """(out, in) of the four linear layers of a Falcon's block."""
    width, middle = config.d_model, config.intermediate_size
    return {
        "query_key_value": (width + 2 * config.n_kv_heads * config.head_dim, width),
        "dense": (width, width),
        "dense_h_to_4h": (middle, width),
        "dense_4h_to_h": (width, middle),
    }


def adapter_parameters(config: Config, r: int) -> int:
    """Parameters of a LoRA: r · (in + out) for each of the four layers of each block."""
    return config.n_layers * r * sum(map(sum, layer_shapes(config).values()))


def estimate(
    config: Config,
    method: str = "qlora",
    batch_size: int = 1,
    seq_length: int = 512,
    *,
    r: int = 16,
    dtype_bytes: int = 2,
    gradient_checkpointing: bool = True,
) -> Memory:
    """Predict.

    method        one of METHODS: full is fp32 with AdamW, lora has a frozen base in ``dtype_bytes``
    dtype_bytes   bytes of a number that is computed with: 2 for bf16 and fp16, 4 for fp32
    gradient_checkpointing   keep only each block's input, and compute the rest again
    """
    if method not in METHODS or min(batch_size, seq_length, r) < 1:
        raise ValueError(f"batch, length and r are 1 or more, the method one of {METHODS}")
    count, layers = parameter_count(config), config.n_layers
    matrices = [out * into for out, into in layer_shapes(config).values()]
    four, learns = method in ("qlora", "inference in 4 bits"), method in ("full", "lora", "qlora")
    size = FP32 if method == "full" else dtype_bytes
    linear, scales = four_bit_bytes(matrices) if four else (size * sum(matrices), 0)
    biases = sum(out for out, _ in layer_shapes(config).values()) * config.bias
    adapter = adapter_parameters(config, r) if method in ("lora", "qlora") else 0
    trained = (count.total if method == "full" else adapter) if learns else 0
    tokens = batch_size * seq_length
    activations = _activation_bytes(config, dtype_bytes, gradient_checkpointing)
    # Logits as computed, as fp32 for the loss, and their gradient; writing needs the last one only.
    logits = tokens * (dtype_bytes + 2 * FP32) if learns else batch_size * dtype_bytes
    cache = 0 if learns else 2 * layers * config.n_kv_heads * config.head_dim * tokens * dtype_bytes
    return Memory(
        linear=layers * (linear + biases * size),
        scales=layers * scales,
        embedding=(count.embedding + count.positions) * size,
        norms=count.norms * size,
        adapter=adapter * FP32,
        gradients=trained * FP32,
        optimizer=trained * ADAM,
        activations=tokens * activations if learns else 0,
        logits=config.vocab_size * logits,
        cache=cache,
    )


def four_bit_bytes(sizes: Sequence[int]) -> tuple[int, int]:
    """Bytes of matrices with so many weights in NF4 with double quantisation: (codes, scales)."""
    blocks = [math.ceil(n / BLOCKSIZE) for n in sizes]
    # The codes of the scales, their own scales, and the mean that was taken off.
    scales = sum(n + FP32 * math.ceil(n / NESTED_BLOCKSIZE) + FP32 for n in blocks)
    return sum((n + 1) // 2 for n in sizes), scales


def _activation_bytes(config: Config, dtype_bytes: int, gradient_checkpointing: bool) -> int:
    """What one token leaves behind for the backward pass (fused attention, no dropout)."""
    width, keys = config.d_model, 2 * config.n_kv_heads * config.head_dim
    # Input, normed; query, key, value before and after the turn; attention's result; the MLP's two.
    block = 2 * width + 2 * (width + keys) + width + 2 * config.intermediate_size
    layers = config.n_layers
    kept = layers * width + block if gradient_checkpointing else layers * block
    return dtype_bytes * (kept + 2 * width)


class Measured(NamedTuple):
    """Bytes that a loaded model holds, without the codebooks of bitsandbytes."""

    linear: int
    scales: int
    rest: int
    trained: int

    @property
    def model(self) -> int:
        return self.linear + self.scales + self.rest


def linear_layers(model: nn.Module) -> list[str]:
    """Full names of the linear layers, but the last one that guesses: what 4 bits are for."""
    last = getattr(model, "get_output_embeddings", lambda: None)()
    modules = ((name, module) for name, module in model.named_modules() if module is not last)
    return [n for n, m in modules if isinstance(m, nn.Linear) and "lora_" not in n]


def measured(model: nn.Module) -> Measured:
    """Count the bytes of a model, adapter and quantisation state included; tied weights once."""
    linear = scales = rest = trained = 0
    layers = set(linear_layers(model))
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.requires_grad and "lora_" in name:
            trained += tensor.nbytes
        elif name.rpartition(".")[2] in ("absmax", "nested_absmax", "offset"):
            scales += tensor.nbytes
        elif name.rpartition(".")[0] in layers:
            linear += tensor.nbytes
        else:
            rest += tensor.nbytes
        if (state := getattr(tensor, "quant_state", None)) is not None:  # of bitsandbytes
            scales += state.absmax.nbytes
            scales += state.offset.nbytes + state.state2.absmax.nbytes if state.nested else 0
    return Measured(linear, scales, rest, trained)
