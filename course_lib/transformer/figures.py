"""The figures of notebook 03."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.ticker import MultipleLocator
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas
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


def two_blocks() -> DescribedFigure:
    """GPT's block, one part after the other, beside Falcon's, both at once."""
    figure, axes = canvas(1, 2, width=8.4, height=2.9)
    figure.suptitle("The residual stream, and what is added to it", weight="bold", fontsize=12)
    # a part's height, and where it reads the stream and adds to it
    one_by_one = {"norm → attention": (1.1, 0.1, 2.7), "norm → MLP": (1.1, 3.4, 5.6)}
    side_by_side = {"norm → attention": (0.75, 0.6, 5.2), "norm → MLP": (1.5, 0.6, 5.2)}
    titles = ("GPT: one after the other", "Falcon: side by side")
    for axis, title, parts in zip(axes, titles, (one_by_one, side_by_side), strict=True):
        axis.set(title=title, xlim=(-0.4, 6.4), ylim=(-0.5, 2.0))
        axis.set_axis_off()
        arrow = dict(arrowstyle="->", shrinkA=0)
        axis.annotate("", (6.2, 0), (-0.2, 0), arrowprops=arrow | dict(lw=3, color=COLOURS[3]))
        axis.text(-0.2, -0.35, "the stream x")
        for text, (y, start, end) in parts.items():
            axis.plot([start, start, end], [0.06, y, y], color="black")
            axis.annotate("", (end, 0.04), (end, y), arrowprops=arrow)
            axis.text(end + 0.08, 0.14, "+", fontsize=13)
            box = dict(boxstyle="round,pad=0.35", facecolor="white", edgecolor=COLOURS[0])
            axis.text((start + end) / 2, y, text, ha="center", va="center", bbox=box)
    return DescribedFigure(
        figure,
        "In GPT the MLP reads what attention has written; in Falcon both read the same stream, "
        "and both results are added.",
    )


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


def scaling(
    flops: Sequence[float],
    losses: Sequence[float],
    line: tuple[float, float],
    names: Sequence[str],
    far: tuple[float, float, str],
) -> DescribedFigure:
    """Loss against compute, the fitted line, and a model far to the right: (flops, loss, name).

    line   the fitted loss at the smallest compute, and at that of ``far``
    """
    figure, axis = canvas(height=3.4)
    axis.plot(flops, losses, MARKERS[0], ms=8, label="trained here")
    axis.plot([min(flops), far[0]], line, "--", color=COLOURS[3], label="fitted line")
    axis.plot(far[0], far[1], MARKERS[2], ms=10, color=COLOURS[2], label=far[2])
    for n, name in enumerate(names):
        # above and below in turn: neighbours stand close
        shift, side = ((5, 6), "left") if n % 2 == 0 else ((-5, -15), "right")
        style = dict(textcoords="offset points", fontsize=9, ha=side)
        axis.annotate(name, (flops[n], losses[n]), shift, **style)
    axis.set(title="More compute, less loss", xscale="log", yscale="log")
    axis.set(xlabel="operations spent on training", ylabel="held-out loss (bits per byte)")
    axis.yaxis.set_major_locator(MultipleLocator(0.25))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.minorticks_off()
    axis.legend()
    return DescribedFigure(
        figure,
        f"From the smallest to the largest model the loss goes from {losses[0]:.2f} to "
        f"{losses[-1]:.2f}; {far[2]} has {far[1]:.2f}, the line says {line[1]:.2f}.",
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


def lens(names: Sequence[Sequence[str]], probs: Tensor, tokens: Sequence[str]) -> DescribedFigure:
    """The likeliest next token after each layer (rows) at each place (columns)."""
    figure, axis = canvas(width=9.0, height=0.36 * len(names) + 1.3)
    axis.imshow(probs.numpy(), cmap="Blues", vmin=0, vmax=1, aspect="auto", origin="lower")
    for row, said in enumerate(names):
        for column, name in enumerate(said):
            colour = "white" if probs[row, column] > 0.6 else "black"
            style = dict(ha="center", va="center", fontsize=7.5, color=colour)
            axis.text(column, row, name[:9], **style)
    axis.set_xticks(range(len(tokens)), tokens, rotation=40, ha="right", fontsize=8.5)
    axis.set_yticks(range(len(names)), ["embedding", *range(1, len(names))])
    axis.set(title="What would be said next, if the model stopped here")
    axis.set(xlabel="token just read", ylabel="after layer")
    axis.grid(False)
    changed = sum(a != b for a, b in zip(names[0], names[-1], strict=True))
    return DescribedFigure(
        figure,
        f"Between the embedding and the last layer the guess changes at {changed} of {len(tokens)} "
        "places; darker is surer.",
    )
