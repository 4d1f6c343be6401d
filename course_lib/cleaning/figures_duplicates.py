"""The figures of notebook 04 about duplicates, leaks and personal data, shared with its slides."""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

import numpy as np

from course_lib.cleaning.near import Clusters, meeting_probability
from course_lib.cleaning.personal_truth import Score
from course_lib.workbook.corpus import Document, mask_emails
from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas
from course_lib.workbook.tables import Table


def shared_shingles(first: Sequence[str], second: Sequence[str]) -> DescribedFigure:
    """Two texts as sets of shingles: what only the first has, what both have, what only the second has."""
    both = [piece for piece in first if piece in second]
    columns = (
        ("only in the first", [piece for piece in first if piece not in second], 0),
        ("in both", both, 2),
        ("only in the second", [piece for piece in second if piece not in first], 1),
    )
    most = max(len(pieces) for _, pieces, _ in columns)
    figure, axis = canvas(width=8.0, height=0.36 * most + 1.0)
    axis.set(
        title="Two texts as sets of three-word shingles", xlim=(-0.5, 2.5), ylim=(most - 0.4, -1.2)
    )
    axis.set_axis_off()
    for place, (name, pieces, colour) in enumerate(columns):
        axis.text(
            place,
            -0.8,
            f"{name}: {len(pieces)}",
            ha="center",
            va="center",
            fontsize=10,
            weight="bold",
        )
        edge = {
            "boxstyle": "round,pad=0.25",
            "facecolor": COLOURS[colour] + "30",
            "edgecolor": COLOURS[colour],
        }
        for row, piece in enumerate(pieces):
            axis.text(place, row, piece, ha="center", va="center", fontsize=9.5, bbox=edge)
    union = sum(len(pieces) for _, pieces, _ in columns)
    return DescribedFigure(figure, f"{len(both)} shingles are in both texts, of {union} in all.")


def s_curves(settings: Mapping[str, tuple[int, int]], threshold: float = 0.8) -> DescribedFigure:
    """The chance of meeting in a bucket against the similarity, for each (bands, rows)."""
    figure, axis = canvas(height=3.4)
    similarity = np.linspace(0, 1, 201)
    told = []
    for number, (name, (bands, rows)) in enumerate(settings.items()):
        chance = meeting_probability(similarity, bands, rows)
        style = ("-", "--", ":", "-.")[number % 4]
        axis.plot(
            similarity,
            chance,
            style,
            color=COLOURS[number],
            marker=MARKERS[number],
            markevery=20,
            ms=6,
            label=f"{name}: {bands} × {rows}",
        )
        told.append(f"{meeting_probability(threshold, bands, rows):.2f} ({name})")
    axis.axvline(threshold, color="black", lw=0.8)
    axis.set(title="Who meets in a bucket?", ylim=(-0.03, 1.03))
    axis.set(xlabel="Jaccard similarity of two documents", ylabel="chance of meeting")
    axis.legend(loc="upper left")
    return DescribedFigure(
        figure,
        f"At a similarity of {threshold} (vertical line) two documents meet with a chance of {', '.join(told)}.",
    )


def candidate_similarities(similarities: Sequence[float], threshold: float) -> DescribedFigure:
    """How alike the pairs are that met in a bucket: those below the threshold are false alarms."""
    figure, axis = canvas(height=3.0)
    edges = np.linspace(0, 1, 21)
    values = np.asarray(similarities, dtype=float)
    false, true = values[values < threshold], values[values >= threshold]
    axis.hist(
        false, edges, color=COLOURS[1], hatch=HATCHES[1], edgecolor="white", label="false alarm"
    )
    axis.hist(true, edges, color=COLOURS[0], edgecolor="white", label="verified")
    axis.axvline(threshold, color="black", lw=0.8)
    axis.set(title="Pairs that met in a bucket", xlabel="exact Jaccard similarity", ylabel="pairs")
    axis.legend(loc="upper left")
    told = f"Of {len(values):,} pairs that met, {len(true):,} reach a similarity of {threshold}."
    return DescribedFigure(
        figure, told if len(values) else "No two different documents met in a bucket."
    )


