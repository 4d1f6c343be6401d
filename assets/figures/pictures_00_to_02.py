"""The pictures of notebooks 00 to 02, with the numbers of the text around them."""

from itertools import count

import numpy as np
from colours import AMBER, BLUE, GREY, PURPLE, RED
from drawing import across, arrow, arrows, boxes, cells, diagram, labels, row
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.start_here.figures import STEPS, course_map
from course_lib.workbook.figures import COLOURS, MARKERS, canvas

TOY = "the cat sat on the mat and the cat sat on the hat and the cat ran"
LARGE, SMALL = {"pad": 0.45, "fill": "40"}, {"pad": 0.35, "fill": "40"}  # of boxes
PART, KEPT = BLUE + "20", AMBER + "60"  # parts of a sentence in ELIZA's pictures
HEAD = "#dddddd"  # the first row of a table


def draw_course_map() -> Figure:
    """The course in one picture: eleven steps, in five stages."""
    return course_map([name for name, *_ in STEPS]).figure


draw_00_what_you_will_build = diagram(
    ("A language model in one table", 8.0, 1.8, -0.5, 8.75, -0.65, 0.5),
    (0.3, 0.15, "your\ndocuments", BLUE),
    (2.3, 0.15, "words, three\nat a time", AMBER),
    (4.6, 0.15, "the cat → sat  2\nthe cat → ran  1", RED),
    (6.7, 0.15, "draw the\nnext word", GREY),
    (8.1, 0.15, "a new\nparagraph", PURPLE),
    across(0.15, (0.92, 1.58), (3.02, 3.68), (5.52, 6.08), (7.32, 7.5), lw=1.6),
    arrows((6.7, -0.22, 5.2, -0.22), lw=1.6, connectionstyle="arc3,rad=-0.4"),
    labels((5.95, -0.55, "again and again"), fontsize=9),
    pad=0.5,
    fill="40",
)

PAIR = {"size": (1.5, 0.75), "faces": (BLUE + "30", AMBER + "30")}
draw_00_came_next = diagram(
    ("What came next?", 8.8, 1.9, 0, 12, -1.7, 1.4),
    cells(0.2, 1.05, "open | the | file | and | open | the | file | again", size=(1.1, 0.75)),
    labels((9.3, 0.65, "a text of eight words"), (10.5, -0.85, "…"), ha="left"),
    cells(0.2, -0.45, "open the | file, file", **PAIR),
    cells(3.6, -0.45, "the file | and, again", **PAIR),
    cells(7.0, -0.45, "file and | open", **PAIR),
)


def windows(axis: Axes) -> None:
    """Three words at a time: a line below them, and the words."""
    for number in range(3):
        y = -0.5 - 0.7 * number
        axis.plot([number + 0.1, number + 2.9], [y, y], color=COLOURS[number], lw=3)
        words = " ".join(TOY.split()[number : number + 3])
        labels((number + 3.2, y, words), ha="left", color="#222222")(axis)


draw_00_trigrams = diagram(
    ("Three words at a time", 8.8, 2.1, 0, 17, -2.3, 1.3),
    cells(0, 0.9, TOY.replace(" ", "|"), size=(1, 0.9)),
    windows,
    labels((8.5, -1.2, "… and so on, to the end: 15 trigrams in 17 words"), ha="left"),
)

draw_00_table = diagram(
    ("Count, then divide: one row of the table", 8.8, 2.3, 0, 11.2, -0.4, 2.5),
    (1.5, 2.0, "the cat | sat", BLUE),
    (1.5, 1.1, "the cat | sat", BLUE),
    (1.5, 0.2, "the cat | ran", AMBER),
    (5.2, 1.1, "the cat →  sat 2,  ran 1", RED),
    (9.4, 1.6, "sat   2 / 3 = 0.67", BLUE),
    (9.4, 0.6, "ran   1 / 3 = 0.33", AMBER),
    arrows((2.55, 2.0, 3.75, 1.28), (2.55, 1.1, 3.75, 1.1), (2.55, 0.2, 3.75, 0.92)),
    arrows((6.7, 1.2, 8.2, 1.6), (6.7, 1.0, 8.2, 0.6)),
)

