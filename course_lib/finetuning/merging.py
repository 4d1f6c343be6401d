"""From base and adapter to one model, the right way and two wrong ones.

An adapter was learned beside the *rounded* weights of four bits, so it belongs to those:

    right    dequantise the base, then add the adapter          the same answers as before
    wrong    add it to the original 16- or 32-bit base          other weights than it was learned with
    wrong    add it and round to four bits again                the small change drowns in the rounding
"""

import copy
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import nn

from course_lib.errors import CourseError
from course_lib.finetuning.adapters import attach
from course_lib.finetuning.falcon import Base, is_four_bit
from course_lib.finetuning.nf4_linear import NF4Linear


def dequantised(layer: nn.Module, dtype: torch.dtype) -> nn.Linear:
    """An ordinary layer with the values that a 4-bit one computes with."""
    if isinstance(layer, NF4Linear):
        return layer.to_linear(dtype)
    from bitsandbytes.functional import dequantize_4bit

    plain = nn.Linear(
        layer.in_features, layer.out_features, bias=layer.bias is not None, device="meta"
    )
    weight = dequantize_4bit(layer.weight.data, layer.weight.quant_state)
    plain.weight = nn.Parameter(weight.to(dtype), requires_grad=False)
    plain.bias = (
        None if layer.bias is None else nn.Parameter(layer.bias.data.to(dtype), requires_grad=False)
    )
    return plain


def dequantise_model(model: Any, dtype: torch.dtype | None = None) -> Any:
    """Every 4-bit layer of a base as an ordinary one, in place; afterwards the model can be merged and saved."""
    dtype = dtype or model.dtype
    for name, layer in list(model.named_modules()):
        if isinstance(layer, nn.Linear) and is_four_bit(layer):
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, dequantised(layer, dtype))
    if getattr(model, "hf_quantizer", None) is not None:
        model.hf_quantizer = None
    for name in ("is_loaded_in_4bit", "is_quantized", "quantization_method"):
        if name in model.__dict__:
            delattr(model, name)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    return model


def merge(base: Base, adapter: Path, dtype: torch.dtype | None = None) -> Any:
    """The right way: an ordinary model that answers as base and adapter do. ``base`` is used up.

    ``dtype``: fp32 keeps the answers; 16 bits round the small changes.
    """
    if isinstance(base.model, PeftModel):
        raise CourseError("Give the base without its adapter: load it anew with `load_base`.")
    model = attach(dequantise_model(base.model, dtype), adapter)
    return model.merge_and_unload().eval()


def merge_into_original(whole: Base, adapter: Path) -> Any:
    """Wrong: into the weights before they were rounded. ``whole``: loaded with ``four_bit=False``; used up."""
    return attach(whole.model, adapter).merge_and_unload().eval()


def merge_in_four_bits(base: Base, adapter: Path) -> Any:
    """Wrong: round the merged weights to four bits again. ``base`` is used up."""
    double = [m.scales_outer is not None for m in base.model.modules() if isinstance(m, NF4Linear)]
    model = merge(base, adapter)
    for name in base.layers:
        parent, _, own = name.rpartition(".")
        layer = NF4Linear(copy.deepcopy(model.get_submodule(name)), double=all(double))
        setattr(model.get_submodule(parent), own, layer)
    return model


def save_merged(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a merged model: safetensors, configuration, tokenizer. What serves and converts models reads it.

    For llama.cpp turn the folder into one GGUF file with its script: ``convert_hf_to_gguf.py FOLDER``.
    """
    if any(is_four_bit(module) for module in model.modules() if isinstance(module, nn.Linear)):
        raise CourseError("This model still has layers in 4 bits: merge it with `merge` first.")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
