"""Draw the pictures stored here: `python assets/figures/make.py` from the repository's root."""

import random
from collections.abc import Iterable
from pathlib import Path

from matplotlib.axes import Axes

from course_lib.start_here.figures import STEPS, course_map
from course_lib.workbook.figures import COLOURS, MARKERS, DescribedFigure, canvas

FOLDER = Path(__file__).parent
READY = [name for name, *_ in STEPS if list(FOLDER.parents[1].glob(f"notebooks/{name}_*.ipynb"))]


def boxes(
    axis: Axes, texts: Iterable[tuple[float, float, str, int]], pad: float, fill: str = "40"
) -> None:
    """Texts in coloured boxes: x, y, text, number of its colour."""
    for x, y, text, number in texts:
        face, edge = COLOURS[number] + fill, COLOURS[number]
        style = {"boxstyle": f"round,pad={pad}", "facecolor": face, "edgecolor": edge}
        axis.text(x, y, text, ha="center", va="center", bbox=style, fontsize=9.5)


def arrows(
    axis: Axes, y: float, spans: Iterable[tuple[float, float]], lw: float | None = None
) -> None:
    """Arrows to the right at one height, each from one x to another."""
    for start, end in spans:
        arrow(axis, (start, y), (end, y), **({"lw": lw} if lw else {}))


def arrow(
    axis: Axes, start: tuple[float, float], end: tuple[float, float], **style: object
) -> None:
    """One arrow; ``style`` is matplotlib's."""
    axis.annotate("", end, start, arrowprops={"arrowstyle": "->", **style})


def start_here() -> DescribedFigure:
    """Notebook 00 in one picture: from documents to a paragraph, through a table of counts."""
    figure, axis = canvas(width=8.0, height=1.8)
    axis.set(title="A language model in one table", xlim=(-0.5, 8.75), ylim=(-0.65, 0.5))
    axis.set_axis_off()
    texts = (
        (0.3, 0.15, "your\ndocuments", 0),
        (2.3, 0.15, "words, three\nat a time", 1),
        (4.6, 0.15, "the cat → sat  2\nthe cat → ran  1", 2),
        (6.7, 0.15, "draw the\nnext word", 3),
        (8.1, 0.15, "a new\nparagraph", 4),
    )
    boxes(axis, texts, pad=0.5)
    arrows(axis, 0.15, ((0.92, 1.58), (3.02, 3.68), (5.52, 6.08), (7.32, 7.5)), lw=1.6)
    arrow(axis, (6.7, -0.22), (5.2, -0.22), lw=1.6, connectionstyle="arc3,rad=-0.4")
    axis.text(5.95, -0.55, "again and again", ha="center", va="center", fontsize=9)
    return DescribedFigure(
        figure,
        "Your documents are cut into words; for every two words in a row the word that follows is "
        "counted; the next word is drawn from the counts, again and again.",
    )


def history() -> DescribedFigure:
    """Notebook 01 in one picture: five ways of guessing, one scale."""
    figure, axis = canvas(width=8.4, height=1.9)
    title = "Five ways of guessing, one text, one scale"
    axis.set(title=title, xlim=(-0.6, 8.6), ylim=(-0.75, 0.6))
    axis.set_axis_off()
    names = (
        "1948\ncount letters",
        "1966\nscripted rules",
        "1995\ncount words",
        "2014\na network\nthat reads",
        "2017\na transformer",
    )
    boxes(axis, ((2 * n, 0.25, name, n) for n, name in enumerate(names)), pad=0.45)
    arrows(axis, 0.25, ((2 * n - 1.38, 2 * n - 0.62) for n in range(1, 5)), lw=1.5)
    arrow(axis, (-0.3, -0.4), (8.3, -0.4), arrowstyle="-", lw=1.5)
    question = "how many bits does a new letter cost?   (ELIZA cannot say)"
    axis.text(4, -0.6, question, ha="center", fontsize=9.5)
    return DescribedFigure(
        figure,
        "Letters are counted, rules scripted, words counted, then a recurrent network and a "
        "transformer are trained, and all that can predict are compared on one text.",
    )


def transformer() -> DescribedFigure:
    """Notebook 03 in one picture: text, tokens, vectors, blocks, the next token."""
    figure, axis = canvas(width=8.4, height=2.2)
    axis.set(title="A GPT in one line", xlim=(-0.7, 8.3), ylim=(-0.75, 1.15))
    axis.set_axis_off()
    texts = {
        "text": "open the f",
        "tokens": "open | the | f",
        "vectors": "0.3 −1.2 …\n0.8  0.1 …",
        "blocks: look back,\nthink, again": "attention\n+ MLP",
        "likely next tokens": "ile  0.81\nolder 0.12",
    }
    boxes(axis, ((1.9 * n, 0.25, text, n) for n, text in enumerate(texts.values())), pad=0.45)
    for number, name in enumerate(texts):
        axis.text(1.9 * number, -0.45, name, ha="center", va="center", fontsize=9.5)
    arrows(axis, 0.25, ((1.9 * n - 1.25, 1.9 * n - 0.65) for n in range(1, 5)))
    arrow(axis, (7.6, 0.6), (0.0, 0.6), connectionstyle="arc3,rad=0.07")
    return DescribedFigure(
        figure,
        "Text becomes tokens, tokens become vectors, blocks of attention and MLP refine them, and "
        "the last vector says which token comes next; the chosen one is added to the text.",
    )


