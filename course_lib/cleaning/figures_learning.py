"""Figures of notebook 04: repairs against the truth, what decides about a document, words of a field."""

from collections.abc import Mapping, Sequence

import numpy as np

from course_lib.cleaning.against_truth import Report
from course_lib.cleaning.tokenizer_extension import Term
from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas


def marked_page(lines: Sequence[str], kinds: Mapping[int, str], title: str) -> DescribedFigure:
    """Lines of a page; those in ``kinds`` (row → kind of defect) on a coloured ground, the kind beside them."""
    figure, axis = canvas(width=8.4, height=0.23 * len(lines) + 0.6)
    axis.set(title=title, xlim=(0, 100), ylim=(len(lines) - 0.4, -0.7))
    axis.set_axis_off()
    names = sorted(set(kinds.values()))
    for row, line in enumerate(lines):
        if row in kinds:
            number = names.index(kinds[row])
            colour, hatch = COLOURS[number % len(COLOURS)], HATCHES[number % len(HATCHES)]
            axis.barh(
                row, 77, height=0.9, color=colour + "50", edgecolor="white", hatch=hatch, lw=0
            )
            axis.text(79, row, kinds[row], va="center", fontsize=9, weight="bold")
        text = line.replace("\t", " ").replace("$", r"\$")
        axis.text(
            0.7,
            row,
            text[:76] + "…" * (len(text) > 76),
            va="center",
            fontsize=8.5,
            family="monospace",
        )
    share = len(kinds) / max(1, len(lines))
    return DescribedFigure(
        figure,
        f"Of these {len(lines)} lines {len(kinds)} ({share:.0%}) are damaged or do not belong: {', '.join(names)}.",
    )


def kinds_cured(report: Report) -> DescribedFigure:
    """Precision and recall by kind of defect, as two marks a row; the worst recall at the bottom."""
    scores = [score for score in report.scores.values() if score.planted]
    scores.sort(key=lambda score: (score.recall or 0, score.precision or 0, score.kind))
    figure, axis = canvas(width=7.6, height=0.34 * len(scores) + 1.1)
    rows = np.arange(len(scores))
    for offset, name in ((0.13, "recall"), (-0.13, "precision")):
        values = [getattr(score, name) for score in scores]
        shown = [
            (100 * value, row + offset)
            for value, row in zip(values, rows, strict=True)
            if value is not None
        ]
        marker = MARKERS[0] if name == "recall" else MARKERS[2]
        colour = COLOURS[0] if name == "recall" else COLOURS[2]
        axis.plot(*zip(*shown, strict=True), marker, color=colour, label=name, markersize=7)
    axis.set_yticks(rows, [f"{score.kind} ({score.planted})" for score in scores])
    axis.set(title="What the cleaner cures, where the truth is known", xlim=(-3, 105))
    axis.set(xlabel="share (%)", ylabel="kind of defect (planted)")
    axis.legend(loc="lower left")
    perfect = sum(score.recall == 1 == score.precision for score in scores)
    worst = scores[0]
    return DescribedFigure(
        figure,
        f"{perfect} of {len(scores)} kinds are cured without a mistake; the weakest is {worst.kind}, "
        f"with a recall of {100 * (worst.recall or 0):.0f} %.",
    )


def step_by_step(
    names: Sequence[str], left: Sequence[int], wrong: Sequence[int]
) -> DescribedFigure:
    """Defects that are left after each further repair, and changes so far that were wrong."""
    figure, axis = canvas(width=8.0, height=3.4)
    places = np.arange(len(names))
    axis.bar(places - 0.2, left, 0.4, color=COLOURS[0], label="defects left")
    axis.bar(
        places + 0.2,
        wrong,
        0.4,
        color=COLOURS[2],
        hatch=HATCHES[1],
        edgecolor="white",
        label="wrong changes",
    )
    for place, first, second in zip(places, left, wrong, strict=True):
        axis.text(place - 0.2, first, f"{first:,}", ha="center", va="bottom", fontsize=8)
        axis.text(place + 0.2, second, f"{second:,}", ha="center", va="bottom", fontsize=8)
    axis.set_xticks(places, [name.replace(" ", "\n") for name in names], fontsize=9)
    axis.set(title="One repair after the other", xlabel="repair that is added", ylabel="lines")
    axis.legend()
    return DescribedFigure(
        figure,
        f"From {left[0]:,} defects to {left[-1]:,}, at the price of {wrong[-1]:,} wrong changes.",
    )


