"""The figures of notebook 01."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from course_lib.workbook.figures import COLOURS, MARKERS, DescribedFigure, canvas


def timeline(rows: Sequence[Mapping]) -> DescribedFigure:
    """One row a name: its year, and on log axes the sizes that were published."""
    figure, axes = canvas(1, 3, width=9.5, height=5.6)
    figure.suptitle("From a guessing game to assistants", fontsize=12, weight="bold")
    heights, years = np.arange(len(rows))[::-1], [int(row["year"]) for row in rows]
    labels = {"year": "year", "parameters": "parameters", "tokens": "tokens or words read"}
    for number, (axis, key) in enumerate(zip(axes, labels, strict=True)):
        values = [row[key] or np.nan for row in rows]
        axis.plot(values, heights, MARKERS[number], color=COLOURS[number])
        axis.set(xlabel=labels[key], xscale="log" if number else "linear")
        axis.set(ylabel=" " if number else "name", ylim=(-0.8, len(rows) - 0.2))
        axis.set_yticks(heights, [])
    axes[0].set_yticks(heights, [f"{row['name']}  {int(row['year'])}" for row in rows], fontsize=9)
    known = [(row["tokens"], year) for row, year in zip(rows, years, strict=True) if row["tokens"]]
    (first, year), (most, latest) = known[0], max(known)
    return DescribedFigure(
        figure,
        f"The first four rows span {years[3] - years[0]} years; the published training text "
        f"grew from {first / 1e6:,.0f} million words in {year} to "
        f"{most / 1e12:,.1f} trillion tokens in {latest}.",
    )


def bits_by_year(
    scores: Mapping[str, tuple[float, Sequence[float]]], references: Mapping[str, float]
) -> DescribedFigure:
    """The figure of the notebook. ``scores``: name → (year, bits per byte of each seed)."""
    figure, axis = canvas(width=8.0, height=4.2)
    years = [year for year, _ in scores.values()]
    means = [float(np.mean(values)) for _, values in scores.values()]
    spread = np.abs(np.array([(min(v), max(v)) for _, v in scores.values()]).T - means)
    axis.errorbar(years, means, spread, fmt="o", capsize=4)
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
    note = {"textcoords": "offset points", "fontsize": 8.5, "bbox": box, "va": "center"}
    for name, year, mean in zip(scores, years, means, strict=True):
        side, shift = ("left", 8) if year < np.mean(years) else ("right", -8)
        axis.annotate(f"{name}: {mean:.2f}", (year, mean), (shift, 0), ha=side, **note)
    for number, (name, value) in enumerate(references.items()):
        axis.axhline(value, linestyle=(":", "--")[number % 2], color=COLOURS[3 + number])
        axis.annotate(f"{name} {value:.2f}", (min(years) + 19, value), (0, 0), **note)
    axis.set(title="One held-out text, seventy years of methods", xlabel="year of the method")
    axis.set(ylabel="bits per byte\n(fewer is better)", ylim=(0, max(means) * 1.2))
    axis.set_xlim(min(years) - 5, max(years) + 6)
    best, name = min(zip(means, scores, strict=True))
    sentence = f"With this little text and time the best is {name} with {best:.2f} bits per byte."
    return DescribedFigure(figure, sentence)


def lines(
    curves: Mapping[str, Sequence[tuple[float, float]]], title: str, xlabel: str, ylabel: str
) -> DescribedFigure:
    """A line for each name, from its points; a line for the n-grams has always the same colour."""
    figure, axis = canvas()
    names = sorted(curves, key=lambda name: name.startswith("n-grams"))
    for number, name in enumerate(names):
        axis.plot(*zip(*curves[name], strict=True), MARKERS[number] + "-", label=name)
    axis.set(title=title, xlabel=xlabel, ylabel=ylabel, xscale="log")
    figure.legend(loc="outside lower center", ncols=len(names))
    ends = "; ".join(f"{name} {curves[name][-1][1]:.2f}" for name in names)
    return DescribedFigure(figure, f"At the right end of each line, {ylabel}: {ends}.")


def two_masks(words: Sequence[str], causal: Tensor) -> DescribedFigure:
    """Who may look at whom, in GPT and in BERT. ``causal``: (time, time), True: may look."""
    figure, axes = canvas(1, 2, width=8.0, height=3.4)
    gpt = causal.numpy()
    titles = "GPT: only to the left", "BERT: both ways"
    for axis, title, mask in zip(axes, titles, (gpt, np.ones_like(gpt)), strict=True):
        axis.imshow(mask, cmap="Blues", vmin=0, vmax=1.6)
        for row, column in zip(*mask.nonzero(), strict=True):
            axis.text(column, row, "●", ha="center", va="center", fontsize=8)
        axis.set_xticks(range(len(words)), words, rotation=40, fontsize=8)
        axis.set_yticks(range(len(words)), words, fontsize=8)
        axis.grid(False)
        axis.set(title=title, xlabel="may look at", ylabel="word")
    return DescribedFigure(
        figure,
        f"In GPT's mask “{words[0]}” sees {gpt[0].sum()} and “{words[-1]}” {gpt[-1].sum()} of the "
        f"{len(words)} words; in BERT's every word sees all of them.",
    )
