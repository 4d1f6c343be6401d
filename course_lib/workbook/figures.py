"""One style for all figures, and a sentence below each that says what it shows."""

import warnings
from io import BytesIO
from typing import Any

import matplotlib
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


def canvas(
    rows: int = 1, columns: int = 1, *, width: float = 7.0, height: float = 3.2
) -> tuple[Figure, Any]:
    """A figure and its axes (one, or an array of them), in the course's style. Sizes in inches.

    No pyplot: nothing is shown twice, and figures can be drawn from a widget's callback.
    """
    matplotlib.rcParams.update(STYLE)  # parts of it are read when titles and ticks are drawn
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns)


class DescribedFigure:
    """A figure together with the sentence that says what it shows.

    The sentence is also the ``text/plain`` of the output: for readers who do not see the
    picture, and for the tests, which cannot compare pixels.
    """

    def __init__(self, figure: Figure, sentence: str) -> None:
        self.figure = figure
        self.sentence = sentence

    def __repr__(self) -> str:
        return self.sentence

    def png(self) -> bytes:
        """The picture. A character that the font lacks (Chinese, emoji) is a box, not a warning."""
        with BytesIO() as stream, warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
            self.figure.savefig(stream, format="png", metadata={"Software": None})
            return stream.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"image/png": self.png(), "text/plain": self.sentence}


class Shown:
    """An output that ``update`` replaces: an object, with its caption below if it is a figure.

    For controls, and for a picture that grows while a training goes on.
    """

    def __init__(self, shown: Any) -> None:
        from IPython.display import display

        self.picture = display(shown, display_id=True)
        self.caption = None
        if isinstance(shown, DescribedFigure):
            self.caption = display(_caption(shown), display_id=True)

    def update(self, shown: Any) -> None:
        self.picture.update(shown)
        if self.caption is not None:
            self.caption.update(_caption(shown))


def show(figure: DescribedFigure) -> None:
    """Display a figure, and below it the sentence that says what it shows."""
    Shown(figure)


def _caption(figure: DescribedFigure) -> Any:
    from IPython.display import Markdown

    return Markdown(f"*{figure.sentence}*")
