"""The pictures of notebook 03, with the numbers of the text around them."""

import math
from itertools import count

import numpy as np
from colours import AMBER, BLUE, GREY, PURPLE, RED
from drawing import TEXT, Part, across, arrow, arrows, cells, diagram, labels, row
from matplotlib.figure import Figure

from course_lib.workbook.figures import canvas

draw_03_what_you_will_build = diagram(
    ("A GPT in one line", 8.4, 2.2, -0.7, 8.3, -0.75, 1.15),
    (0, 0.25, "open the f", BLUE),
    (1.9, 0.25, "open | the | f", AMBER),
    (3.8, 0.25, "0.3 −1.2 …\n0.8  0.1 …", RED),
    (5.7, 0.25, "attention\n+ MLP", GREY),
    (7.6, 0.25, "ile  0.81\nolder 0.12", PURPLE),
    labels((0, -0.45, "text"), (1.9, -0.45, "tokens"), (3.8, -0.45, "vectors")),
    labels((5.7, -0.45, "blocks: look back,\nthink, again"), (7.6, -0.45, "likely next tokens")),
    across(0.25, (0.65, 1.25), (2.55, 3.15), (4.45, 5.05), (6.35, 6.95), lw=1),
    arrows((7.6, 0.6, 0.0, 0.6), lw=1, connectionstyle="arc3,rad=0.07"),
    pad=0.45,
    fill="40",
)


def draw_03_merges() -> Figure:
    """Two merges of byte-pair encoding on four words: e s, then es t."""
    words = (("low", 5), ("lower", 2), ("newest", 6), ("widest", 3))
    parts: list[Part] = [labels(*((0.25, 2.05 - 0.5 * n, f"{words[n][1]} ×") for n in range(4)))]
    for step, end in enumerate((("e", "s", "t"), ("es", "t"), ("est",))):
        for line, (word, _) in enumerate(words):
            x, y = 0.7 + 4.1 * step, 2.3 - 0.5 * line
            merged = word.endswith("est")
            for place, piece in enumerate([*word[:-3], *end] if merged else word):
                pair = merged and (place == 3 or place == 4 and not step)
                wide = 0.38 + 0.2 * (len(piece) - 1)
                parts.append(cells(x, y, piece, AMBER if pair else GREY, (wide, 0.5)))
                x += wide
    parts.append(labels((3.9, 2.6, "e + s\n9 times"), (8.0, 2.6, "es + t\n9 times")))
    parts.append(across(2.05, (3.5, 4.3), (7.6, 8.4)))
    title = "Byte-pair encoding: the most frequent pair becomes one piece"
    return diagram((title, 8.4, 2.3, 0, 12, 0, 3), *parts)()


draw_03_look_up = diagram(
    ("A token's number picks a row of the table", 8.4, 2.3, 0, 12, 0, 2.6),
    cells(0.6, 2.1, "the\nriver\nbank", GREY, (1.2, 0.5)),
    cells(2.6, 2.1, "0\n1\n2", AMBER, (0.6, 0.5)),
    cells(5.4, 2.1, "0 | 1\n3 | 0\n1 | 1", BLUE),
    cells(9.4, 2.1, "0 | 1\n3 | 0\n1 | 1", RED),
    labels((5.0, 1.85, "0:"), (5.0, 1.35, "1:"), (5.0, 0.85, "2:")),
    *(across(y, (1.9, 2.5), (3.3, 4.7), (7.2, 9.2), lw=1) for y in (1.85, 1.35, 0.85)),
    labels((1.2, 2.35, "tokens"), (2.9, 2.35, "numbers"), (6.2, 2.35, "table: it is learned")),
    labels((10.2, 2.35, "vectors")),
)

draw_03_query_key_value = diagram(
    ("Where does “bank” look, and what does it get?", 8.4, 2.3, 0, 12, -0.2, 2.6),
    labels((0.7, 2.0, "word"), (2.35, 2.0, "key"), (4.6, 2.0, "score"), (6.6, 2.0, "weight")),
    labels((8.25, 2.0, "value"), (10.9, 1.5, "new “bank”")),
    cells(0.2, 1.75, "the\nriver\nbank", GREY, (1.0, 0.5)),
    cells(1.8, 1.75, "0, 1\n3, 0\n1, ½", BLUE, (1.1, 0.5)),
    cells(4.2, 1.75, "0\n6\n2", AMBER),
    cells(6.2, 1.75, "0.01\n0.93\n0.06", AMBER),
    cells(7.7, 1.75, "0, 0\n10, 0\n0, 10", RED, (1.1, 0.5)),
    cells(10.2, 1.25, "9.3, 0.6", RED, (1.4, 0.5)),
    labels((3.55, 1.35, "· (2, 0)"), (5.6, 1.35, "÷ √2"), (9.5, 1.35, "weight\n× value")),
    labels((3.55, 0.65, "query\nof “bank”"), (5.6, 0.65, "softmax"), (9.5, 0.6, "sum")),
    across(1.0, (3.0, 4.1), (5.1, 6.1), (8.9, 10.1), lw=1.3),
)


