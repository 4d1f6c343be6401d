"""The figures of notebook 06."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np

from course_lib.workbook.figures import COLOURS, MARKERS, DescribedFigure, canvas


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


def curves(
    points: Mapping[str, Sequence[tuple]], labels: tuple[str, str, str], sentence: str
) -> DescribedFigure:
    """A line with marks for each name, from its points (x, y). Labels: title, xlabel, ylabel."""
    figure, axis = canvas()
    for number, (name, pairs) in enumerate(points.items()):
        axis.plot(*zip(*pairs, strict=True), MARKERS[number] + "-", label=name)
    axis.set(title=labels[0], xlabel=labels[1], ylabel=labels[2])
    axis.legend()
    return DescribedFigure(figure, sentence)


def learned_parts(parts: Sequence[tuple[str, bool]], title: str) -> DescribedFigure:
    """Parts of a text, each on lines of its own; what is learned is bold and coloured."""
    whole = [(line, learned) for text, learned in parts for line in text.strip("\n").split("\n")]
    lines = [(cut, learned) for line, learned in whole for cut in textwrap.wrap(line, 100) or [""]]
    figure, axis = canvas(width=9.2, height=0.6 + 0.2 * len(lines))
    axis.set(title=title, ylim=(len(lines), -1))
    axis.set_axis_off()
    for row, (line, learned) in enumerate(lines):
        style = {"weight": "bold", "backgroundcolor": COLOURS[1] + "55"} if learned else {}
        line = line.replace("$", r"\$")
        axis.text(0, row, line, family="monospace", fontsize=8.5, va="center", **style)
    count = sum(len(text) for text, learned in parts if learned)
    return DescribedFigure(figure, f"Bold and coloured are {count:,} characters.")


def learning(
    runs: Mapping[str, Sequence[Sequence[Mapping]]], names: Sequence[str] = ("reward", "truth")
) -> DescribedFigure:
    """What logs of ``policy.reinforce`` say by update: mean and range of the runs of a name."""
    (figure, axes), texts = canvas(1, len(names), width=9.2, height=3.0), []
    for axis, what in zip(axes, names, strict=True):
        for number, (name, logs) in enumerate(runs.items()):
            length = min(map(len, logs))
            values = np.array([[row[what] for row in log[:length]] for log in logs])
            style = dict(color=COLOURS[number], marker=MARKERS[number], markevery=3)
            axis.plot(range(1, length + 1), values.mean(0), label=name, **style)
            axis.fill_between(
                range(1, length + 1), values.min(0), values.max(0), color=COLOURS[number], alpha=0.2
            )
            first, last = values[:, :3].mean(), values[:, -3:].mean()
            texts.append(f"{what} of “{name}” from {first:.2f} to {last:.2f}")
        axis.set(title=what, xlabel="update", ylabel=f"{what}, mean of the replies")
    axes[0].legend(fontsize=8.5)
    return DescribedFigure(figure, "First and last three updates: " + "; ".join(texts) + ".")
