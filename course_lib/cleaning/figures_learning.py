"""Figures of notebook 04: repairs against the truth, labels, and models that learn from text."""

from collections.abc import Mapping, Sequence
from statistics import mean

import numpy as np

from course_lib.cleaning.downstream import Improvements
from course_lib.cleaning.feedback import Generation
from course_lib.cleaning.truth import Score
from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas


def marked_page(lines: Sequence[str], kinds: Mapping[int, str], title: str) -> DescribedFigure:
    """Lines of a page; those in ``kinds`` (row → kind of defect) are coloured."""
    figure, axis = canvas(width=8.4, height=0.23 * len(lines) + 0.6)
    axis.set(title=title, xlim=(0, 100), ylim=(len(lines) - 0.4, -0.7))
    axis.set_axis_off()
    names = sorted(set(kinds.values()))
    for row, line in enumerate(lines):
        if row in kinds:
            number = names.index(kinds[row])
            colour, hatch = COLOURS[number % len(COLOURS)], HATCHES[number % len(HATCHES)]
            axis.barh(row, 77, 0.9, color=colour + "50", edgecolor="white", hatch=hatch, lw=0)
            axis.text(79, row, kinds[row], va="center", fontsize=9, weight="bold")
        text = line[:76].replace("\t", " ").replace("$", r"\$") + "…" * (len(line) > 76)
        axis.text(0.7, row, text, va="center", fontsize=8.5, family="monospace")
    part = len(kinds) / max(1, len(lines))
    return DescribedFigure(
        figure,
        f"Of these {len(lines)} lines {len(kinds)} ({part:.0%}) are damaged or do not belong: "
        f"{', '.join(names)}.",
    )


def precision_and_recall(scores: Mapping[str, Score], title: str) -> DescribedFigure:
    """Two marks a row, one row a kind; the lowest recall at the bottom."""
    shown = [score for score in scores.values() if score.expected]
    shown.sort(key=lambda score: (score.recall, np.nan_to_num(score.precision), score.kind))
    figure, axis = canvas(width=7.6, height=0.34 * len(shown) + 1.1)
    rows = np.arange(len(shown))
    for shift, name, number in ((0.13, "recall", 0), (-0.13, "precision", 2)):
        values = [100 * getattr(score, name) for score in shown]
        marker, colour = MARKERS[number], COLOURS[number]
        axis.plot(values, rows + shift, marker, color=colour, label=name, markersize=7)
    axis.set_yticks(rows, [f"{score.kind} ({score.expected})" for score in shown])
    axis.set(title=title, xlim=(-3, 105), xlabel="share (%)", ylabel="kind (how many there are)")
    axis.legend(loc="lower left")
    perfect = sum(score.recall == score.precision == 1 for score in shown)
    return DescribedFigure(
        figure,
        f"{perfect} of {len(shown)} kinds are found without a mistake; the weakest is "
        f"{shown[0].kind}, with a recall of {100 * shown[0].recall:.0f} %.",
    )


