"""The figures of notebook 01, shared with its slides."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas


def timeline(rows: Sequence[Mapping]) -> DescribedFigure:
    """One row a name: its year, and on log axes the sizes that were published."""
    figure, axes = canvas(1, 3, width=9.5, height=5.6)
    heights = np.arange(len(rows))[::-1]
    years = [row["year"] for row in rows]
    axes[0].plot(years, heights, MARKERS[0], color=COLOURS[0])
    axes[0].set(title="Year", xlabel="year", ylabel="name", xlim=(1944, 2027))
    axes[0].set_yticks(heights, [f"{row['name']}  {int(row['year'])}" for row in rows], fontsize=9)
    units = ("parameters", "parameters"), ("tokens", "tokens or words")
    for number, (axis, (key, unit)) in enumerate(zip(axes[1:], units, strict=True), 1):
        sizes = [max(1e6, row[key] or 0) - 1e6 for row in rows]
        style = {"color": COLOURS[number], "hatch": HATCHES[number], "alpha": 0.6}
        axis.barh(heights, sizes, left=1e6, **style)
        for row, height in zip(rows, heights, strict=True):
            if not row[key] and row["year"] > 2000:
                axis.text(1.5e6, height, "unknown", va="center", fontsize=7.5, color="#666666")
        axis.set(xlabel=unit, ylabel="same rows", xscale="log", xlim=(1e6, 5e12))
        axis.set(title=("Parameters", "Training text")[number - 1])
        axis.set_yticks(heights, [])
    for axis in axes:
        axis.set_ylim(-0.8, len(rows) - 0.2)
    known = [(row["tokens"], int(row["year"])) for row in rows if row["tokens"]]
    (first, year), (most, latest) = known[0], max(known)
    return DescribedFigure(
        figure,
        f"The first four rows span {int(years[3] - years[0])} years; the published training text "
        f"grew from {first / 1e6:,.0f} million words in {year} to "
        f"{most / 1e6:,.0f} million tokens in {latest}.",
    )


def guesses(ranks: Sequence[int]) -> DescribedFigure:
    """How many guesses a letter took."""
    figure, axis = canvas(height=2.8)
    counts = Counter(min(rank, 10) for rank in ranks)
    numbers = list(range(1, 11))
    axis.bar(numbers, [counts[n] for n in numbers])
    axis.set_xticks(numbers, [*map(str, numbers[:-1]), "10+"])
    axis.set(title="Shannon's game", xlabel="guesses needed", ylabel="letters")
    return DescribedFigure(
        figure,
        f"{100 * counts[1] / len(ranks):.0f} % of the letters were guessed at the first attempt, "
        f"{counts[10]} took ten or more.",
    )


def sparsity(
    orders: Sequence[int], seen: Sequence[float], once: Sequence[float]
) -> DescribedFigure:
    """Fractions of held-out n-grams ever seen, and of training n-grams seen only once."""
    figure, axis = canvas()
    bars = {"held-out n-grams seen in training": seen, "training n-grams that occur once": once}
    for number, (label, values) in enumerate(bars.items()):
        places = np.arange(len(orders)) + 0.4 * number - 0.2
        axis.bar(places, 100 * np.array(values), 0.4, label=label, hatch=HATCHES[number])
    axis.set_xticks(range(len(orders)), [str(order) for order in orders])
    axis.set(title="How full is the table of n-grams?", xlabel="length of the n-gram (words)")
    axis.set(ylabel="n-grams (%)", ylim=(0, 130))
    axis.legend(ncols=2, loc="upper center", fontsize=9)
    return DescribedFigure(
        figure,
        f"Of the held-out sequences of {orders[-1]} words {100 * seen[-1]:.0f} % were seen in "
        f"training, and {100 * once[-1]:.0f} % of those in training occur only once.",
    )


def memory(distances: Sequence[int], effects: Mapping[str, Sequence[float]]) -> DescribedFigure:
    """How much a byte still matters, by its distance."""
    figure, axis = canvas()
    for number, (name, values) in enumerate(effects.items()):
        axis.plot(distances, values, MARKERS[number] + "-", label=name)
    axis.set(title="What is forgotten", xlabel="distance of the changed byte (bytes)")
    axis.set(ylabel="change of the prediction\n(total variation, 0 to 1)")
    axis.set(xscale="log", yscale="log")
    axis.set_xticks(distances, [str(distance) for distance in distances])
    axis.minorticks_off()
    axis.legend()
    name, values = next(iter(effects.items()))
    far = next((d for d, v in zip(distances, values, strict=True) if v < 0.02), None)
    below = f"falls below 0.02 at a distance of {far} bytes"
    tail = below if far else "stays above 0.02 at every distance"
    return DescribedFigure(figure, f"For the {name} the effect of one changed byte {tail}.")


def bits_by_year(
    scores: Mapping[str, tuple[float, Sequence[float]]], references: Mapping[str, float]
) -> DescribedFigure:
    """The figure of the notebook. ``scores``: name → (year, bits per byte of each seed)."""
    figure, axis = canvas(width=8.0, height=4.2)
    years = [year for year, _ in scores.values()]
    means = [float(np.mean(values)) for _, values in scores.values()]
    ends = [(min(values), max(values)) for _, values in scores.values()]
    spread = np.abs(np.array(ends).T - means)
    axis.errorbar(years, means, spread, fmt="o-", capsize=4)
    note = {"textcoords": "offset points", "fontsize": 8.5}
    for name, year, mean in zip(scores, years, means, strict=True):
        axis.annotate(f"{name}\n{mean:.2f}", (year, mean), (0, 9), ha="center", **note)
    for number, (name, value) in enumerate(references.items()):
        axis.axhline(value, linestyle=(":", "--")[number % 2], color=COLOURS[3 + number])
        axis.annotate(f"{name} {value:.2f}", (min(years) + 14, value), (0, 3), **note)
    axis.set(title="One held-out text, seventy years of methods", xlabel="year of the method")
    axis.set(ylabel="bits per byte\n(fewer is better)", ylim=(0, max(means) * 1.2))
    axis.set_xlim(min(years) - 5, max(years) + 6)
    best, name = min(zip(means, scores, strict=True))
    seeds = max(len(values) for _, values in scores.values())
    return DescribedFigure(
        figure,
        f"With this little text and time the best is {name} with {best:.2f} bits per byte; "
        f"the bars span up to {seeds} seeds.",
    )


def bits_by_amount(
    curves: Mapping[str, Sequence[tuple[int, float]]], title: str
) -> DescribedFigure:
    """Bits per byte by the bytes of text read. ``curves``: name → (bytes read, bits per byte)."""
    figure, axis = canvas()
    names = sorted(curves, key=lambda name: name.startswith("n-grams"))  # one colour for each
    for number, name in enumerate(names):
        axis.plot(*zip(*curves[name], strict=True), MARKERS[number] + "-", label=name)
    axis.set(title=title, xlabel="text read (bytes)", ylabel="bits per byte", xscale="log")
    axis.legend()
    best = min(names, key=lambda name: curves[name][-1][1])
    return DescribedFigure(
        figure,
        f"At the end of its curve {best} is best, with {curves[best][-1][1]:.2f} bits per byte.",
    )


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
