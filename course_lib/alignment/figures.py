"""The figures of notebook 06."""

from collections.abc import Mapping

import numpy as np

from course_lib.workbook.figures import COLOURS, HATCHES, DescribedFigure, canvas


def update(moves: Mapping[str, tuple[float, float]]) -> DescribedFigure:
    """The probability of each reply before and after an update, with an arrow from bar to bar."""
    figure, axis = canvas(width=8.2, height=0.7 * len(moves) + 1.2)
    rows, size, texts = -np.arange(len(moves)), dict(height=0.36, edgecolor="white"), []
    before, after = zip(*moves.values(), strict=True)
    axis.barh(rows + 0.2, before, label="before", color=COLOURS[3], **size)
    axis.barh(rows - 0.2, after, label="after", color=COLOURS[0], hatch=HATCHES[1], **size)
    arrow = dict(arrowstyle="-|>", lw=2, connectionstyle="arc3,rad=-0.3")
    for row, (name, (old, new)) in zip(rows, moves.items(), strict=True):
        axis.annotate("", (new, row - 0.2), (old, row + 0.2), arrowprops=arrow)
        texts.append(f"“{name}” goes from {old:.2f} to {new:.2f}")
    axis.set_yticks(rows, list(moves))
    axis.set(title="One update", xlabel="probability", ylabel="reply")
    axis.legend()
    return DescribedFigure(figure, "; ".join(texts) + ".")


def panels(
    values: Mapping[str, Mapping[str, tuple]], labels: tuple[str, str, str], sharey: bool = True
) -> DescribedFigure:
    """By panel and bar a height and its spread; grey has none. Labels: title, xlabel, ylabel."""
    (figure, axes), texts = canvas(1, len(values), width=9.2, height=3.0), []
    for axis, (name, bars) in zip(axes, values.items(), strict=True):
        heights, spreads = zip(*bars.values(), strict=True)
        colours = [COLOURS[0 if spread else 3] for spread in spreads]
        whiskers = [spread or np.nan for spread in spreads]
        axis.bar(list(bars), heights, yerr=whiskers, color=colours, capsize=4)
        axis.set(title=name, xlabel=labels[1], ylabel=labels[2])
        if sharey:
            axis.sharey(axes[0])
        numbers = (f"{bar} at {m:.2f}" + f" ± {s:.2f}" * (s > 0) for bar, (m, s) in bars.items())
        texts.append(f"{name}: {', '.join(numbers)}")
    figure.suptitle(labels[0], weight="bold", fontsize=12)
    return DescribedFigure(figure, "; ".join(texts) + ".")