def draw_03_causal_mask() -> Figure:
    """Scores, those of later words at −∞, and the weights."""
    words = ("the", "river", "bank")
    parts = [labels(*((0.5, 1.5 - 0.5 * n, word) for n, word in enumerate(words)))]
    for x, name, *rows in (
        (1.0, "scores", "2|1|3", "1|2|0", "0|6|2"),
        (5.0, "masked", "2|−∞|−∞", "1|2|−∞", "0|6|2"),
        (9.0, "weights", "1.00|0.00|0.00", "0.27|0.73|0.00", "0.00|0.98|0.02"),
    ):
        parts.append(labels((x + 1.2, 2.25, name)))
        parts.append(labels(*((x + 0.4 + 0.8 * n, 1.92, word) for n, word in enumerate(words))))
        for i, line in enumerate(rows):
            for j, entry in enumerate(line.split("|")):
                colour = GREY if j > i and name != "scores" else BLUE
                parts.append(cells(x + 0.8 * j, 1.75 - 0.5 * i, entry, colour))
    title = "The causal mask: later scores become −∞"
    return diagram(
        (title, 8.4, 2.3, 0, 12, -0.3, 2.5),
        *parts,
        labels((4.2, 1.3, "hide"), (8.2, 1.3, "softmax")),
        across(1.0, (3.6, 4.8), (7.6, 8.8), lw=1.3),
        labels((6, -0.1, "row: the word that looks · column: the word that is looked at")),
    )()


draw_03_one_head = diagram(
    ("One head: a learned matrix each for queries, keys and values", 8.8, 2.5, 0, 12, -0.3, 2.7),
    (0.9, 1.2, "x\n(time, 8)", GREY),
    row(2.1, (3.3, 5.8), "× q_proj\n(8, 4)|queries\n(time, 4)", (BLUE, AMBER)),
    row(1.2, (3.3, 5.8), "× k_proj\n(8, 4)|keys\n(time, 4)", (BLUE, AMBER)),
    row(0.3, (3.3, 5.8), "× v_proj\n(8, 4)|values\n(time, 4)", (BLUE, AMBER)),
    (8.5, 1.65, "÷ √4, mask,\nsoftmax\n(time, time)", RED),
    (11.0, 0.7, "output\n(time, 4)", RED),
    arrows((1.5, 1.2, 2.6, 2.1), (1.5, 1.2, 2.6, 1.2), (1.5, 1.2, 2.6, 0.3)),
    arrows((4.0, 2.1, 5.1, 2.1), (4.0, 1.2, 5.1, 1.2), (4.0, 0.3, 5.1, 0.3)),
    arrows((6.5, 2.05, 7.5, 1.8), (6.5, 1.25, 7.5, 1.5)),
    arrows((6.5, 0.3, 10.2, 0.6), (9.5, 1.4, 10.3, 0.95)),
)

draw_03_heads = diagram(
    ("Several heads, and the output matrix that mixes them", 8.8, 2.1, 0, 12.1, -0.3, 2.3),
    (0.9, 1.0, "x\n8 numbers", GREY),
    (3.5, 1.7, "head 1\n4 numbers", BLUE),
    (3.5, 0.3, "head 2\n4 numbers", AMBER),
    (6.3, 1.0, "side by side\n4 + 4 = 8", GREY),
    (8.9, 1.0, "× o_proj\n(8, 8)", RED),
    (11.2, 1.0, "8 numbers,\nmixed", RED),
    arrows((1.6, 1.1, 2.7, 1.6), (1.6, 0.9, 2.7, 0.4)),
    arrows((4.3, 1.6, 5.3, 1.15), (4.3, 0.4, 5.3, 0.85)),
    across(1.0, (7.3, 8.1), (9.7, 10.4)),
)