# A draw: a point on a line whose pieces are as long as the counts.
draw_00_draw = diagram(
    ("Drawing a word after “the cat”", 6.6, 1.7, 0, 3.3, -1.0, 1.2),
    cells(0.1, 0.55, "sat, 2 times", size=(2, 0.55), faces=[BLUE + "40"]),
    cells(2.1, 0.55, "ran, 1 time", size=(1, 0.55), faces=[AMBER + "40"]),
    labels(*((0.1 + number, -0.25, str(number)) for number in range(4))),
    arrows((0.81, 1.05, 0.81, 0.58), (2.97, -0.75, 2.97, -0.03), lw=1.8),
    labels((0.89, 0.9, "chance says 0.71: “sat”"), ha="left"),
    labels((2.89, -0.75, "chance says 2.87: “ran”"), ha="right"),
)

draw_00_split = diagram(
    ("The split", 8.8, 2.2, 0, 10, -0.3, 2.6),
    (1.4, 1.2, "all documents", GREY),
    (4.4, 1.2, "near copies\nare tied together", AMBER),
    (8.0, 2.0, "training: nine of ten\nthe model learns from these", BLUE),
    (8.0, 0.4, "validation: one of ten\nheld out, only for tests", RED),
    arrows((2.4, 1.2, 3.35, 1.2), (5.5, 1.4, 6.4, 1.9), (5.5, 1.0, 6.4, 0.5)),
)

draw_00_choices = diagram(
    ("Writing “the cat sat on the”", 8.8, 2.1, 0, 12, -0.9, 2.5),
    (1.0, 1.2, "the cat", GREY),
    (3.9, 1.9, "sat", BLUE),
    (3.9, 0.4, "ran", AMBER),
    (6.9, 1.9, "on", RED),
    (9.9, 1.9, "the", RED),
    arrows((1.7, 1.35, 3.4, 1.85), (1.7, 1.05, 3.4, 0.45)),
    across(1.9, (4.4, 6.4), (7.4, 9.4)),
    labels((2.3, -0.5, "2 words in the row:\na choice")),
    labels((5.4, 0.95, "after “cat sat”\n1 word: copied")),
    labels((8.4, 0.95, "after “sat on”\n1 word: copied")),
    **LARGE,
)

WAYS = "1948\ncount letters|1966\nscripted rules|1995\ncount words"
WAYS += "|2014\na network\nthat reads|2017\na transformer"
draw_01_what_you_will_build = diagram(
    ("Five ways of guessing, one text, one scale", 8.4, 1.9, -0.6, 8.6, -0.75, 0.6),
    row(0.25, count(0, 2), WAYS, COLOURS, **LARGE),
    across(0.25, (0.62, 1.38), (2.62, 3.38), (4.62, 5.38), (6.62, 7.38)),
    arrows((-0.3, -0.4, 8.3, -0.4), arrowstyle="-"),
    labels((4, -0.6, "how many bits does a new letter cost?   (ELIZA cannot say)"), va="baseline"),
)


def halves(axis: Axes) -> None:
    """Probabilities as bars that halve, and what each costs."""
    shares = {"1": 1, "1/2": 1 / 2, "1/4": 1 / 4, "1/8": 1 / 8, "1/27": 1 / 27}
    costs = "0 bits", "1 bit", "2 bits", "3 bits", "4.75 bits"
    for number, ((name, share), cost) in enumerate(zip(shares.items(), costs, strict=True)):
        axis.add_patch(Rectangle((1, 4.2 - number), 7 * share, 0.6, facecolor=BLUE + "90"))
        labels((0.5, 4.5 - number, name))(axis)
        labels((1.2 + 7 * share, 4.5 - number, cost), ha="left")(axis)


draw_01_bits = diagram(("Each halving costs one bit", 7.4, 2.3, 0, 10.4, -0.3, 5.2), halves)

