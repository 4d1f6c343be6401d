"""The figures of notebook 03, shared with its slides."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas
from course_lib.workbook.training import History


def label(piece: str) -> str:
    """A token as a figure can write it: ``·`` for a blank, ``↵`` for a line's end, code points for other scripts.

    The figures' font has Latin, Greek and Cyrillic letters, and no Chinese ones.
    """
    piece = piece.replace(" ", "·").replace("\n", "↵").replace("\t", "→").replace("$", r"\$")
    return "".join(
        c if c.isascii() or "\xa0" < c < "\u0530" or c in "·↵→�" else f"U+{ord(c):X}" for c in piece
    )


def what_you_will_build() -> DescribedFigure:
    """Notebook 03 in one picture: text, tokens, vectors, blocks, the next token."""
    figure, axis = canvas(width=8.4, height=2.2)
    axis.set(title="A GPT in one line", xlim=(-0.7, 8.3), ylim=(-0.75, 1.15))
    axis.set_axis_off()
    boxes = (
        ("text", "open the f"),
        ("tokens", "open | the | f"),
        ("vectors", "0.3 −1.2 …\n0.8  0.1 …"),
        ("blocks: look back,\nthink, again", "attention\n+ MLP"),
        ("likely next tokens", "ile  0.81\nolder 0.12"),
    )
    for number, (name, text) in enumerate(boxes):
        place = 1.9 * number
        style = {
            "boxstyle": "round,pad=0.45",
            "facecolor": COLOURS[number] + "40",
            "edgecolor": COLOURS[number],
        }
        axis.text(place, 0.25, text, ha="center", va="center", bbox=style, fontsize=9.5)
        axis.text(place, -0.45, name, ha="center", va="center", fontsize=9.5)
        if number:
            axis.annotate(
                "",
                (place - 0.65, 0.25),
                (place - 1.9 + 0.65, 0.25),
                arrowprops={"arrowstyle": "->"},
            )
    axis.annotate(
        "",
        (0.0, 0.6),
        (7.6, 0.6),
        arrowprops={"arrowstyle": "->", "connectionstyle": "arc3,rad=0.07"},
    )
    return DescribedFigure(
        figure,
        "Text becomes tokens, tokens become vectors, blocks of attention and MLP refine them, and the last "
        "vector says which token comes next; the chosen one is added to the text.",
    )


def cuts(rows: Sequence[tuple[str, Sequence[str]]]) -> DescribedFigure:
    """The same text cut in several ways; a dot stands for a blank."""
    figure, axis = canvas(width=8.4, height=0.55 * len(rows) + 0.7)
    axis.set(title="One text, cut in different ways", ylim=(len(rows) - 0.4, -0.6))
    axis.set_axis_off()
    for row, (name, pieces) in enumerate(rows):
        axis.text(-0.5, row, name, ha="right", va="center", fontsize=10)
        start = 0.0
        for number, piece in enumerate(pieces):
            width = len(piece)
            axis.barh(
                row,
                width,
                left=start,
                height=0.62,
                color=COLOURS[number % 2] + "50",
                edgecolor="#666666",
                lw=1,
            )
            axis.text(
                start + width / 2,
                row,
                piece.replace(" ", "·"),
                ha="center",
                va="center",
                family="monospace",
                fontsize=9,
            )
            start += width
        axis.text(start + 0.6, row, f"{len(pieces)}", va="center", fontsize=10)
        axis.set_xlim(-9, start + 3)
    counts = ", ".join(f"{name} {len(pieces)}" for name, pieces in rows)
    return DescribedFigure(figure, f"Pieces needed for the same text: {counts}; a dot is a blank.")


def looking_back(words: Sequence[str], weights: Sequence[float]) -> DescribedFigure:
    """Arrows from the last word back to all; the thicker the arrow, the larger the weight."""
    figure, axis = canvas(width=7.0, height=2.3)
    axis.set(
        title=f"Where does “{words[-1]}” look?", xlim=(-0.6, len(words) - 0.4), ylim=(-0.3, 1.6)
    )
    axis.set_axis_off()
    last = len(words) - 1
    for number, (word, weight) in enumerate(zip(words, weights, strict=True)):
        axis.text(
            number,
            0,
            word,
            ha="center",
            va="center",
            fontsize=11,
            weight="bold" if number == last else None,
        )
        if number < last:
            curve = {
                "arrowstyle": "->",
                "lw": 0.6 + 6 * weight,
                "color": COLOURS[0],
                "connectionstyle": f"arc3,rad={0.25 + 0.05 * (last - number)}",
            }
            axis.annotate("", (number, 0.14), (last, 0.14), arrowprops=curve)
        axis.text(number, -0.22, f"{weight:.2f}", ha="center", va="center", fontsize=9)
    order = np.argsort(weights)
    return DescribedFigure(
        figure,
        f"“{words[-1]}” looks most at “{words[order[-1]]}” and least at “{words[order[0]]}” (weights drawn by us).",
    )


def softmax_width(
    narrow: Sequence[float], wide: Sequence[float], divided: Sequence[float], width: int
) -> DescribedFigure:
    """Attention weights with and without the division by the root of the depth."""
    figure, axes = canvas(1, 3, width=8.4, height=2.6)
    titles = ("depth 4, not divided", f"depth {width}, not divided", f"depth {width}, divided")
    for number, (axis, values, title) in enumerate(
        zip(axes, (narrow, wide, divided), titles, strict=True)
    ):
        axis.bar(
            range(1, len(values) + 1),
            values,
            color=COLOURS[number],
            hatch=HATCHES[number],
            edgecolor="white",
        )
        axis.set(
            title=title,
            xlabel="word looked at",
            ylabel="weight" if number == 0 else " ",
            ylim=(0, 1.05),
        )
    return DescribedFigure(
        figure,
        f"Without the division, depth {width} puts {max(wide):.0%} of the weight on one word; "
        f"with it the largest weight is {max(divided):.0%}.",
    )


def weight_maps(
    maps: Sequence[Tensor], words: Sequence[str], titles: Sequence[str], sentence: str
) -> DescribedFigure:
    """Attention weights (time, time) as squares: row = the word that looks, column = what it looks at."""
    size = 2.0 + 0.22 * len(words)
    figure, axes = canvas(1, len(maps), width=min(9.0, size * len(maps) + 0.6), height=size)
    for axis, weights, title in zip(np.atleast_1d(axes), maps, titles, strict=True):
        image = axis.imshow(weights.numpy(), cmap="Blues", vmin=0, vmax=1)
        _name_places(axis, words)
        axis.set(title=title, xlabel="looked at", ylabel="looking")
        axis.grid(False)
    figure.colorbar(image, ax=np.atleast_1d(axes).tolist(), label="weight", shrink=0.8)
    return DescribedFigure(figure, sentence)


def _name_places(axis: Axes, words: Sequence[str]) -> None:
    axis.set_xticks(range(len(words)), words, rotation=60, ha="right", fontsize=8.5)
    axis.set_yticks(range(len(words)), words, fontsize=8.5)


def two_blocks() -> DescribedFigure:
    """GPT's block, one part after the other, beside Falcon's, both at once."""
    figure, axes = canvas(1, 2, width=8.4, height=2.9)
    figure.suptitle("The residual stream, and what is added to it", weight="bold", fontsize=12)
    for axis, name in zip(axes, ("GPT: one after the other", "Falcon: side by side"), strict=True):
        axis.set(xlim=(-0.4, 6.4), ylim=(-0.5, 2.0))
        axis.set_title(name, fontsize=11)
        axis.set_axis_off()
        axis.annotate(
            "", (6.2, 0), (-0.2, 0), arrowprops={"arrowstyle": "-|>", "lw": 3, "color": COLOURS[3]}
        )
        axis.text(-0.2, -0.35, "the stream x", fontsize=9.5)
    _part(axes[0], 1.4, 1.1, "norm → attention", 0.1, 2.7, 0)
    _part(axes[0], 4.5, 1.1, "norm → MLP", 3.4, 5.6, 1)
    _part(axes[1], 2.9, 0.75, "norm → attention", 0.6, 5.2, 0)
    _part(axes[1], 2.9, 1.5, "norm → MLP", 0.6, 5.2, 1)
    return DescribedFigure(
        figure,
        "In GPT the MLP reads what attention has written; in Falcon both read the same stream, "
        "and both results are added.",
    )


def _part(axis: Axes, x: float, y: float, text: str, start: float, end: float, colour: int) -> None:
    """A part that reads the stream at ``start`` and adds to it at ``end``."""
    axis.plot([start, start, end], [0.06, y, y], color="black", lw=1.4)
    axis.annotate(
        "", (end, 0.04), (end, y), arrowprops={"arrowstyle": "->", "lw": 1.4, "shrinkA": 0}
    )
    axis.text(end + 0.08, 0.14, "+", fontsize=13)
    face = "#d0e4f6" if colour == 0 else "#ffeac4"  # not transparent: the line runs behind it
    style = {"boxstyle": "round,pad=0.35", "facecolor": face, "edgecolor": COLOURS[colour]}
    axis.text(x, y, text, ha="center", va="center", fontsize=9.5, bbox=style)


def next_tokens(
    names: Sequence[str], chances: Sequence[float], before: Sequence[float], prompt: str
) -> DescribedFigure:
    """The likeliest next tokens: the model's own probabilities, and those that are drawn from."""
    figure, axis = canvas(height=0.24 * len(names) + 1.2)
    places = np.arange(len(names))[::-1]
    axis.barh(
        places + 0.2,
        before,
        0.38,
        label="the model's",
        color=COLOURS[3],
        hatch=HATCHES[1],
        edgecolor="white",
    )
    axis.barh(places - 0.2, chances, 0.38, label="drawn from", color=COLOURS[0])
    axis.set_yticks(places, names, family="monospace", fontsize=9)
    axis.set(title=f"After “{prompt}”", xlabel="probability", ylabel="next token")
    axis.legend(loc="lower right")
    kept = sum(chance > 0 for chance in chances)
    return DescribedFigure(
        figure,
        f"Of the {len(names)} likeliest tokens {kept} can be drawn; "
        f"the first has {chances[0]:.0%} instead of {before[0]:.0%}.",
    )


