"""The figures of the first sections of notebook 04, shared with its slides."""

from collections.abc import Mapping, Sequence

import numpy as np

from course_lib.cleaning.pipeline import PipelineRun
from course_lib.workbook.corpus.document import megabytes
from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas


def shortened(text: str, longest: int = 52) -> str:
    """One line that a figure can write: cut, and with matplotlib's signs for formulas escaped."""
    line = " ".join(text.split())
    line = line if len(line) <= longest else line[: longest - 1] + "…"
    return line.replace("$", r"\$")


def lengths(sizes: Sequence[int], name: str) -> DescribedFigure:
    """Histogram of the documents' lengths in bytes, on a logarithmic axis."""
    figure, axis = canvas()
    values = np.maximum(np.asarray(sizes), 1)
    edges = np.geomspace(values.min(), max(values.max(), values.min() * 2) * 1.01, 30)
    axis.hist(values, edges, color=COLOURS[0], edgecolor="white", linewidth=0.3)
    half = float(np.median(values))
    axis.axvline(half, color=COLOURS[2], ls="--", label=f"median, {megabytes(int(half))}")
    axis.set(title=f"How long are the documents of {name}?", xscale="log")
    axis.set(xlabel="length (bytes of text)", ylabel="documents")
    axis.legend()
    share = np.sort(values)[::-1][: max(1, len(values) // 10)].sum() / values.sum()
    return DescribedFigure(
        figure,
        f"Lengths run from {megabytes(int(values.min()))} to {megabytes(int(values.max()))}; "
        f"the longest tenth of the documents holds {share:.0%} of the text.",
    )


def common_lines(counts: Mapping[str, int], documents: int, name: str) -> DescribedFigure:
    """The lines that stand in the most documents. ``counts``: line → documents, the most frequent first."""
    figure, axis = canvas(width=8.0, height=0.32 * len(counts) + 1.1)
    places = np.arange(len(counts))[::-1]
    shares = [100 * count / documents for count in counts.values()]
    axis.barh(places, shares, color=COLOURS[1], edgecolor="white")
    axis.set_yticks(places, [shortened(line) for line in counts], fontsize=9)
    axis.set(
        title=f"Lines that come back: {name}", xlabel="documents with this line (%)", ylabel="line"
    )
    if not shares:
        return DescribedFigure(figure, "No line is long enough to be counted.")
    return DescribedFigure(
        figure,
        f"The most frequent line stands in {shares[0]:.1f} % of the {documents:,} documents that were looked at.",
    )


def funnel(run: PipelineRun, title: str) -> DescribedFigure:
    """What is left after each step: share of documents and of text."""
    figure, axis = canvas(width=8.0, height=0.5 * len(run.stages) + 1.2)
    first = run.stages[0]
    places = np.arange(len(run.stages))[::-1]
    kinds = (
        (
            "documents",
            [100 * stage.documents / max(first.documents, 1) for stage in run.stages],
            0.2,
        ),
        ("text (bytes)", [100 * stage.bytes / max(first.bytes, 1) for stage in run.stages], -0.2),
    )
    for number, (name, shares, shift) in enumerate(kinds):
        axis.barh(
            places + shift,
            shares,
            0.38,
            color=COLOURS[number],
            hatch=HATCHES[number],
            edgecolor="white",
            label=name,
        )
        for place, share in zip(places, shares, strict=True):
            axis.text(share + 1, place + shift, f"{share:.0f}", va="center", fontsize=8.5)
    axis.set_yticks(places, [stage.name for stage in run.stages])
    axis.set(title=title, xlabel="left of the input (%)", ylabel="after the step", xlim=(0, 112))
    axis.legend(loc="lower right")
    losses = [
        before.documents - after.documents
        for before, after in zip(run.stages, run.stages[1:], strict=False)
    ]
    worst = run.stages[1 + int(np.argmax(losses))]
    last = run.stages[-1]
    told = (
        f"; “{worst.name}” drops the most documents, {max(losses):,}"
        if losses and max(losses)
        else ""
    )
    return DescribedFigure(
        figure,
        f"Of {first.documents:,} documents {last.documents:,} are left, "
        f"with {kinds[1][1][-1]:.0f} % of the text{told}.",
    )


def reasons(counts: Mapping[tuple[str, str], int], title: str, most: int = 12) -> DescribedFigure:
    """Documents by (step, reason) that dropped them; the colour and hatch is the step's."""
    shown = sorted(counts.items(), key=lambda item: -item[1])[:most]
    figure, axis = canvas(width=8.0, height=0.3 * max(len(shown), 1) + 1.3)
    steps = list(dict.fromkeys(step for (step, _), _ in shown))
    places = np.arange(len(shown))[::-1]
    for number, step in enumerate(steps):
        rows = [row for row, ((own, _), _) in enumerate(shown) if own == step]
        axis.barh(
            places[rows],
            [shown[row][1] for row in rows],
            color=COLOURS[number % len(COLOURS)],
            hatch=HATCHES[number % len(HATCHES)],
            edgecolor="white",
            label=step,
        )
    axis.set_yticks(places, [reason for (_, reason), _ in shown])
    axis.set(title=title, xlabel="documents dropped", ylabel="reason")
    if shown:
        axis.legend(title="step", loc="best")
    total = sum(counts.values())
    told = f"; {shown[0][1]:,} of them by the rule “{shown[0][0][1]}”" if shown else ""
    return DescribedFigure(figure, f"{total:,} documents were dropped{told}.")


def kept_by_splitter(shares: Mapping[str, Mapping[str, float]], title: str) -> DescribedFigure:
    """Share of the text that each filter keeps (rows), by word splitter (columns). Shares between 0 and 1."""
    filters, splitters = list(shares), list(next(iter(shares.values())))
    values = 100 * np.array([[shares[row][column] for column in splitters] for row in filters])
    figure, axis = canvas(width=7.0, height=0.55 * len(filters) + 1.3)
    axis.imshow(values, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        axis.text(
            column,
            row,
            f"{value:.0f} %",
            ha="center",
            va="center",
            color="white" if value > 60 else "black",
        )
    axis.set_xticks(range(len(splitters)), splitters)
    axis.set_yticks(range(len(filters)), filters)
    axis.set(title=title, xlabel="how the text is cut into words", ylabel="filter")
    axis.grid(False)
    spread = values.max(1) - values.min(1)
    row = int(np.argmax(spread))
    return DescribedFigure(
        figure,
        f"Kept text in per cent, darker is more: “{filters[row]}” keeps between {values[row].min():.0f} % and "
        f"{values[row].max():.0f} %, depending only on how words are cut.",
    )


def rule_values(
    values: Mapping[str, Sequence[float]], low: float, high: float, title: str, unit: str
) -> DescribedFigure:
    """One rule's value for every document, by splitter: a dot each, and the allowed range shaded."""
    figure, axis = canvas(width=7.6, height=0.7 * len(values) + 1.2)
    top = max(
        [high if np.isfinite(high) else low, *(max(own, default=0) for own in values.values())]
    )
    axis.axvspan(low, min(high, top), color=COLOURS[3], alpha=0.3, label="allowed")
    told = []
    for number, (name, own) in enumerate(values.items()):
        spread = (
            np.arange(len(own)) * 0.618 % 1 - 0.5
        ) * 0.5  # neighbours apart, the same on every machine
        axis.plot(
            own,
            len(values) - 1 - number + spread,
            MARKERS[number],
            ms=4,
            alpha=0.6,
            color=COLOURS[number],
        )
        passed = sum(low <= value <= high for value in own)
        told.append(f"{passed} of {len(own)} with “{name}”")
    axis.set_yticks(range(len(values))[::-1], list(values))
    axis.set(title=title, xlabel=unit, ylabel="words cut by")
    axis.legend(loc="upper left")
    return DescribedFigure(figure, f"Documents that pass this rule: {', '.join(told)}.")