draw_01_eliza = diagram(
    ("How ELIZA answers", 8.8, 2.9, 0, 12, -0.4, 4.3),
    labels((0.1, 3.9, "I am tired of my sister."), ha="left", weight="bold"),
    labels((4.6, 3.9, "swap:  I → YOU,  AM → ARE,  MY → YOUR"), ha="left"),
    cells(0.1, 3.0, "YOU ARE TIRED OF", size=(3.6, 0.8), faces=[PART]),
    cells(3.7, 3.0, "YOUR | (nothing)", size=(1.9, 0.8), faces=[PART]),
    cells(7.5, 3.0, "SISTER | (nothing)", size=(1.9, 0.8), faces=[KEPT, PART]),
    labels((1.9, 1.85, "0   part 1"), (4.65, 1.85, "YOUR   part 2"), fontsize=8.5),
    labels((6.55, 1.85, "0   part 3"), (8.45, 1.85, "(/FAMILY)   part 4"), fontsize=8.5),
    labels((10.35, 1.85, "0   part 5"), fontsize=8.5),
    labels((0.1, 0.2, "TELL ME MORE ABOUT YOUR 4"), ha="left"),
    across(0.2, (4.6, 6.4)),
    labels((6.7, 0.2, "TELL ME MORE ABOUT YOUR SISTER"), ha="left", weight="bold"),
    arrows((8.4, 1.55, 3.9, 0.5), lw=1.2),
)

draw_01_soup = diagram(
    ("(0 SOUP 0) and WHAT ABOUT THE SOUP 3", 8.8, 1.5, 0, 12, -0.7, 1.4),
    cells(0.2, 0.9, "THE | SOUP | WAS COLD", size=(1.7, 0.8), faces=[PART, PART, KEPT]),
    labels((1.05, -0.3, "0   part 1"), (2.75, -0.3, "SOUP   part 2"), fontsize=8.5),
    labels((4.45, -0.3, "0   part 3"), fontsize=8.5),
    across(0.5, (5.6, 6.9)),
    labels((7.2, 0.5, "WHAT ABOUT THE SOUP WAS COLD"), ha="left", weight="bold"),
)

SMOOTHED = (
    "P(cat | the):  2 / 4 = 0.50  becomes  3 / 13 = 0.23       P(ran | the):  0  becomes  0.08"
)
WORDS = "cat mat dog the sat on and ran to"
draw_01_add_one = diagram(
    ("After “the”: add one to every count", 8.8, 2.2, 0, 13, -0.6, 3.2),
    labels(*((2.4 + n, 2.85, word) for n, word in enumerate(WORDS.split()))),
    labels((1.7, 1.95, "counts"), (1.7, 0.75, "plus one"), ha="right"),
    cells(1.9, 2.35, "2 | 1 | 1", size=(1, 0.75), faces=[BLUE + "30"]),
    cells(4.9, 2.35, "0 | 0 | 0 | 0 | 0 | 0", size=(1, 0.75)),
    cells(1.9, 1.15, "3 | 2 | 2", size=(1, 0.75), faces=[BLUE + "30"]),
    cells(4.9, 1.15, "1 | 1 | 1 | 1 | 1 | 1", size=(1, 0.75), faces=[AMBER + "40"]),
    labels((11.1, 1.95, "4 in all"), (11.1, 0.75, "13 in all"), ha="left"),
    labels((6.4, -0.3, SMOOTHED)),
)

draw_01_kneser_ney = diagram(
    ("How often, or after how many different words?", 8.8, 2.2, 0, 12, -0.4, 3),
    cells(0.3, 2.45, "san | san | san", size=(1.1, 0.75), faces=[BLUE + "35"]),
    cells(0.3, 0.85, "the | a | one", size=(1.1, 0.75), faces=[AMBER + "35"]),
    arrows((3.7, 2.08, 4.15, 2.08), (3.7, 0.48, 4.15, 0.48), lw=1.3),
    cells(4.2, 2.45, "francisco", size=(1.6, 0.75)),
    cells(4.2, 0.85, "bay", size=(1.6, 0.75)),
    labels((6.2, 2.08, "3 times, after one word only"), ha="left"),
    labels((6.2, 0.48, "3 times, after 3 different words"), ha="left"),
    labels((10.1, 0.48, "after a new word:\nthe better guess"), ha="left", weight="bold"),
)

draw_01_one_weight = diagram(
    ("One step of training", 8.8, 2.2, 0, 12, -0.5, 2.2),
    (1.2, 1.5, "weight\nw = 0", BLUE),
    (4.0, 1.5, "guess\nP(h | t) = 0.50", GREY),
    (7.2, 1.5, "truth: “h”\nloss: 1 bit", RED),
    (10.5, 1.5, "error\n1 − 0.50 = 0.50", AMBER),
    (5.9, 0.0, "step: w becomes 0 + 0.50, and the next guess is 0.62", BLUE),
    across(1.5, (1.9, 2.9), (5.1, 6.2), (8.2, 9.3)),
    arrows((10.3, 1.0, 9.2, 0.15), (2.6, 0.15, 1.4, 1.0)),
)

