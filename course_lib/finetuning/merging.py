"""From base and adapter to one model, the right way and two wrong ones.

An adapter was learned beside the *rounded* weights of four bits, so it belongs to those:

    right    dequantise the base, then add the adapter     the same answers as before
    wrong    add it to the original 16- or 32-bit base     other weights than it was learned with
    wrong    add it and round to four bits again           the small change drowns in the rounding
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_lib.finetuning.archive import load_adapter
from course_lib.finetuning.falcon import Base, is_four_bit
from course_lib.finetuning.nf4 import NF4Linear, dequantize


def dequantized(layer: nn.Linear, dtype: torch.dtype) -> nn.Linear:
    """An ordinary layer with the values that a 4-bit one computes with."""
    if isinstance(layer, NF4Linear):
        weight = dequantize(layer.quantized, dtype)
    else:
        from bitsandbytes.functional import dequantize_4bit

        weight = dequantize_4bit(layer.weight.data, layer.weight.quant_state).to(dtype)
    plain = nn.Linear(layer.in_features, layer.out_features, bias=False, device="meta")
    plain.weight = nn.Parameter(weight, requires_grad=False)
    if layer.bias is not None:
        plain.bias = nn.Parameter(layer.bias.data.to(dtype), requires_grad=False)
    return plain


def dequantize_model(model: Any, dtype: torch.dtype | None = None) -> Any:
    """Every 4-bit layer as an ordinary one, in place; then the model can be merged and saved."""
    for name, layer in list(model.named_modules()):
        if isinstance(layer, nn.Linear) and is_four_bit(layer):
            model.set_submodule(name, dequantized(layer, dtype or model.dtype))
    if getattr(model, "hf_quantizer", None) is not None:
        model.hf_quantizer = None
    for name in ("is_loaded_in_4bit", "is_quantized", "quantization_method"):
        model.__dict__.pop(name, None)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    return model


def merge(base: Base, adapter: Path, dtype: torch.dtype | None = None) -> Any:
    """An ordinary model that answers as base and adapter do. ``base`` is used up.

    ``dtype``: fp32 keeps the answers; 16 bits round the small changes.
    """
    dequantize_model(base.model, dtype)
    return load_adapter(base, adapter).merge_and_unload().eval()
