"""The figures of notebook 01."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from course_lib.workbook.figures import COLOURS, MARKERS, DescribedFigure, canvas


def timeline(rows: Sequence[Mapping]) -> DescribedFigure:
    """One row a name, with its year: on log axes the sizes that were published."""
    figure, axes = canvas(1, 2, width=9.0, height=6.0)
    figure.suptitle("From counted letters to assistants", fontsize=12, weight="bold")
    heights, years = np.arange(len(rows))[::-1], [int(row["year"]) for row in rows]
    labels = {"parameters": "parameters", "tokens": "tokens or words read"}
    for number, (axis, key) in enumerate(zip(axes, labels, strict=True)):
        values = [row[key] or np.nan for row in rows]
        axis.plot(values, heights, MARKERS[number], color=COLOURS[number])
        axis.set(xlabel=labels[key], xscale="log", ylim=(-0.8, len(rows) - 0.2))
        axis.set(ylabel="the same methods" if number else "method and its year")
        axis.set_yticks(heights, [])
    axes[0].set_yticks(heights, [f"{row['name']}  {int(row['year'])}" for row in rows], fontsize=9)
    known = [(row["tokens"], year) for row, year in zip(rows, years, strict=True) if row["tokens"]]
    (first, year), (most, latest) = known[0], max(known)
    return DescribedFigure(
        figure,
        f"The first four rows span {years[3] - years[0]} years; the published training text "
        f"grew from {first:,} letters in {year} to "
        f"{most / 1e12:,.1f} trillion tokens in {latest}.",
    )


def guesses(sentence: str, ranks: Sequence[int]) -> DescribedFigure:
    """Shannon's game, played: each letter, and above it the number of guesses that it took."""
    figure, axis = canvas(width=9.0, height=2.4)
    hard = [COLOURS[1] if rank > 3 else COLOURS[0] for rank in ranks]
    axis.bar(range(len(ranks)), ranks, color=hard)
    axis.set_xticks(range(len(ranks)), sentence.replace(" ", "␣"), fontsize=9)
    axis.grid(visible=False, axis="x")
    axis.set(title="Which letters were hard?", xlabel="the sentence", ylabel="guesses")
    often = f"{ranks.count(1)} of {len(ranks)} letters needed one guess, the hardest {max(ranks)}"
    return DescribedFigure(figure, f"{often}.")


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
