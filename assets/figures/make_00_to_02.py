"""Draw the mechanisms of notebooks 00 to 02: `python assets/figures/make_00_to_02.py`.

Every picture has the numbers of the text around it.
"""

from collections.abc import Sequence

import numpy as np
from make import FOLDER, arrow, boxes, diagram
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from course_lib.workbook.figures import COLOURS, DescribedFigure, canvas

TOY = "the cat sat on the mat and the cat sat on the hat and the cat ran"


def blank(title: str, width: float, height: float, right: float, bottom: float, top: float):
    """A figure without axes, and its axis from 0 to ``right`` and ``bottom`` to ``top``."""
    figure, axis = canvas(width=width, height=height)
    axis.set(title=title, xlim=(0, right), ylim=(bottom, top))
    axis.set_axis_off()
    return figure, axis


def cells(
    axis: Axes,
    values: Sequence[object],
    place: tuple[float, float],
    size: tuple[float, float],
    colours: Sequence[str] = (),
) -> None:
    """A row of cells with something written in each; ``place`` is the left lower corner."""
    for number, value in enumerate(values):
        face = colours[number] if colours else "#ffffff"
        corner = (place[0] + number * size[0], place[1])
        axis.add_patch(Rectangle(corner, *size, facecolor=face, edgecolor="#777777", lw=0.8))
        middle = (corner[0] + size[0] / 2, corner[1] + size[1] / 2)
        axis.text(*middle, str(value), ha="center", va="center", fontsize=9.5)


def label(axis: Axes, x: float, y: float, text: str, **style: object) -> None:
    """A text, centred unless ``style`` says otherwise."""
    axis.text(x, y, text, **({"ha": "center", "va": "center", "fontsize": 9.5} | style))


# --- notebook 00


def trigrams() -> DescribedFigure:
    """A window of three words on the toy text."""
    toy = TOY.split()
    figure, axis = blank("Three words at a time", 8.8, 2.1, len(toy), -2.3, 1.3)
    cells(axis, toy, (0, 0), (1, 0.9))
    for number in range(3):
        y = -0.5 - 0.7 * number
        axis.plot([number + 0.1, number + 2.9], [y, y], color=COLOURS[number], lw=3)
        words = " ".join(toy[number : number + 3])
        label(axis, number + 3.2, y, words, ha="left", color="#222222")
    label(axis, 8.5, -1.2, "… and so on, to the end: 15 trigrams in 17 words", ha="left")
    return DescribedFigure(figure, "A window of three words moves over the text.")


def came_next() -> DescribedFigure:
    """Pairs of words and the list behind each, from one short sentence."""
    figure, axis = blank("What came next?", 8.8, 1.9, 12, -1.7, 1.4)
    text = "open the file and open the file again"
    cells(axis, text.split(), (0.2, 0.3), (1.1, 0.75))
    label(axis, 9.3, 0.65, "a text of eight words", ha="left")
    rows = {"open the": "file, file", "the file": "and, again", "file and": "open"}
    for number, (pair, after) in enumerate(rows.items()):
        x = 0.2 + 3.4 * number
        cells(axis, [pair], (x, -1.2), (1.5, 0.75), [COLOURS[0] + "30"])
        cells(axis, [after], (x + 1.5, -1.2), (1.5, 0.75), [COLOURS[1] + "30"])
    label(axis, 10.5, -0.85, "…", ha="left")
    return DescribedFigure(figure, "Two words in a row, and a growing list of what came next.")


def table() -> DescribedFigure:
    """From trigrams to one row of the table, and to probabilities."""
    texts = (
        (1.5, 2.0, "the cat | sat", 0),
        (1.5, 1.1, "the cat | sat", 0),
        (1.5, 0.2, "the cat | ran", 1),
        (5.2, 1.1, "the cat →  sat 2,  ran 1", 2),
        (9.4, 1.6, "sat   2 / 3 = 0.67", 0),
        (9.4, 0.6, "ran   1 / 3 = 0.33", 1),
    )
    ways = [((2.55, y), (3.75, 1.1 + 0.2 * (y - 1.1))) for y in (2.0, 1.1, 0.2)]
    ways += [((6.7, 1.2), (8.2, 1.6)), ((6.7, 1.0), (8.2, 0.6))]
    sentence = "Two of three trigrams that begin with “the cat” go on with sat."
    size = (2.3, 11.2, -0.4, 2.5)
    return diagram("Count, then divide: one row of the table", size, texts, ways, sentence)


