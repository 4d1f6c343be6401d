"""A linear layer whose weight lies in NF4: for machines that have no bitsandbytes, and to read.

The weight is unpacked when it is needed and thrown away again, in the backward pass once more: so
the full weight never stays in memory. It is frozen; what is learned sits in an adapter beside it.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from course_lib.finetuning.nf4 import BLOCK, Quantised, Scales, dequantise, quantise


class _Multiply(torch.autograd.Function):
    """x Wᵀ, with W unpacked on the way there and again on the way back."""

    @staticmethod
    def forward(context: Any, x: Tensor, layer: "NF4Linear") -> Tensor:
        context.layer = layer
        return linear(x, dequantise(layer.quantised, x.dtype))

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient @ dequantise(context.layer.quantised, gradient.dtype), None


class NF4Linear(nn.Linear):
    """A frozen ``nn.Linear`` with ``weight`` packed, uint8 (bytes, 1). peft adapts it like any other.

    double   scales in 8 bits, too
    """

    def __init__(self, base: nn.Linear, double: bool = True) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = base.in_features, base.out_features
        found = quantise(base.weight.data, double=double)
        self.dtype = base.weight.dtype
        self.weight = nn.Parameter(found.packed[:, None], requires_grad=False)
        self.bias = None if base.bias is None else nn.Parameter(base.bias.data, requires_grad=False)
        for name in ("values", "outer", "mean"):
            self.register_buffer(f"scales_{name}", getattr(found.scales, name))

    @property
    def quantised(self) -> Quantised:
        shape = torch.Size((self.out_features, self.in_features))
        # A cast of the whole model reaches the buffers: the numbers of the scales stay fp32.
        outer, mean = (
            None if part is None else part.float() for part in (self.scales_outer, self.scales_mean)
        )
        values = self.scales_values if outer is not None else self.scales_values.float()
        return Quantised(
            self.weight[:, 0], Scales(values, outer, mean), shape, self.dtype, "nf4", BLOCK
        )

    def forward(self, x: Tensor) -> Tensor:
        result = _Multiply.apply(x, self)
        return result if self.bias is None else result + self.bias.to(result.dtype)

    def to_linear(self, dtype: torch.dtype | None = None) -> nn.Linear:
        """An ordinary layer with the weight as it is here: what one merges into."""
        layer = nn.Linear(
            self.in_features, self.out_features, bias=self.bias is not None, device="meta"
        )
        weight = dequantise(self.quantised, dtype)
        layer.weight = nn.Parameter(weight, requires_grad=False)
        layer.bias = (
            None
            if self.bias is None
            else nn.Parameter(self.bias.data.to(weight.dtype), requires_grad=False)
        )
        return layer


def quantise_layers(model: nn.Module, names: Iterable[str], double: bool = True) -> None:
    """Replace the linear layers with these full names, in place."""
    for name in names:
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, NF4Linear(model.get_submodule(name), double))
