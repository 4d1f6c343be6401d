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
    axes[0].plot([row["year"] for row in rows], heights, MARKERS[0], color=COLOURS[0])
    axes[0].set(
        title="Year", xlabel="year", ylabel="name", xlim=(1944, 2027), ylim=(-0.8, len(rows) - 0.2)
    )
    axes[0].set_yticks(heights, [f"{row['name']}  {int(row['year'])}" for row in rows], fontsize=9)
    for number, (key, title) in enumerate(
        (("parameters", "Parameters"), ("tokens", "Training text")), 1
    ):
        axis = axes[number]
        for row, height in zip(rows, heights, strict=True):
            if row[key]:
                axis.barh(
                    height,
                    row[key],
                    left=1e6,
                    color=COLOURS[number],
                    hatch=HATCHES[number],
                    alpha=0.6,
                )
            elif row["year"] > 2000:
                axis.text(1.5e6, height, "unknown", va="center", fontsize=7.5, color="#666666")
        axis.set(
            title=title,
            xscale="log",
            xlim=(1e6, 5e12),
            xlabel=("parameters", "tokens or words")[number - 1],
            ylabel="same rows",
            ylim=axes[0].get_ylim(),
        )
        axis.set_yticks(heights, [])
    return DescribedFigure(
        figure,
        "Half a century passed between the first four rows; published sizes then grew from millions "
        "of training words in 2003 to a million million tokens in 2023.",
    )


def guesses(ranks: Sequence[int]) -> DescribedFigure:
    """How many guesses a letter took."""
    figure, axis = canvas(height=2.8)
    counts = Counter(min(rank, 10) for rank in ranks)
    numbers = list(range(1, 11))
    axis.bar(numbers, [counts.get(n, 0) for n in numbers])
    axis.set_xticks(numbers, [*map(str, numbers[:-1]), "10+"])
    axis.set(title="Shannon's game", xlabel="guesses needed", ylabel="letters")
    right = 100 * counts[1] / len(ranks)
    return DescribedFigure(
        figure,
        f"{right:.0f} % of the letters were guessed at the first attempt, {counts[10]} took ten or more.",
    )


def sparsity(
    orders: Sequence[int], seen: Sequence[float], once: Sequence[float]
) -> DescribedFigure:
    """Shares of held-out n-grams ever seen, and of training n-grams seen only once."""
    figure, axis = canvas()
    places = np.arange(len(orders))
    axis.bar(
        places - 0.2,
        [100 * s for s in seen],
        0.4,
        label="held-out n-grams seen in training",
        hatch=HATCHES[0],
    )
    axis.bar(
        places + 0.2,
        [100 * s for s in once],
        0.4,
        label="training n-grams that occur once",
        hatch=HATCHES[1],
    )
    axis.set_xticks(places, [str(order) for order in orders])
    axis.set(
        title="The longer the n-gram, the emptier the table",
        xlabel="length of the n-gram (words)",
        ylabel="share (%)",
    )
    axis.set_ylim(0, 130)
    axis.legend(ncols=2, loc="upper center", fontsize=9)
    return DescribedFigure(
        figure,
        f"Of the held-out sequences of {orders[-1]} words {100 * seen[-1]:.0f} % were seen in training, "
        f"and {100 * once[-1]:.0f} % of those in training occur only once.",
    )


def memory(distances: Sequence[int], effects: Mapping[str, Sequence[float]]) -> DescribedFigure:
    """How much a byte still matters, by its distance."""
    figure, axis = canvas()
    for number, (name, values) in enumerate(effects.items()):
        axis.plot(distances, values, MARKERS[number] + "-", label=name)
    axis.set(
        title="What is forgotten",
        xlabel="distance of the changed byte (bytes)",
        ylabel="change of the prediction\n(total variation, 0 to 1)",
        xscale="log",
        yscale="log",
    )
    axis.set_xticks(distances, [str(distance) for distance in distances])
    axis.minorticks_off()
    axis.legend()
    name, values = next(iter(effects.items()))
    far = next((d for d, v in zip(distances, values, strict=True) if v < 0.02), None)
    tail = (
        f"falls below 0.02 at a distance of {far} bytes"
        if far
        else "stays above 0.02 at every distance"
    )
    return DescribedFigure(figure, f"For the {name} the effect of one changed byte {tail}.")