def sampling() -> DescribedFigure:
    """A draw: a point on a line whose pieces are as long as the counts."""
    figure, axis = blank("Drawing a word after “the cat”", 6.6, 1.7, 3.3, -1.0, 1.2)
    cells(axis, ["sat, 2 times"], (0.1, 0), (2, 0.55), [COLOURS[0] + "40"])
    cells(axis, ["ran, 1 time"], (2.1, 0), (1, 0.55), [COLOURS[1] + "40"])
    for number in range(4):
        label(axis, 0.1 + number, -0.25, str(number))
    arrow(axis, (0.1 + 0.71, 1.05), (0.1 + 0.71, 0.58), lw=1.8)
    label(axis, 0.1 + 0.71 + 0.08, 0.9, "chance says 0.71: “sat”", ha="left")
    arrow(axis, (0.1 + 2.87, -0.75), (0.1 + 2.87, -0.03), lw=1.8)
    label(axis, 0.1 + 2.79, -0.75, "chance says 2.87: “ran”", ha="right")
    return DescribedFigure(figure, "Each word gets a piece of the line as long as its count.")


def split() -> DescribedFigure:
    """Training and validation, with near copies on one side."""
    texts = (
        (1.4, 1.2, "all documents", 3),
        (4.4, 1.2, "near copies\nare tied together", 1),
        (8.0, 2.0, "training: nine of ten\nthe model learns from these", 0),
        (8.0, 0.4, "validation: one of ten\nheld out, only for tests", 2),
    )
    ways = [((2.4, 1.2), (3.35, 1.2)), ((5.5, 1.4), (6.4, 1.9)), ((5.5, 1.0), (6.4, 0.5))]
    sentence = "A model learns from one part and is tested on the other."
    return diagram("The split", (2.2, 10, -0.3, 2.6), texts, ways, sentence)


def choices() -> DescribedFigure:
    """A walk through the toy table: one choice, then two words without any."""
    figure, axis = blank("Writing “the cat sat on the”", 8.8, 2.1, 12, -0.9, 2.5)
    texts = (
        (1.0, 1.2, "the cat", 3),
        (3.9, 1.9, "sat", 0),
        (3.9, 0.4, "ran", 1),
        (6.9, 1.9, "on", 2),
        (9.9, 1.9, "the", 2),
    )
    boxes(axis, texts, pad=0.45)
    ways = (((1.7, 1.35), (3.4, 1.85)), ((1.7, 1.05), (3.4, 0.45)))
    ways += (((4.4, 1.9), (6.4, 1.9)), ((7.4, 1.9), (9.4, 1.9)))
    for start, end in ways:
        arrow(axis, start, end, lw=1.5)
    label(axis, 2.3, -0.5, "2 words in the row:\na choice")
    label(axis, 5.4, 0.95, "after “cat sat”\n1 word: copied")
    label(axis, 8.4, 0.95, "after “sat on”\n1 word: copied")
    return DescribedFigure(figure, "A row with one word is no choice.")


# --- notebook 01


def bits() -> DescribedFigure:
    """Probabilities as bars that halve, and what each costs."""
    figure, axis = blank("Each halving costs one bit", 7.4, 2.3, 10.4, -0.3, 5.2)
    shares = {"1": 1, "1/2": 0.5, "1/4": 0.25, "1/8": 0.125, "1/27": 1 / 27}
    costs = "0 bits", "1 bit", "2 bits", "3 bits", "4.75 bits"
    for row, ((name, share), cost) in enumerate(zip(shares.items(), costs, strict=True)):
        y = 4.2 - row
        axis.add_patch(Rectangle((1, y), 7 * share, 0.6, facecolor=COLOURS[0] + "90"))
        label(axis, 0.5, y + 0.3, name)
        label(axis, 1.2 + 7 * share, y + 0.3, cost, ha="left")
    return DescribedFigure(figure, "Each halving of the probability costs one more coin toss.")


