"""The figures of notebook 05 about memory, bits and rank, shared with its slides."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from course_lib.finetuning.memory import Memory
from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas

PARTS = {
    "weights": ("linear", "scales"),
    "embedding, norms": ("embedding", "norms"),
    "adapter, gradients, Adam": ("adapter", "gradients", "optimiser"),
    "activations, logits, cache": ("activations", "logits", "cache"),
}
CARDS = {"T4": 16e9, "A10, 4090": 24e9, "A100": 80e9}


def what_you_will_build() -> DescribedFigure:
    """Notebook 05 in one picture: a frozen base in 4 bits, and a small detour that learns."""
    figure, axis = canvas(width=8.4, height=2.5)
    axis.set(
        title="A large frozen model, and a small detour that learns", xlim=(0, 10), ylim=(-0.2, 2.7)
    )
    axis.set_axis_off()
    _box(axis, 0.9, 1.3, "input x", 3)
    _box(axis, 4.8, 2.0, "base W, frozen\n4 bits a weight", 0)
    _box(axis, 3.6, 0.5, "A\nlearns", 1)
    _box(axis, 6.0, 0.5, "B\nlearns", 1)
    _box(axis, 9.1, 1.3, "output\nWx + s·B(Ax)", 3)
    for start, end in (
        ((1.3, 1.4), (4.05, 2.0)),
        ((1.3, 1.2), (3.2, 0.6)),
        ((3.95, 0.5), (5.65, 0.5)),
        ((5.55, 2.0), (8.45, 1.45)),
        ((6.35, 0.55), (8.45, 1.15)),
    ):
        axis.annotate("", end, start, arrowprops={"arrowstyle": "->", "lw": 1.3})
    axis.text(
        4.8,
        -0.12,
        "rank 16: A makes a long vector short, B makes it long again",
        ha="center",
        fontsize=9,
    )
    return DescribedFigure(
        figure,
        "A vector goes through the base, which stays as it is in four bits, and through a narrow detour of two "
        "small matrices, which learns; both results are added.",
    )


def _box(axis, x: float, y: float, text: str, colour: int) -> None:  # noqa: ANN001
    style = {
        "boxstyle": "round,pad=0.4",
        "facecolor": COLOURS[colour] + "30",
        "edgecolor": COLOURS[colour],
    }
    axis.text(x, y, text, ha="center", va="center", fontsize=9.5, bbox=style)


def memory_bars(
    needs: Mapping[str, Memory], title: str = "Memory for Falcon-7B"
) -> DescribedFigure:
    """Stacked bars, one a method, and lines where common cards end."""
    figure, axis = canvas(width=8.2, height=0.55 * len(needs) + 1.7)
    left = np.zeros(len(needs))
    for number, (part, names) in enumerate(PARTS.items()):
        sizes = (
            np.array([sum(getattr(need, name) for name in names) for need in needs.values()]) / 1e9
        )
        axis.barh(
            range(len(needs)),
            sizes,
            left=left,
            label=part,
            color=COLOURS[number],
            hatch=HATCHES[number],
            edgecolor="white",
        )
        left += sizes
    for number, (card, size) in enumerate(CARDS.items()):
        if size / 1e9 < 1.2 * left.max():
            axis.axvline(size / 1e9, color="black", ls=("--", ":", "-.")[number], lw=1.3)
            axis.text(size / 1e9, -0.62, f" {card}", fontsize=8.5, va="bottom")
    for row, total in enumerate(left):
        axis.text(total, row, f" {total:.1f}", va="center", fontsize=9.5)
    axis.set_yticks(range(len(needs)), list(needs))
    axis.set_ylim(len(needs) - 0.5, -0.75)
    axis.set(title=title, xlabel="memory (GB)", ylabel="method", xlim=(0, 1.1 * left.max()))
    figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    told = ", ".join(f"{name} {total:.1f} GB" for name, total in zip(needs, left, strict=True))
    return DescribedFigure(figure, f"Needed, all parts together: {told}.")


def on_a_line(weights: Sequence[float], levels: Sequence[float], title: str) -> DescribedFigure:
    """Weights above a number line, the levels they may take on it, and an arrow from each to its own."""
    figure, axis = canvas(width=8.2, height=2.0)
    table = np.asarray(levels)
    axis.vlines(table, 0.0, 0.25, color=COLOURS[0], lw=2, label="levels")
    axis.plot(weights, [0.8] * len(weights), MARKERS[2], color=COLOURS[2], label="weights")
    places = [float(table[np.abs(table - weight).argmin()]) for weight in weights]
    for weight, place in zip(weights, places, strict=True):
        axis.annotate("", (place, 0.27), (weight, 0.74), arrowprops={"arrowstyle": "->", "lw": 0.8})
    axis.set(title=title, xlabel="value", ylabel=" ", ylim=(-0.1, 1.1), yticks=[])
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    used = len({round(place, 6) for place in places})
    return DescribedFigure(
        figure,
        f"Each of the {len(places)} weights goes to the nearest of {len(table)} levels; {used} levels are used.",
    )


def levels_on_weights(scaled: Tensor, kinds: Mapping[str, Tensor]) -> DescribedFigure:
    """The weights of a layer, each block over its largest, and below them the levels of several kinds."""
    figure, (axis, below) = canvas(2, 1, width=8.2, height=3.9)
    axis.hist(scaled.flatten().numpy(), bins=120, color=COLOURS[3])
    axis.set(
        title="Where the weights are, and where the levels are",
        xlabel="weight over the largest of its block",
        ylabel="weights",
        xlim=(-1.05, 1.05),
    )
    for row, levels in enumerate(kinds.values()):
        below.plot(levels.tolist(), [row] * len(levels), "|", ms=15, mew=2.2, color=COLOURS[row])
    below.set_yticks(range(len(kinds)), list(kinds))
    below.set(xlabel="level", ylabel="kind", xlim=(-1.05, 1.05), ylim=(len(kinds) - 0.5, -0.5))
    counts = ", ".join(
        f"{name} {int((levels.abs() < 0.3).sum())}" for name, levels in kinds.items()
    )
    share = float((scaled.abs() < 0.3).float().mean())
    return DescribedFigure(
        figure,
        f"Between −0.3 and 0.3 lie {share:.0%} of the weights; levels in that range: {counts}.",
    )


def error_by_bits(
    lines: Mapping[str, Sequence[tuple[float, float]]], points: Mapping[str, tuple[float, float]]
) -> DescribedFigure:
    """Relative error against bits a weight, scales included: a line of whole-number steps, and single kinds."""
    figure, axis = canvas(width=7.6, height=3.4)
    for number, (name, pairs) in enumerate(lines.items()):
        axis.plot(
            *zip(*pairs, strict=True), MARKERS[number] + "-", color=COLOURS[number], label=name
        )
    for number, (name, (bits, error)) in enumerate(points.items(), len(lines)):
        axis.plot(bits, error, MARKERS[number], ms=9, color=COLOURS[number], label=name)
    axis.set(
        title="What a bit buys",
        xlabel="bits a weight, scales included",
        ylabel="error over size of weights",
        yscale="log",
    )
    axis.legend(fontsize=9)
    place = next(iter(points.values()))[0]
    near = {
        name: min(pairs, key=lambda pair: abs(pair[0] - place)) for name, pairs in lines.items()
    }
    told = ", ".join(f"{name} {error:.3f}" for name, (_, error) in {**near, **points}.items())
    return DescribedFigure(figure, f"Each bit less about doubles the error. At four bits: {told}.")


def singular_values(matrices: Mapping[str, Tensor], rank: int) -> DescribedFigure:
    """How much of each matrix's squared size its first directions hold."""
    figure, axis = canvas(width=7.6, height=3.2)
    shares = {}
    for number, (name, matrix) in enumerate(matrices.items()):
        energy = torch.linalg.svdvals(matrix.float()).square()
        curve = (energy.cumsum(0) / energy.sum()).tolist()
        shares[name] = curve[rank - 1]
        axis.plot(
            range(1, len(curve) + 1),
            curve,
            ("-", "--", ":", "-.")[number],
            lw=2.2,
            color=COLOURS[number],
            label=name,
        )
    axis.axvline(rank, color="black", lw=1, ls=":")
    axis.set(
        title="How many directions does a matrix need?",
        xlabel="directions kept (log scale)",
        ylabel="share of its squared size",
        xscale="log",
        ylim=(0, 1.02),
    )
    axis.legend()
    told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    return DescribedFigure(figure, f"In the first {rank} directions lie: {told}.")
