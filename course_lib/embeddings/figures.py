"""The figures of notebook 02."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness

from course_lib.embeddings.vectors import WordVectors
from course_lib.workbook.figures import COLOURS, MARKERS, DescribedFigure, canvas


def window(words: Sequence[str], centre: int, size: int) -> DescribedFigure:
    """A sentence, one word of it, and the neighbours that it is asked to guess."""
    figure, axis = canvas(width=8.4, height=1.9)
    axis.set(title=f"A window of {size} words on each side")
    axis.set(xlim=(-0.6, len(words) - 0.4), ylim=(-0.35, 0.85))
    axis.set_axis_off()
    inside = [n for n in range(len(words)) if 0 < abs(n - centre) <= size]
    for number, word in enumerate(words):
        chosen, near = number == centre, number in inside
        colour = COLOURS[1] if chosen else COLOURS[0] if near else "#bbbbbb"
        box = {"boxstyle": "round,pad=0.35", "facecolor": colour + "40", "edgecolor": colour}
        style = {"bbox": box | {"lw": 2.5 if chosen else 1}, "fontsize": 10}
        weight = "bold" if chosen else None
        axis.text(number, 0, word, ha="center", va="center", weight=weight, **style)
        if near:
            bend = f"arc3,rad={-0.45 if number > centre else 0.45}"
            curve = {"arrowstyle": "->", "lw": 1.4, "connectionstyle": bend}
            axis.annotate("", (number, 0.17), (centre, 0.17), arrowprops=curve)
    guessed = ", ".join(words[n] for n in inside)
    return DescribedFigure(
        figure, f"The word “{words[centre]}” is asked to guess {guessed}, and no word beyond."
    )


def pull_and_push() -> DescribedFigure:
    """Negative sampling: what one pair and its negatives do to the vectors."""
    figure, axis = canvas(width=6.4, height=3.4)
    axis.set(title="One pair, three negatives", xlim=(-2.2, 3.1), ylim=(-1.7, 2.4))
    axis.set(xlabel="first number of a vector", ylabel="second number")
    centre = np.array([1.6, 1.0])
    others = {
        "read (from the text)": (-1.5, 1.2),
        "colour (drawn)": (2.2, -0.6),
        "sine (drawn)": (-1.2, -0.9),
        "the (drawn)": (0.7, -0.7),
    }
    arrow = {"arrowstyle": "-|>", "lw": 2, "color": COLOURS[1]}
    axis.annotate("", centre, (0, 0), arrowprops=arrow)
    axis.annotate("file", centre, (8, 2), textcoords="offset points", weight="bold")
    for number, (name, place) in enumerate(others.items()):
        real = number == 0
        colour, line = (COLOURS[0], "-") if real else (COLOURS[2], "--")
        axis.plot(*place, MARKERS[0 if real else 2], color=colour)
        beside = (-10, 9) if name.startswith("the") else (7, -14)
        axis.annotate(name, place, beside, textcoords="offset points", fontsize=9.5)
        step = (real - 1 / (1 + np.exp(-centre @ place))) * centre * 0.9
        arrow = {"arrowstyle": "->", "lw": 1.8, "color": colour, "linestyle": line}
        axis.annotate("", place + step, place, arrowprops=arrow)
    axis.axhline(0, color="#888888", lw=0.7)
    axis.axvline(0, color="#888888", lw=0.7)
    return DescribedFigure(
        figure,
        "The real neighbour is pulled towards the centre word's vector, the drawn ones are pushed "
        "the other way, each the harder the more wrong its score is: “sine” hardly moves.",
    )


def pair_loss(losses: Sequence[tuple[int, float]], negative: int) -> DescribedFigure:
    """The loss during training, its running mean, and the loss of guessing."""
    figure, axis = canvas()
    read, values = np.array(losses).T
    size = max(1, len(values) // 25)
    smooth = np.convolve(values, np.ones(size) / size, "valid")
    axis.plot(read / 1e6, values, color="#bbbbbb", lw=0.8, label="one update")
    axis.plot(read[size - 1 :] / 1e6, smooth, color=COLOURS[0], lw=2, label=f"mean of {size}")
    guessing = (1 + negative) * np.log(2)
    axis.axhline(guessing, linestyle=":", color=COLOURS[2], label="all vectors zero")
    axis.set(title="Learning to guess neighbours", xlabel="words read (millions)")
    axis.set(ylabel="loss (nats for a pair)", ylim=(0, max(guessing, values.max()) * 1.15))
    axis.legend()
    return DescribedFigure(
        figure,
        f"Guessing costs {guessing:.2f} nats for a pair with its negatives; after the training it "
        f"is {smooth[-1]:.2f}.",
    )


def flat_maps(
    vectors: WordVectors, groups: Mapping[str, Sequence[str]], perplexity: float = 10
) -> DescribedFigure:
    """The same words drawn in two dimensions by PCA and by t-SNE."""
    names = [(word, number) for number, group in enumerate(groups.values()) for word in group]
    rows = vectors.normed[[vectors.index[word] for word, _ in names]]
    perplexity = min(perplexity, (len(names) - 1) / 3)
    tsne = TSNE(2, perplexity=perplexity, init="pca", random_state=0)
    places = {"PCA": PCA(2, random_state=0).fit_transform(rows), "t-SNE": tsne.fit_transform(rows)}
    figure, axes = canvas(1, 2, width=10.5, height=5.6)
    styles = [(MARKERS[n % len(MARKERS)], COLOURS[n % len(COLOURS)]) for n in range(len(groups))]
    kept = []
    for axis, (method, place) in zip(axes, places.items(), strict=True):
        for number, (name, (marker, colour)) in enumerate(zip(groups, styles, strict=True)):
            mine = place[[group == number for _, group in names]]
            axis.plot(*mine.T, marker, color=colour, markersize=5, label=name)
        named, scaled = [], (place - place.min(0)) / np.ptp(place, axis=0)
        for (word, _), point, spot in zip(names, place, scaled, strict=True):
            if all((abs(spot - other) > (0.075, 0.028)).any() for other in named):
                axis.annotate(word, point, (3, 2), textcoords="offset points", fontsize=8)
                named.append(spot)
        axis.set(title=method, xlabel="first direction", ylabel="second direction")
        axis.margins(0.12)
        num_near = min(5, (len(names) - 1) // 2)
        near = trustworthiness(rows, place, n_neighbors=num_near, metric="cosine")
        far = spearmanr(pdist(rows, "cosine"), pdist(place)).statistic
        kept.append(f"{method}: {near:.2f} of closeness, {far:.2f} of distances")
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(groups), fontsize=8.5)
    return DescribedFigure(
        figure, f"What a flat map keeps of a hundred dimensions, 1 being all — {'; '.join(kept)}."
    )