def eliza() -> DescribedFigure:
    """One sentence taken apart and put together again."""
    figure, axis = blank("How ELIZA answers", 8.8, 2.9, 12, -0.4, 4.3)
    label(axis, 0.1, 3.9, "I am tired of my sister.", ha="left", weight="bold")
    label(axis, 4.6, 3.9, "swap:  I → YOU,  AM → ARE,  MY → YOUR", ha="left")
    parts = "YOU ARE TIRED OF", "YOUR", "(nothing)", "SISTER", "(nothing)"
    marks = "0", "YOUR", "0", "(/FAMILY)", "0"
    x = 0.1
    for number, (part, mark) in enumerate(zip(parts, marks, strict=True), 1):
        width = 3.6 if number == 1 else 1.9
        face = COLOURS[1] + "60" if number == 4 else COLOURS[0] + "20"
        cells(axis, [part], (x, 2.2), (width, 0.8), [face])
        label(axis, x + width / 2, 1.85, f"{mark}   part {number}", fontsize=8.5)
        x += width
    label(axis, 0.1, 0.2, "TELL ME MORE ABOUT YOUR 4", ha="left")
    arrow(axis, (4.6, 0.2), (6.4, 0.2), lw=1.5)
    label(axis, 6.7, 0.2, "TELL ME MORE ABOUT YOUR SISTER", ha="left", weight="bold")
    arrow(axis, (8.4, 1.55), (3.9, 0.5), lw=1.2)
    return DescribedFigure(figure, "Swap, cut at a pattern, put one part into a ready sentence.")


def soup() -> DescribedFigure:
    """The smallest rule at work."""
    figure, axis = blank("(0 SOUP 0) and WHAT ABOUT THE SOUP 3", 8.8, 1.5, 12, -0.7, 1.4)
    colours = [COLOURS[0] + "20", COLOURS[0] + "20", COLOURS[1] + "60"]
    cells(axis, ["THE", "SOUP", "WAS COLD"], (0.2, 0.1), (1.7, 0.8), colours)
    for number, mark in enumerate(("0", "SOUP", "0")):
        label(axis, 1.05 + 1.7 * number, -0.3, f"{mark}   part {number + 1}", fontsize=8.5)
    arrow(axis, (5.6, 0.5), (6.9, 0.5), lw=1.5)
    label(axis, 7.2, 0.5, "WHAT ABOUT THE SOUP WAS COLD", ha="left", weight="bold")
    return DescribedFigure(figure, "Three parts, and the third comes back in the answer.")


def add_one() -> DescribedFigure:
    """Counts after "the" before and after smoothing."""
    words = ["cat", "mat", "dog", "the", "sat", "on", "and", "ran", "to"]
    figure, axis = blank("After “the”: add one to every count", 8.8, 2.2, 13, -0.6, 3.2)
    white, blue, amber = "#ffffff", COLOURS[0] + "30", COLOURS[1] + "40"
    for number, word in enumerate(words):
        label(axis, 2.4 + number, 2.85, word)
    label(axis, 1.7, 1.95, "counts", ha="right")
    cells(axis, [2, 1, 1] + [0] * 6, (1.9, 1.6), (1, 0.75), [blue] * 3 + [white] * 6)
    label(axis, 11.1, 1.95, "4 in all", ha="left")
    label(axis, 1.7, 0.75, "plus one", ha="right")
    cells(axis, [3, 2, 2] + [1] * 6, (1.9, 0.4), (1, 0.75), [blue] * 3 + [amber] * 6)
    label(axis, 11.1, 0.75, "13 in all", ha="left")
    text = (
        "P(cat | the):  2 / 4 = 0.50  becomes  3 / 13 = 0.23       P(ran | the):  0  becomes  0.08"
    )
    label(axis, 6.4, -0.3, text)
    return DescribedFigure(figure, "Add one to every count, then divide by the new total.")


