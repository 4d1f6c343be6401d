"""One style for all figures, and a sentence below each that says what it shows."""

import warnings
from io import BytesIO
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70")
"""Petroff 2021, "Accessible color sequences for data visualization": told apart by most eyes."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "//", "..", "xx", "\\\\", "++")

STYLE = {
    "figure.dpi": 100,
    "savefig.dpi": 110,
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "legend.frameon": False,
}

matplotlib.rcParams.update(STYLE)


def canvas(
    rows: int = 1, columns: int = 1, *, width: float = 7.0, height: float = 3.2
) -> tuple[Figure, Any]:
    """A figure and its axes (one, or an array of them). Sizes in inches.

    No pyplot: nothing is shown twice, and figures can be drawn from a widget's callback.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns)


class DescribedFigure:
    """A figure together with the sentence that says what it shows.

    The sentence is also the ``text/plain`` of the output: for readers who do not see the
    picture, and for the tests, which cannot compare pixels.
    """

    def __init__(self, figure: Figure, sentence: str) -> None:
        check_labels(figure)
        self.figure = figure
        self.sentence = sentence

    def __repr__(self) -> str:
        return self.sentence

    def png(self) -> bytes:
        """The picture. A character that the font lacks (Chinese, emoji) is drawn as a box, without a warning each."""
        with BytesIO() as stream, warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
            self.figure.savefig(stream, format="png", metadata={"Software": None})
            return stream.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"image/png": self.png(), "text/plain": self.sentence}


def check_labels(figure: Figure) -> None:
    """Raise ``ValueError`` when a figure lacks a title or an axis its label."""
    axes: list[Axes] = [
        axis for axis in figure.axes if axis.axison and axis.get_label() != "<colorbar>"
    ]
    titled = figure.get_suptitle() or all(axis.get_title() for axis in figure.axes[:1])
    if not titled:
        raise ValueError("the figure has no title")
    for axis in axes:
        if not (axis.get_xlabel() and axis.get_ylabel()):
            raise ValueError(f"an axis of {axis.get_title()!r} has no label")


def caption(sentence: str) -> Any:
    """The visible sentence below a figure."""
    from IPython.display import Markdown

    return Markdown(f"*{sentence}*")


def show(figure: DescribedFigure) -> None:
    """Display a figure, and below it the sentence that says what it shows."""
    from IPython.display import display

    display(figure)
    display(caption(figure.sentence))