def kept_by_kind(table: Mapping[str, Mapping[str, float]]) -> DescribedFigure:
    """The share that each method keeps of each kind of document: method → kind → share."""
    methods, kinds = list(table), list(next(iter(table.values())))
    values = np.array([[100 * table[method][kind] for kind in kinds] for method in methods])
    figure, axis = canvas(width=8.0, height=0.5 * len(methods) + 1.6)
    axis.imshow(values, cmap="Blues", vmin=0, vmax=130, aspect="auto")
    for row, column in np.ndindex(*values.shape):
        axis.text(column, row, f"{values[row, column]:.0f}", ha="center", va="center", fontsize=10)
    axis.axvline(0.5, color="black", lw=2)
    axis.set_xticks(range(len(kinds)), [kind.replace(" ", "\n") for kind in kinds])
    axis.set_yticks(range(len(methods)), methods)
    axis.grid(visible=False)
    axis.set(title="What is kept? (good should be 100, the rest 0)")
    axis.set(xlabel="kind of document (share kept, %)", ylabel="method")
    blind = [
        f"{method}: {kinds[1 + int(np.argmax(row[1:]))]}"
        for method, row in zip(methods, values, strict=True)
    ]
    return DescribedFigure(
        figure, f"The junk that each lets through most often. {'; '.join(blind)}."
    )


def chances_line(chances: Sequence[float], asked: Sequence[int]) -> DescribedFigure:
    """Every document on a line from drop to keep; those that are asked about are marked."""
    figure, axis = canvas(width=7.4, height=2.2)
    heights = np.random.default_rng(0).uniform(-0.3, 0.3, len(chances))
    chosen = np.isin(np.arange(len(chances)), list(asked))
    values = np.asarray(chances)
    axis.plot(
        values[~chosen],
        heights[~chosen],
        MARKERS[0],
        color=COLOURS[3],
        alpha=0.6,
        label="not asked",
    )
    axis.plot(
        values[chosen],
        heights[chosen],
        MARKERS[2],
        color=COLOURS[2],
        markersize=9,
        label="asked next",
    )
    axis.axvline(0.5, color="black", ls="--", lw=1)
    axis.set(title="Where is the model unsure?", xlim=(-0.03, 1.03), ylim=(-0.6, 0.6), yticks=[])
    axis.set(xlabel="estimated chance of “keep”", ylabel="(spread for view)")
    axis.legend(loc="upper left", ncols=2)
    return DescribedFigure(
        figure, f"The {int(chosen.sum())} documents closest to one half are asked about next."
    )


def label_curves(sizes: Sequence[int], curves: Mapping[str, np.ndarray]) -> DescribedFigure:
    """Share of right answers by number of labels: name → (seeds, sizes). Mean, and the range over the seeds."""
    figure, axis = canvas(width=7.2, height=3.4)
    for number, (name, values) in enumerate(curves.items()):
        shares = 100 * np.asarray(values)
        axis.plot(
            sizes, shares.mean(0), marker=MARKERS[number], color=COLOURS[2 * number], label=name
        )
        axis.fill_between(
            sizes, shares.min(0), shares.max(0), color=COLOURS[2 * number], alpha=0.15, lw=0
        )
    axis.set(
        title="How many labels does it take?", xlabel="labels", ylabel="right on new documents (%)"
    )
    axis.legend(loc="lower right")
    best = {name: 100 * np.asarray(values).mean(0) for name, values in curves.items()}
    text = "; ".join(
        f"{name}: {mean[0]:.0f} % with {sizes[0]}, {mean[-1]:.0f} % with {sizes[-1]}"
        for name, mean in best.items()
    )
    return DescribedFigure(
        figure, f"Means over {len(next(iter(curves.values())))} seeds, the range shaded. {text}."
    )