def kneser_ney() -> DescribedFigure:
    """How often, and after how many different words."""
    figure, axis = blank("How often, or after how many different words?", 8.8, 2.2, 12, -0.4, 3)
    for row, (word, before) in enumerate(
        {"francisco": ["san", "san", "san"], "bay": ["the", "a", "one"]}.items()
    ):
        y = 1.7 - 1.6 * row
        cells(axis, before, (0.3, y), (1.1, 0.75), [COLOURS[row] + "35"] * 3)
        cells(axis, [word], (4.2, y), (1.6, 0.75))
        arrow(axis, (3.7, y + 0.38), (4.15, y + 0.38), lw=1.3)
        kinds = len(set(before))
        said = "3 times, after 3 different words" if kinds > 1 else "3 times, after one word only"
        label(axis, 6.2, y + 0.38, said, ha="left")
    label(axis, 10.1, 0.48, "after a new word:\nthe better guess", ha="left", weight="bold")
    return DescribedFigure(figure, "“Bay” has followed three words, “francisco” only one.")


def one_weight() -> DescribedFigure:
    """Guess, look, move: a training step of a network with one weight."""
    texts = (
        (1.2, 1.5, "weight\nw = 0", 0),
        (4.0, 1.5, "guess\nP(h | t) = 0.50", 3),
        (7.2, 1.5, "truth: “h”\nloss: 1 bit", 2),
        (10.5, 1.5, "error\n1 − 0.50 = 0.50", 1),
        (5.9, 0.0, "step: w becomes 0 + 0.50, and the next guess is 0.62", 0),
    )
    ways = [((1.9, 1.5), (2.9, 1.5)), ((5.1, 1.5), (6.2, 1.5)), ((8.2, 1.5), (9.3, 1.5))]
    ways += [((10.3, 1.0), (9.2, 0.15)), ((2.6, 0.15), (1.4, 1.0))]
    sentence = "Guess, look at the truth, and move the weight so that the truth becomes likelier."
    return diagram("One step of training", (2.2, 12, -0.5, 2.2), texts, ways, sentence)


def unrolled() -> DescribedFigure:
    """A recurrent network with one state number over three words."""
    figure, axis = blank("A recurrent network reads “the cat sat”", 8.8, 2.7, 12, -0.9, 3.0)
    states = "0", "0.76", "−0.55", "−0.27"
    for number, state in enumerate(states):
        boxes(axis, [(1.0 + 3.4 * number, 2.0, f"h = {state}", 0)], pad=0.45)
    words = (("the", "1", "0.5 · 0 + 1"), ("cat", "−1", "0.5 · 0.76 − 1"))
    words += (("sat", "0", "0.5 · (−0.55) + 0"),)
    for number, (word, x, sum_) in enumerate(words):
        middle = 2.7 + 3.4 * number
        arrow(axis, (middle - 1.0, 2.0), (middle + 0.95, 2.0), lw=1.6)
        label(axis, middle, 2.45, f"tanh({sum_})", fontsize=8.5)
        boxes(axis, [(middle, 0.3, f"{word}\nx = {x}", 1)], pad=0.35)
        arrow(axis, (middle, 0.95), (middle, 1.9), lw=1.3)
    label(
        axis,
        6,
        -0.7,
        "the same weight 0.5 at every step; the state is all that it knows of the past",
    )
    return DescribedFigure(figure, "New state = tanh(0.5 · old state + x), again and again.")


