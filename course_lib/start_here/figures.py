"""The pictures of notebook 00."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.patches import FancyBboxPatch

from course_lib.workbook.figures import COLOURS, DescribedFigure, canvas

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
