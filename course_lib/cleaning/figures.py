"""The figures of notebook 04 about filters, duplicates, leaks and personal data, shared with its slides."""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from course_lib.cleaning.duplicates import meeting_probability
from course_lib.cleaning.steps import PipelineRun
from course_lib.workbook.corpus import Document, mask_emails
from course_lib.workbook.corpus.document import megabytes
from course_lib.workbook.corpus.minhash import Clusters
from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas
from course_lib.workbook.tables import Table


def _shortened(text: str, length: int = 360) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _styles(count: int) -> dict[str, list[str]]:
    """Colours and hatches for ``count`` bars."""
    rows = range(count)
    colours, hatches = ([every[row % len(every)] for row in rows] for every in (COLOURS, HATCHES))
    return {"color": colours, "hatch": hatches, "edgecolor": "white"}


def _bars(axis: Axes, values: Mapping[str, float], label: str, **words: Any) -> None:
    """Horizontal bars, the first on top; ``label`` formats the number beside each."""
    places = np.arange(len(values))[::-1]
    bars = axis.barh(places, list(values.values()), **_styles(len(values)))
    axis.bar_label(bars, [label.format(value) for value in values.values()], fontsize=9.5)
    axis.set_yticks(places, list(values))
    axis.set(**words)


def lengths(sizes: Sequence[int], name: str) -> DescribedFigure:
    """Histogram of the documents' lengths in bytes, on a logarithmic axis."""
    figure, axis = canvas()
    values = np.maximum(np.asarray(sizes), 1)
    edges = np.geomspace(values.min(), max(values.max(), values.min() * 2) * 1.01, 30)
    axis.hist(values, edges, color=COLOURS[0], edgecolor="white", linewidth=0.3)
    median = float(np.median(values))
    axis.axvline(median, color=COLOURS[2], ls="--", label=f"median, {megabytes(int(median))}")
    axis.set(title=f"How long are the documents of {name}?", xscale="log")
    axis.set(xlabel="length (bytes of text)", ylabel="documents")
    axis.legend()
    longest = np.sort(values)[::-1][: max(1, len(values) // 10)].sum() / values.sum()
    return DescribedFigure(
        figure,
        f"Lengths run from {megabytes(int(values.min()))} to {megabytes(int(values.max()))}; "
        f"the longest tenth of the documents holds {longest:.0%} of the text.",
    )


def common_lines(counts: Mapping[str, int], documents: int, name: str) -> DescribedFigure:
    """The lines that stand in the most documents. ``counts``: line → documents, the most frequent first."""
    figure, axis = canvas(width=8.0, height=0.32 * len(counts) + 1.1)
    percent = [100 * count / documents for count in counts.values()]
    places = np.arange(len(counts))[::-1]
    axis.barh(places, percent, color=COLOURS[1], edgecolor="white")
    lines = [_shortened(line, 52).replace("$", r"\$") for line in counts]  # $ begins a formula
    axis.set_yticks(places, lines, fontsize=9)
    axis.set(title=f"Lines that come back: {name}", ylabel="line")
    axis.set_xlabel("documents with this line (%)")
    if not counts:
        return DescribedFigure(figure, "No line is long enough to be counted.")
    return DescribedFigure(
        figure,
        f"The most frequent line stands in {percent[0]:.1f} % of the {documents:,} documents "
        "that were looked at.",
    )


def funnel(run: PipelineRun, title: str) -> DescribedFigure:
    """What is left after each step: share of documents and of text."""
    figure, axis = canvas(width=8.0, height=0.5 * len(run.stages) + 1.2)
    first, last = run.stages[0], run.stages[-1]
    places = np.arange(len(run.stages))[::-1]
    percents = {
        "documents": [100 * s.num_documents / max(first.num_documents, 1) for s in run.stages],
        "text (bytes)": [100 * s.num_bytes / max(first.num_bytes, 1) for s in run.stages],
    }
    for number, (name, values) in enumerate(percents.items()):
        style = {"color": COLOURS[number], "hatch": HATCHES[number], "edgecolor": "white"}
        bars = axis.barh(places + (0.2, -0.2)[number], values, 0.38, label=name, **style)
        axis.bar_label(bars, [f" {value:.0f}" for value in values], fontsize=8.5)
    axis.set_yticks(places, [stage.name for stage in run.stages])
    axis.set(title=title, xlabel="left of the input (%)", ylabel="after the step", xlim=(0, 112))
    axis.legend(loc="lower right")
    losses = -np.diff([stage.num_documents for stage in run.stages])
    sentence = (
        f"Of {first.num_documents:,} documents {last.num_documents:,} are left, "
        f"with {percents['text (bytes)'][-1]:.0f} % of the text"
    )
    if losses.max(initial=0):
        worst = run.stages[1 + int(losses.argmax())].name
        sentence += f"; “{worst}” drops the most documents, {losses.max():,}"
    return DescribedFigure(figure, f"{sentence}.")


def reasons(counts: Mapping[tuple[str, str], int], title: str) -> DescribedFigure:
    """Documents by (step, reason) that dropped them, the 12 most frequent; colour and hatch are the step's."""
    shown = sorted(counts.items(), key=lambda item: -item[1])[:12]
    figure, axis = canvas(width=8.0, height=0.3 * max(len(shown), 1) + 1.3)
    steps = list(dict.fromkeys(step for (step, _), _ in shown))
    style = _styles(len(steps))
    places = np.arange(len(shown))[::-1]
    for number, step in enumerate(steps):
        rows = [row for row, ((own, _), _) in enumerate(shown) if own == step]
        own_style = {"color": style["color"][number], "hatch": style["hatch"][number]}
        values = [shown[row][1] for row in rows]
        axis.barh(places[rows], values, edgecolor="white", label=step, **own_style)
    axis.set_yticks(places, [reason for (_, reason), _ in shown])
    axis.set(title=title, xlabel="documents dropped", ylabel="reason")
    sentence = f"{sum(counts.values()):,} documents were dropped"
    if shown:
        axis.legend(title="step", loc="best")
        sentence += f"; {shown[0][1]:,} of them by the rule “{shown[0][0][1]}”"
    return DescribedFigure(figure, f"{sentence}.")


def kept_by_splitter(fractions: Mapping[str, Mapping[str, float]], title: str) -> DescribedFigure:
    """Fraction of the text that each filter keeps (rows), by word splitter (columns)."""
    filters, splitters = list(fractions), list(next(iter(fractions.values())))
    values = 100 * np.array([[fractions[row][column] for column in splitters] for row in filters])
    figure, axis = canvas(width=7.0, height=0.55 * len(filters) + 1.3)
    axis.imshow(values, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if value > 60 else "black"
        axis.text(column, row, f"{value:.0f} %", ha="center", va="center", color=colour)
    axis.set_xticks(range(len(splitters)), splitters)
    axis.set_yticks(range(len(filters)), filters)
    axis.set(title=title, xlabel="how the text is cut into words", ylabel="filter")
    axis.grid(False)
    row = int(np.argmax(values.max(1) - values.min(1)))
    return DescribedFigure(
        figure,
        f"Kept text in per cent, darker is more: “{filters[row]}” keeps between "
        f"{values[row].min():.0f} % and {values[row].max():.0f} %, depending only on how words are cut.",
    )


def rule_values(
    values: Mapping[str, Sequence[float]], low: float, high: float, title: str, unit: str
) -> DescribedFigure:
    """One rule's value for every document, by splitter: a dot each, and the allowed range shaded."""
    figure, axis = canvas(width=7.6, height=0.7 * len(values) + 1.2)
    axis.axvspan(low, high, color=COLOURS[3], alpha=0.3, label="allowed")
    passed = []
    for number, (name, own) in enumerate(values.items()):
        # Neighbours apart, the same on every machine.
        spread = (np.arange(len(own)) * 0.618 % 1 - 0.5) * 0.5
        height, style = len(values) - 1 - number + spread, MARKERS[number]
        axis.plot(own, height, style, ms=4, alpha=0.6, color=COLOURS[number])
        inside = sum(low <= value <= high for value in own)
        passed.append(f"{inside} of {len(own)} with “{name}”")
    axis.set_yticks(range(len(values))[::-1], list(values))
    axis.set(title=title, xlabel=unit, ylabel="words cut by")
    axis.legend(loc="upper left")
    return DescribedFigure(figure, f"Documents that pass this rule: {', '.join(passed)}.")


def shared_shingles(first: Sequence[str], second: Sequence[str]) -> DescribedFigure:
    """Two texts as sets of shingles: what only the first has, what both have, what only the second has."""
    columns = {
        "only in the first": [piece for piece in first if piece not in second],
        "in both": [piece for piece in first if piece in second],
        "only in the second": [piece for piece in second if piece not in first],
    }
    height = max(map(len, columns.values()))
    figure, axis = canvas(width=8.0, height=0.36 * height + 1.0)
    axis.set(title="Two texts as sets of three-word shingles")
    axis.set(xlim=(-0.5, 2.5), ylim=(height - 0.4, -1.2))
    axis.set_axis_off()
    centre = {"ha": "center", "va": "center"}
    for place, (name, pieces) in enumerate(columns.items()):
        axis.text(place, -0.8, f"{name}: {len(pieces)}", fontsize=10, weight="bold", **centre)
        colour = COLOURS[(0, 2, 1)[place]]
        box = {"boxstyle": "round,pad=0.25", "facecolor": colour + "30", "edgecolor": colour}
        for row, piece in enumerate(pieces):
            axis.text(place, row, piece, fontsize=9.5, bbox=box, **centre)
    both, union = len(columns["in both"]), sum(map(len, columns.values()))
    return DescribedFigure(figure, f"{both} shingles are in both texts, of {union} in all.")


def s_curves(settings: Mapping[str, tuple[int, int]], threshold: float = 0.8) -> DescribedFigure:
    """The probability of meeting in a bucket against the similarity, for each (bands, rows)."""
    figure, axis = canvas(height=3.4)
    similarity = np.linspace(0, 1, 201)
    at_threshold = []
    for number, (name, (bands, rows)) in enumerate(settings.items()):
        prob = meeting_probability(similarity, bands, rows)
        style = {"ls": ("-", "--", ":", "-.")[number % 4], "marker": MARKERS[number], "ms": 6}
        label = f"{name}: {bands} × {rows}"
        axis.plot(similarity, prob, color=COLOURS[number], markevery=20, label=label, **style)
        at_threshold.append(f"{meeting_probability(threshold, bands, rows):.2f} ({name})")
    axis.axvline(threshold, color="black", lw=0.8)
    axis.set(title="Who meets in a bucket?", ylim=(-0.03, 1.03))
    axis.set(xlabel="Jaccard similarity of two documents", ylabel="probability of meeting")
    axis.legend(loc="upper left")
    return DescribedFigure(
        figure,
        f"At a similarity of {threshold} (vertical line) two documents meet with a probability "
        f"of {', '.join(at_threshold)}.",
    )


def candidate_similarities(similarities: Sequence[float], threshold: float) -> DescribedFigure:
    """How alike the pairs are that met in a bucket: those below the threshold are false alarms."""
    figure, axis = canvas(height=3.0)
    values, edges = np.asarray(similarities, dtype=float), np.linspace(0, 1, 21)
    verified = values >= threshold
    false_alarm = {"color": COLOURS[1], "hatch": HATCHES[1], "label": "false alarm"}
    axis.hist(values[~verified], edges, edgecolor="white", **false_alarm)
    axis.hist(values[verified], edges, edgecolor="white", color=COLOURS[0], label="verified")
    axis.axvline(threshold, color="black", lw=0.8)
    axis.set(title="Pairs that met in a bucket", xlabel="exact Jaccard similarity", ylabel="pairs")
    axis.legend(loc="upper left")
    if not len(values):
        return DescribedFigure(figure, "No two different documents met in a bucket.")
    return DescribedFigure(
        figure,
        f"Of {len(values):,} pairs that met, {verified.sum():,} reach a similarity of {threshold}.",
    )


def removed_fractions(fractions: Mapping[str, float]) -> DescribedFigure:
    """The fraction of the text that each kind of deduplication removes by itself."""
    figure, axis = canvas(height=0.42 * len(fractions) + 1.1)
    title = "What each kind of duplicate amounts to"
    _bars(axis, fractions, " {:.1%}", title=title, xlabel="fraction of characters removed")
    axis.set(ylabel="kind", xlim=(0, max(0.01, 1.18 * max(fractions.values()))))
    top = max(fractions, key=fractions.__getitem__)
    sentence = f"By itself, the search for {top} removes most: {fractions[top]:.1%} of the text."
    return DescribedFigure(
        figure, sentence if fractions[top] > 0 else "None of them removes anything here."
    )


def leaked_perplexities(values: Mapping[str, float]) -> DescribedFigure:
    """Perplexity of groups of held-out documents; a log axis, because they differ much."""
    figure, axis = canvas(height=0.5 * len(values) + 1.2)
    _bars(axis, values, " {:.0f}", title="How surprising are held-out documents?", xscale="log")
    axis.set(xlim=(1, 3 * max(values.values())))
    axis.set(xlabel="perplexity of a word (log scale)", ylabel="documents")
    groups = ", ".join(f"{name}: {value:.0f}" for name, value in values.items())
    return DescribedFigure(figure, f"Perplexity by group of held-out documents: {groups}.")


def precision_and_recall(scores: Mapping[str, Any]) -> DescribedFigure:
    """Precision and recall for each kind of personal data; ``scores`` have both as attributes."""
    figure, axis = canvas(height=2.9)
    places = np.arange(len(scores))
    for number, name in enumerate(("precision", "recall")):
        values = [getattr(score, name) for score in scores.values()]
        style = {"color": COLOURS[number], "hatch": HATCHES[number], "edgecolor": "white"}
        bars = axis.bar(places + (-0.2, 0.2)[number], values, 0.38, label=name, **style)
        axis.bar_label(bars, [f"{value:.2f}" for value in values], fontsize=9)
    axis.set_xticks(places, list(scores))
    axis.set(title="Finding personal data by patterns", xlabel="kind", ylabel="share")
    axis.set_ylim(0, 1.35)
    axis.legend(loc="upper right", ncols=2)
    worst = min(scores, key=lambda kind: min(scores[kind].precision, scores[kind].recall))
    return DescribedFigure(
        figure,
        f"No kind is perfect on the labelled set; furthest off is {worst}, with a precision of "
        f"{scores[worst].precision:.2f} and a recall of {scores[worst].recall:.2f}.",
    )


def cluster_table(documents: Sequence[Document], clusters: Clusters, number: int) -> Table:
    """One cluster, the largest first: the kept document, and up to four removed ones, differences in brackets."""
    sizes = np.bincount(clusters.kept, minlength=len(clusters.kept))
    keepers = sorted(np.flatnonzero(sizes > 1).tolist(), key=lambda row: (-sizes[row], row))
    if not keepers:
        return Table([("–", "there are no near duplicates in this text")], ("", "document"))
    kept = keepers[number % len(keepers)]
    gone = [row for row in np.flatnonzero(clusters.kept == kept).tolist() if row != kept]
    base = mask_emails(documents[kept].text)
    rows = [("kept", "", documents[kept].id, _shortened(base))]
    for row in gone[:4]:
        text = differences(base, mask_emails(documents[row].text))
        rows.append(("removed", f"{clusters.similarity[row]:.2f}", documents[row].id, text))
    if len(gone) > 4:
        rows.append(("removed", "", f"and {len(gone) - 4} more", ""))
    return Table(rows, ("", "Jaccard", "document", "text, what is different in [brackets]"))


def differences(first: str, second: str) -> str:
    """The beginning of ``second``, with the words that ``first`` does not have there in brackets."""
    a, b = first.split()[:240], second.split()[:240]
    pieces: list[str] = []
    for what, _, _, begin, end in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        part = " ".join(b[begin:end])
        if part:
            pieces.append(part if what == "equal" else f"[{part}]")
        elif what == "delete":
            pieces.append("[–]")
    return _shortened(" ".join(pieces))