def looks_back() -> DescribedFigure:
    """A transformer's weighted average over three words."""
    figure, axis = blank("A transformer looks back from the end", 8.8, 2.6, 12, -0.6, 3.1)
    words = (("the", "1", 0.1), ("cat", "−1", 0.7), ("sat", "0", 0.2))
    for number, (word, x, weight) in enumerate(words):
        place = 1.2 + 2.6 * number
        boxes(axis, [(place, 0.3, f"{word}\n{x}", 1)], pad=0.35)
        arrow(axis, (9.2, 1.9), (place + 0.1, 0.95), lw=0.8 + 5 * weight, color=COLOURS[0])
        label(axis, place + 0.2, 1.45, f"{weight}", weight="bold")
    boxes(axis, [(10.2, 2.1, "next word?", 0)], pad=0.45)
    label(axis, 6, -0.5, "0.1 · 1 + 0.7 · (−1) + 0.2 · 0 = −0.6: what it takes along")
    return DescribedFigure(figure, "Every earlier word is one step away.")


def three_steps() -> DescribedFigure:
    """From a model that continues text to ChatGPT."""
    texts = (
        (2.0, 2.0, "people write\nanswers", 3),
        (2.0, 0.4, "1  imitate\nGPT-3 learns to\nwrite like that", 0),
        (6.2, 2.0, "people rank answers:\nA better than B", 3),
        (6.2, 0.4, "2  compare\na reward model\nlearns the ranking", 1),
        (10.4, 2.0, "the model writes,\nthe reward model scores", 3),
        (10.4, 0.4, "3  be rewarded\nwhat scores high\nbecomes likelier", 2),
    )
    ways = [((x, 1.6), (x, 1.0)) for x in (2.0, 6.2, 10.4)]
    ways += [((3.3, 0.7), (4.9, 1.8)), ((7.5, 0.7), (9.0, 1.7))]
    sentence = "Imitate, compare, be rewarded: three steps from GPT-3 to an assistant."
    return diagram("From GPT-3 to ChatGPT", (2.7, 12.4, -0.4, 2.6), texts, ways, sentence)


# --- notebook 02

VECTORS = {"file": (1.0, 0.5), "read": (0.5, 1.0), "open": (1.0, 1.0)}
VECTORS |= {"sine": (1.0, -1.0), "colour": (-1.0, 0.5)}


def plane(title: str, columns: int = 1):
    """Axes for the vectors of sections 3 to 5."""
    figure, axes = canvas(1, columns, width=4.0 * columns + 1.4, height=3.6)
    for axis in axes if columns > 1 else [axes]:
        axis.set(xlim=(-1.5, 1.9), ylim=(-1.5, 1.6), aspect="equal")
        axis.set(xlabel="first number", ylabel="second number")
        axis.axhline(0, color="#888888", lw=0.7)
        axis.axvline(0, color="#888888", lw=0.7)
    figure.suptitle(title, fontsize=12, weight="bold")
    return figure, axes


def vector(axis: Axes, end: tuple[float, float], name: str, colour: str, **style: object) -> None:
    """An arrow from nothing to ``end``, with its name."""
    arrow(axis, (0, 0), end, **({"arrowstyle": "-|>", "lw": 2, "color": colour} | style))
    axis.annotate(name, end, (5, 3), textcoords="offset points", fontsize=9.5)


def window() -> DescribedFigure:
    """One word, and the neighbours within two places."""
    figure, axis = blank("A window of two words on each side", 8.4, 1.9, 9, -0.45, 1.6)
    text = "open the file and read every line of it"
    for number, word in enumerate(text.split()):
        colour = 1 if number == 2 else 0 if number < 5 else 3
        boxes(axis, [(number + 0.5, 0, word, colour)], pad=0.4)
        if number < 5 and number != 2:
            bend = f"arc3,rad={-0.45 if number > 2 else 0.45}"
            arrow(axis, (2.5, 0.3), (number + 0.5, 0.3), lw=1.4, connectionstyle=bend)
    label(axis, 2.5, -0.42, "centre", fontsize=8.5)
    return DescribedFigure(figure, "The centre guesses its neighbours: open, the, and, read.")


