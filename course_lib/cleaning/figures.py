"""The figures of notebooks 04 and 04b."""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from statistics import mean

import numpy as np

from course_lib.cleaning.downstream import Generation, Improvements
from course_lib.cleaning.duplicates import meeting_probability
from course_lib.workbook.corpus import Document, mask_emails
from course_lib.workbook.corpus.minhash import Clusters
from course_lib.workbook.display import Table
from course_lib.workbook.figures import COLOURS, MARKERS, DescribedFigure, canvas
from course_lib.workbook.session import excerpt


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


def dots(
    values: Mapping[str, Sequence[float]], limit: float, xlabel: str, ylabel: str
) -> DescribedFigure:
    """A row of dots for each name, one a document, and the limit that a document must reach."""
    figure, axis = canvas(height=1.2 + 0.6 * len(values))
    said = []
    for row, (name, own) in enumerate(values.items()):
        heights = row + 0.3 * np.sin(np.arange(len(own)))  # so that dots do not hide each other
        style = {"s": 16, "alpha": 0.7, "marker": MARKERS[row], "color": COLOURS[row]}
        axis.scatter(own, heights, **style)
        said.append(f"{sum(value >= limit for value in own)} of {len(own)} ({name})")
    axis.axvline(limit, color="black", lw=1)
    axis.set_yticks(range(len(values)), values)
    axis.set(title="One rule, one set of pages", xlabel=xlabel, ylabel=ylabel)
    axis.invert_yaxis()
    sentence = f"The limit of {limit} (vertical line) is reached by {', '.join(said)}."
    return DescribedFigure(figure, sentence)


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
        right.semilogy(rows, [model.num_types for model in models], **style)
        said.append(f"{name} {models[0].perplexity:,.0f} → {models[-1].perplexity:,.0f}")
    for axis in (left, right):
        axis.yaxis.set_major_formatter("{x:,.0f}")
        axis.yaxis.set_minor_formatter("{x:,.0f}")
    left.set(title="How much real text surprises it", xlabel="generation")
    left.set_ylabel("perplexity on real held-out text")
    right.set(title="Words that are left", xlabel="generation")
    right.set_ylabel("different words in its training text")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return DescribedFigure(
        figure, f"Perplexity from the first model to the last: {'; '.join(said)}."
    )


def cluster_table(documents: Sequence[Document], clusters: Clusters, number: int) -> Table:
    """One cluster, the largest first: what is kept and up to four removed, [differences] marked."""
    sizes = np.bincount(clusters.kept, minlength=len(clusters.kept))
    keepers = sorted(np.flatnonzero(sizes > 1).tolist(), key=lambda row: (-sizes[row], row))
    if not keepers:
        return Table([("–", "there are no near duplicates in this text")], ("", "document"))
    kept = keepers[number % len(keepers)]
    base, *gone = np.flatnonzero(clusters.kept == kept).tolist()
    rows = [("kept", "", documents[base].id, excerpt(documents[base].text, 360))]
    for row in gone[:4]:
        text = differences(documents[base].text, documents[row].text)
        rows.append(("removed", f"{clusters.similarity[row]:.2f}", documents[row].id, text))
    if len(gone) > 4:
        rows.append(("removed", "", f"and {len(gone) - 4} more", ""))
    return Table(rows, ("", "Jaccard", "document", "text, what is different in [brackets]"))


def differences(first: str, second: str) -> str:
    """The beginning of ``second``; words that ``first`` does not have there are in brackets."""
    a, b = (mask_emails(text).split()[:240] for text in (first, second))
    pieces = []
    for what, _, _, begin, end in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        part = " ".join(b[begin:end])
        pieces.append(part if what == "equal" else f"[{part or '–'}]")
    return excerpt(" ".join(pieces), 360)