def removed_shares(shares: Mapping[str, float]) -> DescribedFigure:
    """The share of the text that each kind of deduplication removes by itself."""
    figure, axis = canvas(height=0.42 * len(shares) + 1.1)
    places = np.arange(len(shares))[::-1]
    bars = axis.barh(
        places,
        [100 * share for share in shares.values()],
        color=COLOURS[: len(shares)],
        edgecolor="white",
        hatch=[HATCHES[number % len(HATCHES)] for number in range(len(shares))],
    )
    axis.bar_label(bars, [f" {share:.1%}" for share in shares.values()], fontsize=9.5)
    axis.set_yticks(places, list(shares))
    axis.set_xlim(0, max(1, 118 * max(shares.values())))
    axis.set(
        title="What each kind of duplicate amounts to",
        xlabel="text removed (% of characters)",
        ylabel="kind",
    )
    top = max(shares, key=shares.__getitem__)
    told = f"By itself, the search for {top} removes most: {shares[top]:.1%} of the text."
    return DescribedFigure(
        figure, told if shares[top] > 0 else "None of them removes anything here."
    )


def leaked_perplexities(values: Mapping[str, float]) -> DescribedFigure:
    """Perplexity of groups of held-out documents; a log axis, because they differ much."""
    figure, axis = canvas(height=0.5 * len(values) + 1.2)
    places = np.arange(len(values))[::-1]
    bars = axis.barh(
        places,
        list(values.values()),
        color=COLOURS[: len(values)],
        edgecolor="white",
        hatch=[HATCHES[number % len(HATCHES)] for number in range(len(values))],
    )
    axis.bar_label(bars, [f" {value:.0f}" for value in values.values()], fontsize=9.5)
    axis.set_yticks(places, list(values))
    axis.set(title="How surprising are held-out documents?", xscale="log")
    axis.set_xlim(1, 3 * max(values.values()))
    axis.set(xlabel="perplexity of a word (log scale)", ylabel="documents")
    told = ", ".join(f"{name}: {value:.0f}" for name, value in values.items())
    return DescribedFigure(figure, f"Perplexity by group of held-out documents: {told}.")


def precision_and_recall(scores: Mapping[str, Score]) -> DescribedFigure:
    """Precision and recall for each kind of personal data."""
    figure, axis = canvas(height=2.9)
    places = np.arange(len(scores))
    for shift, name, number in ((-0.2, "precision", 0), (0.2, "recall", 1)):
        values = [getattr(score, name) for score in scores.values()]
        bars = axis.bar(
            places + shift,
            values,
            0.38,
            label=name,
            color=COLOURS[number],
            hatch=HATCHES[number],
            edgecolor="white",
        )
        axis.bar_label(bars, [f"{value:.2f}" for value in values], fontsize=9)
    axis.set_xticks(places, list(scores))
    axis.set(
        title="Finding personal data by patterns", xlabel="kind", ylabel="share", ylim=(0, 1.35)
    )
    axis.legend(loc="upper right", ncols=2)
    worst = min(scores.values(), key=lambda score: min(score.precision, score.recall))
    return DescribedFigure(
        figure,
        f"No kind is perfect on the labelled set; furthest off is {worst.kind}, "
        f"with a precision of {worst.precision:.2f} and a recall of {worst.recall:.2f}.",
    )


def cluster_table(
    documents: Sequence[Document], clusters: Clusters, number: int, most: int = 4
) -> Table:
    """One cluster, the largest first: the kept document, and up to ``most`` removed ones, differences in brackets."""
    sizes = np.bincount(clusters.kept, minlength=len(clusters.kept))
    keepers = sorted(np.flatnonzero(sizes > 1).tolist(), key=lambda row: (-sizes[row], row))
    if not keepers:
        return Table([("–", "there are no near duplicates in this text")], ("", "document"))
    kept = keepers[number % len(keepers)]
    gone = [row for row in np.flatnonzero(clusters.kept == kept).tolist() if row != kept]
    base = mask_emails(documents[kept].text)
    rows = [("kept", "", documents[kept].id, _short(base))]
    for row in gone[:most]:
        text = differences(base, mask_emails(documents[row].text))
        rows.append(("removed", f"{clusters.similarity[row]:.2f}", documents[row].id, text))
    if len(gone) > most:
        rows.append(("removed", "", f"and {len(gone) - most} more", ""))
    return Table(rows, ("", "Jaccard", "document", "text, what is different in [brackets]"))


def differences(first: str, second: str, words: int = 60) -> str:
    """The beginning of ``second``, with the words that ``first`` does not have there in brackets."""
    a, b = first.split()[: 4 * words], second.split()[: 4 * words]
    pieces: list[str] = []
    for what, _, _, begin, end in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        part = " ".join(b[begin:end])
        if part:
            pieces.append(part if what == "equal" else f"[{part}]")
        elif what == "delete":
            pieces.append("[–]")
    return _short(" ".join(pieces), 6 * words)


def _short(text: str, most: int = 360) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