def loss_curve(history: History, title: str = "Training") -> DescribedFigure:
    """The loss a step, smoothed, with the validation loss as points."""
    figure, axis = canvas()
    losses = torch.tensor(history.losses)
    width = max(1, len(losses) // 50)
    smooth = losses.unfold(0, width, 1).mean(-1)
    axis.plot(range(1, len(losses) + 1), losses, alpha=0.25, label="each step")
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


def diary(bits: Sequence[float]) -> DescribedFigure:
    """Held-out bits a byte at each look of a training that may still go on."""
    figure, axis = canvas(width=6.4, height=2.4)
    axis.plot(range(len(bits)), bits, MARKERS[0] + "-", color=COLOURS[0])
    axis.set(
        title="What it says about text that it has not read", xlabel="look", ylabel="bits a byte"
    )
    axis.set_xticks(range(max(1, len(bits))))
    told = "It has not been looked at yet."
    if bits:
        told = f"From look 0 to look {len(bits) - 1}: {bits[0]:.2f} to {bits[-1]:.2f} bits a byte, held out."
    return DescribedFigure(figure, told)


def three_masks(inputs: int = 4, outputs: int = 4) -> DescribedFigure:
    """Who may look at whom: encoder, decoder, and both together."""
    figure, axes = canvas(1, 3, width=8.4, height=2.9)
    both = np.zeros((inputs + outputs, inputs + outputs))
    both[:inputs, :inputs] = both[inputs:, :inputs] = 1
    both[inputs:, inputs:] = np.tril(np.ones((outputs, outputs)))
    kinds = (
        ("encoder (BERT)", np.ones((6, 6))),
        ("decoder (GPT, Falcon)", np.tril(np.ones((6, 6)))),
        ("both (2017)", both),
    )
    for axis, (title, mask) in zip(axes, kinds, strict=True):
        axis.imshow(mask, cmap="Blues", vmin=0, vmax=1.6)
        for row, column in np.argwhere(mask > 0):
            axis.text(column, row, "●", ha="center", va="center", fontsize=7)
        axis.set(title=title, xlabel="looked at", ylabel="looking", xticks=[], yticks=[])
        axis.grid(False)
    axes[2].axhline(inputs - 0.5, color=COLOURS[2], lw=1.5)
    axes[2].axvline(inputs - 0.5, color=COLOURS[2], lw=1.5, ls="--")
    return DescribedFigure(
        figure,
        "An encoder looks both ways, a decoder only back; the model of 2017 reads its input with the one "
        "and writes its output with the other (lines part input from output).",
    )


def scaling(
    flops: Sequence[float],
    losses: Sequence[float],
    line: Sequence[float],
    names: Sequence[str],
    far: tuple[float, float, str] | None = None,
) -> DescribedFigure:
    """Loss against compute, with the fitted line, and perhaps a model far to the right: (flops, loss, name)."""
    figure, axis = canvas(height=3.4)
    axis.plot(flops, losses, MARKERS[0], ms=8, label="trained here")
    reach = [min(flops), far[0] if far else 10 * max(flops)]
    axis.plot(reach, line, "--", color=COLOURS[3], label="fitted line")
    for number, (x, y, name) in enumerate(zip(flops, losses, names, strict=True)):
        place = (
            (5, 6) if number % 2 == 0 else (-5, -15)
        )  # above and below in turn: neighbours stand close
        side = "left" if number % 2 == 0 else "right"
        axis.annotate(name, (x, y), place, textcoords="offset points", fontsize=9, ha=side)
    if far:
        axis.plot(far[0], far[1], MARKERS[2], ms=10, color=COLOURS[2], label=far[2])
    axis.set(title="More compute, less surprise", xscale="log", yscale="log")
    axis.set(xlabel="operations spent on training", ylabel="held-out loss (bits a byte)")
    bottom, top = axis.get_ylim()
    marks = [n / 4 for n in range(1, 40) if bottom <= n / 4 <= top]
    axis.set_yticks(marks, [f"{mark:g}" for mark in marks])
    axis.minorticks_off()
    axis.legend()
    told = f"; {far[2]} has {far[1]:.2f}, the line says {line[1]:.2f}" if far else ""
    return DescribedFigure(
        figure,
        f"From the smallest to the largest model the loss goes from {losses[0]:.2f} to {losses[-1]:.2f}{told}.",
    )


def token_bits(tokens: Sequence[str], bits: Sequence[float]) -> DescribedFigure:
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
    axis.set_xticks(range(len(bits)), tokens, rotation=60, ha="right", fontsize=8.5)
    axis.set(
        title="How surprising was each token?", xlabel="token", ylabel="−log2 probability (bits)"
    )
    top = int(np.argmax(bits))
    return DescribedFigure(
        figure,
        f"“{tokens[top]}” surprised the model most, with {bits[top]:.1f} bits; "
        f"the mean is {float(np.mean(bits)):.1f} (hatched: above 8).",
    )


def lens(names: Sequence[Sequence[str]], probs: Tensor, tokens: Sequence[str]) -> DescribedFigure:
    """The likeliest next token after each layer (rows) at each place (columns)."""
    figure, axis = canvas(width=9.0, height=0.36 * len(names) + 1.3)
    axis.imshow(probs.numpy(), cmap="Blues", vmin=0, vmax=1, aspect="auto", origin="lower")
    for row, own in enumerate(names):
        for column, name in enumerate(own):
            colour = "white" if probs[row, column] > 0.6 else "black"
            axis.text(column, row, name[:9], ha="center", va="center", fontsize=7.5, color=colour)
    axis.set_xticks(range(len(tokens)), tokens, rotation=40, ha="right", fontsize=8.5)
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