def embeddings() -> DescribedFigure:
    """Notebook 02 in one picture: from text to pairs, to vectors, to a map."""
    figure, axis = canvas(width=8.4, height=2.3)
    axis.set(title="From text to a map of meanings", xlim=(-1.1, 8.2), ylim=(-1.15, 1.15))
    axis.set_axis_off()
    texts = (
        (0.0, 0.25, "open the file\nand read it", 0),
        (2.1, 0.25, "file, open\nfile, and\nfile, read", 1),
        (4.1, 0.25, "file → 0.3 −1.2 …\nread → 0.4 −0.9 …", 2),
    )
    boxes(axis, texts, pad=0.45)
    labels = {
        "your text": 0.0,
        "pairs of\nneighbours": 2.1,
        "100 numbers\na word": 4.1,
        "a map you can\ncalculate with": 7.0,
    }
    for label, x in labels.items():
        axis.text(x, -0.85, label, ha="center", va="center", fontsize=9.5)
    arrows(axis, 0.25, ((0.85, 1.45), (2.7, 3.05), (5.2, 5.7)), lw=1.6)
    places = {
        "file": (6.1, 0.85),
        "folder": (6.4, 0.45),
        "read": (7.5, 0.75),
        "write": (7.7, 0.35),
        "plot": (6.9, -0.3),
    }
    for number, (word, (x, y)) in enumerate(places.items()):
        axis.plot(x, y, MARKERS[number // 2], color=COLOURS[3 + number // 2])
        axis.annotate(word, (x, y), (5, 3), textcoords="offset points", fontsize=9)
    return DescribedFigure(
        figure,
        "Text is cut into pairs of neighbouring words, the pairs shape a hundred numbers for each "
        "word, and words that are used alike come to lie close together.",
    )


def cleaning() -> DescribedFigure:
    """Notebook 04 in one picture: steps, and the three ways to judge them."""
    figure, axis = canvas(width=8.6, height=2.5)
    title = "From a heap of text to clean text, every step judged"
    axis.set(title=title, xlim=(-0.7, 8.7), ylim=(-1.35, 0.7))
    axis.set_axis_off()
    steps = ("look", "filter", "remove\nduplicates", "check\nfor leaks", "repair")
    judges = (
        "against the truth:\nprecision and recall",
        "by a model:\nbits per byte, two targets",
        "by you:\nread what is dropped",
    )
    texts = [(2 * number, 0.25, text, 0) for number, text in enumerate(steps)]
    texts += [(1 + 3 * number, -0.95, text, 1) for number, text in enumerate(judges)]
    boxes(axis, texts, pad=0.45, fill="30")
    arrows(axis, 0.25, ((2 * n - 1.28, 2 * n - 0.72) for n in range(1, 5)), lw=1.5)
    for x in (1, 4, 7):
        arrow(axis, (x, -0.6), (x, -0.2), lw=1.5)
    return DescribedFigure(
        figure,
        "Text is looked at, filtered, freed of duplicates, checked for leaks and repaired; the "
        "steps are judged against a known truth, by models that learn from the result, and by you.",
    )


def three_models() -> DescribedFigure:
    """Notebook 04, section 1: a line of the songbook in three states, and who reads it."""
    lines = ("[Dm]Ten past one on a\nWednesday,&nbsp;and …", "Ten past one on a\nWednesday, and …")
    states = (("scraped", lines[0], 1), ("cleaned", lines[1], 0), ("true", lines[1], 2))
    texts, ways = [], []
    for row, (name, line, colour) in enumerate(states):
        y = 2.6 - 1.2 * row
        texts += [(1.0, y, name, colour), (4.0, y, line, 3), (7.3, y, "trigram\nmodel", colour)]
        texts.append((9.8, y, "writes …", 3))
        ways += [((1.65, y), (2.4, y)), ((5.6, y), (6.6, y)), ((8.0, y), (9.0, y))]
    return diagram(
        "One songbook, three states, three models",
        (2.9, 10.8, -0.4, 3.2),
        texts,
        ways,
        "One songbook in three states: scraped, cleaned, true. A trigram model learns from each, "
        "and writes.",
    )


def grid(
    title: str, size: tuple[float, float, float, float], rows: Iterable, sentence: str
) -> DescribedFigure:
    """Rows of boxes behind their names: (y, name, [(x, text, colour)]); size as in diagram."""
    rows = list(rows)
    texts = [(x, y, text, colour) for y, _, cells in rows for x, text, colour in cells]
    drawn = diagram(title, size, texts, [], sentence)
    for y, name, _ in rows:
        drawn.figure.axes[0].text(0.1, y, name, va="center", fontsize=9.5, weight="bold")
    return drawn


def minhash() -> DescribedFigure:
    """Notebook 04, section 4: eight shingles, one scramble, the smallest number of each text."""
    scrambled = [(5 * number + 2) % 11 for number in range(8)]
    places = [(3.2 + number, number) for number in range(8)]
    rows = [(3.4, "shingle", [(x, str(n), 3) for x, n in places])]
    rows.append((2.4, "scrambled", [(x, str(scrambled[n]), 3) for x, n in places]))
    for y, name, left_out in ((1.3, "“… slow” has", 7), (0.3, "“… fun” has", 6)):
        own = [(x, scrambled[n]) for x, n in places if n != left_out]
        least = min(number for _, number in own)
        cells = [(x, str(n), 1 if n == least else 0) for x, n in own]
        rows.append((y, name, [*cells, (11.9, f"keeps {least}", 1)]))
    return grid(
        "One scramble: 5 · number + 2, remainder of a division by 11",
        (2.9, 12.9, -0.3, 4.0),
        rows,
        "Eight shingles with their numbers 0 to 7 and their scrambled numbers; each text keeps the "
        "smallest of its own: both keep 0.",
    )


def bands() -> DescribedFigure:
    """Notebook 04, section 4: two signatures of six numbers in three bands of two rows."""
    rows = [(2.3, "", [(4.4 + 3.2 * band, f"band {band + 1}", 3) for band in range(3)])]
    signatures = (("“… slow”", (0, 0, 0, 0, 1, 0)), ("“… fun”", (0, 0, 1, 0, 1, 0)))
    for y, (name, numbers) in zip((1.4, 0.5), signatures, strict=True):
        cells = [(3.9 + 3.2 * (n // 2) + n % 2, number, n // 2) for n, number in enumerate(numbers)]
        rows.append((y, name, [(x, str(number), 1 if b == 1 else 0) for x, number, b in cells]))
    verdicts = ("same: one bucket", "different", "same: one bucket")
    last = [(4.4 + 3.2 * n, text, 1 if n == 1 else 0) for n, text in enumerate(verdicts)]
    return grid(
        "Three bands of two rows",
        (2.6, 12.9, -0.9, 2.8),
        [*rows, (-0.5, "", last)],
        "The two signatures of six numbers, cut into three bands of two rows: the first and the "
        "third band agree, the second does not, so the texts meet in two buckets.",
    )


def leak() -> DescribedFigure:
    """Notebook 04, section 5: half of the held-out songs have a twin in training."""
    texts = [
        (2.0, 1.9, "training: 113 songs", 0),
        (5.4, 1.9, "5 twins", 1),
        (9.3, 1.9, "model", 3),
        (5.4, 0.3, "5 held-out songs:\ntests memory", 1),
        (9.3, 0.3, "5 held-out songs:\ntests the model", 2),
    ]
    ways = [((3.6, 1.9), (4.7, 1.9)), ((6.1, 1.9), (8.6, 1.9)), ((5.4, 0.8), (5.4, 1.5))]
    return diagram(
        "A leak",
        (2.2, 11.2, -0.3, 2.4),
        texts,
        ways,
        "Ten held-out songs; five of them have a twin among the training songs, so the model has "
        "read them: that half tests memory.",
    )


def mojibake() -> DescribedFigure:
    """Notebook 04, section 6: one letter, two bytes, two letters."""
    texts = (
        (0.9, 0.6, "é", 2),
        (4.3, 0.6, "byte C3", 3),
        (5.9, 0.6, "byte A9", 3),
        (9.5, 0.6, "Ã", 1),
        (10.4, 0.6, "©", 1),
    )
    drawn = diagram(
        "Mojibake: written in one code, read in another",
        (1.6, 11.2, -0.1, 1.4),
        texts,
        [((1.4, 0.6), (3.5, 0.6)), ((6.7, 0.6), (9.0, 0.6))],
        "The letter é is written as two bytes, C3 and A9; read in Windows-1252 they become two "
        "letters, Ã and ©.",
    )
    for x, text in ((2.45, "written in UTF-8"), (7.85, "read in Windows-1252")):
        drawn.figure.axes[0].text(x, 0.95, text, ha="center", fontsize=9)
    return drawn


def precision_recall() -> DescribedFigure:
    """Notebook 04, section 6: twelve lines, four flags, six damaged."""
    flagged, damaged = (2, 5, 7, 9), (5, 7, 8, 9, 11, 12)
    places = [(3.6 + 0.72 * number, number) for number in range(1, 13)]
    right = set(flagged) & set(damaged)
    rows = [
        (y, name, [(x, str(n), 0 if n in right else 1) for x, n in places if n in some])
        for y, name, some in ((1.5, "flagged by the rule", flagged), (0.6, "damaged", damaged))
    ]
    return grid(
        "Precision 3 of 4, recall 3 of 6",
        (1.9, 12.9, 0.1, 2.9),
        [(2.4, "lines of a page", [(x, str(n), 3) for x, n in places]), *rows],
        "Twelve lines. A rule flags lines 2, 5, 7 and 9; damaged are 5, 7, 8, 9, 11 and 12. Three "
        "of the four flags are right: precision 0.75. Three of the six damaged lines are flagged: "
        "recall 0.5.",
    )


def two_questions() -> DescribedFigure:
    """Notebook 04, section 7: ten blocks and six, compared in two ways."""
    rows = []
    for y, name, blocks, colour, read in (
        (3.1, "equal budget: raw", 10, 1, 6),
        (2.3, "equal budget: cleaned", 6, 0, 6),
        (1.1, "all that is left: raw", 10, 1, 10),
        (0.3, "all that is left: cleaned", 6, 0, 6),
    ):
        cells = [(4.6 + 0.75 * n, "   ", colour if n < read else 3) for n in range(blocks)]
        rows.append((y, name, [*cells, (12.3, f"reads {read}", 3)]))
    return grid(
        "Two fair questions",
        (2.5, 13.2, -0.2, 3.7),
        rows,
        "Raw text has ten blocks, cleaned text six. At an equal budget a model reads six blocks of "
        "each; with all that is left it reads ten of the one and six of the other.",
    )


def ten_words() -> DescribedFigure:
    """Notebook 04, section 8: ten words in five generations."""
    rng, rare = random.Random(4), ["leek", "frost", "gate", "spade", "worm", "dew"]
    words, rows = ["the"] * 4 + rare, []
    colours = {"the": 3, "leek": 0, "frost": 1, "gate": 2, "spade": 4, "worm": 5, "dew": 6}
    for generation in range(5):
        cells = [(3.2 + n, word, colours[word]) for n, word in enumerate(sorted(words))]
        name = f"{generation}: {len(set(words))} different"
        rows.append((2.6 - 0.75 * generation, name, cells))
        words = rng.choices(words, k=10)
    return grid(
        "Each row is drawn from the one above",
        (2.9, 12.9, -0.9, 3.1),
        rows,
        "Ten words in five generations, each drawn from the one above: six rare words, then fewer "
        "and fewer.",
    )


def training_data() -> DescribedFigure:
    """Notebook 04b in one picture: from a page to a training set with its card."""
    steps = ("page", "text", "judged", "words of\nyour field", "examples", "masked", "data card")
    texts = [(0.8 + 1.75 * n, 0.5, text, n % 3) for n, text in enumerate(steps)]
    return diagram(
        "From a page to a training set",
        (1.4, 12.2, -0.2, 1.2),
        texts,
        [((1.4 + 1.75 * n, 0.5), (1.9 + 1.75 * n, 0.5)) for n in range(6)],
        "Pages become text, judges keep what is good, words of the field get tokens, text becomes "
        "examples, personal data is masked, and a data card says what was done.",
    )


def page_parts() -> DescribedFigure:
    """Notebook 04b, section 1: a page, and what two programs keep of it."""
    parts = ("menu", "the text of the article", "advert", "footer")
    texts = [(2.0, 2.7 - 0.75 * n, text, 0 if n == 1 else 3) for n, text in enumerate(parts)]
    texts += [(7.6, 2.2, "stripper: all four", 1), (7.6, 0.8, "extractor: the text", 0)]
    return diagram(
        "A page and two programs",
        (2.4, 10.0, -0.1, 3.2),
        texts,
        [((4.0, 1.8), (5.9, 2.2)), ((4.0, 1.5), (5.9, 0.9))],
        "A page with menu, text, advert and footer: a stripper keeps all four, an extractor only "
        "the text.",
    )


def regression() -> DescribedFigure:
    """Notebook 04b, section 2: weights of words, their sum, squeezed between 0 and 1."""
    texts = (
        (1.3, 2.3, "deals  −1.2", 1),
        (1.3, 1.3, "the  +0.3", 0),
        (1.3, 0.3, "ramp  +0.5", 0),
        (4.5, 1.3, "sum  −0.4", 3),
        (7.5, 1.3, "squeezed:\n0.40", 3),
        (10.2, 1.3, "below 0.5:\ndrop", 1),
    )
    ways = [((2.3, 2.2), (3.7, 1.5)), ((2.3, 1.3), (3.7, 1.3)), ((2.3, 0.4), (3.7, 1.1))]
    return diagram(
        "Logistic regression reads “deals the ramp” (weights invented)",
        (2.3, 11.4, -0.1, 2.8),
        texts,
        [*ways, ((5.3, 1.3), (6.6, 1.3)), ((8.3, 1.3), (9.3, 1.3))],
        "Three words with their weights: deals −1.2, the +0.3, ramp +0.5; the sum −0.4 is squeezed "
        "to 0.40, below one half: drop.",
    )


def ask_next() -> DescribedFigure:
    """Notebook 04b, section 2: where to ask."""
    figure, axis = canvas(width=8.4, height=1.7)
    probs = (0.03, 0.35, 0.48, 0.56, 0.71, 0.98)
    nearest = sorted(probs, key=lambda prob: abs(prob - 0.5))[:3]
    for prob in probs:
        asked = prob in nearest
        axis.plot(prob, 0, "o" if asked else "s", color=COLOURS[1 if asked else 0], ms=10)
        order = f"\nask {nearest.index(prob) + 1}" if asked else ""
        axis.annotate(f"{prob}{order}", (prob, 0.25), ha="center", va="bottom", fontsize=9)
    axis.axvline(0.5, ymax=0.35, color="black", lw=1)
    axis.set(title="Ask where the model is unsure", xlabel="probability of “keep”")
    axis.set(ylim=(-0.5, 1.4), yticks=[], xlim=(-0.05, 1.05))
    return DescribedFigure(
        figure,
        "Six documents on a line from 0 to 1, at 0.03, 0.35, 0.48, 0.56, 0.71 and 0.98; the three "
        "nearest to one half are asked about, 0.48 first.",
    )


PIECES, ROWS, MEAN = ("“ Can”", "“o”", "“py”"), ("0.3  0.6", "0.9  0.0", "0.0  0.3"), "0.4  0.3"


def new_token() -> DescribedFigure:
    """Notebook 04b, section 3: a new row of the embedding. The pieces are mini-falcon's."""
    texts = [(1.4, 2.2 - n, piece, 0) for n, piece in enumerate(PIECES)]
    texts += [(4.5, 2.2 - n, numbers, 0) for n, numbers in enumerate(ROWS)]
    middle = 2.2 - (len(PIECES) - 1) / 2
    texts += [(8.6, middle, "mean\n" + MEAN, 1), (11.0, middle, "“ Canopy”\nnew row", 2)]
    ways = [((5.7, 2.2 - n), (7.5, middle)) for n in range(len(PIECES))]
    return diagram(
        "A new token starts as the mean of its pieces (numbers invented)",
        (2.6, 12.4, -0.4, 2.8),
        texts,
        [*ways, ((9.6, middle), (10.1, middle))],
        "The token “ Canopy” gets a new row of the embedding: the mean of the rows of its old "
        "pieces.",
    )


def forms() -> DescribedFigure:
    """Notebook 04b, section 4: one fact in three forms."""
    rows = (
        (2.2, "raw text", [(6.4, "We pay on the 10th and the 25th.", 0)]),
        (1.1, "prompt, completion", [(5.0, "When do we pay?", 3), (8.9, "On the 10th …", 0)]),
        (
            0.0,
            "prompt, chosen,\nrejected",
            [(5.0, "When do we pay?", 3), (8.9, "On the 10th …", 0), (11.9, "Two new cells.", 1)],
        ),
    )
    return grid(
        "One fact, three forms",
        (2.3, 13.6, -0.5, 2.8),
        rows,
        "One fact in three forms: raw text; prompt and completion; prompt, chosen and rejected.",
    )


def luhn() -> DescribedFigure:
    """Notebook 04b, section 5: the check of a card's digits, on three of them."""
    columns = ((4.0, "1", "1"), (5.6, "2", "2 · 2 = 4"), (7.2, "5", "5"))
    rows = (
        (1.6, "digits", [(x, digit, 3) for x, digit, _ in columns]),
        (0.5, "from the right", [(x, value, int(digit == "2")) for x, digit, value in columns]),
    )
    drawn = grid(
        "Luhn: double every second digit from the right",
        (1.9, 11.4, 0.0, 2.2),
        rows,
        "The digits 1 2 5: the 5 stays, the 2 is doubled to 4, the 1 stays; the sum is 10, which "
        "ends in 0.",
    )
    drawn.figure.axes[0].text(8.3, 0.5, "1 + 4 + 5 = 10: passes", va="center", fontsize=10)
    return drawn


def finetuning() -> DescribedFigure:
    """Notebook 05 in one picture: a frozen base in 4 bits, and a small detour that learns."""
    figure, axis = canvas(width=8.4, height=2.5)
    title = "A large frozen model, and a small detour that learns"
    axis.set(title=title, xlim=(0, 10), ylim=(-0.2, 2.7))
    axis.set_axis_off()
    texts = (
        (0.9, 1.3, "input x", 3),
        (4.8, 2.0, "base W, frozen\n4 bits a weight", 0),
        (3.6, 0.5, "A\nlearns", 1),
        (6.0, 0.5, "B\nlearns", 1),
        (9.1, 1.3, "output\nWx + s·B(Ax)", 3),
    )
    boxes(axis, texts, pad=0.4, fill="30")
    arrow(axis, (1.3, 1.4), (4.05, 2.0), lw=1.3)
    arrow(axis, (1.3, 1.2), (3.2, 0.6), lw=1.3)
    arrow(axis, (3.95, 0.5), (5.65, 0.5), lw=1.3)
    arrow(axis, (5.55, 2.0), (8.45, 1.45), lw=1.3)
    arrow(axis, (6.35, 0.55), (8.45, 1.15), lw=1.3)
    note = "rank 16: A makes a long vector short, B makes it long again"
    axis.text(4.8, -0.12, note, ha="center", fontsize=9)
    return DescribedFigure(
        figure,
        "A vector goes through the base, which stays as it is in four bits, and through a narrow "
        "detour of two small matrices, which learns; both results are added.",
    )


def diagram(
    title: str,
    size: tuple[float, float, float, float],
    texts: Iterable[tuple[float, float, str, int]],
    ways: Iterable[tuple[tuple[float, float], tuple[float, float]]],
    sentence: str,
) -> DescribedFigure:
    """Boxes and arrows between them; size: height in inches, largest x, lowest and largest y."""
    height, right, bottom, top = size
    figure, axis = canvas(width=8.8, height=height)
    axis.set(title=title, xlim=(0, right), ylim=(bottom, top))
    axis.set_axis_off()
    boxes(axis, texts, pad=0.4, fill="30")
    for start, end in ways:
        arrow(axis, start, end, lw=1.5)
    return DescribedFigure(figure, sentence)


def the_dial() -> DescribedFigure:
    """One weight of a base, and an adapter's change of it at four strengths."""
    turned = ((0, "the base alone"), (0.5, "half of it"), (1, "as learned"), (1.5, "too much?"))
    texts = [
        (
            1.2 + 2.5 * n,
            0.8,
            f"0.40 + {strength:g} × (−0.10)\n= {0.4 - 0.1 * strength:.2f}",
            min(n, 1),
        )
        for n, (strength, _) in enumerate(turned)
    ]
    figure = diagram(
        "One weight, and how much of the change is used",
        (1.7, 10, 0, 1.8),
        texts,
        [],
        "A weight of 0.40 and a learned change of −0.10, used at strength 0, a half, 1 and one "
        "and a half: 0.40, 0.35, 0.30 and 0.25.",
    )
    for n, (strength, name) in enumerate(turned):
        note = f"strength {strength:g}: {name}"
        figure.figure.axes[0].text(1.2 + 2.5 * n, 0.15, note, ha="center", fontsize=9)
    return figure


def bytes_of_a_weight() -> DescribedFigure:
    """Sixteen bytes for a weight that learns, half a byte for one that is frozen in four bits."""
    figure, axis = canvas(width=8.4, height=1.9)
    parts = ("weight", "gradient", "Adam's mean", "Adam's squares")
    for number, part in enumerate(parts):
        style = {"color": COLOURS[number] + "50", "edgecolor": COLOURS[number]}
        axis.barh(0, 4, 0.7, 4 * number, **style)
        axis.text(4 * number + 2, 0, f"{part}\n4 bytes", ha="center", va="center", fontsize=9.5)
    axis.barh(1, 0.5, 0.7, 0, color=COLOURS[0] + "50", edgecolor=COLOURS[0])
    axis.text(0.8, 1, "4 bits: half a byte", va="center", fontsize=9.5)
    axis.set(
        title="What one weight costs", xlabel="bytes", ylabel="a weight that", ylim=(1.5, -0.5)
    )
    axis.set_yticks((0, 1), ("learns", "is frozen"))
    return DescribedFigure(
        figure,
        "A weight that learns takes four bytes itself, four for its gradient and eight for Adam's "
        "two means, 16 in all; a frozen one in four bits takes half a byte.",
    )


def block_in_bytes() -> DescribedFigure:
    """Four of the 64 weights of a block on their way into bytes."""
    rows = {
        "weights": ("0.31", "−0.12", "0.70", "0.05", "…"),
        "divided by the largest, 0.70": ("0.44", "−0.17", "1.00", "0.07", "…"),
        "number of the nearest level": ("12", "5", "15", "8", "…"),
    }
    places = (3.6, 4.9, 6.2, 7.5, 8.6)
    texts = [
        (x, 3 - row, text, row if text != "…" else 3)
        for row, cells in enumerate(rows.values())
        for x, text in zip(places, cells, strict=True)
    ]
    texts += [(4.25, 0, "12 · 16 + 5 = 197", 4), (6.85, 0, "15 · 16 + 8 = 248", 4)]
    ways = [((x, y - 0.28), (x, y - 0.72)) for x in places[:4] for y in (3, 2)]
    ways += [((x, 0.72), (end, 0.28)) for x, end in zip(places, (4, 4.5, 6.6, 7.1), strict=False)]
    figure = diagram(
        "Two weights, one byte",
        (3.0, 9.6, -0.75, 3.5),
        texts,
        ways,
        "Each weight is divided by the largest of its block, 0.70, and becomes the number of the "
        "nearest level; two numbers make a byte, so 64 weights are 32 bytes and one scale.",
    )
    for row, name in enumerate((*rows, "bytes")):
        figure.figure.axes[0].text(2.9, 3 - row, name, ha="right", va="center", fontsize=9.5)
    note = "kept for 64 weights: 32 bytes and the scale 0.70"
    figure.figure.axes[0].text(5.5, -0.65, note, ha="center", fontsize=9.5)
    return figure


def detour() -> DescribedFigure:
    """A base and a detour of rank 1 with numbers for one's head."""
    texts = (
        (0.9, 1.3, "x = (2, 4)", 3),
        (5.0, 2.1, "base W, frozen: leaves it as it is\n(2, 4)", 0),
        (3.4, 0.5, "A adds up\n2 + 4 = 6", 1),
        (6.6, 0.5, "B gives half to the second\n(0, 3)", 1),
        (9.7, 1.3, "(2, 4) + (0, 3)\n= (2, 7)", 3),
    )
    ways = (
        ((1.5, 1.45), (3.1, 2.0)),
        ((1.5, 1.15), (2.7, 0.65)),
        ((4.15, 0.5), (5.15, 0.5)),
        ((6.9, 2.0), (8.7, 1.5)),
        ((8.05, 0.65), (8.7, 1.1)),
    )
    return diagram(
        "Two numbers go through the base and through a detour of one number",
        (2.4, 11, -0.1, 2.7),
        texts,
        ways,
        "The base gives (2, 4); the detour squeezes the two numbers into one, 6, and makes (0, 3) "
        "of it; together they are (2, 7).",
    )


def detours_in_a_block() -> DescribedFigure:
    """Where the four detours sit in a block of Falcon-7B, and how many weights each learns."""
    layers = ((2.3, 2.3, "query_key_value", "147,456"), (7.1, 2.3, "dense", "145,408"))
    layers += ((2.3, 0.6, "dense_h_to_4h", "363,520"), (7.1, 0.6, "dense_4h_to_h", "363,520"))
    texts = [(x, y + 0.32, name, 0) for x, y, name, _ in layers]
    texts += [(x, y - 0.32, f"+ detour {count}", 1) for x, y, _, count in layers]
    texts += [(4.75, 2.3, "attention", 3), (4.75, 0.6, "GELU", 3)]
    texts += [(0.3, 1.45, "x", 3), (9.3, 1.45, "sum", 3)]
    ways = []
    for y in (2.3, 0.6):
        inner = 1.6 if y > 1.45 else 1.3
        ways += [((0.5, inner), (1.1, y)), ((3.5, y), (4.0, y)), ((5.5, y), (5.95, y))]
        ways += [((8.25, y), (8.95, inner))]
    return diagram(
        "A block of Falcon-7B: four frozen layers, four detours of rank 16",
        (2.9, 9.8, -0.2, 3.1),
        texts,
        ways,
        "Each of the four linear layers of a block gets a detour beside it, of 147,456, 145,408, "
        "363,520 and 363,520 weights; attention and MLP stand side by side in a Falcon.",
    )


def the_trap() -> DescribedFigure:
    """Why four bits were asked for and not got."""
    texts = (
        (1.4, 1.2, "load_in_4bit=True", 3),
        (4.6, 1.2, "is the layer's class\nexactly nn.Linear?", 2),
        (8.3, 1.9, "a Llama's layer: yes\npacked into 4 bits", 0),
        (8.3, 0.5, "FalconLinear: no\nleft in 16 bits, no error", 1),
    )
    ways = (((2.45, 1.2), (3.55, 1.2)), ((5.65, 1.4), (7.1, 1.8)), ((5.65, 1.0), (7.0, 0.6)))
    return diagram(
        "The question that nobody sees",
        (2.2, 10, 0, 2.5),
        texts,
        ways,
        "A layer whose class is exactly nn.Linear is packed into four bits; Falcon's layers are "
        "of a class of their own, stay in 16 bits, and no error says so.",
    )


def two_tokenizers() -> DescribedFigure:
    """The same word as two numbers; the model has one row for each number."""
    texts = (
        (1.0, 1.2, "“list”", 3),
        (3.3, 1.9, "its own tokenizer:\n812", 0),
        (3.3, 0.5, "another one:\n1377", 1),
        (7.2, 1.9, "row 812 of the embedding,\nlearned from “list”", 0),
        (7.2, 0.5, "row 1377 of the embedding,\nlearned from “chart”", 1),
    )
    ways = [((1.4, 1.35), (2.35, 1.8)), ((1.4, 1.05), (2.35, 0.6))]
    ways += [((4.25, y), (5.6, y)) for y in (1.9, 0.5)]
    return diagram(
        "A token's number is a place in a table",
        (2.2, 9.2, 0, 2.5),
        texts,
        ways,
        "The right tokenizer's number leads to the row that was learned for this word; another "
        "tokenizer's number leads to a row that was learned for another word.",
    )


def what_is_learned() -> DescribedFigure:
    """A padded row of question and answer, and its labels."""
    row, labels = (11, 12, 13, 21, 22, 0, 0, 0), (None, None, None, 21, 22, 0, None, None)
    texts = [(1.3 * n + 2.2, 1.5, str(token), 3) for n, token in enumerate(row)]
    texts += [
        (1.3 * n + 2.2, 0.6, "−100" if label is None else str(label), 2 if label is None else 0)
        for n, label in enumerate(labels)
    ]
    figure = diagram(
        "What is read, and what is learned",
        (2.1, 12, 0.1, 2.5),
        texts,
        [],
        "Of a row of question, answer, end of text and padding only the answer and the end are "
        "labels; everything else is −100, though the padding has the number of the end.",
    )
    axis = figure.figure.axes[0]
    for x, name in ((3.5, "question"), (6.75, "answer"), (8.7, "end"), (10.65, "padding")):
        axis.text(x, 2.1, name, ha="center", va="center", fontsize=9.5)
    for y, name in ((1.5, "tokens"), (0.6, "labels")):
        axis.text(1.5, y, name, ha="right", va="center", fontsize=9.5)
    return figure


def three_piles() -> DescribedFigure:
    """The rows of notebook 05: to learn from, held out, and of another kind."""
    texts = (
        (1.5, 2.1, "training documents:\nrows to learn from", 0),
        (1.5, 0.5, "held-out documents:\nrows never learned", 1),
        (8.3, 0.5, "another kind of text:\nrows never learned", 2),
        (4.9, 2.1, "the adapter\nlearns", 0),
        (4.9, 0.5, "has it learned\nthe new?", 1),
        (8.3, 2.1, "what has\nit forgotten?", 2),
    )
    ways = (((2.75, 2.1), (4.15, 2.1)), ((2.75, 0.5), (3.95, 0.5)), ((8.3, 0.95), (8.3, 1.7)))
    return diagram(
        "Three piles of rows",
        (2.4, 10, -0.1, 2.7),
        texts,
        (*ways, ((4.9, 1.7), (4.9, 0.95)), ((5.7, 2.1), (7.3, 2.1))),
        "Rows of training documents are learned; rows of held-out documents of the same kind say "
        "whether the new was learned; rows of Python's documentation say what was forgotten.",
    )


def the_archive() -> DescribedFigure:
    """From a trained adapter to the same answers tomorrow."""
    texts = (
        (1.2, 1.2, "adapter, tokenizer,\ncard, name and\nchecksum of the base", 1),
        (4.2, 1.2, "one zip", 3),
        (6.3, 2.0, "SHA-256,\nkept elsewhere", 2),
        (6.3, 0.4, "tomorrow:\nsame base, loaded", 0),
        (9.3, 1.2, "the same\nanswers", 3),
    )
    ways = (((2.5, 1.2), (3.65, 1.2)), ((4.7, 1.35), (5.5, 1.85)), ((7.15, 1.85), (8.65, 1.35)))
    ways += (((4.7, 1.05), (5.3, 0.6)), ((7.3, 0.55), (8.65, 1.05)))
    return diagram(
        "An adapter goes into a file and comes back",
        (2.3, 10.2, -0.1, 2.6),
        texts,
        ways,
        "The adapter's folder becomes one zip; its checksum is kept elsewhere; tomorrow the same "
        "base and the checked zip give the same answers.",
    )


def alignment() -> DescribedFigure:
    """Notebook 06 in one picture: imitate, compare, be rewarded."""
    texts = (
        (1.3, 2.1, "answers to\nimitate", 3),
        (1.3, 0.4, "SmolLM2,\ntuned on them", 0),
        (4.6, 2.1, "replies, compared\nin pairs", 3),
        (4.6, 0.4, "reward model\nlearns the choices", 1),
        (8.3, 2.1, "replies are drawn,\nrewarded, made likelier", 0),
        (8.3, 0.4, "a frozen copy\nholds it back", 2),
    )
    ways = [((x, 1.65), (x, 0.9)) for x in (1.3, 4.6)]
    ways += [((2.2, 0.7), (3.6, 1.7)), ((5.8, 0.7), (7.1, 1.7)), ((8.3, 0.9), (8.3, 1.65))]
    return diagram(
        "Imitate, compare, be rewarded",
        (2.5, 10, -0.3, 2.7),
        texts,
        ways,
        "People write answers to imitate; people compare replies, and a reward model learns their "
        "choices; the model writes, is rewarded, and changes, while a frozen copy holds it back.",
    )


def reward_model() -> DescribedFigure:
    """From a reply to a number: frozen body, mean of the states, a head."""
    texts = (
        (1.2, 0.7, "letter\n+ reply", 3),
        (3.9, 0.7, "language model,\nfrozen", 0),
        (7.0, 0.7, "mean of the\nreply's states\n576 numbers", 0),
        (9.5, 0.7, "head\nlearns", 1),
        (11.2, 0.7, "1.3", 2),
    )
    spans = ((1.9, 2.65), (5.1, 5.8), (8.15, 8.95), (10.05, 10.7))
    return diagram(
        "A reward model",
        (1.9, 12, -0.2, 1.6),
        texts,
        [((start, 0.7), (end, 0.7)) for start, end in spans],
        "Letter and reply go through the frozen language model; the mean of the reply's states is "
        "a row of 576 numbers, and a head turns it into one number.",
    )


def feedback_loop() -> DescribedFigure:
    """The five words of reinforcement learning, on the parts of this course."""
    texts = (
        (1.6, 1.3, "environment\nletters and\nreward model", 1),
        (8.6, 1.3, "policy\nthe language\nmodel", 0),
        (5.1, 2.4, "observation: “The app will not find my sensor.”", 3),
        (5.1, 1.3, "action: “I'm sorry. Please move it closer.”", 3),
        (5.1, 0.2, "reward: 1.3", 2),
    )
    ways = [((1.6, 1.95), (2.75, 2.4)), ((7.45, 2.4), (8.6, 1.95)), ((7.75, 1.3), (7.4, 1.3))]
    ways += [((2.8, 1.3), (2.45, 1.3)), ((1.6, 0.65), (4.3, 0.2)), ((5.9, 0.2), (8.6, 0.65))]
    return diagram(
        "The loop, and its five words",
        (3.0, 10, -0.4, 2.9),
        texts,
        ways,
        "The environment gives a letter, the observation; the policy, a language model, gives a "
        "reply, its action; the environment gives a reward for it, and the policy changes.",
    )


def prompting() -> DescribedFigure:
    """Notebook 07: a prompt is the program, the model its runtime, and what holds it in check."""
    texts = (
        (1.2, 1.3, "tasks, a call\nPUT /tasks/2/done", 3),
        (4.2, 1.3, "prompt\nthe program", 0),
        (7.2, 1.3, "language model\nthe runtime", 0),
        (10.3, 1.3, "response,\nnew tasks", 2),
        (
            5.7,
            0.1,
            "grammar: what it may write     tests: what is right     traces: to learn from",
            1,
        ),
    )
    ways = [((2.45, 1.3), (3.4, 1.3)), ((5.0, 1.3), (6.1, 1.3)), ((8.3, 1.3), (9.5, 1.3))]
    return diagram(
        "A prompt is a program",
        (1.9, 12, -0.5, 2.0),
        texts,
        [*ways, ((7.2, 0.4), (7.2, 0.85))],
        "Tasks and a call go through a prompt, the program, and a language model, its runtime, to "
        "a response and new tasks; a grammar, tests and traces hold the model in check.",
    )


def two_designs() -> DescribedFigure:
    """What the model writes in each of the backend's designs, for one call."""
    texts = (
        (1.1, 1.9, "tasks + call", 3),
        (1.1, 0.4, "call", 3),
        (3.4, 1.9, "model", 0),
        (3.4, 0.4, "model", 0),
        (6.6, 1.9, "response and all tasks\nabout 60 tokens", 2),
        (6.3, 0.4, '{"op": "finish", "id": 2, …}\nabout 20 tokens', 2),
        (9.6, 0.4, "code:\napply", 1),
        (9.6, 1.25, "tasks", 3),
        (11.6, 1.9, "new tasks", 3),
        (11.6, 0.4, "new tasks", 3),
    )
    ways = [((1.95, 1.9), (2.8, 1.9)), ((4.0, 1.9), (4.9, 1.9)), ((8.3, 1.9), (10.8, 1.9))]
    ways += [((1.5, 0.4), (2.8, 0.4)), ((4.0, 0.4), (4.4, 0.4)), ((8.2, 0.4), (9.05, 0.4))]
    return diagram(
        "Two designs: the model writes everything, or names an operation",
        (2.3, 13, -0.2, 2.6),
        texts,
        [*ways, ((10.15, 0.4), (10.8, 0.4)), ((9.6, 1.05), (9.6, 0.8))],
        "Above, the model reads all tasks and writes all of them anew; below, it reads the call, "
        "names an operation, and code applies it to the tasks.",
    )


def serving() -> DescribedFigure:
    """Notebook 08 in one picture: from the clients to the model, and what is counted."""
    texts = (
        (1.1, 1.5, "clients\nchat box,\nscripts", 3),
        (3.6, 1.5, "server\nqueue, keys,\nlimits", 0),
        (6.5, 1.5, "engine\nwho is in\nthe next step?", 1),
        (9.4, 1.5, "model\none token for\neach of a batch", 0),
        (5.0, 0.05, "numbers: waiting, first token, refused     bill: hours, busy or idle", 2),
    )
    ways = [((1.8, 1.5), (2.75, 1.5)), ((4.45, 1.5), (5.45, 1.5)), ((7.55, 1.6), (8.3, 1.6))]
    ways += [((8.3, 1.4), (7.55, 1.4)), ((3.6, 0.85), (3.6, 0.4)), ((6.5, 0.85), (6.5, 0.4))]
    return diagram(
        "A token on its way",
        (2.2, 10.8, -0.4, 2.3),
        texts,
        ways,
        "Clients send requests to a server, where they wait in a queue; an engine takes them into "
        "a batch, which the model reads token by token; numbers about all of it go to a board and "
        "to the bill.",
    )


def two_phases() -> DescribedFigure:
    """Prefill reads a prompt in one step; decode reads one token a step, and the cache grows."""
    texts = (
        (1.9, 1.7, "step 1: prefill\nreads the whole prompt", 1),
        (5.2, 1.7, "step 2: decode\nreads one token", 0),
        (8.2, 1.7, "step 3: decode\nreads one token", 0),
        (1.9, 0.2, "cache: 243 tokens", 2),
        (5.2, 0.2, "cache: 244 tokens", 2),
        (8.2, 0.2, "cache: 245 tokens", 2),
    )
    ways = [((3.35, 1.7), (4.1, 1.7)), ((6.35, 1.7), (7.1, 1.7)), ((9.3, 1.7), (10.0, 1.7))]
    ways += [((x, 1.2), (x, 0.55)) for x in (1.9, 5.2, 8.2)]
    return diagram(
        "One step reads much, the others one token each",
        (2.2, 10.6, -0.2, 2.4),
        texts,
        ways,
        "The first step reads the whole prompt and fills the cache; every step after it reads one "
        "token, writes the next one, and the cache grows by one.",
    )


def draft_check() -> DescribedFigure:
    """A draft of three tokens, what the model says at the four places, and what is written."""
    rows = (("draft", ("in", "hall", "3", ""), 3), ("model says", ("in", "hall", "2", "today"), 0))
    rows += (("written", ("in", "hall", "2", ""), 2),)
    texts = [
        (3.2 + 2 * column, 2.2 - row, word, colour if column < 3 else 3)
        for row, (_, words, colour) in enumerate(rows)
        for column, word in enumerate(words)
        if word
    ]
    figure = diagram(
        "Guess three, check all at once",
        (2.3, 10.5, -0.3, 2.8),
        texts,
        [],
        "The draft says in, hall, 3; the model says in, hall, 2, today. Written are in, hall and "
        "the model's own 2; what it said behind the wrong 3 does not count.",
    )
    for row, (name, *_) in enumerate(rows):
        figure.figure.axes[0].text(0.3, 2.2 - row, name, va="center", fontsize=10, weight="bold")
    return figure


def security() -> DescribedFigure:
    """Notebook 09 in one picture: walls that judge text, and a vault."""
    texts = (
        (1.0, 1.6, "somebody\nwrites", 3),
        (3.1, 1.6, "input\nfilter", 0),
        (5.3, 1.6, "model\nwith rules in\nits prompt", 1),
        (7.6, 1.6, "output\nfilter", 0),
        (9.6, 1.6, "reply", 3),
        (3.1, 0.0, "vault: a program compares the\npass-phrase, and has the word", 2),
        (7.9, 0.0, "board: attacks that work,\nhonest use that is left", 4),
    )
    ways = [((1.65, 1.6), (2.5, 1.6)), ((3.7, 1.6), (4.35, 1.6)), ((6.3, 1.6), (7.0, 1.6))]
    ways += [((8.2, 1.6), (9.15, 1.6)), ((1.0, 1.1), (1.55, 0.3)), ((9.4, 1.2), (8.9, 0.5))]
    return diagram(
        "Walls that judge text, and one that judges nothing",
        (2.5, 10.4, -0.5, 2.4),
        texts,
        ways,
        "An attacker's message passes an input filter, the model and an output filter; each of "
        "them judges text. Beside them stands a vault: a program that compares the pass-phrase, "
        "and never tells the model the word. A board counts attacks that work and honest use that "
        "is left.",
    )


def suffix_step() -> DescribedFigure:
    """One step of the search for a suffix: proposals, a batch of single changes, the best one."""
    rows = (("message and suffix", ("What is … ?", "garden", "three", "lend", ":"), 0),)
    rows += (("the gradient proposes", ("", "say", "word", "tell", "is"), 2),)
    rows += (("one change at a time", ("What is … ?", "garden", "word", "lend", ":"), 1),)
    texts = [
        (3.9 + 1.75 * column, 2.4 - row, word, colour if column else 3)
        for row, (_, words, colour) in enumerate(rows)
        for column, word in enumerate(words)
        if word
    ]
    figure = diagram(
        "One step: propose, try, keep the best",
        (2.5, 12.0, -0.4, 3.0),
        texts,
        [((7.4, 1.15), (7.4, 0.72))],
        "Behind the message stand four tokens. The gradient proposes other tokens for each place; "
        "one change is tried at a time, a batch of them, and the one with the lowest loss stays. "
        "Then the next step begins.",
    )
    for row, (name, *_) in enumerate(rows):
        figure.figure.axes[0].text(0.1, 2.4 - row, name, va="center", fontsize=9.5, weight="bold")
    return figure


def privacy() -> DescribedFigure:
    """Notebook 09b in one picture: what comes out of a model, and what goes on in it."""
    texts = (
        (1.2, 1.1, "pages with\nmade-up\nsecrets", 3),
        (3.9, 1.1, "a small\nmodel", 0),
        (7.0, 1.9, "what comes out again?\nexposure, membership", 1),
        (10.9, 1.9, "bound it with noise,\nthen audit the bound", 2),
        (7.0, 0.3, "what goes on inside?\nwords, layers, directions", 1),
        (10.9, 0.3, "where do attacks lie?\nall of them, painted", 2),
    )
    ways = [((2.1, 1.1), (3.2, 1.1)), ((4.6, 1.25), (5.3, 1.75)), ((4.6, 0.95), (5.3, 0.45))]
    ways += [((8.75, 1.9), (9.3, 1.9)), ((8.75, 0.3), (9.3, 0.3))]
    return diagram(
        "Two ways of asking a model",
        (2.3, 12.7, -0.3, 2.5),
        texts,
        ways,
        "Pages with made-up secrets train a model; one side asks what comes out again and bounds "
        "it with noise; the other side looks inside: which word mattered, what the layers think, "
        "which direction refuses, where attacks lie.",
    )


def private_step() -> DescribedFigure:
    """Three gradients, clipped to length 1, summed, and hidden in noise."""
    texts = (
        (1.2, 2.2, "line 1\nlength 5.0", 3),
        (1.2, 1.1, "line 2\nlength 0.5", 3),
        (1.2, 0.0, "line 3\nlength 48", 3),
        (4.0, 2.2, "clipped\n1.0", 0),
        (4.0, 1.1, "kept\n0.5", 0),
        (4.0, 0.0, "clipped\n1.0", 0),
        (6.6, 1.1, "sum", 1),
        (8.4, 1.1, "+ noise", 2),
        (10.8, 1.1, "step of\nthe weights", 1),
    )
    ways = [((2.1, y), (3.3, y)) for y in (2.2, 1.1, 0.0)]
    ways += [((4.7, y), (6.2, 1.1 + 0.15 * (y - 1.1))) for y in (2.2, 1.1, 0.0)]
    ways += [((7.0, 1.1), (7.7, 1.1)), ((9.1, 1.1), (9.8, 1.1))]
    return diagram(
        "A private step: no line pulls harder than 1",
        (2.5, 12.0, -0.5, 2.7),
        texts,
        ways,
        "Three gradients of different length are each cut to length one at most, added up, and "
        "noise is added to the sum; the weights see only the noisy sum.",
    )


def privacy_audit() -> DescribedFigure:
    """Coins, one training, guesses."""
    texts = (
        (1.3, 1.0, "200 canaries,\na coin each", 3),
        (4.2, 1.7, "heads: in", 0),
        (4.2, 0.3, "tails: out", 0),
        (6.7, 1.0, "one private\ntraining", 1),
        (9.2, 1.0, "guess from\nthe noisy sum", 2),
        (11.9, 1.0, "more right than\nε allows?", 2),
    )
    ways = [((2.4, 1.15), (3.4, 1.6)), ((2.4, 0.85), (3.4, 0.4)), ((4.95, 1.6), (5.8, 1.2))]
    ways += [((4.95, 0.4), (8.2, 0.6)), ((7.6, 1.0), (8.2, 1.0)), ((10.1, 1.0), (10.7, 1.0))]
    return diagram(
        "Two hundred guesses from one training",
        (2.1, 13.3, -0.2, 2.2),
        texts,
        ways,
        "A coin decides for each of many canaries whether it goes into the training; after one "
        "training an auditor guesses, from the noisy sum, what the coins said; more right "
        "guesses than the claimed epsilon allows show a bug.",
    )


def song() -> DescribedFigure:
    """Notebook 10 in one picture: from a scraped page to a folder with a song."""
    texts = (
        (1.1, 2.0, "scraped\nlyrics", 3),
        (3.3, 2.0, "cleaned,\nwith form", 0),
        (5.7, 2.0, "SmolLM2 with\nan adapter", 1),
        (8.3, 2.0, "words, section\nby section", 2),
        (3.3, 0.3, "tunes in\nABC letters", 3),
        (5.7, 0.3, "n-gram and\ntransformer", 1),
        (8.3, 0.3, "a melody on\nthe stresses", 2),
        (10.9, 1.15, "band\nand voice", 0),
        (13.0, 1.15, "song.wav,\narchive", 4),
    )
    ways = [((1.75, 2.0), (2.55, 2.0)), ((4.05, 2.0), (4.7, 2.0)), ((6.75, 2.0), (7.2, 2.0))]
    ways += [((4.05, 0.3), (4.75, 0.3)), ((6.65, 0.3), (7.25, 0.3)), ((8.3, 1.6), (8.3, 0.72))]
    ways += [((9.35, 1.8), (10.2, 1.3)), ((9.35, 0.5), (10.2, 1.0)), ((11.6, 1.15), (12.2, 1.15))]
    return diagram(
        "From a scraped page to a song",
        (2.5, 13.9, -0.3, 2.6),
        texts,
        ways,
        "Scraped lyrics are cleaned, a model learns from them and writes words section by section; "
        "two models of tunes add a melody; a band and a voice play it; the song lies in a folder, "
        "with the archive of the model beside it.",
    )


def injection() -> DescribedFigure:
    """Notebook 09a in one picture: text that is read, a model, and a gate outside."""
    texts = (
        (1.2, 1.9, "a user\nasks", 3),
        (1.2, 0.1, "somebody\nwrote a page", 3),
        (4.0, 1.0, "a model reads both\nas one text", 1),
        (7.2, 1.0, "a gate compares the call\nwith the user's words", 2),
        (10.4, 1.9, "a note goes out", 0),
        (10.4, 0.1, "a note is stopped", 4),
    )
    ways = [((1.9, 1.8), (2.9, 1.3)), ((2.0, 0.3), (2.9, 0.8)), ((5.2, 1.0), (5.7, 1.0))]
    ways += [((8.7, 1.25), (9.4, 1.65)), ((8.7, 0.75), (9.4, 0.35)), ((2.0, 2.0), (6.6, 1.5))]
    return diagram(
        "What a model reads can give it orders; the gate asks no model",
        (2.4, 12.0, -0.4, 2.4),
        texts,
        ways,
        "A user's question and a page that somebody wrote reach the model as one text. Its call "
        "goes to a gate, which compares it with the user's words, and with nothing else: the note "
        "goes out or is stopped.",
    )


def dashed(
    title: str,
    size: tuple[float, float, float, float],
    texts: Iterable[tuple[float, float, str, int]],
    ways: Iterable[tuple[tuple[float, float], tuple[float, float], str]],
    sentence: str,
) -> DescribedFigure:
    """A diagram with words on its arrows; those of an attacker begin with "!" and are dashed."""
    figure = diagram(title, size, texts, (), sentence)
    axis = figure.figure.axes[0]
    for start, end, text in ways:
        bad = text.startswith("!")
        arrow(axis, start, end, lw=1.8, ls="--" if bad else "-", color=COLOURS[1 if bad else 0])
        place = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
        style = dict(ha="center", va="center", fontsize=9, backgroundcolor="white")
        axis.text(*place, text.lstrip("!"), **style)
    return figure


def injected_page() -> DescribedFigure:
    """Who speaks to whom when a page carries an order."""
    texts = (
        (1.0, 1.0, "user", 3),
        (4.4, 1.0, "assistant", 0),
        (4.4, 2.7, "page", 2),
        (1.0, 2.7, "attacker", 1),
        (9.0, 1.6, "colleague", 3),
        (9.0, 0.3, "attacker's\nfriend", 1),
    )
    ways = [((1.4, 1.0), (3.7, 1.0), "asks"), ((4.4, 2.4), (4.4, 1.3), "is read")]
    ways += [((5.2, 1.1), (8.2, 1.6), "send_note"), ((1.7, 2.7), (4.0, 2.7), "!writes an order")]
    ways += [((5.2, 0.9), (8.2, 0.35), "!send_note")]
    return dashed(
        "Indirect prompt injection",
        (2.6, 10.2, -0.2, 3.2),
        texts,
        ways,
        "The user asks the assistant, which reads a page and sends notes to colleagues. The "
        "attacker never speaks to the assistant: an order in the page (dashed) makes it send a "
        "note to the attacker's friend.",
    )


def gate_outside() -> DescribedFigure:
    """Which words reach the gate."""
    texts = (
        (1.0, 0.4, "page", 2),
        (1.0, 1.9, "user", 3),
        (4.0, 0.4, "model", 0),
        (7.0, 0.4, "gate", 4),
        (10.0, 0.4, "colleague", 3),
    )
    ways = [((1.4, 0.4), (3.5, 0.4), "!text"), ((1.4, 1.7), (3.6, 0.7), "request")]
    ways += [((4.5, 0.4), (6.6, 0.4), "!call"), ((1.5, 1.9), (6.8, 0.7), "request")]
    ways += [((7.4, 0.4), (9.2, 0.4), "send_note")]
    return dashed(
        "A gate that cannot be talked to",
        (2.3, 11.2, -0.1, 2.3),
        texts,
        ways,
        "The page and the user's request reach the model, whose call may be an attacker's "
        "(dashed). The gate reads the call and the user's request; no arrow leads to it from the "
        "page.",
    )


def two_channels() -> DescribedFigure:
    """One text, or command and value apart."""
    texts = (
        (1.3, 2.2, "command", 0),
        (1.3, 1.2, "what was typed", 1),
        (4.9, 1.7, "one text", 4),
        (8.3, 1.7, "the database\nreads commands", 2),
        (1.3, 0.0, "what was typed", 1),
        (1.3, -1.0, "command with ?", 0),
        (8.3, -1.0, "the database\nreads commands", 2),
        (8.3, 0.2, "and fills values in", 3),
    )
    ways = [((2.1, 2.2), (4.2, 1.85), ""), ((2.4, 1.2), (4.2, 1.55), "!")]
    ways += [((5.6, 1.7), (7.2, 1.7), "!"), ((2.4, 0.0), (7.2, 0.2), "value")]
    ways += [((2.5, -1.0), (7.2, -1.0), "command")]
    return dashed(
        "Above: pasted together.  Below: kept apart",
        (2.9, 9.8, -1.5, 2.7),
        texts,
        ways,
        "Above, command and typed text are pasted into one text, and the database reads all of it "
        "as command. Below they travel apart: the command is read first, and what was typed is "
        "filled in as a value.",
    )


if __name__ == "__main__":
    (FOLDER / "course_map.png").write_bytes(course_map(READY).png())
    pictures = (start_here, history, embeddings, transformer, cleaning, finetuning, alignment)
    pictures += (prompting, serving, security)
    for number, draw in enumerate(pictures):
        (FOLDER / f"{number:02}_what_you_will_build.png").write_bytes(draw().png())
    for draw in (three_models, minhash, bands, leak, mojibake, precision_recall, two_questions):
        (FOLDER / f"04_{draw.__name__}.png").write_bytes(draw().png())
    (FOLDER / "04_ten_words.png").write_bytes(ten_words().png())
    (FOLDER / "04b_what_you_will_build.png").write_bytes(training_data().png())
    (FOLDER / "04b_page.png").write_bytes(page_parts().png())
    (FOLDER / "04b_ask.png").write_bytes(ask_next().png())
    for draw in (regression, new_token, forms, luhn):
        (FOLDER / f"04b_{draw.__name__}.png").write_bytes(draw().png())
    for draw in (
        *(the_dial, bytes_of_a_weight, block_in_bytes, detour, detours_in_a_block),
        *(the_trap, two_tokenizers, three_piles, what_is_learned, the_archive),
    ):
        (FOLDER / f"05_{draw.__name__}.png").write_bytes(draw().png())
    for name, draw in (("reward_model", reward_model), ("feedback_loop", feedback_loop)):
        (FOLDER / f"06_{name}.png").write_bytes(draw().png())
    (FOLDER / "10_what_you_will_build.png").write_bytes(song().png())
    (FOLDER / "07_two_designs.png").write_bytes(two_designs().png())
    for name, draw in (("two_phases", two_phases), ("draft_check", draft_check)):
        (FOLDER / f"08_{name}.png").write_bytes(draw().png())
    (FOLDER / "09_suffix_step.png").write_bytes(suffix_step().png())
    for name, draw in (
        ("what_you_will_build", privacy),
        ("private_step", private_step),
        ("audit", privacy_audit),
    ):
        (FOLDER / f"09b_{name}.png").write_bytes(draw().png())
    for name, draw in (
        ("what_you_will_build", injection),
        ("injected_page", injected_page),
        ("gate_outside", gate_outside),
        ("two_channels", two_channels),
    ):
        (FOLDER / f"09a_{name}.png").write_bytes(draw().png())
