"""The figures of notebook 05."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from course_lib.finetuning.memory import Memory
from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas

PARTS = {
    "weights": ("linear", "scales"),
    "embedding, norms": ("embedding", "norms"),
    "adapter, gradients, Adam": ("adapter", "gradients", "optimizer"),
    "activations, logits, cache": ("activations", "logits", "cache"),
}
GPUS = {"T4": 16e9, "A10, 4090": 24e9, "A100": 80e9}


def memory_bars(
    needs: Mapping[str, Memory], title: str = "Memory for Falcon-7B"
) -> DescribedFigure:
    """Stacked bars, one a method, and lines where common GPUs end."""
    figure, axis = canvas(width=8.2, height=0.55 * len(needs) + 1.7)
    left = np.zeros(len(needs))
    for number, (part, names) in enumerate(PARTS.items()):
        sizes = [sum(getattr(need, name) for name in names) / 1e9 for need in needs.values()]
        style = {"color": COLOURS[number], "hatch": HATCHES[number], "edgecolor": "white"}
        axis.barh(range(len(needs)), sizes, left=left, label=part, **style)
        left += sizes
    for number, (gpu, size) in enumerate(GPUS.items()):
        if size / 1e9 < 1.2 * left.max():
            axis.axvline(size / 1e9, color="black", ls=("--", ":", "-.")[number], lw=1.3)
            axis.text(size / 1e9, -0.62, f" {gpu}", fontsize=8.5, va="bottom")
    for row, total in enumerate(left):
        axis.text(total + left.max() / 45, row, f"{total:.1f}", va="center", fontsize=9.5)
    axis.set_yticks(range(len(needs)), list(needs))
    axis.set_ylim(len(needs) - 0.5, -0.75)
    axis.set(title=title, xlabel="memory (GB)", ylabel="method", xlim=(0, 1.1 * left.max()))
    figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    totals = ", ".join(f"{name} {total:.1f} GB" for name, total in zip(needs, left, strict=True))
    return DescribedFigure(figure, f"Needed, all parts together: {totals}.")


def on_a_line(weights: Sequence[float], levels: Sequence[float], title: str) -> DescribedFigure:
    """Weights above a number line with levels, and an arrow from each to its own."""
    figure, axis = canvas(width=8.2, height=2.0)
    table = np.asarray(levels)
    axis.vlines(table, 0.0, 0.25, color=COLOURS[0], lw=2, label="levels")
    axis.plot(weights, [0.8] * len(weights), MARKERS[2], color=COLOURS[2], label="weights")
    nearest = [int(np.abs(table - weight).argmin()) for weight in weights]
    for weight, code in zip(weights, nearest, strict=True):
        arrow = {"arrowstyle": "->", "lw": 0.8}
        axis.annotate("", (table[code], 0.27), (weight, 0.74), arrowprops=arrow)
    axis.set(title=title, xlabel="value", ylabel=" ", ylim=(-0.1, 1.1), yticks=[])
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return DescribedFigure(
        figure,
        f"Each of the {len(weights)} weights goes to the nearest of {len(table)} levels; "
        f"{len(set(nearest))} levels are used.",
    )


def levels_on_weights(scaled: Tensor, codebooks: Mapping[str, Tensor]) -> DescribedFigure:
    """The weights of a layer, each block over its largest, and the levels of several kinds."""
    figure, (axis, below) = canvas(2, 1, width=8.2, height=3.9)
    axis.hist(scaled.flatten().numpy(), bins=120, color=COLOURS[3])
    axis.set(
        title="Where the weights are, and where the levels are",
        xlabel="weight over the largest of its block",
        ylabel="weights",
        xlim=(-1.05, 1.05),
    )
    for row, levels in enumerate(codebooks.values()):
        below.plot(levels.tolist(), [row] * len(levels), "|", ms=15, mew=2.2, color=COLOURS[row])
    below.set_yticks(range(len(codebooks)), list(codebooks))
    below.set(xlabel="level", ylabel="kind", xlim=(-1.05, 1.05), ylim=(len(codebooks) - 0.5, -0.5))
    counts = ", ".join(f"{name} {int((v.abs() < 0.3).sum())}" for name, v in codebooks.items())
    fraction = float((scaled.abs() < 0.3).float().mean())
    return DescribedFigure(
        figure,
        f"Between −0.3 and 0.3 lie {fraction:.0%} of the weights; levels in that range: {counts}.",
    )