def step_by_step(
    names: Sequence[str], left: Sequence[int], wrong: Sequence[int]
) -> DescribedFigure:
    """Defects that are left after each further repair, and changes so far that were wrong."""
    figure, axis = canvas(width=8.0, height=3.4)
    places = np.arange(len(names))
    series = ((-0.2, left, "defects left", 0), (0.2, wrong, "wrong changes", 2))
    for shift, values, label, number in series:
        style = {"color": COLOURS[number], "hatch": HATCHES[number // 2], "edgecolor": "white"}
        bars = axis.bar(places + shift, values, 0.4, label=label, **style)
        axis.bar_label(bars, [f"{value:,}" for value in values], fontsize=8)
    axis.set_xticks(places, [name.replace(" ", "\n") for name in names], fontsize=9)
    axis.set(title="One repair after the other", xlabel="repair that is added", ylabel="lines")
    axis.legend()
    return DescribedFigure(
        figure,
        f"From {left[0]:,} defects to {left[-1]:,}, at the price of {wrong[-1]:,} wrong changes.",
    )


def label_curves(sizes: Sequence[int], curves: Mapping[str, np.ndarray]) -> DescribedFigure:
    """Right answers by number of labels: name → (seeds, sizes). Mean and range of the seeds."""
    figure, axis = canvas(width=7.2, height=3.4)
    said = []
    for number, (name, values) in enumerate(curves.items()):
        shares, colour = 100 * np.asarray(values), COLOURS[2 * number]
        middle = shares.mean(0)
        axis.plot(sizes, middle, marker=MARKERS[number], color=colour, label=name)
        axis.fill_between(sizes, shares.min(0), shares.max(0), color=colour, alpha=0.15, lw=0)
        ends = zip((middle[0], middle[-1]), (sizes[0], sizes[-1]), strict=True)
        said.append(f"{name}: " + ", ".join(f"{value:.0f} % with {size}" for value, size in ends))
    axis.set(title="How many labels does it take?", xlabel="labels")
    axis.set_ylabel("right on new documents (%)")
    axis.legend(loc="lower right")
    return DescribedFigure(
        figure, f"Means over {len(shares)} seeds, the range shaded. {'; '.join(said)}."
    )


def improvements(found: Mapping[str, Improvements], title: str) -> DescribedFigure:
    """Improvement of each version over raw text, one panel a target; ``found`` is by question."""
    pairs = dict.fromkeys(pair for by_pair in found.values() for pair in by_pair)
    versions, targets = (list(dict.fromkeys(names)) for names in zip(*pairs, strict=True))
    figure, axes = canvas(1, len(targets), width=8.2, height=1.4 + 0.42 * len(versions))
    axes, said = np.atleast_1d(axes), []
    for axis, target in zip(axes, targets, strict=True):
        means = []
        for number, (name, by_pair) in enumerate(found.items()):
            for row, version in enumerate(versions):
                values = by_pair[version, target]
                means.append((mean(values), version))
                spread = [[means[-1][0] - min(values)], [max(values) - means[-1][0]]]
                style = {"fmt": MARKERS[number], "color": COLOURS[number], "capsize": 3}
                label = name if row == 0 else None
                place = row + 0.16 * (number - 0.5 * (len(found) - 1))
                axis.errorbar(means[-1][0], place, xerr=spread, label=label, **style)
        axis.axvline(0, color="black", linewidth=1)
        axis.set_yticks(range(len(versions)), versions)
        axis.set(title=f"judged on: {target}", ylim=(len(versions) - 0.5, -0.5), ylabel="version")
        axis.set_xlabel("fewer bits than raw text (%)")
        axis.tick_params(labelleft=axis is axes[0])
        ends = [f"{value:+.1f} % ({version})" for value, version in (min(means), max(means))]
        said.append(f"on {target} from {' to '.join(ends)}")
    figure.suptitle(title, fontweight="bold")
    labels = axes[0].get_legend_handles_labels()
    figure.legend(*labels, loc="outside lower center", ncols=len(found))
    return DescribedFigure(figure, f"What cleaning gains over raw text: {'; '.join(said)}.")


def chains(found: Mapping[str, Sequence[Generation]]) -> DescribedFigure:
    """Perplexity and vocabulary by generation. ``found``: mode → its generations."""
    figure, (left, right) = canvas(1, 2, width=8.6, height=3.8)
    said = []
    for number, (name, models) in enumerate(found.items()):
        style = {"marker": MARKERS[number], "color": COLOURS[number]}
        style["linestyle"] = "--" if "real text" in name else "-"
        rows = [model.number for model in models]
        left.semilogy(rows, [model.perplexity for model in models], label=name, **style)
        right.plot(rows, [model.num_types for model in models], **style)
        said.append(f"{name} {models[0].perplexity:,.0f} → {models[-1].perplexity:,.0f}")
    left.yaxis.set_major_formatter("{x:,.0f}")
    left.yaxis.set_minor_formatter("{x:,.0f}")
    left.set(title="How much real text surprises it", xlabel="generation")
    left.set_ylabel("perplexity on real held-out text")
    right.set(title="Words that are left", xlabel="generation")
    right.set_ylabel("different words in its training text")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return DescribedFigure(
        figure, f"Perplexity from the first model to the last: {'; '.join(said)}."
    )
