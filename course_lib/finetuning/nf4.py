"""Weights in four bits: sixteen levels, one scale for every 64 weights.

    scale = largest |weight| of the block       code = number of the level nearest to weight / scale

The levels of NF4 are where a normal distribution has its weight (Dettmers et al. 2023, "QLoRA",
section 3 and appendix E). Bytes and values are those of bitsandbytes.
"""

import math
from dataclasses import dataclass
from functools import cache

import torch
from scipy.stats import norm
from torch import Tensor

from course_lib.errors import CourseError

BLOCK, SCALE_BLOCK = 64, 256
GRID = 65_535
KINDS = ("nf4", "fp4", "int4")


def quantise_absmax(values: Tensor, bits: int = 8) -> tuple[Tensor, Tensor]:
    """Whole numbers from −(2^(bits−1) − 1) up, one scale a row: (codes, int8, as ``values``; scales (…, 1)).

    Dettmers et al. 2022, "LLM.int8()", section 2. ``codes * scales`` is the value again, nearly.
    """
    if not 2 <= bits <= 8:
        raise CourseError("Take 2 to 8 bits.")
    most = 2 ** (bits - 1) - 1
    largest = values.float().abs().amax(-1, keepdim=True)
    codes = (values.float() / largest.where(largest > 0, 1.0) * most).round().to(torch.int8)
    return codes, largest / most


@cache
def normal_levels() -> Tensor:
    """The sixteen levels of NF4, fp32, from −1 to 1 with an exact 0.

    Quantiles of the normal distribution at even steps: 7 below 0, 8 above, and 0 itself. The outermost
    one leaves out half of a 1/32 and half of a 1/30, the steps of the two halves; like bitsandbytes we
    round it to seven digits and take the steps in fp32.
    """
    outer = round(1 - (1 / 32 + 1 / 30) / 2, 7)
    above, below = (torch.linspace(outer, 0.5, count + 1)[:-1].numpy() for count in (8, 7))
    levels = (
        torch.tensor([*(-norm.ppf(below)).tolist(), 0.0, *norm.ppf(above).tolist()]).sort().values
    )
    return levels / levels.max()


@cache
def float_levels() -> Tensor:
    """The levels of FP4: a sign, two bits of exponent, one of fraction; in the order of their bits."""
    positive = torch.tensor([0, 0.0625, 8, 12, 4, 6, 2, 3]) / 12
    return torch.cat([positive, -positive])


@cache
def whole_levels() -> Tensor:
    """The levels of int4: even steps from −1 to 1."""
    return torch.arange(-7, 8) / 7


@cache
def dynamic_levels() -> Tensor:
    """The 256 levels for scales: seven powers of ten, more steps for the large ones (Dettmers 2016, section 3)."""
    values = [0.0, 1.0]
    for power in range(7):
        edges = torch.linspace(0.1, 1, 2**power + 1)
        middles = 10 ** (power - 6) * ((edges[:-1] + edges[1:]) / 2)
        values += [*middles.tolist(), *(-middles).tolist()]
    return torch.tensor(sorted(values))


def levels(kind: str) -> Tensor:
    """The levels of ``nf4``, ``fp4`` or ``int4``, by code."""
    if kind not in KINDS:
        raise CourseError(
            f"There is no kind {kind!r} of four bits: take one of {', '.join(KINDS)}."
        )
    return {"nf4": normal_levels, "fp4": float_levels, "int4": whole_levels}[kind]()


@dataclass
class Scales:
    """One scale a block: as they are (fp32), or themselves in 8 bits with a scale for every 256 (double quantisation).

    values   (blocks,), fp32 or uint8
    outer    (blocks / 256,), fp32; None when the values are plain
    mean     what was taken off before they were quantised
    """

    values: Tensor
    outer: Tensor | None = None
    mean: Tensor | None = None

    def plain(self) -> Tensor:
        """The scales as numbers, (blocks,)."""
        if self.outer is None:
            return self.values
        table = dynamic_levels().to(self.values.device)
        return (
            table[self.values.long()] * _spread(self.outer, SCALE_BLOCK, len(self.values))
            + self.mean
        )

    @property
    def bytes(self) -> int:
        return sum(
            part.numel() * part.element_size()
            for part in (self.values, self.outer, self.mean)
            if part is not None
        )


