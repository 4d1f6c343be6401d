"""Pictures of notebook 04 about models: what cleaning does to them, and what their own output does."""

from collections.abc import Mapping, Sequence

import numpy as np

from course_lib.cleaning.downstream import Gain
from course_lib.cleaning.feedback import Generation
from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas


def gains_by_version(found: Mapping[str, Sequence[Gain]], title: str) -> DescribedFigure:
    """Gain of each version over raw text, one panel a target. ``found``: "equal budget" … → gains."""
    every = [gain for gains in found.values() for gain in gains]
    targets = list(dict.fromkeys(gain.target for gain in every))
    versions = list(dict.fromkeys(gain.version for gain in every))
    figure, axes = canvas(1, len(targets), width=8.2, height=1.4 + 0.42 * len(versions))
    for axis, target in zip(np.atleast_1d(axes), targets, strict=True):
        for number, (name, gains) in enumerate(found.items()):
            own = {gain.version: gain for gain in gains if gain.target == target}
            rows = [row for row, version in enumerate(versions) if version in own]
            points = [own[versions[row]] for row in rows]
            spread = [[g.mean - g.low for g in points], [g.high - g.mean for g in points]]
            axis.errorbar(
                [g.mean for g in points],
                [row + 0.16 * (number - 0.5 * (len(found) - 1)) for row in rows],
                xerr=spread,
                fmt=MARKERS[number],
                color=COLOURS[number],
                capsize=3,
                label=name,
            )
        axis.axvline(0, color="black", linewidth=1)
        axis.set_yticks(range(len(versions)), versions)
        axis.set_ylim(len(versions) - 0.5, -0.5)
        axis.set(
            title=f"judged on: {target}", xlabel="fewer bits than raw text (%)", ylabel="version"
        )
        axis.tick_params(labelleft=axis is np.atleast_1d(axes)[0])
    figure.suptitle(title, fontweight="bold")
    figure.legend(
        *np.atleast_1d(axes)[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=len(found),
    )
    parts = []
    for target in targets:
        best = max((gain for gain in every if gain.target == target), key=lambda gain: gain.mean)
        worst = min((gain for gain in every if gain.target == target), key=lambda gain: gain.mean)
        parts.append(
            f"on {target} from {worst.mean:+.1f} % ({worst.version}) to {best.mean:+.1f} % ({best.version})"
        )
    return DescribedFigure(figure, f"What cleaning gains over raw text: {'; '.join(parts)}.")


def chains(found: Mapping[str, Sequence[Generation]]) -> DescribedFigure:
    """Perplexity and vocabulary by generation. ``found``: mode → its generations."""
    figure, (left, right) = canvas(1, 2, width=8.6, height=3.8)
    for number, (name, models) in enumerate(found.items()):
        style = {
            "marker": MARKERS[number],
            "color": COLOURS[number],
            "linestyle": "--" if "real text" in name else "-",
        }
        left.plot([m.number for m in models], [m.perplexity for m in models], label=name, **style)
        right.plot([m.number for m in models], [m.kinds for m in models], **style)
    left.set(
        title="Real text surprises it more",
        xlabel="generation",
        ylabel="perplexity on real held-out text",
    )
    left.set_yscale("log")
    values = [m.perplexity for models in found.values() for m in models]
    ticks = np.unique(
        np.geomspace(min(values), max(values), 5).round(-1 if min(values) > 50 else 0)
    )
    left.set_yticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    left.minorticks_off()
    right.set(
        title="Words die out", xlabel="generation", ylabel="different words in its training text"
    )
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    told = [
        f"{name} {models[0].perplexity:,.0f} → {models[-1].perplexity:,.0f}"
        for name, models in found.items()
    ]
    return DescribedFigure(
        figure, f"Perplexity from the first model to the last: {'; '.join(told)}."
    )


def published_stages() -> DescribedFigure:
    """RefinedWeb's stages and rivals, and CleanML's outcome for tables (published figures)."""
    figure, (left, right) = canvas(1, 2, width=8.6, height=3.2)
    stages = {"raw": 52.7, "filtered": 54.3, "filtered,\ndeduplicated": 56.2}
    rivals = {"The Pile": 53.4, "C4": 55.7}
    left.plot(range(3), stages.values(), "o-", color=COLOURS[0])
    for place, value in enumerate(stages.values()):
        left.annotate(f"{value}", (place, value), (0, 8), textcoords="offset points", ha="center")
    for number, (name, value) in enumerate(rivals.items()):
        left.axhline(value, linestyle=("--", ":")[number], color=COLOURS[2 + number])
        left.annotate(
            f"{name} {value}", (-0.75, value), (0, 3), textcoords="offset points", fontsize=8.5
        )
    left.set_xlim(-0.8, 2.4)
    left.set_xticks(range(3), stages)
    left.set(
        title="Web text, language model",
        xlabel="stage of RefinedWeb",
        ylabel="mean accuracy (%)",
        ylim=(51, 57.5),
    )
    outcome = {"better": 10.7, "no\ndifference": 67.0, "worse": 22.3}
    bars = right.bar(range(3), outcome.values(), color=COLOURS[1], hatch=HATCHES[1], width=0.6)
    right.bar_label(bars, fmt="%.1f")
    right.set_xticks(range(3), outcome)
    right.set(
        title="Tables, classifiers",
        xlabel="after duplicates were removed",
        ylabel="experiments (%)",
        ylim=(0, 80),
    )
    return DescribedFigure(
        figure,
        "With deduplication the same 1B model rises from 54.3 to 56.2 (Penedo and others 2023); for classifiers on "
        "tables removing duplicates helped in 10.7 % of experiments and harmed in 22.3 % (Li and others 2021).",
    )


def what_you_will_build() -> DescribedFigure:
    """Notebook 04 in one picture: steps, and the three ways to judge them."""
    figure, axis = canvas(width=8.6, height=2.5)
    axis.set(
        title="From a heap of text to a training set, every step judged",
        xlim=(-0.7, 8.7),
        ylim=(-1.35, 0.7),
    )
    axis.set_axis_off()
    steps = ("look", "repair", "filter", "remove\nduplicates", "mask what\nis personal")
    for number, text in enumerate(steps):
        style = {
            "boxstyle": "round,pad=0.45",
            "facecolor": COLOURS[0] + "30",
            "edgecolor": COLOURS[0],
        }
        axis.text(2 * number, 0.25, text, ha="center", va="center", bbox=style, fontsize=9.5)
        if number:
            axis.annotate(
                "",
                (2 * number - 0.72, 0.25),
                (2 * number - 1.28, 0.25),
                arrowprops={"arrowstyle": "->", "lw": 1.5},
            )
    judges = (
        "against the truth:\nprecision and recall",
        "by a model:\nbits a byte, two targets",
        "by you:\na hundred labels",
    )
    for number, text in enumerate(judges):
        style = {
            "boxstyle": "round,pad=0.4",
            "facecolor": COLOURS[1] + "30",
            "edgecolor": COLOURS[1],
        }
        axis.text(1 + 3 * number, -0.95, text, ha="center", va="center", bbox=style, fontsize=9)
        axis.annotate(
            "",
            (1 + 3 * number, -0.2),
            (1 + 3 * number, -0.6),
            arrowprops={"arrowstyle": "->", "lw": 1.2},
        )
    return DescribedFigure(
        figure,
        "Text is looked at, repaired, filtered, freed of duplicates and masked; the steps are judged against a known "
        "truth, by models that learn from the result, and by you.",
    )
