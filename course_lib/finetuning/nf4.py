"""Weights in four bits: sixteen levels, one scale (``absmax``) for every 64 weights.

    absmax = largest |weight| of the block     code = number of the level next to weight / absmax

The levels of NF4 are where a normal distribution has its weight (Dettmers et al. 2023, "QLoRA",
section 3 and appendix E). Bytes and values are those of bitsandbytes, and so are the names.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from scipy.stats import norm
from torch import Tensor, nn
from torch.nn.functional import linear

BLOCKSIZE, NESTED_BLOCKSIZE = 64, 256
GRID = 65_535
QUANT_TYPES = ("nf4", "fp4", "int4")


def normal_levels() -> Tensor:
    """The sixteen levels of NF4, fp32, from −1 to 1 with an exact 0.

    Quantiles of the normal distribution at even steps: 7 below 0, 8 above, and 0 itself. The
    outermost one leaves out half of a 1/32 and half of a 1/30, the steps of the two halves; like
    bitsandbytes we round it to seven digits and take the steps in fp32.
    """
    outer = round(1 - (1 / 32 + 1 / 30) / 2, 7)
    above, below = (torch.linspace(outer, 0.5, count + 1)[:-1].numpy() for count in (8, 7))
    levels = torch.tensor([*(-norm.ppf(below)).tolist(), 0.0, *norm.ppf(above).tolist()])
    return levels.sort().values / levels.max()


def float_levels() -> Tensor:
    """The levels of FP4: a sign, two bits of exponent, one of fraction; ordered by their bits."""
    positive = torch.tensor([0, 0.0625, 8, 12, 4, 6, 2, 3]) / 12
    return torch.cat([positive, -positive])


def dynamic_levels() -> Tensor:
    """The 256 levels for scales: seven powers of ten, finest at the top (Dettmers 2016)."""
    values = [0.0, 1.0]
    for power in range(7):
        edges = torch.linspace(0.1, 1, 2**power + 1)
        middles = 10 ** (power - 6) * ((edges[:-1] + edges[1:]) / 2)
        values += [*middles.tolist(), *(-middles).tolist()]
    return torch.tensor(sorted(values))


@cache
def _table(quant_type: str, device: torch.device) -> Tensor:
    if quant_type == "int4":  # even steps
        return (torch.arange(-7, 8) / 7).to(device)
    makers = {"nf4": normal_levels, "fp4": float_levels, "dynamic": dynamic_levels}
    return makers[quant_type]().to(device)


def codebook(quant_type: str) -> Tensor:
    """The levels of ``nf4``, ``fp4`` or ``int4``, by code: a copy, which may be changed."""
    if quant_type not in QUANT_TYPES:
        raise ValueError(f"there is no {quant_type!r}: take one of {', '.join(QUANT_TYPES)}")
    return _table(quant_type, torch.device("cpu")).clone()


@dataclass
class Quantized:
    """A tensor in four bits.

    packed          two codes a byte, the first one in the upper half
    absmax          the scales (blocks,), fp32; with double quantisation their codes, uint8
    nested_absmax   scales of the scales (blocks / 256,), fp32; None without double quantisation
    offset          what was taken off the scales before they were quantised
    """

    packed: Tensor
    absmax: Tensor
    shape: torch.Size
    dtype: torch.dtype
    quant_type: str = "nf4"
    blocksize: int = BLOCKSIZE
    nested_absmax: Tensor | None = None
    offset: Tensor | None = None

    @property
    def bytes(self) -> int:
        parts = (self.packed, self.absmax, self.nested_absmax, self.offset)
        return sum(part.numel() * part.element_size() for part in parts if part is not None)

    def scales(self) -> Tensor:
        """The scales as numbers, (blocks,), fp32."""
        if self.nested_absmax is None:
            return self.absmax
        table = _table("dynamic", self.absmax.device)
        nested = _spread(self.nested_absmax, NESTED_BLOCKSIZE, len(self.absmax))
        return table[self.absmax.long()] * nested + self.offset


def quantize(
    values: Tensor, quant_type: str = "nf4", blocksize: int = BLOCKSIZE, double_quant: bool = False
) -> Quantized:
    """``values`` of any shape in four bits. ``double_quant``: the scales in 8 bits, too."""
    if not values.is_floating_point():
        raise ValueError("only floating-point numbers can be quantised; these are whole or packed")
    scaled, absmax = _scaled(values, blocksize)
    packed = pack(_nearest(scaled, codebook(quant_type).to(values.device)))
    scales = quantize_scales(absmax) if double_quant else (absmax,)
    kind = (values.shape, values.dtype, quant_type, blocksize)
    return Quantized(packed, scales[0], *kind, *scales[1:])


def dequantize(quantized: Quantized, dtype: torch.dtype | None = None) -> Tensor:
    """The values again, nearly, in their own type or in ``dtype``."""
    count = math.prod(quantized.shape)
    table = _table(quantized.quant_type, quantized.packed.device)
    scales = _spread(quantized.scales(), quantized.blocksize, count)
    values = table[unpack(quantized.packed, count).long()] * scales
    return values.view(quantized.shape).to(dtype or quantized.dtype)


def quantize_scales(absmax: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Double quantisation (QLoRA, section 3): half a bit a weight becomes an eighth.

    Returns codes, scales of the scales, and the mean that was taken off. Like bitsandbytes on a CPU
    we round to one of ``GRID`` steps between −1 and 1 before we seek the nearest level.
    """
    offset, table = absmax.mean(), _table("dynamic", absmax.device)
    nested = torch.stack([part.abs().max() for part in (absmax - offset).split(NESTED_BLOCKSIZE)])
    inverse = _spread(torch.where(nested > 0, 1.0 / nested, 0.0), NESTED_BLOCKSIZE, len(absmax))
    scaled = ((absmax - offset) * inverse).clamp(-1, 1)
    scaled = ((scaled + 1) * 0.5 * GRID + 0.5).floor() * 2 / GRID - 1
    codes = _nearest(scaled, table)
    return torch.where(inverse > 0, codes, 0), nested, offset


