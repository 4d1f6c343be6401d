"""The figures of notebook 06."""

from collections.abc import Mapping, Sequence

import numpy as np

from course_lib.workbook.figures import COLOURS, HATCHES, DescribedFigure, canvas


def update(
    names: Sequence[str], before: Sequence[float], after: Sequence[float]
) -> DescribedFigure:
    """The probability of each action before and after an update, and an arrow from bar to bar."""
    figure, axis = canvas(width=8.2, height=0.7 * len(names) + 1.2)
    rows, size = np.arange(len(names)), dict(height=0.36, edgecolor="white")
    axis.barh(rows - 0.2, before, label="before", color=COLOURS[3], **size)
    axis.barh(rows + 0.2, after, label="after", color=COLOURS[0], hatch=HATCHES[1], **size)
    arrow, texts = dict(arrowstyle="-|>", lw=2, connectionstyle="arc3,rad=-0.3"), []
    for row, (name, old, new) in enumerate(zip(names, before, after, strict=True)):
        axis.annotate("", (new, row + 0.2), (old, row - 0.2), arrowprops=arrow)
        texts.append(f"“{name}” goes from {old:.2f} to {new:.2f}")
    axis.set_yticks(rows, names)
    axis.set(title="One update", xlabel="probability", ylabel="reply", ylim=(rows[-1] + 0.5, -0.5))
    axis.legend()
    return DescribedFigure(figure, "; ".join(texts) + ".")


def panels(
    values: Mapping[str, Mapping[str, tuple[float, float]]], title: str, xlabel: str, ylabel: str
) -> DescribedFigure:
    """By panel and bar: a height, and its spread (a standard deviation) as a whisker."""
    (figure, axes), texts = canvas(1, len(values), width=9.2, height=3.0), []
    for axis, (name, bars) in zip(np.atleast_1d(axes), values.items(), strict=True):
        heights, spreads = zip(*bars.values(), strict=True)
        axis.bar(list(bars), heights, yerr=spreads if any(spreads) else None, capsize=4)
        axis.set(title=name, xlabel=xlabel, ylabel=ylabel)
        numbers = (f"{bar} {m:.2f}" + f" ± {s:.2f}" * (s > 0) for bar, (m, s) in bars.items())
        texts.append(f"{name}: {', '.join(numbers)}")
    figure.suptitle(title, weight="bold", fontsize=12)
    return DescribedFigure(figure, "; ".join(texts) + ".")