@dataclass
class Quantised:
    """A tensor in four bits: ``packed`` two codes a byte, the first one in the upper half."""

    packed: Tensor
    scales: Scales
    shape: torch.Size
    dtype: torch.dtype
    kind: str = "nf4"
    block: int = BLOCK

    @property
    def bytes(self) -> int:
        return self.packed.numel() + self.scales.bytes


def quantise(
    values: Tensor, kind: str = "nf4", block: int = BLOCK, double: bool = False
) -> Quantised:
    """``values`` of any shape in four bits. ``double``: the scales in 8 bits, too."""
    if not values.is_floating_point():
        raise CourseError(
            "Only numbers with a point can be quantised, and these are whole numbers or packed already."
        )
    scaled, largest = _scaled(values, block)
    packed = pack(_nearest(scaled, levels(kind).to(values.device)))
    scales = quantise_scales(largest) if double else Scales(largest)
    return Quantised(packed, scales, values.shape, values.dtype, kind, block)


def dequantise(quantised: Quantised, dtype: torch.dtype | None = None) -> Tensor:
    """The values again, nearly, in their own type or in ``dtype``."""
    count = math.prod(quantised.shape)
    table = levels(quantised.kind).to(quantised.packed.device)
    values = table[unpack(quantised.packed, count).long()] * _spread(
        quantised.scales.plain(), quantised.block, count
    )
    return values.view(quantised.shape).to(dtype or quantised.dtype)


def quantise_scales(largest: Tensor, grid: int | None = GRID) -> Scales:
    """Double quantisation (QLoRA, section 3): half a bit a weight becomes an eighth.

    grid    steps between −1 and 1 that the scales are rounded to before the nearest level is sought, as
            bitsandbytes does on a CPU from 0.50 on, to look it up in a table; None: without, as earlier
            versions do. About one scale in a thousand gets the neighbouring level.
    """
    mean, table = largest.mean(), dynamic_levels().to(largest.device)
    outer = torch.stack([part.abs().max() for part in (largest - mean).split(SCALE_BLOCK)])
    inverse = torch.where(outer > 0, 1.0 / outer, 0.0)
    scaled = ((largest - mean) * _spread(inverse, SCALE_BLOCK, len(largest))).clamp(-1, 1)
    if grid is not None:
        scaled = ((scaled + 1) * 0.5 * grid + 0.5).floor() * 2 / grid - 1
    codes = _nearest(scaled, table)
    return Scales(torch.where(_spread(outer, SCALE_BLOCK, len(largest)) > 0, codes, 0), outer, mean)


def pack(codes: Tensor) -> Tensor:
    """Codes 0 … 15 (count,) two a byte, (⌈count / 2⌉,); an odd one is followed by the code of 0 in NF4."""
    if len(codes) % 2:
        codes = torch.cat([codes, codes.new_full((1,), 7)])
    return (codes[::2] << 4) | codes[1::2]


def unpack(packed: Tensor, count: int) -> Tensor:
    """The way back, (count,)."""
    return torch.stack([packed >> 4, packed & 15], 1).flatten()[:count]


def _scaled(values: Tensor, block: int) -> tuple[Tensor, Tensor]:
    """Each block over its largest size: (values −1 … 1 (count,), fp32; largest (blocks,), fp32)."""
    flat = values.detach().reshape(-1).float()
    count, rest = len(flat), len(flat) % block
    whole = flat[: count - rest].view(-1, block)
    largest = whole.abs().amax(1)
    scaled = (whole * (1.0 / largest.clamp(min=1e-38))[:, None]).flatten()
    if rest:
        last = flat[count - rest :].abs().max().clamp(min=1e-38)
        largest, scaled = (
            torch.cat([largest, last[None]]),
            torch.cat([scaled, flat[count - rest :] / last]),
        )
    return scaled.clamp(-1, 1), largest


def _nearest(scaled: Tensor, table: Tensor) -> Tensor:
    """Code of the level nearest to each number, uint8."""
    ordered, order = table.sort(stable=True)
    place = torch.bucketize(scaled, (ordered[:-1] + ordered[1:]) / 2)
    return order[place].to(torch.uint8)


def _spread(scales: Tensor, block: int, count: int) -> Tensor:
    """Each scale for all of its block, (count,)."""
    return scales.repeat_interleave(block)[:count]


def relative_error(values: Tensor, kind: str, block: int = BLOCK, double: bool = False) -> float:
    """Size of the mistake over the size of the values (root mean squares)."""
    mistake = dequantise(quantise(values.float(), kind, block, double)) - values.float()
    return float(mistake.norm() / values.float().norm())