def draw_03_two_blocks() -> Figure:
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
        arrow(axis, (-0.2, 0), (6.2, 0), lw=3, color=GREY)
        axis.text(-0.2, -0.35, "the stream x")
        for text, (y, start, end) in parts.items():
            axis.plot([start, start, end], [0.06, y, y], color="black")
            arrow(axis, (end, y), (end, 0.04))
            axis.text(end + 0.08, 0.14, "+", fontsize=13)
            box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": BLUE}
            axis.text((start + end) / 2, y, text, bbox=box, **TEXT)
    return figure


def draw_03_norm_and_gelu() -> Figure:
    """What a norm does to four numbers, and the curve in the MLP."""
    figure, (left, right) = canvas(1, 2, width=8.4, height=2.6)
    numbers = np.array([10.0, 20.0, 30.0, 40.0])
    normed = (numbers - numbers.mean()) / numbers.std()
    left.bar(range(4), numbers / 10, 0.4, label="before ÷ 10", color=GREY, hatch="//")
    bars = left.bar(np.arange(4) + 0.4, normed, 0.4, label="after", color=BLUE)
    left.bar_label(bars, [f"{n:.2f}".replace("-", "−") for n in normed], padding=2, fontsize=8.5)
    left.set(title="LayerNorm: mean 0, spread 1", xlabel="number", ylabel="value", ylim=(-2, 5))
    left.set_xticks(np.arange(4) + 0.2, ["10", "20", "30", "40"])
    left.legend()
    x = np.linspace(-4, 4, 200)
    right.plot(x, [v * (1 + math.erf(v / 2**0.5)) / 2 for v in x], label="GELU")
    right.plot(x, x / (1 + np.exp(-x)), "--", label="SiLU")
    right.set(title="Curves that are no straight line", xlabel="in", ylabel="out")
    right.legend()
    return figure


draw_03_linear = diagram(
    ("nn.Linear(2, 3): a product, and a bias", 8.4, 2.3, 0, 11, -0.1, 2.4),
    cells(0.5, 1.5, "1 | 2", GREY),
    cells(3.2, 1.9, "1 | 0 | 1\n0 | 1 | 1", BLUE),
    cells(6.6, 1.5, "0 | 0 | ½", AMBER, (0.6, 0.5)),
    cells(9.0, 1.5, "1 | 2 | 3½", RED, (0.6, 0.5)),
    labels((1.3, 2.15, "x: 2 numbers"), (4.4, 2.15, "weight.T: learned")),
    labels((7.5, 2.15, "bias: learned"), (9.9, 2.15, "3 numbers")),
    labels((2.6, 1.25, "@"), (6.1, 1.25, "+"), (8.7, 1.25, "="), fontsize=14),
    labels((5.5, 0.35, "last number:  1 · 1 + 2 · 1 + ½ = 3½")),
)

draw_03_whole_gpt = diagram(
    ("A GPT, and the shapes on the way", 8.8, 1.9, 0, 12.9, 0.1, 2.3),
    (0.9, 1.5, "tokens\nopen the file", GREY),
    (3.2, 1.5, "embedding\n+ positions", BLUE),
    (5.5, 1.5, "block 1\n… block 4", AMBER),
    (7.6, 1.5, "norm", AMBER),
    (9.6, 1.5, "× embedding\nturned round", BLUE),
    (12.0, 1.5, "scores of the\nnext token", RED),
    across(1.5, (1.75, 2.4), (4.0, 4.8), (6.2, 7.15), (8.05, 8.7), (10.5, 11.1)),
    labels((0.9, 0.65, "(3)"), (3.2, 0.65, "(3, 128)"), (5.5, 0.65, "(3, 128)")),
    labels((7.6, 0.65, "(3, 128)"), (9.6, 0.65, "(128, 1,024)"), (12.0, 0.65, "(3, 1,024)")),
)

draw_03_targets = diagram(
    ("The text is its own answer, shifted by one", 8.4, 2.3, 0, 12, -0.1, 2.6),
    labels((0.1, 2.25, "the model reads"), (0.1, 1.63, "should come next"), ha="left"),
    labels((0.1, 1.01, "its probability p"), (0.1, 0.39, "loss: −ln p"), ha="left"),
    cells(3.0, 2.5, "open | the | file | and", GREY, (1.5, 0.5)),
    cells(3.0, 1.88, "the | file | and | read", BLUE, (1.5, 0.5)),
    cells(3.0, 1.26, "0.10 | 0.50 | 0.25 | 0.05", AMBER, (1.5, 0.5)),
    cells(3.0, 0.64, "2.30 | 0.69 | 1.39 | 3.00", RED, (1.5, 0.5)),
    labels((10.6, 0.4, "mean: 1.84")),
)

