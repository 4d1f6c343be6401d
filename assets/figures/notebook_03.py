"""Draw the mechanisms of notebook 03: `python assets/figures/notebook_03.py` from the root."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from make import FOLDER, arrow, boxes, diagram
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from course_lib.workbook.figures import COLOURS, DescribedFigure, canvas

SMALL = {"ha": "center", "va": "center", "fontsize": 9.5}


def blank(title: str, limits: tuple[float, float, float, float], height: float = 2.3) -> tuple:
    """A figure and an axis without axes; limits are left, right, bottom, top."""
    figure, axis = canvas(width=8.4, height=height)
    axis.set(title=title, xlim=limits[:2], ylim=limits[2:])
    axis.set_axis_off()
    return figure, axis


def grid(axis: Axes, x: float, y: float, rows: Sequence[Sequence], colour: int, wide: float = 0.8):
    """Numbers or words in cells; (x, y) is the upper left corner, a cell is ``wide`` by 0.5."""
    for i, row in enumerate(rows):
        for j, entry in enumerate(row):
            place = (x + j * wide, y - (i + 1) * 0.5)
            face = COLOURS[colour] + "40"
            axis.add_patch(Rectangle(place, wide, 0.5, facecolor=face, edgecolor=COLOURS[colour]))
            axis.text(place[0] + wide / 2, place[1] + 0.25, str(entry), **SMALL)


def label(axis: Axes, *texts: tuple[float, float, str]) -> None:
    """Texts without a box: x, y, text."""
    for x, y, text in texts:
        axis.text(x, y, text, **SMALL)


def merges() -> DescribedFigure:
    """Two merges of byte-pair encoding on four words."""
    figure, axis = blank(
        "Byte-pair encoding: the most frequent pair becomes one piece", (0, 12, 0, 3)
    )
    words = (("low", 5), ("lower", 2), ("newest", 6), ("widest", 3))
    for step, tail in enumerate((["e", "s", "t"], ["es", "t"], ["est"])):
        for row, (word, count) in enumerate(words):
            pieces = [*word[:-3], *tail] if word.endswith("est") else list(word)
            x = 0.7 + 4.1 * step
            if not step:
                label(axis, (0.25, 2.05 - 0.5 * row, f"{count} ×"))
            for place, piece in enumerate(pieces):
                pair = word.endswith("est") and place in ((3, 4), (3,), (3,))[step]
                wide = 0.38 + 0.2 * (len(piece) - 1)
                grid(axis, x, 2.3 - 0.5 * row, [[piece]], 1 if pair else 3, wide)
                x += wide
    for x, text in ((3.9, "e + s\n9 times"), (8.0, "es + t\n9 times")):
        label(axis, (x, 2.6, text))
        arrow(axis, (x - 0.4, 2.05), (x + 0.4, 2.05), lw=1.5)
    return DescribedFigure(
        figure,
        "“e s” is there nine times, six in “newest” and three in “widest”: it becomes one piece. "
        "Then “es t” is the most frequent pair, and becomes “est”.",
    )


def look_up() -> DescribedFigure:
    """Numbers of tokens pick rows of a table."""
    figure, axis = blank("A token's number picks a row of the table", (0, 12, 0, 2.6))
    for row, (word, number, vector) in enumerate(
        (("the", 0, ("0", "1")), ("river", 1, ("3", "0")), ("bank", 2, ("1", "1")))
    ):
        y = 2.1 - 0.5 * row
        grid(axis, 0.6, y, [[word]], 3, 1.2)
        grid(axis, 2.6, y, [[number]], 1, 0.6)
        grid(axis, 5.4, y, [vector], 0)
        grid(axis, 9.4, y, [vector], 2)
        label(axis, (5.0, y - 0.25, f"{number}:"))
        arrow(axis, (1.9, y - 0.25), (2.5, y - 0.25))
        arrow(axis, (3.3, y - 0.25), (4.7, y - 0.25))
        arrow(axis, (7.2, y - 0.25), (9.2, y - 0.25))
    names = ((1.2, 2.35, "tokens"), (2.9, 2.35, "numbers"), (6.2, 2.35, "table: it is learned"))
    label(axis, *names, (10.2, 2.35, "vectors"))
    return DescribedFigure(
        figure, "The tokens the, river, bank have the numbers 0, 1, 2; each picks a row of a table."
    )


def query_key_value() -> DescribedFigure:
    """One output of attention by hand."""
    figure, axis = blank("Where does “bank” look, and what does it get?", (0, 12, -0.2, 2.6))
    columns = (
        (0.2, "word", 3, 1.0, ("the", "river", "bank")),
        (1.8, "key", 0, 1.1, ("0, 1", "3, 0", "1, ½")),
        (4.2, "score", 1, 0.8, ("0", "6", "2")),
        (6.2, "weight", 1, 0.8, ("0.01", "0.93", "0.06")),
        (7.7, "value", 2, 1.1, ("0, 0", "10, 0", "0, 10")),
    )
    for x, name, colour, wide, entries in columns:
        label(axis, (x + wide / 2, 2.0, name))
        grid(axis, x, 1.75, [[entry] for entry in entries], colour, wide)
    grid(axis, 10.2, 1.25, [["9.3, 0.6"]], 2, 1.4)
    label(axis, (3.55, 1.35, "· (2, 0)"), (5.6, 1.35, "÷ √2"), (5.6, 0.65, "softmax"))
    label(axis, (3.55, 0.65, "query\nof “bank”"), (9.5, 1.35, "weight\n× value"), (9.5, 0.6, "sum"))
    label(axis, (10.9, 1.5, "new “bank”"))
    for start, end in ((3.0, 4.1), (5.1, 6.1), (8.9, 10.1)):
        arrow(axis, (start, 1.0), (end, 1.0), lw=1.3)
    return DescribedFigure(
        figure,
        "The query (2, 0) of “bank” times the three keys gives the scores 0, 6 and 2. Divided by "
        "√2, a softmax makes weights of them, and the weighted values sum to (9.3, 0.6).",
    )


def causal_mask() -> DescribedFigure:
    """Scores, the later ones at −∞, weights."""
    figure, axis = blank("The causal mask: later scores become −∞", (0, 12, -0.3, 2.5))
    words = ["the", "river", "bank"]
    scores = np.array([[2.0, 1.0, 3.0], [1.0, 2.0, 0.0], [0.0, 6.0, 2.0]])
    hidden = np.where(np.triu(np.ones((3, 3)), 1) > 0, -np.inf, scores)
    weights = np.exp(hidden) / np.exp(hidden).sum(1, keepdims=True)
    tables = (
        (1.0, "scores", [[f"{s:.0f}" for s in row] for row in scores]),
        (5.0, "masked", [["−∞" if s < -9 else f"{s:.0f}" for s in row] for row in hidden]),
        (9.0, "weights", [[f"{w:.2f}" for w in row] for row in weights]),
    )
    for number, (x, name, rows) in enumerate(tables):
        label(axis, (x + 1.2, 2.25, name))
        for i, row in enumerate(rows):
            for j, entry in enumerate(row):
                colour = 3 if number and j > i else 0
                grid(axis, x + 0.8 * j, 1.75 - 0.5 * i, [[entry]], colour)
        label(axis, *((x + 0.4 + 0.8 * n, 1.92, word) for n, word in enumerate(words)))
    label(axis, *((0.5, 1.5 - 0.5 * n, word) for n, word in enumerate(words)))
    label(axis, (4.2, 1.3, "hide"), (8.2, 1.3, "softmax"))
    arrow(axis, (3.6, 1.0), (4.8, 1.0), lw=1.3)
    arrow(axis, (7.6, 1.0), (8.8, 1.0), lw=1.3)
    label(axis, (6, -0.1, "row: the word that looks · column: the word that is looked at"))
    return DescribedFigure(
        figure,
        "Scores above the diagonal belong to later words. They are set to −∞, so the softmax "
        "gives them weight 0, and each row still sums to one.",
    )


def one_head() -> DescribedFigure:
    """Three matrices make queries, keys and values of one vector."""
    texts = (
        (0.9, 1.2, "x\n(time, 8)", 3),
        (3.3, 2.1, "× q_proj\n(8, 4)", 0),
        (3.3, 1.2, "× k_proj\n(8, 4)", 0),
        (3.3, 0.3, "× v_proj\n(8, 4)", 0),
        (5.8, 2.1, "queries\n(time, 4)", 1),
        (5.8, 1.2, "keys\n(time, 4)", 1),
        (5.8, 0.3, "values\n(time, 4)", 1),
        (8.5, 1.65, "÷ √4, mask,\nsoftmax\n(time, time)", 2),
        (11.0, 0.7, "output\n(time, 4)", 2),
    )
    ways = [((1.5, 1.2), (2.6, y)) for y in (2.1, 1.2, 0.3)]
    ways += [((4.0, y), (5.1, y)) for y in (2.1, 1.2, 0.3)]
    ways += [((6.5, 2.05), (7.5, 1.8)), ((6.5, 1.25), (7.5, 1.5))]
    ways += [((6.5, 0.3), (10.2, 0.6)), ((9.5, 1.4), (10.3, 0.95))]
    return diagram(
        "One head: a learned matrix each for queries, keys and values",
        (2.5, 12, -0.3, 2.7),
        texts,
        ways,
        "Each vector is multiplied by three matrices: the results are its query, its key and its "
        "value. Queries and keys give the weights, the weighted values are the output.",
    )


def heads() -> DescribedFigure:
    """Two heads side by side, and the matrix behind them."""
    texts = (
        (0.9, 1.0, "x\n8 numbers", 3),
        (3.5, 1.7, "head 1\n4 numbers", 0),
        (3.5, 0.3, "head 2\n4 numbers", 1),
        (6.3, 1.0, "side by side\n4 + 4 = 8", 3),
        (8.9, 1.0, "× o_proj\n(8, 8)", 2),
        (11.2, 1.0, "8 numbers,\nmixed", 2),
    )
    ways = [((1.6, 1.1), (2.7, 1.6)), ((1.6, 0.9), (2.7, 0.4)), ((4.3, 1.6), (5.3, 1.15))]
    ways += [((4.3, 0.4), (5.3, 0.85)), ((7.3, 1.0), (8.1, 1.0)), ((9.7, 1.0), (10.4, 1.0))]
    return diagram(
        "Several heads, and the output matrix that mixes them",
        (2.1, 12.1, -0.3, 2.3),
        texts,
        ways,
        "Two heads make four numbers each from the same vector. They are put side by side, and "
        "the output matrix mixes the eight numbers into eight new ones.",
    )


def two_blocks() -> DescribedFigure:
    """GPT's block, one part after the other, beside Falcon's, both at once."""
    figure, axes = canvas(1, 2, width=8.4, height=2.6)
    figure.suptitle("The residual stream, and what is added to it", weight="bold", fontsize=12)
    # a part's height, and where it reads the stream and adds to it
    one_by_one = {"norm → attention": (1.1, 0.1, 2.7), "norm → MLP": (1.1, 3.4, 5.6)}
    side_by_side = {"norm → attention": (0.75, 0.6, 5.2), "norm → MLP": (1.5, 0.6, 5.2)}
    titles = ("GPT: one after the other", "Falcon: side by side")
    for axis, title, parts in zip(axes, titles, (one_by_one, side_by_side), strict=True):
        axis.set(title=title, xlim=(-0.4, 6.4), ylim=(-0.5, 2.0))
        axis.set_axis_off()
        arrow(axis, (-0.2, 0), (6.2, 0), lw=3, color=COLOURS[3])
        axis.text(-0.2, -0.35, "the stream x")
        for text, (y, start, end) in parts.items():
            axis.plot([start, start, end], [0.06, y, y], color="black")
            arrow(axis, (end, y), (end, 0.04))
            axis.text(end + 0.08, 0.14, "+", fontsize=13)
            box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": COLOURS[0]}
            axis.text((start + end) / 2, y, text, bbox=box, **SMALL)
    return DescribedFigure(
        figure,
        "In GPT the MLP reads what attention has written; in Falcon both read the same stream, "
        "and both results are added.",
    )


def norm_and_gelu() -> DescribedFigure:
    """What a norm does to four numbers, and the curve in the MLP."""
    figure, (left, right) = canvas(1, 2, width=8.4, height=2.6)
    numbers = np.array([10.0, 20.0, 30.0, 40.0])
    normed = (numbers - numbers.mean()) / numbers.std()
    left.bar(range(4), numbers / 10, 0.4, label="before ÷ 10", color=COLOURS[3], hatch="//")
    bars = left.bar(np.arange(4) + 0.4, normed, 0.4, label="after", color=COLOURS[0])
    left.bar_label(bars, [f"{n:.2f}".replace("-", "−") for n in normed], padding=2, fontsize=8.5)
    left.set(title="LayerNorm: mean 0, spread 1", xlabel="number", ylabel="value", ylim=(-2, 5))
    left.set_xticks(np.arange(4) + 0.2, ["10", "20", "30", "40"])
    left.legend()
    x = np.linspace(-4, 4, 200)
    right.plot(x, [v * (1 + math.erf(v / 2**0.5)) / 2 for v in x], label="GELU")
    right.plot(x, x / (1 + np.exp(-x)), "--", label="SiLU")
    right.set(title="Curves that are no straight line", xlabel="in", ylabel="out")
    right.legend()
    return DescribedFigure(
        figure,
        "LayerNorm makes −1.34, −0.45, 0.45, 1.34 of 10, 20, 30, 40. GELU, and SiLU which "
        "section 11 needs, let positive numbers through and hold most negative ones back.",
    )


def linear() -> DescribedFigure:
    """x @ W.T + b with two numbers in and three out."""
    figure, axis = blank("nn.Linear(2, 3): a product, and a bias", (0, 11, -0.1, 2.4))
    grid(axis, 0.5, 1.5, [["1", "2"]], 3)
    grid(axis, 3.2, 1.9, [["1", "0", "1"], ["0", "1", "1"]], 0)
    grid(axis, 6.6, 1.5, [["0", "0", "½"]], 1, 0.6)
    grid(axis, 9.0, 1.5, [["1", "2", "3½"]], 2, 0.6)
    names = ((1.3, 2.15, "x: 2 numbers"), (4.4, 2.15, "weight.T: learned"))
    label(axis, *names, (7.5, 2.15, "bias: learned"), (9.9, 2.15, "3 numbers"))
    for x, sign in ((2.6, "@"), (6.1, "+"), (8.7, "=")):
        axis.text(x, 1.25, sign, ha="center", va="center", fontsize=14)
    label(axis, (5.5, 0.35, "last number:  1 · 1 + 2 · 1 + ½ = 3½"))
    return DescribedFigure(
        figure, "The vector (1, 2) times a matrix, plus a bias, gives (1, 2, 3½)."
    )


def whole_gpt() -> DescribedFigure:
    """From token numbers to scores, with shapes."""
    texts = (
        (0.9, 1.5, "tokens\nopen the file", 3),
        (3.2, 1.5, "embedding\n+ positions", 0),
        (5.5, 1.5, "block 1\n… block 4", 1),
        (7.6, 1.5, "norm", 1),
        (9.6, 1.5, "× embedding\nturned round", 0),
        (12.0, 1.5, "scores of the\nnext token", 2),
    )
    spans = ((1.75, 2.4), (4.0, 4.8), (6.2, 7.15), (8.05, 8.7), (10.5, 11.1))
    figure = diagram(
        "A GPT, and the shapes on the way",
        (1.9, 12.9, 0.1, 2.3),
        texts,
        [((start, 1.5), (end, 1.5)) for start, end in spans],
        "Three tokens become three vectors of 128 numbers; four blocks and a norm keep that "
        "shape; a product with the embedding gives 1,024 scores at each of the three places.",
    )
    shapes = ((0.9, "(3)"), (3.2, "(3, 128)"), (5.5, "(3, 128)"), (7.6, "(3, 128)"))
    axis = figure.figure.axes[0]
    label(axis, *((x, 0.65, text) for x, text in (*shapes, (9.6, "(128, 1,024)"))))
    label(axis, (12.0, 0.65, "(3, 1,024)"))
    return figure


def targets() -> DescribedFigure:
    """The text is its own answer, one place to the left."""
    figure, axis = blank("The text is its own answer, shifted by one", (0, 12, -0.1, 2.6))
    probs = (0.10, 0.50, 0.25, 0.05)
    rows = (
        ("the model reads", 3, ("open", "the", "file", "and")),
        ("should come next", 0, ("the", "file", "and", "read")),
        ("its probability p", 1, [f"{p:.2f}" for p in probs]),
        ("loss: −ln p", 2, [f"{-math.log(p):.2f}" for p in probs]),
    )
    for number, (name, colour, entries) in enumerate(rows):
        y = 2.5 - 0.62 * number
        axis.text(0.1, y - 0.25, name, va="center", fontsize=9.5)
        grid(axis, 3.0, y, [entries], colour, 1.5)
    mean = -sum(map(math.log, probs)) / 4
    label(axis, (10.6, 0.4, f"mean: {mean:.2f}"))
    return DescribedFigure(
        figure,
        "At each place the answer is the next token of the same text. The loss is −ln of its "
        f"probability; here the mean of the four is {mean:.2f}.",
    )


def writing() -> DescribedFigure:
    """The loop that writes: last scores, temperature, softmax, draw, append."""
    texts = (
        (1.1, 1.3, "tokens\nopen the", 3),
        (3.3, 1.3, "model", 0),
        (5.3, 1.3, "last row\nof scores\n2, 1, 0", 1),
        (7.7, 1.3, "÷ temperature\n0.5\n4, 2, 0", 1),
        (10.0, 1.3, "softmax\n0.87, 0.12,\n0.02", 2),
        (12.1, 1.3, "draw\nfile", 2),
    )
    spans = ((1.9, 2.75), (3.85, 4.6), (6.0, 6.6), (8.75, 9.2), (10.8, 11.5))
    figure = diagram(
        "Writing is a loop",
        (2.2, 12.8, -0.3, 2.3),
        texts,
        [((start, 1.3), (end, 1.3)) for start, end in spans],
        "The last row of scores, divided by the temperature, becomes probabilities; one token is "
        "drawn and appended to the text, and the model reads again.",
    )
    axis = figure.figure.axes[0]
    arrow(axis, (12.1, 0.75), (1.1, 0.75), connectionstyle="arc3,rad=-0.12", lw=1.3)
    label(axis, (6.6, 0.3, "append, and again"))
    return figure


def rms_norm() -> DescribedFigure:
    """RMSNorm of (3, 4)."""
    texts = (
        (0.9, 0.8, "x\n3, 4", 3),
        (3.0, 0.8, "squares\n9, 16", 0),
        (5.2, 0.8, "mean\n12.5", 0),
        (7.3, 0.8, "root\n3.54", 0),
        (9.4, 0.8, "x ÷ root\n0.85, 1.13", 1),
        (11.7, 0.8, "× weight\n(learned)", 2),
    )
    spans = ((1.4, 2.4), (3.6, 4.7), (5.7, 6.8), (7.8, 8.6), (10.2, 10.95))
    return diagram(
        "RMSNorm: divide by the root of the mean square",
        (1.7, 12.6, 0, 1.6),
        texts,
        [((start, 0.8), (end, 0.8)) for start, end in spans],
        "The squares of 3 and 4 have the mean 12.5, whose root is 3.54; the numbers are divided "
        "by it. No mean is taken away.",
    )


def gate() -> DescribedFigure:
    """SwiGLU with numbers."""
    texts = (
        (0.8, 1.0, "x", 3),
        (3.0, 1.7, "gate_proj\n2, −2", 0),
        (5.4, 1.7, "SiLU\n1.76, −0.24", 0),
        (3.0, 0.3, "up_proj\n3, 3", 1),
        (8.0, 1.0, "product\n5.28, −0.72", 2),
        (10.8, 1.0, "down_proj", 2),
    )
    ways = [((1.1, 1.1), (2.2, 1.6)), ((1.1, 0.9), (2.3, 0.4)), ((3.85, 1.7), (4.5, 1.7))]
    ways += [((6.3, 1.6), (7.1, 1.2)), ((3.7, 0.35), (7.1, 0.85)), ((8.95, 1.0), (9.9, 1.0))]
    return diagram(
        "SwiGLU: one way up decides how much of the other may pass",
        (2.1, 12, -0.2, 2.3),
        texts,
        ways,
        "The MLP goes up twice. One result, bent by SiLU, is multiplied with the other: where the "
        "gate is 1.76, more passes; where it is −0.24, little. Then the way down.",
    )


def rotary() -> DescribedFigure:
    """A query and a key, turned by their positions: the angle between them stays."""
    figure, axes = canvas(1, 2, width=8.4, height=3.2)
    title = "Rotary positions: 20° a step in this picture"
    figure.suptitle(title, weight="bold", fontsize=12)
    for axis, (query, key) in zip(axes, ((7, 4), (103, 100)), strict=True):
        axis.set(xlim=(-2.2, 2.2), ylim=(-1.5, 1.6), aspect="equal")
        axis.set_title(f"query at {query}, key at {key}", fontsize=11)
        axis.set_axis_off()
        for place, name, colour in ((query, "query", 0), (key, "key", 2)):
            angle = math.radians(20 * place)
            end = (math.cos(angle), math.sin(angle))
            arrow(axis, (0, 0), end, lw=2.5, color=COLOURS[colour], shrinkA=0)
            axis.text(1.3 * end[0], 1.2 * end[1], f"{name}\n{20 * place % 360}°", **SMALL)
        turn = np.radians(np.linspace(20 * key, 20 * query, 30))
        axis.plot(0.45 * np.cos(turn), 0.45 * np.sin(turn), color="black")
        middle = turn[15]
        axis.text(0.75 * math.cos(middle), 0.75 * math.sin(middle), "60°", **SMALL)
    return DescribedFigure(
        figure,
        "Each position turns the arrow by another 20 degrees. Three positions apart, the angle "
        "between query and key is 60 degrees, at the start of a text and far into it.",
    )


def groups() -> DescribedFigure:
    """Nine heads of queries, three of keys and values."""
    figure, axis = blank("Grouped heads: nine ask, three answer", (0, 12, -0.2, 2.3), 2.0)
    for number in range(9):
        x = 0.8 + 1.25 * number
        boxes(axis, [(x, 1.8, f"query {number + 1}", number // 3)], 0.3)
        arrow(axis, (x, 1.5), (2.05 + 3.75 * (number // 3), 0.65))
    for number in range(3):
        text = f"key {number + 1}, value {number + 1}"
        boxes(axis, [(2.05 + 3.75 * number, 0.35, text, number)], 0.35)
    return DescribedFigure(
        figure,
        "Nine heads have queries of their own; each three of them share one key and one value, "
        "so the cache holds a third.",
    )


PICTURES: tuple[Callable[[], DescribedFigure], ...] = (
    *(merges, look_up, query_key_value, causal_mask, one_head, heads, two_blocks),
    *(norm_and_gelu, linear, whole_gpt, targets, writing, rms_norm, gate, rotary, groups),
)

if __name__ == "__main__":
    for draw in PICTURES:
        (FOLDER / f"03_{draw.__name__}.png").write_bytes(draw().png())