def scores() -> DescribedFigure:
    """The centre "file" and four neighbours, with their dot products."""
    figure, axis = plane("Agreement with “file”")
    vector(axis, VECTORS["file"], "file (centre)", COLOURS[1], lw=3)
    said = {"read": "read 1.00", "open": "open 1.50", "sine": "sine 0.50", "colour": "colour −0.75"}
    for name, text in said.items():
        vector(axis, VECTORS[name], "", COLOURS[0])
        x, y = VECTORS[name]
        at, side = ((x - 0.05, y + 0.15), "right") if x < 1 else ((x + 0.08, y + 0.05), "left")
        label(axis, *at, text, ha=side)
    return DescribedFigure(figure, "Arrows that point where “file” points agree with it.")


def negatives() -> DescribedFigure:
    """What the network is asked: one real pair, three drawn ones."""
    figure, axis = blank("One real pair, three drawn ones", 7.0, 2.2, 9.6, -0.2, 4.6)
    rows = [("centre", "other word", "where from", "should say"), ("file", "read", "the text", "1")]
    rows += [("file", word, "drawn by chance", "0") for word in ("sine", "colour", "the")]
    for number, row in enumerate(rows):
        colour = "#dddddd" if number == 0 else COLOURS[0 if number == 1 else 2] + "25"
        cells(axis, row, (0.4, 3.6 - 0.9 * number), (2.2, 0.9), [colour] * 4)
    return DescribedFigure(figure, "One real pair from the text, and a few made by chance.")


def sigmoid() -> DescribedFigure:
    """The curve, and the scores of the text on it."""
    figure, axis = canvas(width=6.6, height=2.9)
    values = np.linspace(-6, 6, 200)
    axis.plot(values, 1 / (1 + np.exp(-values)), lw=2)
    for score, name in ((-0.75, "colour"), (0.5, "sine"), (1.0, "read"), (1.5, "open"), (4, "")):
        prob = 1 / (1 + np.exp(-score))
        axis.plot(score, prob, "o", color=COLOURS[2])
        text = f"{name} {prob:.2f}".strip()
        axis.annotate(text, (score, prob), (8, -9), textcoords="offset points", fontsize=9)
    axis.set(title="The sigmoid", xlabel="score", ylabel="believed real", ylim=(-0.05, 1.05))
    return DescribedFigure(figure, "The sigmoid turns a score into a probability.")


def pull_push() -> DescribedFigure:
    """Which way the three vectors move."""
    figure, axis = plane("One pull, one push")
    for name, colour in (("file", 1), ("read", 0), ("sine", 2)):
        vector(axis, VECTORS[name], "", COLOURS[colour], lw=1.5)
    file, read, sine = (np.array(VECTORS[name]) for name in ("file", "read", "sine"))
    steps = {"read": (read, 0.27 * file), "sine": (sine, -0.62 * file)}
    steps["file"] = file, 0.27 * read - 0.62 * sine
    for place, step in steps.values():
        style = {"lw": 2.2, "color": "#222222", "arrowstyle": "->"}
        arrow(axis, place, place + step, **style)
    label(axis, -0.15, 1.25, "read: error 0.27,\npulled", ha="right", fontsize=9)
    label(axis, 0.1, -1.3, "sine: error −0.62,\npushed", ha="right", fontsize=9)
    label(axis, 1.12, 0.5, "file: to read,\naway from sine", ha="left", fontsize=9)
    return DescribedFigure(figure, "The real neighbour is pulled, the drawn one pushed.")


def power() -> DescribedFigure:
    """Shares before and after the power 0.75."""
    figure, axis = blank("Count to the power 0.75", 8.0, 1.9, 12, -0.3, 3.4)
    rows = (("", "the", "file", "sine", "in all"), ("count", "10,000", "16", "1", "10,017"))
    rows += (("to the power 0.75", "1,000", "8", "1", "1,009"),)
    for number, row in enumerate(rows):
        colour = "#dddddd" if number == 0 else "#ffffff" if number == 1 else COLOURS[0] + "25"
        cells(axis, row, (0.3, 2.2 - number), (2.3, 0.95), [colour] * 5)
    return DescribedFigure(figure, "Large counts shrink, and 1 stays 1.")


