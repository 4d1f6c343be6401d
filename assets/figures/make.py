"""Draw the pictures stored here: `python assets/figures/make.py` from the repository's root."""

from pathlib import Path

from course_lib.start_here.figures import course_map
from course_lib.workbook.figures import COLOURS, MARKERS, DescribedFigure, canvas

FOLDER = Path(__file__).parent


def start_here() -> DescribedFigure:
    """Notebook 00 in one picture: from documents to a paragraph, through a table of counts."""
    figure, axis = canvas(width=8.0, height=1.8)
    axis.set(title="A language model in one table", xlim=(-0.5, 8.75), ylim=(-0.65, 0.5))
    axis.set_axis_off()
    boxes = (
        (0.3, "your\ndocuments"),
        (2.3, "words, three\nat a time"),
        (4.6, "the cat → sat  6\nthe cat → ran  3"),
        (6.7, "draw the\nnext word"),
        (8.1, "a new\nparagraph"),
    )
    for number, (place, text) in enumerate(boxes):
        style = {
            "boxstyle": "round,pad=0.5",
            "facecolor": COLOURS[number] + "40",
            "edgecolor": COLOURS[number],
        }
        axis.text(place, 0.15, text, ha="center", va="center", bbox=style, fontsize=9.5)
        if number:
            half = (0.62, 0.72, 0.92, 0.62, 0.6)
            start, end = boxes[number - 1][0] + half[number - 1], place - half[number]
            axis.annotate(
                "", (end, 0.15), (start, 0.15), arrowprops={"arrowstyle": "->", "lw": 1.6}
            )
    axis.annotate(
        "",
        (5.2, -0.22),
        (6.7, -0.22),
        arrowprops={"arrowstyle": "->", "lw": 1.6, "connectionstyle": "arc3,rad=-0.4"},
    )
    axis.text(5.95, -0.55, "again and again", ha="center", va="center", fontsize=9)
    return DescribedFigure(
        figure,
        "Your documents are cut into words, triples of words are counted, and the next word is "
        "drawn from the counts again and again until there is a paragraph.",
    )


def history() -> DescribedFigure:
    """Notebook 01 in one picture: five ways of guessing, one scale."""
    figure, axis = canvas(width=8.4, height=1.9)
    axis.set(
        title="Five ways of guessing, one text, one scale", xlim=(-0.6, 8.6), ylim=(-0.75, 0.6)
    )
    axis.set_axis_off()
    boxes = (
        "1948\ncount letters",
        "1966\nscripted rules",
        "1995\ncount words",
        "2014\na network\nthat reads",
        "2017\na transformer",
    )
    for number, text in enumerate(boxes):
        style = {
            "boxstyle": "round,pad=0.45",
            "facecolor": COLOURS[number] + "40",
            "edgecolor": COLOURS[number],
        }
        axis.text(2 * number, 0.25, text, ha="center", va="center", bbox=style, fontsize=9.5)
        if number:
            axis.annotate(
                "",
                (2 * number - 0.62, 0.25),
                (2 * number - 1.38, 0.25),
                arrowprops={"arrowstyle": "->", "lw": 1.5},
            )
    axis.annotate("", (8.3, -0.4), (-0.3, -0.4), arrowprops={"arrowstyle": "-", "lw": 1.5})
    axis.text(
        4,
        -0.6,
        "how many bits does each need for a letter that it has never seen?",
        ha="center",
        fontsize=9.5,
    )
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
    boxes = {
        "text": "open the f",
        "tokens": "open | the | f",
        "vectors": "0.3 −1.2 …\n0.8  0.1 …",
        "blocks: look back,\nthink, again": "attention\n+ MLP",
        "likely next tokens": "ile  0.81\nolder 0.12",
    }
    for column, (name, text) in enumerate(boxes.items()):
        x, colour = 1.9 * column, COLOURS[column]
        box = dict(boxstyle="round,pad=0.45", facecolor=colour + "40", edgecolor=colour)
        axis.text(x, 0.25, text, ha="center", va="center", bbox=box, fontsize=9.5)
        axis.text(x, -0.45, name, ha="center", va="center", fontsize=9.5)
        if column:
            axis.annotate("", (x - 0.65, 0.25), (x - 1.25, 0.25), arrowprops={"arrowstyle": "->"})
    back = {"arrowstyle": "->", "connectionstyle": "arc3,rad=0.07"}
    axis.annotate("", (0.0, 0.6), (7.6, 0.6), arrowprops=back)
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
    boxes = (
        (0.0, "open the file\nand read it"),
        (2.1, "file, open\nfile, and\nfile, read"),
        (4.1, "file → 0.3 −1.2 …\nread → 0.4 −0.9 …"),
    )
    for number, (place, text) in enumerate(boxes):
        style = {
            "boxstyle": "round,pad=0.45",
            "facecolor": COLOURS[number] + "40",
            "edgecolor": COLOURS[number],
        }
        axis.text(place, 0.25, text, ha="center", va="center", bbox=style, fontsize=9.5)
    labels = (
        "your text",
        "pairs of\nneighbours",
        "100 numbers\na word",
        "a map you can\ncalculate with",
    )
    for place, label in zip((0.0, 2.1, 4.1, 7.0), labels, strict=True):
        axis.text(place, -0.85, label, ha="center", va="center", fontsize=9.5)
    for start, end in ((0.85, 1.45), (2.7, 3.05), (5.2, 5.7)):
        axis.annotate("", (end, 0.25), (start, 0.25), arrowprops={"arrowstyle": "->", "lw": 1.6})
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
    title = "From a heap of text to a training set, every step judged"
    axis.set(title=title, xlim=(-0.7, 8.7), ylim=(-1.35, 0.7))
    axis.set_axis_off()
    judges = (
        "against the truth:\nprecision and recall",
        "by a model:\nbits a byte, two targets",
        "by you:\na hundred labels",
    )
    steps = ("look", "repair", "filter", "remove\nduplicates", "mask what\nis personal")
    places = [(2 * number, 0.25, text, 0) for number, text in enumerate(steps)]
    places += [(1 + 3 * number, -0.95, text, 1) for number, text in enumerate(judges)]
    for x, y, text, colour in places:
        style = {
            "boxstyle": "round,pad=0.45",
            "facecolor": COLOURS[colour] + "30",
            "edgecolor": COLOURS[colour],
        }
        axis.text(x, y, text, ha="center", va="center", bbox=style, fontsize=9.5)
    arrow = {"arrowstyle": "->", "lw": 1.5}
    for x in (2, 4, 6, 8):
        axis.annotate("", (x - 0.72, 0.25), (x - 1.28, 0.25), arrowprops=arrow)
    for x in (1, 4, 7):
        axis.annotate("", (x, -0.2), (x, -0.6), arrowprops=arrow)
    return DescribedFigure(
        figure,
        "Text is looked at, repaired, filtered, freed of duplicates and masked; the steps are "
        "judged against a known truth, by models that learn from the result, and by you.",
    )