RECURRENT = "the same weight 0.5 at every step; the state is all that it knows of the past"
draw_01_rnn = diagram(
    ("A recurrent network reads “the cat sat”", 8.8, 2.7, 0, 12, -0.9, 3.0),
    row(2.0, count(1.0, 3.4), "h = 0|h = 0.76|h = −0.55|h = −0.27", [BLUE], **LARGE),
    across(2.0, (1.7, 3.65), (5.1, 7.05), (8.5, 10.45), lw=1.6),
    labels((2.7, 2.45, "tanh(0.5 · 0 + 1)"), (6.1, 2.45, "tanh(0.5 · 0.76 − 1)"), fontsize=8.5),
    labels((9.5, 2.45, "tanh(0.5 · (−0.55) + 0)"), fontsize=8.5),
    row(0.3, count(2.7, 3.4), "the\nx = 1|cat\nx = −1|sat\nx = 0", [AMBER], **SMALL),
    arrows((2.7, 0.95, 2.7, 1.9), (6.1, 0.95, 6.1, 1.9), (9.5, 0.95, 9.5, 1.9), lw=1.3),
    labels((6, -0.7, RECURRENT)),
)


def look_back(axis: Axes) -> None:
    """Three words, and arrows to them that are as wide as their weights."""
    for x, word, weight in ((1.2, "the\n1", 0.1), (3.8, "cat\n−1", 0.7), (6.4, "sat\n0", 0.2)):
        boxes((x, 0.3, word, AMBER), **SMALL)(axis)
        arrow(axis, (9.2, 1.9), (x + 0.1, 0.95), lw=0.8 + 5 * weight, color=BLUE)
        labels((x + 0.2, 1.45, f"{weight}"), weight="bold")(axis)


draw_01_transformer = diagram(
    ("A transformer looks back from the end", 8.8, 2.6, 0, 12, -0.6, 3.1),
    look_back,
    (10.2, 2.1, "next word?", BLUE),
    labels((6, -0.5, "0.1 · 1 + 0.7 · (−1) + 0.2 · 0 = −0.6: what it takes along")),
    **LARGE,
)

draw_01_three_steps = diagram(
    ("From GPT-3 to ChatGPT", 8.8, 2.7, 0, 12.4, -0.4, 2.6),
    (2.0, 2.0, "people write\nanswers", GREY),
    (2.0, 0.4, "1  imitate\nGPT-3 learns to\nwrite like that", BLUE),
    (6.2, 2.0, "people rank answers:\nA better than B", GREY),
    (6.2, 0.4, "2  compare\na reward model\nlearns the ranking", AMBER),
    (10.4, 2.0, "the model writes,\nthe reward model scores", GREY),
    (10.4, 0.4, "3  be rewarded\nwhat scores high\nbecomes likelier", RED),
    arrows((2.0, 1.6, 2.0, 1.0), (6.2, 1.6, 6.2, 1.0), (10.4, 1.6, 10.4, 1.0)),
    arrows((3.3, 0.7, 4.9, 1.8), (7.5, 0.7, 9.0, 1.7)),
)

VECTORS = {"file": (1.0, 0.5), "read": (0.5, 1.0), "open": (1.0, 1.0)}
VECTORS |= {"sine": (1.0, -1.0), "colour": (-1.0, 0.5)}