def before_after() -> DescribedFigure:
    """The three vectors before and after one step."""
    figure, axes = plane("One step at rate 0.5", columns=2)
    after = {"file": (0.76, 0.95), "read": (0.63, 1.07), "sine": (0.69, -1.16)}
    for axis, places, title in zip(axes, (VECTORS, after), ("before", "after"), strict=True):
        axis.set_title(title)
        for number, name in enumerate(("read", "file", "sine")):
            x, y = places[name]
            vector(axis, (x, y), "", COLOURS[number])
            at = (x + 0.08, y - 0.1) if name == "file" else (x - 0.1, y + 0.18)
            at = (x - 0.15, y) if name == "sine" else at
            side = {"file": "left", "sine": "right"}.get(name, "center")
            label(axis, *at, f"{name} ({x:g}, {y:g})", ha=side, fontsize=9)
    return DescribedFigure(figure, "“File” has turned towards “read” and away from “sine”.")


def analogy() -> DescribedFigure:
    """files − file + list, drawn."""
    figure, axis = canvas(width=6.6, height=2.9)
    places = {"file": (1, 0), "files": (1, 1), "list": (3, 0.2), "lists": (3, 1.1)}
    for name, (x, y) in places.items():
        axis.plot(x, y, "o", color=COLOURS[0])
        axis.annotate(f"{name} ({x:g}, {y:g})", (x, y), (9, -4), textcoords="offset points")
    arrow(axis, (1, 0), (1, 0.97), lw=2, color=COLOURS[1])
    arrow(axis, (3, 0.2), (3, 1.2), lw=2, color=COLOURS[1])
    axis.plot(3, 1.2, "X", color=COLOURS[2], markersize=9)
    axis.annotate("files − file + list", (3, 1.2), (-10, 4), textcoords="offset points", ha="right")
    axis.set(title="The same step, from another word", xlim=(0.4, 4.2), ylim=(-0.3, 1.6))
    axis.set(xlabel="first number", ylabel="second number")
    return DescribedFigure(figure, "The step from file to files, set at list, ends near lists.")


def angles() -> DescribedFigure:
    """A question and three documents as directions."""
    figure, axis = plane("Which document points where the question points?")
    named = {"question": (40, 1), "document A": (30, 0), "document B": (90, 3)}
    named["document C"] = (160, 3)
    for name, (degrees, colour) in named.items():
        length = 1.45 if name == "question" else 1.1
        angle = np.radians(degrees)
        end = (length * np.cos(angle), length * np.sin(angle))
        vector(axis, end, name, COLOURS[colour], lw=3 if name == "question" else 2)
    label(axis, 0.2, -0.9, "A: 10°, cosine 0.98\nB: 50°, 0.64     C: 120°, −0.50")
    return DescribedFigure(figure, "The document with the smallest angle to the question wins.")


DRAWN = {
    "00_came_next": came_next,
    "00_trigrams": trigrams,
    "00_table": table,
    "00_draw": sampling,
    "00_split": split,
    "00_choices": choices,
    "01_bits": bits,
    "01_eliza": eliza,
    "01_soup": soup,
    "01_add_one": add_one,
    "01_kneser_ney": kneser_ney,
    "01_one_weight": one_weight,
    "01_rnn": unrolled,
    "01_transformer": looks_back,
    "01_three_steps": three_steps,
    "02_window": window,
    "02_scores": scores,
    "02_negatives": negatives,
    "02_sigmoid": sigmoid,
    "02_pull_push": pull_push,
    "02_power": power,
    "02_before_after": before_after,
    "02_analogy": analogy,
    "02_search": angles,
}

if __name__ == "__main__":
    for name, draw in DRAWN.items():
        (FOLDER / f"{name}.png").write_bytes(draw().png())
