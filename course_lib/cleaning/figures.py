"""The figures of notebook 04 about filters, duplicates, leaks and personal data."""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.cleaning.duplicates import meeting_probability
from course_lib.cleaning.steps import PipelineRun
from course_lib.workbook.corpus import Document, mask_emails
from course_lib.workbook.corpus.document import megabytes
from course_lib.workbook.corpus.minhash import Clusters
from course_lib.workbook.display import Table
from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas


def _shortened(text: str, length: int = 360) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _style(number: int) -> dict[str, str]:
    """The colour and hatch of a bar."""
    hatch = HATCHES[number % len(HATCHES)]
    return {"color": COLOURS[number % len(COLOURS)], "hatch": hatch, "edgecolor": "white"}


def _bars(
    rows: Sequence[tuple[str, float]], label: str, *, styles: Sequence[int] = (), **words: str
) -> tuple[Figure, Axes]:
    """Horizontal bars, the first on top; ``label`` formats the number beside each."""
    figure, axis = canvas(width=8.0, height=0.36 * max(len(rows), 1) + 1.2)
    for row, (_, value) in enumerate(rows):
        bar = axis.barh(-row, value, **_style(styles[row] if styles else row))
        axis.bar_label(bar, [label.format(value)], fontsize=9)
    axis.set_yticks(-np.arange(len(rows)), [name.replace("$", r"\$") for name, _ in rows])
    longest = max((value for _, value in rows), default=1)
    axis.set(xlim=(0, max(1e-9, 1.15 * longest)), **words)
    return figure, axis


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
    """The lines that stand in the most documents: line → documents, the most frequent first."""
    percent = [(_shortened(line, 52), 100 * n / documents) for line, n in counts.items()]
    words = {"title": f"Lines that come back: {name}", "ylabel": "line"}
    same = [1] * len(percent)
    figure, _ = _bars(percent, " {:.1f}", styles=same, xlabel="documents with it (%)", **words)
    sentence = "No line is long enough to be counted."
    if counts:
        sentence = f"The most frequent line stands in {percent[0][1]:.1f} % "
        sentence += f"of the {documents:,} documents."
    return DescribedFigure(figure, sentence)


def funnel(run: PipelineRun, title: str) -> DescribedFigure:
    """What is left after each step: share of documents and of text."""
    figure, axis = canvas(width=8.0, height=0.5 * len(run.stages) + 1.2)
    first, last = run.stages[0], run.stages[-1]
    counts = {
        "documents": [stage.num_documents for stage in run.stages],
        "text (bytes)": [stage.num_bytes for stage in run.stages],
    }
    places = -np.arange(len(run.stages))
    for number, (name, values) in enumerate(counts.items()):
        percent = 100 * np.array(values) / max(values[0], 1)
        bars = axis.barh(places + (0.2, -0.2)[number], percent, 0.38, label=name, **_style(number))
        axis.bar_label(bars, [f" {value:.0f}" for value in percent], fontsize=8.5)
    axis.set_yticks(places, [stage.name for stage in run.stages])
    axis.set(title=title, xlabel="left of the input (%)", ylabel="after the step", xlim=(0, 112))
    axis.legend(loc="lower right")
    losses = -np.diff(counts["documents"])
    sentence = (
        f"Of {first.num_documents:,} documents {last.num_documents:,} are left, "
        f"with {100 * last.num_bytes / max(first.num_bytes, 1):.0f} % of the text"
    )
    if losses.max(initial=0):
        worst = run.stages[1 + int(losses.argmax())].name
        sentence += f"; “{worst}” drops the most documents, {losses.max():,}"
    return DescribedFigure(figure, f"{sentence}.")


def reasons(counts: Mapping[tuple[str, str], int], title: str) -> DescribedFigure:
    """Documents by (step, reason) that dropped them, the 12 most frequent; colours are steps."""
    shown = sorted(counts.items(), key=lambda item: -item[1])[:12]
    steps = list(dict.fromkeys(step for (step, _), _ in shown))
    rows = [(f"{step}: {reason}", count) for (step, reason), count in shown]
    styles = [steps.index(step) for (step, _), _ in shown]
    words = {"title": title, "xlabel": "documents dropped", "ylabel": "step and reason"}
    figure, _ = _bars(rows, " {:,}", styles=styles, **words)
    sentence = f"{sum(counts.values()):,} documents were dropped"
    if shown:
        sentence += f"; {shown[0][1]:,} of them by the rule “{shown[0][0][1]}”"
    return DescribedFigure(figure, f"{sentence}.")


