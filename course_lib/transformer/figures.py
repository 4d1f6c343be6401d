"""The figures of notebook 03."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.workbook.figures import COLOURS, HATCHES, DescribedFigure, canvas
from course_lib.workbook.training import History


def label(token: str) -> str:
    """A token as a figure can write it: ``·`` for a blank, ``↵`` for a line's end."""
    return token.replace(" ", "·").replace("\n", "↵").replace("\t", "→").replace("$", r"\$")


def cuts(rows: Sequence[tuple[str, Sequence[str]]]) -> DescribedFigure:
    """The same text cut in several ways; a dot stands for a blank."""
    figure, axis = canvas(width=8.4, height=0.55 * len(rows) + 0.7)
    axis.set(title="One text, cut in different ways", ylim=(len(rows) - 0.4, -0.6))
    axis.set_axis_off()
    for row, (name, pieces) in enumerate(rows):
        axis.text(-0.5, row, name, ha="right", va="center")
        ends = np.cumsum([len(piece) for piece in pieces])
        faces = [COLOURS[n % 2] + "50" for n in range(len(pieces))]
        widths = np.diff(ends, prepend=0)
        bars = axis.barh(row, widths, 0.62, ends - widths, color=faces, edgecolor="#666666")
        texts = [piece.replace(" ", "·") for piece in pieces]
        axis.bar_label(bars, texts, label_type="center", family="monospace", fontsize=9)
        axis.text(ends[-1] + 0.6, row, f"{len(pieces)}", va="center")
        axis.set_xlim(-9, ends[-1] + 3)
    counts = ", ".join(f"{name} {len(pieces)}" for name, pieces in rows)
    return DescribedFigure(figure, f"Pieces needed for the same text: {counts}; a dot is a blank.")


def weight_maps(
    maps: Sequence[Tensor], words: Sequence[str], titles: Sequence[str], sentence: str
) -> DescribedFigure:
    """Attention weights as squares: row = who looks (the last words), column = looked at."""
    rows, width = len(maps[0]), min(9.0, (2.0 + 0.22 * len(words)) * len(maps) + 0.6)
    figure, axes = canvas(1, len(maps), width=width, height=2.0 + 0.22 * rows)
    for axis, weights, title in zip(np.atleast_1d(axes), maps, titles, strict=True):
        image = axis.imshow(weights.numpy(), cmap="Blues", vmin=0, vmax=1)
        axis.set_xticks(range(len(words)), words, rotation=60, ha="right", fontsize=8.5)
        axis.set_yticks(range(rows), words[-rows:], fontsize=8.5)
        axis.set(title=title, xlabel="looked at", ylabel="looking")
        axis.grid(False)
    figure.colorbar(image, ax=np.atleast_1d(axes).tolist(), label="weight", shrink=0.8)
    return DescribedFigure(figure, sentence)


def next_tokens(
    names: Sequence[str], drawn: Sequence[float], before: Sequence[float], prompt: str
) -> DescribedFigure:
    """The likeliest next tokens: the model's own probabilities, and those that are drawn from."""
    figure, axis = canvas(height=0.24 * len(names) + 1.2)
    places, grey = np.arange(len(names))[::-1], dict(color=COLOURS[3], hatch=HATCHES[1])
    axis.barh(places + 0.2, before, 0.38, label="the model's", edgecolor="white", **grey)
    axis.barh(places - 0.2, drawn, 0.38, label="drawn from", color=COLOURS[0])
    axis.set_yticks(places, names, family="monospace", fontsize=9)
    axis.set(title=f"After “{prompt}”", xlabel="probability", ylabel="next token")
    axis.legend(loc="lower right")
    return DescribedFigure(
        figure,
        f"Of the {len(names)} likeliest tokens {sum(prob > 0 for prob in drawn)} can be drawn; "
        f"the first has {drawn[0]:.0%} instead of {before[0]:.0%}.",
    )


def loss_curve(history: History, title: str = "Training") -> DescribedFigure:
    """The loss a step, smoothed, with the validation loss as points."""
    figure, axis = canvas()
    losses, width = torch.tensor(history.losses), max(1, len(history.losses) // 50)
    smooth = losses.unfold(0, width, 1).mean(-1)
    axis.plot(range(1, len(losses) + 1), losses, alpha=0.25 if width > 1 else 1, label="each step")
    if width > 1:
        axis.plot(range(width, len(losses) + 1), smooth, label=f"mean of {width} steps")
    if history.evaluations:
        axis.plot(*zip(*history.evaluations, strict=True), "s--", label="validation")
    axis.set(title=title, xlabel="step", ylabel="loss (nats per token)")
    axis.legend()
    first, last = float(smooth[0]), float(smooth[-1])
    word = "falls" if last < first else "does not fall"
    return DescribedFigure(
        figure, f"The loss of training {word}: {first:.2f} at the start, {last:.2f} at the end."
    )


def token_bits(tokens: Sequence[str], bits: Sequence[float]) -> DescribedFigure:
    """−log2 of each token's probability. Raises ``CourseError`` where there is none."""
    if not len(bits):
        raise CourseError("The first token has nothing before it: give a longer text.")
    figure, axis = canvas(width=8.4, height=2.7)
    axis.bar(range(len(bits)), bits)
    axis.axhline(float(np.mean(bits)), color="black", ls="--")
    axis.set_xticks(range(len(bits)), tokens, rotation=60, ha="right", fontsize=8.5)
    axis.set(title="How surprising was each token?", xlabel="token")
    axis.set(ylabel="−log2 probability (bits)")
    top = int(np.argmax(bits))
    return DescribedFigure(
        figure,
        f"“{tokens[top]}” surprised the model most, with {bits[top]:.1f} bits; "
        f"the mean (dashed) is {float(np.mean(bits)):.1f}.",
    )