draw_03_writing = diagram(
    ("Writing is a loop", 8.8, 2.2, 0, 12.8, -0.3, 2.3),
    (1.1, 1.3, "tokens\nopen the", GREY),
    (3.3, 1.3, "model", BLUE),
    (5.3, 1.3, "last row\nof scores\n2, 1, 0", AMBER),
    (7.7, 1.3, "÷ temperature\n0.5\n4, 2, 0", AMBER),
    (10.0, 1.3, "softmax\n0.87, 0.12,\n0.02", RED),
    (12.1, 1.3, "draw\nfile", RED),
    across(1.3, (1.9, 2.75), (3.85, 4.6), (6.0, 6.6), (8.75, 9.2), (10.8, 11.5)),
    arrows((12.1, 0.75, 1.1, 0.75), lw=1.3, connectionstyle="arc3,rad=-0.12"),
    labels((6.6, 0.3, "append, and again")),
)

draw_03_rms_norm = diagram(
    ("RMSNorm: divide by the root of the mean square", 8.8, 1.7, 0, 12.6, 0, 1.6),
    (0.9, 0.8, "x\n3, 4", GREY),
    (3.0, 0.8, "squares\n9, 16", BLUE),
    (5.2, 0.8, "mean\n12.5", BLUE),
    (7.3, 0.8, "root\n3.54", BLUE),
    (9.4, 0.8, "x ÷ root\n0.85, 1.13", AMBER),
    (11.7, 0.8, "× weight\n(learned)", RED),
    across(0.8, (1.4, 2.4), (3.6, 4.7), (5.7, 6.8), (7.8, 8.6), (10.2, 10.95)),
)

draw_03_gate = diagram(
    ("SwiGLU: one way up decides how much of the other may pass", 8.8, 2.1, 0, 12, -0.2, 2.3),
    (0.8, 1.0, "x", GREY),
    (3.0, 1.7, "gate_proj\n2, −2", BLUE),
    (5.4, 1.7, "SiLU\n1.76, −0.24", BLUE),
    (3.0, 0.3, "up_proj\n3, 3", AMBER),
    (8.0, 1.0, "product\n5.28, −0.72", RED),
    (10.8, 1.0, "down_proj", RED),
    arrows((1.1, 1.1, 2.2, 1.6), (1.1, 0.9, 2.3, 0.4), (3.85, 1.7, 4.5, 1.7)),
    arrows((6.3, 1.6, 7.1, 1.2), (3.7, 0.35, 7.1, 0.85), (8.95, 1.0, 9.9, 1.0)),
)


def draw_03_rotary() -> Figure:
    """A query and a key, turned by their positions: the angle between them stays."""
    figure, axes = canvas(1, 2, width=8.4, height=3.2)
    figure.suptitle("Rotary positions: 20° a step in this picture", weight="bold", fontsize=12)
    for axis, (query, key) in zip(axes, ((7, 4), (103, 100)), strict=True):
        axis.set(xlim=(-2.2, 2.2), ylim=(-1.5, 1.6), aspect="equal")
        axis.set_title(f"query at {query}, key at {key}", fontsize=11)
        axis.set_axis_off()
        for place, name, colour in ((query, "query", BLUE), (key, "key", RED)):
            angle = math.radians(20 * place)
            end = (math.cos(angle), math.sin(angle))
            arrow(axis, (0, 0), end, lw=2.5, color=colour, shrinkA=0)
            labels((1.3 * end[0], 1.2 * end[1], f"{name}\n{20 * place % 360}°"))(axis)
        turn = np.radians(np.linspace(20 * key, 20 * query, 30))
        axis.plot(0.45 * np.cos(turn), 0.45 * np.sin(turn), color="black")
        labels((0.75 * math.cos(turn[15]), 0.75 * math.sin(turn[15]), "60°"))(axis)
    return figure


SHARED = "key 1, value 1|key 2, value 2|key 3, value 3"
NINE = "|".join(f"query {number}" for number in range(1, 10))
THREES = [colour for colour in (BLUE, AMBER, RED) for _ in range(3)]
draw_03_groups = diagram(
    ("Grouped heads: nine ask, three answer", 8.4, 2.0, 0, 12, -0.2, 2.3),
    row(1.8, count(0.8, 1.25), NINE, THREES, pad=0.3, fill="40"),
    arrows(*((0.8 + 1.25 * n, 1.5, 2.05 + 3.75 * (n // 3), 0.65) for n in range(9)), lw=1),
    row(0.35, count(2.05, 3.75), SHARED, (BLUE, AMBER, RED), pad=0.35, fill="40"),
)
