"""The figures of notebook 02."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness

from course_lib.embeddings.vectors import WordVectors
from course_lib.workbook.figures import COLOURS, MARKERS, DescribedFigure, canvas


def heat_map(
    table: np.ndarray, rows: Sequence[str], columns: Sequence[str], title: str, names: str
) -> DescribedFigure:
    """A table of numbers, each in its coloured cell; ``names``: what rows and columns are."""
    table, (ylabel, xlabel) = np.asarray(table, dtype=float), names.split(", ")
    figure, axis = canvas(width=8.4, height=1.6 + 0.36 * len(rows))
    most = max(np.abs(table).max(), 1e-9)
    axis.imshow(table, cmap="PuOr_r", vmin=-1.5 * most, vmax=1.5 * most, aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=9)
    axis.set_xticks(range(len(columns)), columns)
    axis.set_yticks(range(len(rows)), rows)
    axis.grid(visible=False)
    axis.set(title=title, xlabel=xlabel, ylabel=ylabel)
    row, column = np.unravel_index(table.argmax(), table.shape)
    where = f"“{rows[row]}”, “{columns[column]}”".replace("\n", " ")
    return DescribedFigure(figure, f"The largest number, {table.max():.2f}, stands at {where}.")


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
    vectors: WordVectors,
    groups: Mapping[str, Sequence[str]],
    perplexities: Sequence[float] = (3, 10, 30),
) -> DescribedFigure:
    """The same words in two dimensions by PCA, and by t-SNE with each perplexity."""
    names = [(word, number) for number, group in enumerate(groups.values()) for word in group]
    rows = vectors.normed[[vectors.index[word] for word, _ in names]]
    places = {"PCA": PCA(2, random_state=0).fit_transform(rows)}
    for perplexity in (min(p, (len(names) - 1) / 3) for p in perplexities):
        tsne = TSNE(2, perplexity=perplexity, init="pca", random_state=0)
        places[f"t-SNE, perplexity {perplexity:.0f}"] = tsne.fit_transform(rows)
    figure, axes = canvas(2, 2, width=9.0, height=7.4)
    kept = []
    for axis, (method, place) in zip(axes.flat, places.items(), strict=False):
        for number, name in enumerate(groups):
            mine = place[[group == number for _, group in names]]
            style = {"color": COLOURS[number % 8], "markersize": 5}
            axis.plot(*mine.T, MARKERS[(number + number // 8) % 8], **style)
            axis.annotate(name, mine[0], (3, 2), textcoords="offset points", fontsize=9)
        axis.set(title=method, xlabel="first direction", ylabel="second direction")
        axis.margins(0.12)
        num_near = min(5, (len(names) - 1) // 2)
        near = trustworthiness(rows, place, n_neighbors=num_near, metric="cosine")
        far = spearmanr(pdist(rows, "cosine"), pdist(place)).statistic
        kept.append(f"{method}: {near:.2f} of closeness, {far:.2f} of distances")
    return DescribedFigure(
        figure, f"What a flat map keeps of a hundred dimensions, 1 being all — {'; '.join(kept)}."
    )
