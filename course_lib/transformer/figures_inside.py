"""The figures of notebook 03 that look inside a trained model, shared with its slides."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.workbook.figures import COLOURS, HATCHES, DescribedFigure, canvas


def surprise_bars(pieces: Sequence[str], bits: Sequence[float]) -> DescribedFigure:
    """What each token cost. Raises ``CourseError`` for none: the first token of a text has nothing before it."""
    if not len(bits):
        raise CourseError(
            "One token has nothing before it to be compared with: give a longer text."
        )
    figure, axis = canvas(width=8.4, height=2.7)
    axis.bar(
        range(len(bits)),
        bits,
        color=[COLOURS[2] if b > 8 else COLOURS[0] for b in bits],
        hatch=[HATCHES[1] if b > 8 else "" for b in bits],
        edgecolor="white",
    )
    axis.set_xticks(range(len(bits)), pieces, rotation=60, ha="right", fontsize=8.5)
    axis.set(title="How surprising was each token?", xlabel="token", ylabel="surprise (bits)")
    top = int(np.argmax(bits))
    return DescribedFigure(
        figure,
        f"“{pieces[top]}” surprised the model most, with {bits[top]:.1f} bits; "
        f"the mean is {float(np.mean(bits)):.1f} (hatched: above 8).",
    )


def lens(names: Sequence[Sequence[str]], chances: Tensor, pieces: Sequence[str]) -> DescribedFigure:
    """The likeliest next token after each layer (rows) at each place (columns)."""
    figure, axis = canvas(width=9.0, height=0.36 * len(names) + 1.3)
    axis.imshow(chances.numpy(), cmap="Blues", vmin=0, vmax=1, aspect="auto", origin="lower")
    for row, own in enumerate(names):
        for column, name in enumerate(own):
            colour = "white" if chances[row, column] > 0.6 else "black"
            axis.text(column, row, name[:9], ha="center", va="center", fontsize=7.5, color=colour)
    axis.set_xticks(range(len(pieces)), pieces, rotation=40, ha="right", fontsize=8.5)
    axis.set_yticks(range(len(names)), ["embedding", *range(1, len(names))])
    axis.set(
        title="What would be said next, if the model stopped here",
        xlabel="token just read",
        ylabel="after layer",
    )
    axis.grid(False)
    first = names[0]
    settled = sum(a != b for a, b in zip(first, names[-1], strict=True))
    return DescribedFigure(
        figure,
        f"Between the embedding and the last layer the guess changes at {settled} of {len(first)} places; "
        "darker is surer.",
    )