def finetuning() -> DescribedFigure:
    """Notebook 05 in one picture: a frozen base in 4 bits, and a small detour that learns."""
    figure, axis = canvas(width=8.4, height=2.5)
    axis.set(
        title="A large frozen model, and a small detour that learns", xlim=(0, 10), ylim=(-0.2, 2.7)
    )
    axis.set_axis_off()
    boxes = (
        (0.9, 1.3, "input x", 3),
        (4.8, 2.0, "base W, frozen\n4 bits a weight", 0),
        (3.6, 0.5, "A\nlearns", 1),
        (6.0, 0.5, "B\nlearns", 1),
        (9.1, 1.3, "output\nWx + s·B(Ax)", 3),
    )
    for x, y, text, colour in boxes:
        face, edge = COLOURS[colour] + "30", COLOURS[colour]
        style = {"boxstyle": "round,pad=0.4", "facecolor": face, "edgecolor": edge}
        axis.text(x, y, text, ha="center", va="center", fontsize=9.5, bbox=style)
    for start, end in (
        ((1.3, 1.4), (4.05, 2.0)),
        ((1.3, 1.2), (3.2, 0.6)),
        ((3.95, 0.5), (5.65, 0.5)),
        ((5.55, 2.0), (8.45, 1.45)),
        ((6.35, 0.55), (8.45, 1.15)),
    ):
        axis.annotate("", end, start, arrowprops={"arrowstyle": "->", "lw": 1.3})
    note = "rank 16: A makes a long vector short, B makes it long again"
    axis.text(4.8, -0.12, note, ha="center", fontsize=9)
    return DescribedFigure(
        figure,
        "A vector goes through the base, which stays as it is in four bits, and through a narrow "
        "detour of two small matrices, which learns; both results are added.",
    )


if __name__ == "__main__":
    (FOLDER / "course_map.png").write_bytes(
        course_map(ready=["00", "01", "02", "03", "04", "05"]).png()
    )
    (FOLDER / "00_what_you_will_build.png").write_bytes(start_here().png())
    (FOLDER / "01_what_you_will_build.png").write_bytes(history().png())
    (FOLDER / "02_what_you_will_build.png").write_bytes(embeddings().png())
    (FOLDER / "03_what_you_will_build.png").write_bytes(transformer().png())
    (FOLDER / "04_what_you_will_build.png").write_bytes(cleaning().png())
    (FOLDER / "05_what_you_will_build.png").write_bytes(finetuning().png())
