"""The figures of notebook 02, shared with its slides."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness

from course_lib.embeddings.vectors import WordVectors
from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas


def what_you_will_build() -> DescribedFigure:
    """Notebook 02 in one picture: from text to pairs, to vectors, to a map."""
    figure, axis = canvas(width=8.4, height=2.3)
    axis.set(title="From text to a map of meanings", xlim=(-1.1, 8.2), ylim=(-1.15, 1.15))
    axis.set_axis_off()
    boxes = (
        (0.0, "open the file\nand read it"),
        (2.1, "file, open\nfile, and\nfile, read"),
        (4.1, "file → 0.3 −1.2 …\nread → 0.4 −0.9 …"),
    )
    for number, (place, text) in enumerate(boxes):
        style = {
            "boxstyle": "round,pad=0.45",
            "facecolor": COLOURS[number] + "40",
            "edgecolor": COLOURS[number],
        }
        axis.text(place, 0.25, text, ha="center", va="center", bbox=style, fontsize=9.5)
    labels = (
        "your text",
        "pairs of\nneighbours",
        "100 numbers\na word",
        "a map you can\ncalculate with",
    )
    for place, label in zip((0.0, 2.1, 4.1, 7.0), labels, strict=True):
        axis.text(place, -0.85, label, ha="center", va="center", fontsize=9.5)
    for start, end in ((0.85, 1.45), (2.7, 3.05), (5.2, 5.7)):
        axis.annotate("", (end, 0.25), (start, 0.25), arrowprops={"arrowstyle": "->", "lw": 1.6})
    places = {
        "file": (6.1, 0.85),
        "folder": (6.4, 0.45),
        "read": (7.5, 0.75),
        "write": (7.7, 0.35),
        "plot": (6.9, -0.3),
    }
    for number, (word, (x, y)) in enumerate(places.items()):
        axis.plot(x, y, MARKERS[number // 2], color=COLOURS[3 + number // 2])
        axis.annotate(word, (x, y), (5, 3), textcoords="offset points", fontsize=9)
    return DescribedFigure(
        figure,
        "Text is cut into pairs of neighbouring words, the pairs shape a hundred numbers for each word, "
        "and words that are used alike come to lie close together.",
    )


def window(words: Sequence[str], centre: int, reach: int) -> DescribedFigure:
    """A sentence, one word of it, and the neighbours that it is asked to guess."""
    figure, axis = canvas(width=8.4, height=1.9)
    axis.set(
        title=f"A window of {reach} words on each side",
        xlim=(-0.6, len(words) - 0.4),
        ylim=(-0.35, 0.85),
    )
    axis.set_axis_off()
    inside = [
        n for n in range(max(0, centre - reach), min(len(words), centre + reach + 1)) if n != centre
    ]
    for number, word in enumerate(words):
        near, own = number in inside, number == centre
        colour = COLOURS[1] if own else COLOURS[0] if near else "#bbbbbb"
        style = {
            "boxstyle": "round,pad=0.35",
            "facecolor": colour + "40",
            "edgecolor": colour,
            "lw": 2.5 if own else 1,
        }
        axis.text(
            number,
            0,
            word,
            ha="center",
            va="center",
            bbox=style,
            fontsize=10,
            weight="bold" if own else None,
        )
        if near:
            curve = {
                "arrowstyle": "->",
                "lw": 1.4,
                "connectionstyle": f"arc3,rad={-0.45 if number > centre else 0.45}",
            }
            axis.annotate("", (number, 0.17), (centre, 0.17), arrowprops=curve)
    guessed = ", ".join(words[n] for n in inside)
    return DescribedFigure(
        figure, f"The word “{words[centre]}” is asked to guess {guessed}, and no word beyond."
    )


def pull_and_push() -> DescribedFigure:
    """Negative sampling: what one pair and its negatives do to the vectors."""
    figure, axis = canvas(width=6.4, height=3.4)
    axis.set(
        title="One pair, three negatives", xlabel="first number of a vector", ylabel="second number"
    )
    axis.set(xlim=(-2.2, 3.1), ylim=(-1.7, 2.4))
    centre = np.array([1.6, 1.0])
    others = {
        "read (from the text)": (-1.5, 1.2),
        "colour (drawn)": (2.2, -0.6),
        "sine (drawn)": (-1.2, -0.9),
        "the (drawn)": (0.7, -0.7),
    }
    axis.annotate(
        "", centre, (0, 0), arrowprops={"arrowstyle": "-|>", "lw": 2, "color": COLOURS[1]}
    )
    axis.annotate("file", centre, (8, 2), textcoords="offset points", weight="bold")
    for number, (name, place) in enumerate(others.items()):
        place, real = np.array(place), number == 0
        colour, sign = (COLOURS[0], 1) if real else (COLOURS[2], -1)
        axis.plot(*place, MARKERS[0 if real else 2], color=colour)
        above = (-10, 9) if name.startswith("the") else (7, -14)
        axis.annotate(name, place, above, textcoords="offset points", fontsize=9.5)
        score = 1 / (1 + np.exp(-place @ centre))
        step = sign * ((1 - score) if real else score) * centre * 0.9
        axis.annotate(
            "",
            place + step,
            place,
            arrowprops={
                "arrowstyle": "->",
                "lw": 1.8,
                "color": colour,
                "linestyle": "-" if real else "--",
            },
        )
    axis.axhline(0, color="#888888", lw=0.7)
    axis.axvline(0, color="#888888", lw=0.7)
    return DescribedFigure(
        figure,
        "The real neighbour is pulled towards the centre word's vector, the drawn ones are pushed the other way, "
        "each the harder the more wrong its score is.",
    )


def loss_curve(losses: Sequence[tuple[int, float]], negatives: int) -> DescribedFigure:
    """The loss during training, its running mean, and the loss of guessing."""
    figure, axis = canvas()
    read, values = np.array(losses).T
    size = max(1, len(values) // 25)
    smooth = np.convolve(values, np.ones(size) / size, "valid")
    axis.plot(read / 1e6, values, color="#bbbbbb", lw=0.8, label="one update")
    axis.plot(read[size - 1 :] / 1e6, smooth, color=COLOURS[0], lw=2, label=f"mean of {size}")
    guessing = (1 + negatives) * np.log(2)
    axis.axhline(guessing, linestyle=":", color=COLOURS[2], label="all vectors zero")
    axis.set(
        title="Learning to guess neighbours",
        xlabel="words read (millions)",
        ylabel="loss (nats for a pair)",
    )
    axis.set_ylim(0, guessing * 1.15)
    axis.legend()
    return DescribedFigure(
        figure,
        f"The loss falls from {guessing:.2f}, which is guessing, to {smooth[-1]:.2f} nats for a pair.",
    )


def flat_maps(
    vectors: WordVectors, groups: Mapping[str, Sequence[str]], perplexity: float = 10
) -> DescribedFigure:
    """The same words drawn in two dimensions by PCA and by t-SNE."""
    names = [(word, number) for number, group in enumerate(groups.values()) for word in group]
    rows = vectors.directions[[vectors.index[word] for word, _ in names]]
    perplexity = min(perplexity, (len(names) - 1) / 3)
    places = {
        "PCA": PCA(2, random_state=0).fit_transform(rows),
        "t-SNE": TSNE(2, perplexity=perplexity, init="pca", random_state=0).fit_transform(rows),
    }
    figure, axes = canvas(1, 2, width=10.5, height=5.6)
    kept = {}
    for axis, (method, place) in zip(axes, places.items(), strict=True):
        for (word, number), (x, y) in zip(names, place, strict=True):
            axis.plot(
                x,
                y,
                MARKERS[number % len(MARKERS)],
                color=COLOURS[number % len(COLOURS)],
                markersize=5,
            )
            axis.annotate(word, (x, y), (3, 2), textcoords="offset points", fontsize=8)
        axis.set(title=method, xlabel="first direction", ylabel="second direction")
        axis.margins(0.12)
        near = trustworthiness(
            rows, place, n_neighbors=min(5, (len(names) - 1) // 2), metric="cosine"
        )
        kept[method] = near, _distances_kept(rows, place)
    for number, name in enumerate(groups):
        axes[0].plot(
            [], [], MARKERS[number % len(MARKERS)], color=COLOURS[number % len(COLOURS)], label=name
        )
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=len(groups),
        fontsize=8.5,
    )
    told = "; ".join(
        f"{method}: {near:.2f} of closeness, {far:.2f} of distances"
        for method, (near, far) in kept.items()
    )
    return DescribedFigure(
        figure, f"What a flat map keeps of a hundred dimensions, 1 being all — {told}."
    )


def _distances_kept(rows: np.ndarray, place: np.ndarray) -> float:
    """Rank correlation of all distances before and after."""
    upper = np.triu_indices(len(rows), 1)
    before = 1 - rows @ rows.T
    after = np.linalg.norm(place[:, None] - place[None], axis=2)
    return float(spearmanr(before[upper], after[upper]).statistic)


def scores(
    title: str, measured: Mapping[str, Mapping[str, float]], chance: Mapping[str, float]
) -> DescribedFigure:
    """Bars side by side. ``measured``: method → score → value; ``chance``: score → what guessing gives."""
    figure, axis = canvas(width=7.6)
    names = list(chance)
    size = 0.8 / len(measured)
    for number, (method, values) in enumerate(measured.items()):
        places = np.arange(len(names)) + (number - (len(measured) - 1) / 2) * size
        heights = [values[name] for name in names]
        bars = axis.bar(
            places, np.nan_to_num(heights), size * 0.94, label=method, hatch=HATCHES[number]
        )
        axis.bar_label(bars, [f"{h:.2f}" if h == h else "—" for h in heights], fontsize=9)
    for place, name in enumerate(names):
        label = "guessing" if place == 0 else None
        axis.hlines(
            chance[name], place - 0.45, place + 0.45, colors="black", linestyles=":", label=label
        )
    axis.set_xticks(range(len(names)), names)
    axis.set(title=title, xlabel="test", ylabel="score (1 is perfect)", ylim=(0, 1.3))
    axis.legend(ncols=3, loc="upper center", fontsize=9)
    told = (
        f"{name}: "
        + ", ".join(f"{method} {values[name]:.2f}" for method, values in measured.items())
        for name in names
        if all(values[name] == values[name] for values in measured.values())
    )
    sentence = "; ".join(told)
    return DescribedFigure(
        figure,
        f"{sentence[0].upper()}{sentence[1:]}." if sentence else "No test could be measured.",
    )


def by_corpus_size(rows: Sequence[Mapping]) -> DescribedFigure:
    """Speed and quality of our program and gensim's by corpus size. ``rows``: of the stored benchmark."""
    figure, axes = canvas(1, 2, width=9.0, height=3.4)
    for number, (name, threads) in enumerate((m, t) for m in ("ours", "gensim") for t in (1, 2)):
        own = [row for row in rows if row["threads"] == threads]
        sizes = [row["words"] / 1e6 for row in own]
        style = MARKERS[number] + ("-" if threads == 1 else "--")
        label = f"{name}, {threads} thread{'s' * (threads > 1)}"
        axes[0].plot(sizes, [row[name]["words_a_second"] / 1e3 for row in own], style, label=label)
        if threads == 1:
            axes[1].plot(sizes, [row[name]["auc"] for row in own], style, label=name)
    axes[0].set(
        title="Speed",
        xlabel="corpus (million words)",
        ylabel="thousand words a second",
        xscale="log",
    )
    axes[1].set(
        title="Quality",
        xlabel="corpus (million words)",
        ylabel="AUC of related pairs",
        xscale="log",
    )
    axes[0].set_ylim(0, axes[0].get_ylim()[1] * 1.45)
    sizes = sorted({row["words"] / 1e6 for row in rows})
    for axis in axes:
        axis.set_xticks(sizes, [f"{size:.1f}" for size in sizes])
        axis.minorticks_off()
        axis.legend(fontsize=8.5, loc="upper left", ncols=2)
    last = rows[-1]
    return DescribedFigure(
        figure,
        f"Speed hardly depends on the size of the corpus, quality does; on {last['words'] / 1e6:.1f} million words "
        f"and {last['threads']} threads ours is {last['ratio']:.1f} times as fast.",
    )


def associations(
    values: Mapping[str, Mapping[str, float]], towards: str, away: str
) -> DescribedFigure:
    """Every word's association on one line. ``values``: group → word → association."""
    figure, axis = canvas(width=8.0, height=1.2 + 0.75 * len(values))
    for row, words in enumerate(values.values()):
        for number, (word, value) in enumerate(sorted(words.items(), key=lambda item: item[1])):
            axis.plot(value, row, MARKERS[row], color=COLOURS[row])
            axis.annotate(
                word,
                (value, row),
                (0, 8 if number % 2 else -15),
                textcoords="offset points",
                ha="center",
                fontsize=8.5,
            )
    axis.axvline(0, color="#888888", lw=0.8)
    axis.set_yticks(range(len(values)), list(values))
    axis.set_ylim(-0.6, len(values) - 0.4)
    axis.set(title="Whose company do these words keep?", ylabel="group")
    axis.set_xlabel(f"nearer to {away}  ←  mean cosine  →  nearer to {towards}")
    means = ", ".join(
        f"{group} {np.mean(list(words.values())):+.2f}" for group, words in values.items()
    )
    return DescribedFigure(
        figure, f"Mean association with {towards} minus that with {away}: {means}."
    )