def rule_values(
    values: Mapping[str, Sequence[float]], low: float, high: float, title: str, unit: str
) -> DescribedFigure:
    """One rule's value for every document, by splitter: a dot each, the allowed range shaded."""
    figure, axis = canvas(width=7.6, height=0.7 * len(values) + 1.2)
    axis.axvspan(low, high, color=COLOURS[3], alpha=0.3, label="allowed")
    passed = []
    for row, (name, own) in enumerate(values.items()):
        spread = (np.arange(len(own)) * 0.618 % 1 - 0.5) * 0.5  # the same on every machine
        axis.plot(own, spread - row, MARKERS[row], ms=4, alpha=0.6, color=COLOURS[row])
        inside = sum(low <= value <= high for value in own)
        passed.append(f"{inside} of {len(own)} with “{name}”")
    axis.set_yticks(-np.arange(len(values)), list(values))
    axis.set(title=title, xlabel=unit, ylabel="words cut by")
    axis.legend(loc="upper left")
    return DescribedFigure(figure, f"Documents that pass this rule: {', '.join(passed)}.")


def shared_shingles(first: Sequence[str], second: Sequence[str]) -> DescribedFigure:
    """Two texts as sets of shingles: what only one of them has, and what both have."""
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
    axis.hist(values[verified], edges, label="verified", **_style(0))
    axis.hist(values[~verified], edges, label="false alarm", **_style(1))
    axis.axvline(threshold, color="black", lw=0.8)
    axis.set(title="Pairs that met in a bucket", xlabel="exact Jaccard similarity", ylabel="pairs")
    axis.legend(loc="upper left")
    sentence = f"Of {len(values):,} pairs that met, {verified.sum():,} reach {threshold}."
    return DescribedFigure(
        figure, sentence if len(values) else "No two different documents met in a bucket."
    )


def removed_fractions(fractions: Mapping[str, float]) -> DescribedFigure:
    """The fraction of the text that each kind of deduplication removes by itself."""
    words = {"title": "What each kind of duplicate amounts to", "ylabel": "kind"}
    rows = list(fractions.items())
    figure, _ = _bars(rows, " {:.1%}", xlabel="fraction of characters removed", **words)
    top = max(fractions, key=fractions.__getitem__)
    sentence = f"By itself, the search for {top} removes most: {fractions[top]:.1%} of the text."
    return DescribedFigure(
        figure, sentence if fractions[top] > 0 else "None of them removes anything here."
    )


def leaked_perplexities(values: Mapping[str, float]) -> DescribedFigure:
    """Perplexity of groups of held-out documents; a log axis, because they differ much."""
    words = {"title": "How surprising are held-out documents?", "ylabel": "documents"}
    rows = list(values.items())
    figure, axis = _bars(rows, " {:.0f}", xlabel="perplexity of a word (log scale)", **words)
    axis.set(xscale="log", xlim=(1, 3 * max(values.values())))
    groups = ", ".join(f"{name}: {value:.0f}" for name, value in values.items())
    return DescribedFigure(figure, f"Perplexity by group of held-out documents: {groups}.")


def cluster_table(documents: Sequence[Document], clusters: Clusters, number: int) -> Table:
    """One cluster, the largest first: what is kept and up to four removed, [differences] marked."""
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
    """The beginning of ``second``; words that ``first`` does not have there are in brackets."""
    a, b = first.split()[:240], second.split()[:240]
    pieces: list[str] = []
    for what, _, _, begin, end in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        part = " ".join(b[begin:end])
        if part:
            pieces.append(part if what == "equal" else f"[{part}]")
        elif what == "delete":
            pieces.append("[–]")
    return _shortened(" ".join(pieces))
