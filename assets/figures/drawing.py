r"""What the pictures are made of: boxes, arrows, labels, and cells with something in each.

A diagram has no axes: it is a frame with a title, and parts, drawn in their order. A part is a
box (x, y, text, colour), or what one of the functions below gives, or any function of
matplotlib's axes. Places are in the units of the frame, y points upwards:

    draw_00_two_boxes = diagram(
        ("Cause and effect", 8.8, 2.0, 0, 10, 0, 2),
        (2, 1, "rain", BLUE),
        (8, 1, "wet\nstreets", GREY),
        across(1, (3, 7)),
    )
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import cycle

from colours import GREY
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.workbook.figures import canvas

TEXT = {"ha": "center", "va": "center", "fontsize": 9.5}

Box = tuple[float, float, str, str]
Part = Callable[[Axes], object]
Picture = Callable[[], Figure]


def diagram(
    frame: tuple[str, float, float, float, float, float, float],
    *parts: Box | Part,
    pad: float = 0.4,
    fill: str = "30",
) -> Picture:
    """A picture of ``parts``, ready to be drawn.

    frame       title; width and height in inches; smallest and largest x, smallest and largest y
    pad, fill   of the boxes: the space around their text, and how dense their colour is
    """

    def draw() -> Figure:
        title, width, height, left, right, bottom, top = frame
        figure, axis = canvas(width=width, height=height)
        axis.set(title=title, xlim=(left, right), ylim=(bottom, top))
        axis.set_axis_off()
        for part in parts:
            (part if callable(part) else boxes(part, pad=pad, fill=fill))(axis)
        return figure

    return draw


def boxes(*texts: Box, pad: float = 0.4, fill: str = "30") -> Part:
    """Texts in coloured boxes with round corners."""

    def draw(axis: Axes) -> None:
        for x, y, text, colour in texts:
            style = {"boxstyle": f"round,pad={pad}", "facecolor": colour + fill}
            axis.text(x, y, text, bbox={**style, "edgecolor": colour}, **TEXT)

    return draw


def row(
    y: float,
    places: Iterable[float],
    texts: str,
    colours: Sequence[str] = (GREY,),
    name: str = "",
    **style: object,
) -> Part:
    """Boxes at one height.

    texts     with bars between them; no box where there is nothing between two bars
    colours   of the first boxes, in turn those of the others
    name      of the row, in bold on the left
    style     of the boxes: ``pad`` and ``fill``
    """
    entries = [*zip(places, texts.split("|"), cycle(colours), strict=False)]
    drawn = boxes(*((x, y, text, colour) for x, text, colour in entries if text), **style)
    label = labels((0.1, y, name), ha="left", weight="bold")

    def draw(axis: Axes) -> None:
        drawn(axis)
        label(axis)

    return draw


def arrow(
    axis: Axes, start: tuple[float, float], end: tuple[float, float], **style: object
) -> None:
    """One arrow; ``style`` is matplotlib's."""
    axis.annotate("", end, start, arrowprops={"arrowstyle": "->", **style})


def arrows(*ways: tuple[float, float, float, float], lw: float = 1.5, **style: object) -> Part:
    """Arrows, each from x, y to x, y."""

    def draw(axis: Axes) -> None:
        for x, y, end_x, end_y in ways:
            arrow(axis, (x, y), (end_x, end_y), lw=lw, **style)

    return draw


def across(y: float, *spans: tuple[float, float], lw: float = 1.5) -> Part:
    """Arrows at one height, each from x to x."""
    return arrows(*((start, y, end, y) for start, end in spans), lw=lw)


def labels(*texts: tuple[float, float, str], **style: object) -> Part:
    """Texts without boxes, centred at x, y unless ``style`` says otherwise."""

    def draw(axis: Axes) -> None:
        for x, y, text in texts:
            axis.text(x, y, text, **(TEXT | style))

    return draw


def cells(
    x: float,
    y: float,
    table: str,
    colour: str = "",
    size: tuple[float, float] = (0.8, 0.5),
    faces: Sequence[str] = ("#ffffff",),
) -> Part:
    """A table with something in each cell; x, y is its upper left corner.

    table    lines, with bars between the entries
    colour   of the edges and, pale, of the faces; without it the edges are grey
    size     width and height of a cell
    faces    their colours in the first columns, in turn those in the others
    """
    wide, high = size
    style = {"edgecolor": colour} if colour else {"edgecolor": "#777777", "lw": 0.8}

    def draw(axis: Axes) -> None:
        for i, line in enumerate(table.split("\n"), 1):
            for j, entry in enumerate(line.split("|")):
                face = colour + "40" if colour else faces[j % len(faces)]
                corner = x + j * wide, y - i * high
                axis.add_patch(Rectangle(corner, wide, high, facecolor=face, **style))
                axis.text(corner[0] + wide / 2, corner[1] + high / 2, entry.strip(), **TEXT)

    return draw