def bits_by_year(
    scores: Mapping[str, tuple[float, Sequence[float]]], references: Mapping[str, float]
) -> DescribedFigure:
    """The figure of the notebook. ``scores``: name → (year, bits per byte of each seed)."""
    figure, axis = canvas(width=8.0, height=4.2)
    years = [year for year, _ in scores.values()]
    means = [float(np.mean(values)) for _, values in scores.values()]
    spread = [
        [m - min(v) for m, (_, v) in zip(means, scores.values(), strict=True)],
        [max(v) - m for m, (_, v) in zip(means, scores.values(), strict=True)],
    ]
    axis.errorbar(years, means, spread, fmt="o-", capsize=4)
    for (name, (year, _)), mean in zip(scores.items(), means, strict=True):
        axis.annotate(
            f"{name}\n{mean:.2f}",
            (year, mean),
            (0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
        )
    for number, (name, value) in enumerate(references.items()):
        axis.axhline(value, linestyle=(":", "--")[number % 2], color=COLOURS[3 + number])
        axis.annotate(
            f"{name} {value:.2f}",
            (min(years) + 14, value),
            (0, 3),
            textcoords="offset points",
            fontsize=8.5,
        )
    axis.set(title="One held-out text, seventy years of methods", xlabel="year of the method")
    axis.set(ylabel="bits per byte\n(fewer is better)", ylim=(0, max(means) * 1.2))
    axis.set_xlim(min(years) - 5, max(years) + 6)
    best = min(zip(means, scores, strict=True))
    return DescribedFigure(
        figure,
        f"With this little text and time the best is {best[1]} with {best[0]:.2f} bits per byte; "
        "the bars of the networks span three seeds.",
    )


def bits_by_amount(
    curves: Mapping[str, Sequence[tuple[int, float]]], title: str
) -> DescribedFigure:
    """Bits per byte against the bytes of text read. ``curves``: name → (bytes read, bits per byte)."""
    figure, axis = canvas()
    in_order = sorted(
        curves.items(), key=lambda item: item[0].startswith("n-grams")
    )  # one colour for each, always
    for number, (name, points) in enumerate(in_order):
        axis.plot(*zip(*points, strict=True), MARKERS[number] + "-", label=name)
    axis.set(title=title, xlabel="text read (bytes)", ylabel="bits per byte", xscale="log")
    axis.legend()
    last = {name: points[-1] for name, points in curves.items()}
    best = min(last, key=lambda name: last[name][1])
    return DescribedFigure(
        figure, f"At the end of its curve {best} is best, with {last[best][1]:.2f} bits per byte."
    )


def what_you_will_build() -> DescribedFigure:
    """Notebook 01 in one picture: five ways of guessing, one scale."""
    figure, axis = canvas(width=8.4, height=1.9)
    axis.set(
        title="Five ways of guessing, one text, one scale", xlim=(-0.6, 8.6), ylim=(-0.75, 0.6)
    )
    axis.set_axis_off()
    boxes = (
        "1948\ncount letters",
        "1966\nscripted rules",
        "1995\ncount words",
        "2014\na network\nthat reads",
        "2017\na transformer",
    )
    for number, text in enumerate(boxes):
        style = {
            "boxstyle": "round,pad=0.45",
            "facecolor": COLOURS[number] + "40",
            "edgecolor": COLOURS[number],
        }
        axis.text(2 * number, 0.25, text, ha="center", va="center", bbox=style, fontsize=9.5)
        if number:
            axis.annotate(
                "",
                (2 * number - 0.62, 0.25),
                (2 * number - 1.38, 0.25),
                arrowprops={"arrowstyle": "->", "lw": 1.5},
            )
    axis.annotate("", (8.3, -0.4), (-0.3, -0.4), arrowprops={"arrowstyle": "-", "lw": 1.5})
    axis.text(
        4,
        -0.6,
        "how many bits does each need for a letter that it has never seen?",
        ha="center",
        fontsize=9.5,
    )
    return DescribedFigure(
        figure,
        "Letters are counted, rules scripted, words counted, then a recurrent network and a transformer are "
        "trained, and all that can predict are compared on one text.",
    )


def two_masks(words: Sequence[str], causal: Tensor) -> DescribedFigure:
    """Who may look at whom, in GPT and in BERT. ``causal``: (time, time), True where a word may look."""
    figure, axes = canvas(1, 2, width=8.0, height=3.4)
    mask = causal.numpy()
    for axis, title, allowed in (
        (axes[0], "GPT: only to the left", mask),
        (axes[1], "BERT: both ways", np.ones_like(mask)),
    ):
        axis.imshow(allowed, cmap="Blues", vmin=0, vmax=1.6)
        for row in range(len(words)):
            for column in range(len(words)):
                axis.text(
                    column,
                    row,
                    "●" if allowed[row, column] else "",
                    ha="center",
                    va="center",
                    fontsize=8,
                )
        axis.set_xticks(range(len(words)), words, rotation=40, fontsize=8)
        axis.set_yticks(range(len(words)), words, fontsize=8)
        axis.grid(False)
        axis.set(title=title, xlabel="may look at", ylabel="word")
    return DescribedFigure(
        figure,
        "In GPT's mask each word sees itself and the words to its left; in BERT's every word sees all of them.",
    )
