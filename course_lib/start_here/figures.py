"""The pictures of notebook 00, shared with its slides."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.patches import FancyBboxPatch

from course_lib.workbook.corpus import Corpus
from course_lib.workbook.figures import COLOURS, HATCHES, DescribedFigure, canvas

STEPS = (
    ("00", "start\nhere"),
    ("01", "sixty years\nof guessing"),
    ("02", "words into\nnumbers"),
    ("03", "a transformer\nof your own"),
    ("04", "clean\nthe data"),
    ("05", "adapt seven\nbillion weights"),
    ("06", "learn from\nfeedback"),
    ("07", "prompts as\nprograms"),
    ("08", "serve it"),
    ("09", "attack and\nharden it"),
    ("10", "let it\nwrite a song"),
)
STAGES = ("understand it", "build it", "make it yours", "use it", "defend it")
STAGE_OF = (0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 3)


def course_map(ready: Sequence[str]) -> DescribedFigure:
    """The course in one picture: eleven steps, in five stages. ``ready``: numbers that exist."""
    figure, axis = canvas(width=8.6, height=3.9)
    axis.set(
        title="From a blank page to an assistant on your own text",
        xlim=(-0.6, 5.6),
        ylim=(-0.5, 1.6),
    )
    axis.set_axis_off()
    for number, (name, label) in enumerate(STEPS):
        row, column = divmod(number, 6)
        place = (column if row == 0 else 5 - column, 1.15 - row * 1.15)
        colour, done = COLOURS[STAGE_OF[number]], name in ready
        box = FancyBboxPatch(
            (place[0] - 0.38, place[1] - 0.33),
            0.76,
            0.66,
            boxstyle="round,pad=0.05",
            facecolor=colour + ("55" if done else "18"),
            edgecolor=colour,
            linewidth=2 if done else 1,
            linestyle="-" if done else ":",
        )
        axis.add_patch(box)
        axis.text(place[0], place[1] + 0.2, name, ha="center", va="center", weight="bold")
        axis.text(place[0], place[1] - 0.09, label, ha="center", va="center", fontsize=8)
        if number + 1 < len(STEPS):
            step = (0, -0.24) if number == 5 else (0.13 if row == 0 else -0.13, 0)
            start = (
                (place[0], place[1] - 0.4) if number == 5 else (place[0] + 3.3 * step[0], place[1])
            )
            axis.annotate(
                "",
                (start[0] + step[0], start[1] + step[1]),
                start,
                arrowprops={"arrowstyle": "->", "lw": 1.5},
            )
    for stage, name in enumerate(STAGES):
        axis.plot([], [], "s", color=COLOURS[stage], markersize=10, label=name)
    axis.legend(loc="lower center", ncols=5, bbox_to_anchor=(0.5, -0.16), columnspacing=1.2)
    return DescribedFigure(
        figure,
        "Eleven notebooks lead from counting words to an assistant that is served, attacked and hardened; "
        "boxes with a solid edge are ready, dotted ones are still to come.",
    )


def what_you_will_build() -> DescribedFigure:
    """Notebook 00 in one picture: from documents to a paragraph, through a table of counts."""
    figure, axis = canvas(width=8.0, height=1.8)
    axis.set(title="A language model in one table", xlim=(-0.5, 8.75), ylim=(-0.65, 0.5))
    axis.set_axis_off()
    boxes = (
        (0.3, "your\ndocuments"),
        (2.3, "words, three\nat a time"),
        (4.6, "the cat → sat  6\nthe cat → ran  3"),
        (6.7, "draw the\nnext word"),
        (8.1, "a new\nparagraph"),
    )
    for number, (place, text) in enumerate(boxes):
        style = {
            "boxstyle": "round,pad=0.5",
            "facecolor": COLOURS[number] + "40",
            "edgecolor": COLOURS[number],
        }
        axis.text(place, 0.15, text, ha="center", va="center", bbox=style, fontsize=9.5)
        if number:
            half = (0.62, 0.72, 0.92, 0.62, 0.6)
            start, end = boxes[number - 1][0] + half[number - 1], place - half[number]
            axis.annotate(
                "", (end, 0.15), (start, 0.15), arrowprops={"arrowstyle": "->", "lw": 1.6}
            )
    axis.annotate(
        "",
        (5.2, -0.22),
        (6.7, -0.22),
        arrowprops={"arrowstyle": "->", "lw": 1.6, "connectionstyle": "arc3,rad=-0.4"},
    )
    axis.text(5.95, -0.55, "again and again", ha="center", va="center", fontsize=9)
    return DescribedFigure(
        figure,
        "Your documents are cut into words, triples of words are counted, and the next word is drawn "
        "from the counts again and again until there is a paragraph.",
    )


def document_sizes(corpus: Corpus) -> DescribedFigure:
    """How long the documents are, on both sides of the split."""
    figure, axis = canvas()
    sizes = {"train": corpus.train.sizes, "validation": corpus.validation.sizes}
    largest = max(int(own.max()) for own in sizes.values())
    edges = np.geomspace(10, max(100, largest) * 1.01, 25)
    bottom = np.zeros(len(edges) - 1)
    for number, (name, own) in enumerate(sizes.items()):
        counts, _ = np.histogram(np.maximum(own, 10), edges)
        axis.bar(
            edges[:-1],
            counts,
            np.diff(edges),
            align="edge",
            bottom=bottom,
            label=name,
            color=COLOURS[number],
            hatch=HATCHES[number],
            edgecolor="white",
            linewidth=0.3,
        )
        bottom += counts
    axis.set(
        title=f"Documents of {corpus.name}",
        xlabel="length (bytes of text)",
        ylabel="documents",
        xscale="log",
    )
    axis.legend()
    half = int(np.median(corpus.sizes))
    return DescribedFigure(
        figure,
        f"Half of the documents are shorter than {half:,} bytes; about a tenth of the text is held out.",
    )


def next_words(context: Sequence[str], followers: Counter, top: int = 8) -> DescribedFigure:
    """What comes after two words, and how often: the whole model for this context."""
    figure, axis = canvas(height=2.8)
    shown = followers.most_common(top)
    names = [word for word, _ in shown][::-1]
    shares = [100 * count / followers.total() for _, count in shown][::-1]
    axis.barh(range(len(names)), shares)
    axis.set_yticks(range(len(names)), names)
    axis.set(
        title=f"What comes after “{' '.join(context)}”?",
        xlabel=f"share of {followers.total():,} occurrences (%)",
        ylabel="next word",
    )
    return DescribedFigure(
        figure,
        f"After “{' '.join(context)}” the text goes on with “{shown[0][0]}” in {shares[-1]:.0f} % of all cases; "
        f"{len(followers):,} different words follow.",
    )


def seen_curve(sizes: Sequence[int], shares: Sequence[float]) -> DescribedFigure:
    """How many word triples of new text were ever seen, by amount of training text."""
    figure, axis = canvas()
    axis.plot(sizes, [100 * share for share in shares], "o-")
    axis.set(
        title="Most word triples of a new text are new",
        xscale="log",
        ylim=(0, 100),
        xlabel="training text (words)",
        ylabel="held-out triples seen\nin training (%)",
    )
    return DescribedFigure(
        figure,
        f"With {sizes[-1]:,} words of training text {100 * shares[-1]:.0f} % of the held-out triples have been seen; "
        f"with {sizes[0]:,} words {100 * shares[0]:.0f} %.",
    )
