"""LoRA: leave a layer as it is and learn a small detour beside it.

    y = W x  +  s · B (A x)        A (rank, in), B (out, rank), s = alpha / rank

B starts as zeros, so that an adapted model begins exactly where its base stands. Hu et al. 2021,
"LoRA", section 4.1. Two small variations: rsLoRA divides by √rank, so that a large rank still learns
(Kalajdzievski 2023, section 3); DoRA learns a row's length apart from its direction (Liu et al. 2024,
section 4).
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from course_lib.errors import CourseError

KINDS = ("lora", "rslora", "dora")


class LoRALinear(nn.Module):
    """A frozen linear layer with a trainable detour.

    base     any linear layer; only its forward is needed, so it may keep its weight in four bits
             (merging and DoRA want a weight in floating point)
    rank     numbers that the detour squeezes a vector into
    alpha    strength of the detour; see ``scale``
    dropout  share of the detour's inputs set to zero in training
    kind     ``lora``, ``rslora`` or ``dora``
    """

    def __init__(
        self,
        base: nn.Module,
        rank: int = 8,
        alpha: float = 16,
        dropout: float = 0.0,
        kind: str = "lora",
    ) -> None:
        super().__init__()
        if rank < 1 or kind not in KINDS or not 0 <= dropout < 1:
            raise CourseError(
                f"An adapter needs a rank of 1 or more, a dropout from 0 to below 1, a kind of {KINDS}."
            )
        self.base, self.kind, self.merged = base.requires_grad_(False), kind, False
        self.scale = alpha / (math.sqrt(rank) if kind == "rslora" else rank)
        device = next(base.parameters()).device
        # fp32 whatever the base has: small updates vanish in 16 bits.
        self.down = nn.Parameter(torch.empty(rank, base.in_features, device=device))
        self.up = nn.Parameter(torch.zeros(base.out_features, rank, device=device))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))
        self.dropout = nn.Dropout(dropout)
        self.length = (
            nn.Parameter(self._floating_weight().float().norm(dim=1)) if kind == "dora" else None
        )
        self._shrunk: Tensor | None = None

    def _floating_weight(self) -> Tensor:
        weight = self.base.weight
        if not weight.is_floating_point():
            raise CourseError(
                "This layer keeps its weight in few bits: dequantise it first, then merge or use DoRA."
            )
        return weight

    def change(self) -> Tensor:
        """What the detour adds to the weight, (out, in)."""
        return self.scale * self.up @ self.down

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) to (…, out), in the type that the base returns."""
        straight = self.base(x)
        if self.merged:
            return straight
        dropped = self.dropout(x.to(self.down.dtype))
        detour = linear(linear(dropped, self.down), self.up) * self.scale
        if self.length is None:
            return (straight + detour).to(straight.dtype)
        factor = self._factor()
        if (
            self.training and self.dropout.p > 0
        ):  # the straight way's correction sees what the detour sees
            plain = linear(dropped, self._floating_weight().to(dropped.dtype))
        else:
            plain = straight if self.base.bias is None else straight - self.base.bias
        return (straight + (factor - 1) * plain + factor * detour).to(straight.dtype)

    def _factor(self) -> Tensor:
        """Learned length over present length, (out,). No gradient through the latter (Liu et al. 2024, section 4.3)."""
        direction = self._floating_weight().float() + self.change().detach()
        return self.length / direction.norm(dim=1)

    @torch.no_grad()
    def merge(self) -> None:
        """Add the change to the base's weight: the detour then costs nothing."""
        if self.merged:
            return
        weight = self._floating_weight()
        new = weight.float() + self.change()
        if self.length is not None:
            self._shrunk = self._factor()[:, None]
            new = new * self._shrunk
        weight.copy_(new)
        self.merged = True

    @torch.no_grad()
    def unmerge(self) -> None:
        """Take it out again, but for rounding."""
        if not self.merged:
            return
        weight = self._floating_weight()
        old = weight.float() if self._shrunk is None else weight.float() / self._shrunk
        weight.copy_(old - self.change())
        self.merged = False


def adapt(
    model: nn.Module,
    targets: Iterable[str],
    rank: int = 8,
    alpha: float = 16,
    dropout: float = 0.0,
    kind: str = "lora",
) -> list[str]:
    """Freeze ``model`` and put a detour around each layer whose last name is in ``targets``, in place.

    Returns the full names of the adapted layers.
    """
    wanted = set(targets)
    found = [name for name, module in model.named_modules() if name.rsplit(".", 1)[-1] in wanted]
    missing = wanted - {name.rsplit(".", 1)[-1] for name in found}
    if missing or not found:
        raise CourseError(
            f"The model has no layer called {', '.join(sorted(missing)) or '(nothing asked)'}."
        )
    model.requires_grad_(False)
    for name in found:
        parent, _, own = name.rpartition(".")
        layer = model.get_submodule(name)
        setattr(model.get_submodule(parent), own, LoRALinear(layer, rank, alpha, dropout, kind))
    return found


def adapters(model: nn.Module) -> list[LoRALinear]:
    """The detours of a model."""
    return [module for module in model.modules() if isinstance(module, LoRALinear)]


def trained_share(model: nn.Module) -> float:
    """Trained parameters over all of them. A byte that packs two weights of four bits counts as two."""
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    packed = sum(p.numel() for p in model.parameters() if p.dtype == torch.uint8)
    return trained / (sum(p.numel() for p in model.parameters()) + packed)


def nearest_of_rank(matrix: Tensor, rank: int) -> Tensor:
    """The matrix of this rank with the smallest squared error (Eckart and Young 1936)."""
    left, sizes, right = torch.linalg.svd(matrix.float(), full_matrices=False)
    return left[:, :rank] * sizes[:rank] @ right[:rank]


def rank_for(matrix: Tensor, share: float = 0.9) -> int:
    """Fewest directions that hold ``share`` of a matrix's squared size: how low its rank nearly is."""
    energy = torch.linalg.svdvals(matrix.float()).square()
    return int((energy.cumsum(0) < share * energy.sum()).sum()) + 1