def words_on_a_map(axis: Axes) -> None:
    """Words that are used alike lie close together."""
    places = {"file": (6.1, 0.85), "folder": (6.4, 0.45), "read": (7.5, 0.75), "write": (7.7, 0.35)}
    places["plot"] = 6.9, -0.3
    for number, (word, (x, y)) in enumerate(places.items()):
        axis.plot(x, y, MARKERS[number // 2], color=COLOURS[3 + number // 2])
        axis.annotate(word, (x, y), (5, 3), textcoords="offset points", fontsize=9)


draw_02_what_you_will_build = diagram(
    ("From text to a map of meanings", 8.4, 2.3, -1.1, 8.2, -1.15, 1.15),
    (0.0, 0.25, "open the file\nand read it", BLUE),
    (2.1, 0.25, "file, open\nfile, and\nfile, read", AMBER),
    (4.1, 0.25, "file → 0.3 −1.2 …\nread → 0.4 −0.9 …", RED),
    labels((0.0, -0.85, "your text"), (2.1, -0.85, "pairs of\nneighbours")),
    labels((4.1, -0.85, "100 numbers\na word"), (7.0, -0.85, "a map you can\ncalculate with")),
    across(0.25, (0.85, 1.45), (2.7, 3.05), (5.2, 5.7), lw=1.6),
    words_on_a_map,
    **LARGE,
)


def draw_02_window() -> Figure:
    """One word, and the neighbours within two places."""
    text, parts = "open the file and read every line of it", []
    for n, word in enumerate(text.split()):
        parts.append((n + 0.5, 0, word, AMBER if n == 2 else BLUE if n < 5 else GREY))
        if n in (0, 1, 3, 4):
            bend = f"arc3,rad={-0.45 if n > 2 else 0.45}"
            parts.append(arrows((2.5, 0.3, n + 0.5, 0.3), lw=1.4, connectionstyle=bend))
    parts.append(labels((2.5, -0.42, "centre"), fontsize=8.5))
    frame = ("A window of two words on each side", 8.4, 1.9, 0, 9, -0.45, 1.6)
    return diagram(frame, *parts, fill="40")()


def plane(title: str, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Axes for vectors of two numbers."""
    figure, axes = canvas(1, columns, width=4.0 * columns + 1.4, height=3.6)
    axes = list(axes) if columns > 1 else [axes]
    for axis in axes:
        axis.set(xlim=(-1.5, 1.9), ylim=(-1.5, 1.6), aspect="equal")
        axis.set(xlabel="first number", ylabel="second number")
        axis.axhline(0, color="#888888", lw=0.7)
        axis.axvline(0, color="#888888", lw=0.7)
    figure.suptitle(title, fontsize=12, weight="bold")
    return figure, axes


def vector(axis: Axes, end: tuple[float, float], name: str, colour: str, lw: float = 2) -> None:
    """An arrow from nothing to ``end``, with its name."""
    arrow(axis, (0, 0), end, arrowstyle="-|>", lw=lw, color=colour)
    axis.annotate(name, end, (5, 3), textcoords="offset points", fontsize=9.5)


def draw_02_scores() -> Figure:
    """The centre "file" and four neighbours, with their dot products."""
    figure, (axis,) = plane("Agreement with “file”")
    vector(axis, VECTORS["file"], "file (centre)", AMBER, lw=3)
    for name, score in {"read": "1.00", "open": "1.50", "sine": "0.50", "colour": "−0.75"}.items():
        x, y = VECTORS[name]
        vector(axis, (x, y), "", BLUE)
        place, side = ((x - 0.05, y + 0.15), "right") if x < 1 else ((x + 0.08, y + 0.05), "left")
        labels((*place, f"{name} {score}"), ha=side)(axis)
    return figure


DRAWN = """file | sine | drawn by chance | 0
file | colour | drawn by chance | 0
file | the | drawn by chance | 0"""
draw_02_negatives = diagram(
    ("One real pair, three drawn ones", 7.0, 2.2, 0, 9.6, -0.2, 4.6),
    cells(0.4, 4.5, "centre | other word | where from | should say", size=(2.2, 0.9), faces=[HEAD]),
    cells(0.4, 3.6, "file | read | the text | 1", size=(2.2, 0.9), faces=[BLUE + "25"]),
    cells(0.4, 2.7, DRAWN, size=(2.2, 0.9), faces=[RED + "25"]),
)


def draw_02_sigmoid() -> Figure:
    """The curve, and the scores of the text on it."""
    figure, axis = canvas(width=6.6, height=2.9)
    values = np.linspace(-6, 6, 200)
    axis.plot(values, 1 / (1 + np.exp(-values)), lw=2)
    for score, name in ((-0.75, "colour"), (0.5, "sine"), (1.0, "read"), (1.5, "open"), (4, "")):
        prob = 1 / (1 + np.exp(-score))
        axis.plot(score, prob, "o", color=RED)
        text = f"{name} {prob:.2f}".strip()
        axis.annotate(text, (score, prob), (8, -9), textcoords="offset points", fontsize=9)
    axis.set(title="The sigmoid", xlabel="score", ylabel="believed real", ylim=(-0.05, 1.05))
    return figure


def draw_02_pull_push() -> Figure:
    """Which way the three vectors move."""
    figure, (axis,) = plane("One pull, one push")
    for name, colour in (("file", AMBER), ("read", BLUE), ("sine", RED)):
        vector(axis, VECTORS[name], "", colour, lw=1.5)
    file, read, sine = (np.array(VECTORS[name]) for name in ("file", "read", "sine"))
    steps = ((read, 0.27 * file), (sine, -0.62 * file), (file, 0.27 * read - 0.62 * sine))
    for start, step in steps:
        arrow(axis, start, start + step, lw=2.2, color="#222222")
    labels((-0.15, 1.25, "read: error 0.27,\npulled"), ha="right", fontsize=9)(axis)
    labels((0.1, -1.3, "sine: error −0.62,\npushed"), ha="right", fontsize=9)(axis)
    labels((1.12, 0.5, "file: to read,\naway from sine"), ha="left", fontsize=9)(axis)
    return figure


POWERS = "to the power 0.75 | 1,000 | 8 | 1 | 1,009"
draw_02_power = diagram(
    ("Count to the power 0.75", 8.0, 1.9, 0, 12, -0.3, 3.4),
    cells(0.3, 3.15, " | the | file | sine | in all", size=(2.3, 0.95), faces=[HEAD]),
    cells(0.3, 2.15, "count | 10,000 | 16 | 1 | 10,017", size=(2.3, 0.95)),
    cells(0.3, 1.15, POWERS, size=(2.3, 0.95), faces=[BLUE + "25"]),
)


def draw_02_before_after() -> Figure:
    """The three vectors before and after one step."""
    figure, axes = plane("One step at rate 0.5", columns=2)
    after = {"file": (0.76, 0.95), "read": (0.63, 1.07), "sine": (0.69, -1.16)}
    ways = (("read", BLUE, "center", -0.1, 0.18), ("file", AMBER, "left", 0.08, -0.1))
    ways += (("sine", RED, "right", -0.15, 0),)
    for axis, places, title in zip(axes, (VECTORS, after), ("before", "after"), strict=True):
        axis.set_title(title)
        for name, colour, side, right, up in ways:
            x, y = places[name]
            vector(axis, (x, y), "", colour)
            labels((x + right, y + up, f"{name} ({x:g}, {y:g})"), ha=side, fontsize=9)(axis)
    return figure


def draw_02_analogy() -> Figure:
    """files − file + list, drawn."""
    figure, axis = canvas(width=6.6, height=2.9)
    places = {"file": (1, 0), "files": (1, 1), "list": (3, 0.2), "lists": (3, 1.1)}
    for name, (x, y) in places.items():
        axis.plot(x, y, "o", color=BLUE)
        axis.annotate(f"{name} ({x:g}, {y:g})", (x, y), (9, -4), textcoords="offset points")
    arrows((1, 0, 1, 0.97), (3, 0.2, 3, 1.2), lw=2, color=AMBER)(axis)
    axis.plot(3, 1.2, "X", color=RED, markersize=9)
    axis.annotate("files − file + list", (3, 1.2), (-10, 4), textcoords="offset points", ha="right")
    axis.set(title="The same step, from another word", xlim=(0.4, 4.2), ylim=(-0.3, 1.6))
    axis.set(xlabel="first number", ylabel="second number")
    return figure


def draw_02_search() -> Figure:
    """A question and three documents as directions."""
    figure, (axis,) = plane("Which document points where the question points?")
    ways = (("question", 40, AMBER, 1.45), ("document A", 30, BLUE, 1.1))
    ways += (("document B", 90, GREY, 1.1), ("document C", 160, GREY, 1.1))
    for name, degrees, colour, length in ways:
        angle = np.radians(degrees)
        end = (length * np.cos(angle), length * np.sin(angle))
        vector(axis, end, name, colour, lw=3 if name == "question" else 2)
    labels((0.2, -0.9, "A: 10°, cosine 0.98\nB: 50°, 0.64     C: 120°, −0.50"))(axis)
    return figure
