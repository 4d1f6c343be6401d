"""The pictures of notebook 00."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.patches import FancyBboxPatch

from course_lib.workbook.corpus import Corpus
from course_lib.workbook.figures import COLOURS, HATCHES, DescribedFigure, canvas

STAGES = ("understand it", "build it", "make it yours", "use it", "defend it")
STEPS = (  # number, what it is about, its stage
    ("00", "start\nhere", 0),
    ("01", "sixty years\nof guessing", 0),
    ("02", "words into\nnumbers", 1),
    ("03", "a transformer\nof your own", 1),
    ("04", "clean\nthe data", 2),
    ("05", "adapt seven\nbillion weights", 2),
    ("06", "learn from\nfeedback", 2),
    ("07", "prompts as\nprograms", 3),
    ("08", "serve it", 3),
    ("09", "attack and\nharden it", 4),
    ("10", "let it\nwrite a song", 3),
)


def course_map(ready: Sequence[str]) -> DescribedFigure:
    """The course in one picture: eleven steps, in five stages. ``ready``: numbers that exist."""
    figure, axis = canvas(width=8.6, height=3.9)
    axis.set(title="From a blank page to an assistant on your own text")
    axis.set(xlim=(-0.6, 5.6), ylim=(-0.5, 1.6))
    axis.set_axis_off()
    places = [(n, 1.15) for n in range(6)] + [(5 - n, 0.0) for n in range(5)]
    for (x, y), (name, label, stage) in zip(places, STEPS, strict=True):
        fill, width, line = ("55", 2, "-") if name in ready else ("18", 1, ":")
        colour = COLOURS[stage]
        edge = {"edgecolor": colour, "linewidth": width, "linestyle": line}
        style = {"boxstyle": "round,pad=0.05", "facecolor": colour + fill, **edge}
        axis.add_patch(FancyBboxPatch((x - 0.38, y - 0.33), 0.76, 0.66, **style))
        axis.text(x, y + 0.2, name, ha="center", va="center", weight="bold")
        axis.text(x, y - 0.09, label, ha="center", va="center", fontsize=8)
    for here, there in pairwise(map(np.array, places)):
        start, end = here + (0.43, 0.35) * (there - here), here + 0.56 * (there - here)
        axis.annotate("", end, start, arrowprops={"arrowstyle": "->", "lw": 1.5})
    for stage, name in enumerate(STAGES):
        axis.plot([], [], "s", color=COLOURS[stage], markersize=10, label=name)
    axis.legend(loc="lower center", ncols=5, bbox_to_anchor=(0.5, -0.16), columnspacing=1.2)
    return DescribedFigure(
        figure,
        "Eleven notebooks lead from counting words to an assistant that is served, attacked and "
        "hardened; boxes with a solid edge are ready, dotted ones are still to come.",
    )


def document_sizes(corpus: Corpus) -> DescribedFigure:
    """How long the documents are, on both sides of the split."""
    figure, axis = canvas()
    sizes = {"train": corpus.train.sizes, "validation": corpus.validation.sizes}
    edges = np.geomspace(10, max(100, corpus.sizes.max()) * 1.01, 25)
    bottom = np.zeros(len(edges) - 1)
    for number, (name, of_part) in enumerate(sizes.items()):
        counts, _ = np.histogram(np.maximum(of_part, 10), edges)
        style = {"color": COLOURS[number], "hatch": HATCHES[number], "linewidth": 0.3}
        style |= {"edgecolor": "white", "align": "edge", "bottom": bottom}
        axis.bar(edges[:-1], counts, np.diff(edges), label=name, **style)
        bottom += counts
    axis.set(title=f"Documents of {corpus.name}", xlabel="length (bytes of text)")
    axis.set(ylabel="documents", xscale="log")
    axis.legend()
    held_out = corpus.validation.bytes / corpus.bytes
    return DescribedFigure(
        figure,
        f"Half of the documents are shorter than {int(np.median(corpus.sizes)):,} bytes; "
        f"{held_out:.0%} of the text is held out.",
    )


def next_words(context: Sequence[str], followers: Counter, max_words: int = 8) -> DescribedFigure:
    """What comes after two words, and how often: the whole model for this context."""
    figure, axis = canvas(height=2.8)
    words, counts = zip(*followers.most_common(max_words), strict=True)
    percent = 100 * np.array(counts) / followers.total()
    axis.barh(range(len(words)), percent[::-1])
    axis.set_yticks(range(len(words)), words[::-1])
    asked = " ".join(context)
    axis.set(title=f"What comes after “{asked}”?", ylabel="next word")
    axis.set(xlabel=f"of {followers.total():,} occurrences (%)")
    return DescribedFigure(
        figure,
        f"After “{asked}” the text goes on with “{words[0]}” in {percent[0]:.0f} % of all cases; "
        f"{len(followers):,} different words follow.",
    )


def seen_curve(sizes: Sequence[int], seen: Sequence[float]) -> DescribedFigure:
    """How many word triples of new text were ever seen (0 to 1), by words of training text."""
    figure, axis = canvas()
    percent = 100 * np.array(seen)
    axis.plot(sizes, percent, "o-")
    axis.set(title="How much of a new text has been seen before?", xscale="log", ylim=(0, 100))
    axis.set(xlabel="training text (words)", ylabel="held-out triples seen\nin training (%)")
    return DescribedFigure(
        figure,
        f"With {sizes[-1]:,} words of training text {percent[-1]:.0f} % of the held-out triples "
        f"have been seen; with {sizes[0]:,} words {percent[0]:.0f} %.",
    )
