"""Where the memory goes, from a configuration alone: nothing is allocated.

    weights + scales + adapter      what the model is
    gradients + optimiser           what learning adds, for the trained part only
    activations + logits            what one batch needs
    cache                           keys and values while writing

Sizes are in bytes. Temporary buffers of libraries and the allocator's gaps are not in it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.finetuning.nf4 import BLOCK, SCALE_BLOCK
from course_lib.transformer.model import Config
from course_lib.transformer.scaling import parameter_count

LAYERS = ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")
METHODS = ("full", "lora", "qlora", "inference", "inference in 4 bits")
FP32, ADAM = 4, 8


@dataclass(frozen=True)
class Memory:
    """Bytes by part."""

    linear: int
    scales: int
    embedding: int
    norms: int
    adapter: int
    gradients: int
    optimiser: int
    activations: int
    logits: int
    cache: int

    @property
    def model(self) -> int:
        """What lies in memory before anything runs."""
        return self.linear + self.scales + self.embedding + self.norms

    @property
    def states(self) -> int:
        """What learning keeps from step to step."""
        return self.adapter + self.gradients + self.optimiser

    @property
    def total(self) -> int:
        return sum(getattr(self, field.name) for field in fields(self))


def layer_shapes(config: Config) -> dict[str, tuple[int, int]]:
    """(out, in) of the four linear layers of a block."""
    fused = config.d_model + 2 * config.n_kv_heads * config.head_dim
    return {
        "query_key_value": (fused, config.d_model),
        "dense": (config.d_model, config.d_model),
        "dense_h_to_4h": (config.intermediate_size, config.d_model),
        "dense_4h_to_h": (config.d_model, config.intermediate_size),
    }


def scale_bytes(weights: int, double: bool = True) -> int:
    """What 4 bits need beside the codes of a matrix, without the tables of levels."""
    blocks = math.ceil(weights / BLOCK)
    return blocks + FP32 * math.ceil(blocks / SCALE_BLOCK) + FP32 if double else FP32 * blocks


def adapter_parameters(config: Config, rank: int, targets: Iterable[str] = LAYERS) -> int:
    """Parameters of a LoRA: rank · (in + out) for each adapted layer."""
    shapes, targets = layer_shapes(config), set(targets)
    unknown = targets - set(shapes)
    if unknown:
        raise CourseError(
            f"Falcon has no layer {', '.join(sorted(unknown))}: take some of {', '.join(LAYERS)}."
        )
    return config.n_layers * rank * sum(sum(shapes[name]) for name in targets)


def estimate(
    config: Config,
    method: str = "qlora",
    batch: int = 1,
    length: int = 512,
    *,
    rank: int = 16,
    targets: Iterable[str] = LAYERS,
    double: bool = True,
    kind_bytes: int = 2,
    rest_bytes: int | None = None,
    checkpointing: bool = True,
) -> Memory:
    """Predict.

    method         full (fp32 weights, AdamW), lora (frozen base in ``kind_bytes``), qlora (in 4 bits),
                   inference, inference in 4 bits
    batch, length  texts at a time, and their tokens
    double         double quantisation
    kind_bytes     bytes of a number that is computed with: 2 for bf16 and fp16, 4 for fp32
    rest_bytes     bytes of a number of embedding and norms; None: as ``kind_bytes``. peft's
                   ``prepare_model_for_kbit_training`` makes them 4
    checkpointing  keep only the input of each block for the backward pass, and compute the rest again
    """
    if method not in METHODS or min(batch, length, rank) < 1:
        raise CourseError(
            f"Batch, length and rank are 1 or more, and the method one of {', '.join(METHODS)}."
        )
    count, shapes = parameter_count(config), layer_shapes(config)
    four, learns = method in ("qlora", "inference in 4 bits"), method in ("full", "lora", "qlora")
    kind = FP32 if method == "full" else kind_bytes
    rest = kind if rest_bytes is None else rest_bytes
    matrices = [out * into for out, into in shapes.values()]
    biases = config.n_layers * sum(out for out, _ in shapes.values()) * config.bias
    linear = (
        config.n_layers * sum((size + 1) // 2 for size in matrices)
        if four
        else kind * config.n_layers * sum(matrices)
    )
    adapter = adapter_parameters(config, rank, targets) if method in ("lora", "qlora") else 0
    trained = count.total if method == "full" else adapter
    tokens = batch * length
    return Memory(
        linear=linear + biases * kind,
        scales=config.n_layers * sum(scale_bytes(size, double) for size in matrices) if four else 0,
        embedding=(count.embedding + count.positions) * rest,
        norms=count.norms * rest,
        adapter=adapter * FP32,
        gradients=trained * FP32 if learns else 0,
        optimiser=trained * ADAM if learns else 0,
        activations=tokens * _activation_bytes(config, kind_bytes, checkpointing) if learns else 0,
        # As they are computed, as fp32 for the loss, and their gradient; writing needs the last one only.
        logits=tokens * config.vocab_size * (kind_bytes + 2 * FP32)
        if learns
        else batch * config.vocab_size * kind_bytes,
        cache=0
        if learns
        else 2 * config.n_layers * config.n_kv_heads * config.head_dim * tokens * kind_bytes,
    )


def _activation_bytes(config: Config, kind: int, checkpointing: bool) -> int:
    """What one token leaves behind for the backward pass (fused attention, no dropout)."""
    width, keys = config.d_model, 2 * config.n_kv_heads * config.head_dim
    # Input, normed; query, key and value before and after the turn; what attention gave; MLP before and after GELU.
    block = 2 * width + 2 * (width + keys) + width + 2 * config.intermediate_size
    kept = config.n_layers * width + block if checkpointing else config.n_layers * block
    return kind * (kept + 2 * width)


def largest_batch(
    config: Config, free: int, method: str = "qlora", length: int = 512, **options: object
) -> int:
    """How many texts at a time fit into ``free`` bytes; 0 when not even one does."""
    one, two = (estimate(config, method, batch, length, **options).total for batch in (1, 2))
    return 0 if one > free else 1 + (free - one) // (two - one)


def what_fits(config: Config, free: int, length: int = 512) -> list[str]:
    """The methods that run with one text at a time in ``free`` bytes, the most demanding first."""
    return [method for method in METHODS if estimate(config, method, 1, length).total <= free]


@dataclass(frozen=True)
class Measured:
    """Bytes that a loaded model really holds. ``tables``: the levels that bitsandbytes keeps once a layer."""

    linear: int
    scales: int
    tables: int
    rest: int
    trained: int

    @property
    def model(self) -> int:
        return self.linear + self.scales + self.rest


def measured(model: nn.Module) -> Measured:
    """Count the bytes of a model, adapter and quantisation state included; tied weights once."""
    linear = scales = tables = rest = trained = 0
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        size, own = tensor.numel() * tensor.element_size(), name.rsplit(".", 1)[-1]
        if tensor.requires_grad and "lora_" in name:
            trained += size
        elif own.startswith("scales_"):
            scales += size
        elif any(f".{layer}." in f".{name}" for layer in LAYERS) and "lora_" not in name:
            linear += size
        else:
            rest += size
        if (state := getattr(tensor, "quant_state", None)) is not None:
            inner = getattr(state, "state2", None)
            scales += _size(state.absmax, state.offset, getattr(inner, "absmax", None))
            tables += _size(state.code, getattr(inner, "code", None))
    return Measured(linear, scales, tables, rest, trained)


def _size(*tensors: Tensor | None) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors if tensor is not None)