def pack(codes: Tensor) -> Tensor:
    """Codes 0 … 15 (count,) two a byte, (⌈count / 2⌉,); an odd one is followed by a 7, 0 in NF4."""
    if len(codes) % 2:
        codes = torch.cat([codes, codes.new_full((1,), 7)])
    return (codes[::2] << 4) | codes[1::2]


def unpack(packed: Tensor, count: int) -> Tensor:
    """The way back, (count,)."""
    return torch.stack([packed >> 4, packed & 15], 1).flatten()[:count]


def _scaled(values: Tensor, blocksize: int) -> tuple[Tensor, Tensor]:
    """Each block over its largest size: (values −1 … 1 (count,), fp32; absmax (blocks,), fp32)."""
    flat = values.detach().reshape(-1).float()
    rest = len(flat) % blocksize
    whole, last = flat[: len(flat) - rest].view(-1, blocksize), flat[len(flat) - rest :]
    absmax = whole.abs().amax(1)
    scaled = (whole * (1.0 / absmax.clamp(min=1e-38))[:, None]).flatten()
    if rest:  # bitsandbytes divides here and multiplies above: the last bit may differ
        largest = last.abs().max().clamp(min=1e-38)
        absmax, scaled = torch.cat([absmax, largest[None]]), torch.cat([scaled, last / largest])
    return scaled.clamp(-1, 1), absmax


def _nearest(scaled: Tensor, table: Tensor) -> Tensor:
    """Code of the level nearest to each number, uint8."""
    ordered, order = table.sort(stable=True)
    place = torch.bucketize(scaled, (ordered[:-1] + ordered[1:]) / 2)
    return order[place].to(torch.uint8)


def _spread(scales: Tensor, blocksize: int, count: int) -> Tensor:
    """Each scale for all of its block, (count,)."""
    return scales.repeat_interleave(blocksize)[:count]


class _Multiply(torch.autograd.Function):
    """x Wᵀ, with W unpacked on the way there and again on the way back."""

    @staticmethod
    def forward(context: Any, x: Tensor, layer: "NF4Linear") -> Tensor:
        context.layer = layer
        return linear(x, dequantize(layer.quantized, x.dtype))

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient @ dequantize(context.layer.quantized, gradient.dtype), None


class NF4Linear(nn.Linear):
    """A frozen ``nn.Linear`` with ``weight`` packed, uint8 (bytes, 1): where bitsandbytes is not.

    The weight is unpacked when it is needed and thrown away again: the whole one never stays in
    memory. peft adapts this layer like any other.
    """

    def __init__(self, base: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = base.in_features, base.out_features
        quantized = quantize(base.weight.data, double_quant=True)
        self.dtype = base.weight.dtype
        self.weight = nn.Parameter(quantized.packed[:, None], requires_grad=False)
        self.bias = None if base.bias is None else nn.Parameter(base.bias.data, requires_grad=False)
        for name in ("absmax", "nested_absmax", "offset"):
            self.register_buffer(name, getattr(quantized, name))

    @property
    def quantized(self) -> Quantized:
        shape = torch.Size((self.out_features, self.in_features))
        # A cast of the model reaches the buffers, but the scales are fp32.
        nested = {"nested_absmax": self.nested_absmax.float(), "offset": self.offset.float()}
        return Quantized(self.weight[:, 0], self.absmax, shape, self.dtype, **nested)

    def forward(self, x: Tensor) -> Tensor:
        result = _Multiply.apply(x, self)
        return result if self.bias is None else result + self.bias.to(result.dtype)


def quantize_layers(model: nn.Module, names: Iterable[str]) -> None:
    """Replace the linear layers with these full names, in place."""
    for name in names:
        model.set_submodule(name, NF4Linear(model.get_submodule(name)))
