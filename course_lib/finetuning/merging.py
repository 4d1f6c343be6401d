"""From base and adapter to one model, the right way and two wrong ones.

An adapter was learned beside the *rounded* weights of four bits, so it belongs to those:

    right    dequantise the base, then add the adapter     the same answers as before
    wrong    add it to the original 16- or 32-bit base     other weights than it was learned with
    wrong    add it and round to four bits again           the small change drowns in the rounding
"""

from pathlib import Path
from typing import Any

from course_lib.finetuning.archive import load_adapter
from course_lib.finetuning.falcon import Base, dequantized, is_four_bit


def merge(base: Base, adapter: Path) -> Any:
    """An ordinary model that answers as base and adapter do. ``base`` is used up."""
    model = base.model
    for name in base.layers:
        layer = model.get_submodule(name)
        if is_four_bit(layer):
            model.set_submodule(name, dequantized(layer, model.dtype))
    model.hf_quantizer = None
    for name in ("is_loaded_in_4bit", "is_quantized", "quantization_method"):
        model.__dict__.pop(name, None)
    model.config.__dict__.pop("quantization_config", None)
    return load_adapter(base, adapter).merge_and_unload().eval()