def telling_words(weights: Sequence[tuple[str, float]], top: int = 8) -> DescribedFigure:
    """The words and pairs that speak most for "drop" and for "keep"."""
    shown = [*weights[:top], *weights[-top:]]
    figure, axis = canvas(width=7.2, height=0.24 * len(shown) + 0.9)
    for row, (_, weight) in enumerate(shown):
        keep = weight > 0
        axis.barh(
            row,
            weight,
            color=COLOURS[0 if keep else 2],
            hatch=HATCHES[0 if keep else 1],
            edgecolor="white",
        )
    axis.set_yticks(range(len(shown)), [word.replace("$", r"\$") for word, _ in shown], fontsize=9)
    axis.set(title="What the classifier has learned", ylabel="word or pair (↵: end of line)")
    axis.set(xlabel="weight (left: drop, right: keep)")
    return DescribedFigure(
        figure,
        f"“{shown[0][0]}” speaks most for dropping, “{shown[-1][0]}” most for keeping a document.",
    )


def terms_saved(terms: Sequence[Term], top: int = 15) -> DescribedFigure:
    """Tokens that each new term would save, with the pieces that it needs now."""
    shown = list(terms[:top])[::-1]
    figure, axis = canvas(width=7.2, height=0.27 * len(shown) + 1.0)
    names = [term.text.strip().replace("$", r"\$") for term in shown]
    axis.barh(range(len(shown)), [term.saved for term in shown], color=COLOURS[0])
    for row, term in enumerate(shown):
        axis.text(term.saved, row, f" {term.count} × {term.pieces} pieces", va="center", fontsize=9)
    axis.set_yticks(range(len(shown)), names)
    axis.set(
        title="Words that the tokenizer spells out",
        xlabel="tokens saved by a token of its own",
        ylabel="word",
    )
    axis.set_xlim(0, 1.3 * max([term.saved for term in shown], default=1))
    return DescribedFigure(
        figure,
        f"{len(terms)} words are frequent and cut into three pieces or more; together they waste "
        f"{sum(term.saved for term in terms):,} tokens.",
    )


def before_after(rows: Mapping[str, tuple[float, float]], steps: int) -> DescribedFigure:
    """Bits a byte before and after training on the same bytes: name → (before, after)."""
    figure, axis = canvas(width=7.4, height=0.6 * len(rows) + 1.2)
    for row, (before, after) in enumerate(rows.values()):
        axis.annotate(
            "",
            (after, row),
            (before, row),
            arrowprops={"arrowstyle": "->", "lw": 1.5, "color": "#666666"},
        )
        axis.plot(
            before,
            row,
            MARKERS[0],
            color=COLOURS[3],
            markersize=9,
            label="before" if row == 0 else None,
        )
        axis.plot(
            after,
            row,
            MARKERS[2],
            color=COLOURS[0],
            markersize=9,
            label="after" if row == 0 else None,
        )
        axis.text(after, row - 0.16, f"{after:.3f}", ha="center", va="bottom", fontsize=9)
        axis.text(before, row - 0.16, f"{before:.3f}", ha="center", va="bottom", fontsize=9)
    axis.set_yticks(range(len(rows)), list(rows))
    axis.set_ylim(len(rows) - 0.4, -0.7)
    axis.set(title=f"Bits per byte, before and after {steps} steps on the same bytes")
    axis.set(xlabel="bits per byte of held-out text (less is better)", ylabel="tokens")
    figure.legend(loc="outside lower center", ncols=2)
    best = min(rows, key=lambda name: rows[name][1])
    return DescribedFigure(
        figure, f"After {steps} steps “{best}” needs the fewest bits a byte, {rows[best][1]:.3f}."
    )
