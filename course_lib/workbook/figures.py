"""One style for all figures, and a sentence below each that says what it shows."""

import warnings
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib import rc_params_from_file, rcParams
from matplotlib.figure import Figure

from course_lib.workbook import settings

STYLE = rc_params_from_file(Path(__file__).with_name("course.mplstyle"), use_default_template=False)
COLOURS = tuple(STYLE["axes.prop_cycle"].by_key()["color"])
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "//", "..", "xx", "\\\\", "++")


def canvas(
    rows: int = 1, columns: int = 1, *, width: float = 7.0, height: float = 3.2
) -> tuple[Figure, Any]:
    """A figure and its axes (one, or an array of them), in the course's style. Sizes in inches.

    No pyplot: nothing is shown twice, and figures can be drawn from a widget's callback.
    """
    rcParams.update(STYLE)  # parts of it are read when titles and ticks are drawn
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns)


class DescribedFigure:
    """A figure together with the sentence that says what it shows.

    The sentence is also the ``text/plain`` of the output: for readers who do not see the
    picture, and for the tests, which cannot compare pixels.
    """

    def __init__(self, figure: Figure, sentence: str) -> None:
        self.figure, self.sentence = figure, sentence

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


def bars(
    values: Mapping[str, float], title: str, xlabel: str, ylabel: str, form: str = "{:,.0f}"
) -> DescribedFigure:
    """A bar and its number for each name, from top to bottom; ``form`` writes the numbers."""
    figure, axis = canvas(height=1.1 + 0.33 * len(values))
    names = [name if len(name) <= 50 else name[:49] + "…" for name in values]
    rows = range(len(names))
    axis.barh(rows, list(values.values()), color=COLOURS[0])
    axis.set_yticks(rows, [name.replace("$", r"\$") for name in names])
    axis.invert_yaxis()
    axis.bar_label(axis.containers[0], [form.format(v) for v in values.values()], padding=3)
    axis.margins(x=0.12)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    figure.suptitle(title, fontsize=12, fontweight="bold")  # long names leave the axes narrow
    most, least = (pick(values, key=values.get, default="none") for pick in (max, min))
    ends = [f"“{name}” ({form.format(values.get(name, 0))})" for name in (most, least)]
    return DescribedFigure(figure, f"The longest bar is {ends[0]}, the shortest {ends[1]}.")


def show(figure: DescribedFigure) -> None:
    """Display a figure, and below it the sentence that says what it shows."""
    from IPython.display import display

    for part in _with_sentence(figure):
        display(part)


def _with_sentence(shown: Any) -> list[Any]:
    from IPython.display import Markdown

    return [shown, Markdown(f"*{shown}*")] if isinstance(shown, DescribedFigure) else [shown]


def explore(draw: Callable[..., Any], **controls: Any) -> None:
    """Show ``draw(**values)`` at the controls' first values, and the controls below it.

    draw       gives something to display: a ``DescribedFigure``, text, a table
    controls   ipywidgets (sliders, drop-downs, text fields), named like draw's arguments

    The picture is an ordinary output which the controls, a second one, update: it is still
    there when the notebook is opened again or printed, and alone when nobody watches.
    """
    from IPython.display import display

    def parts() -> list[Any]:
        return _with_sentence(draw(**{name: control.value for name, control in controls.items()}))

    def update(_: Any) -> None:
        for output, part in zip(outputs, parts(), strict=True):
            output.update(part)

    outputs = [display(part, display_id=True) for part in parts()]
    if settings.headless():
        return
    import ipywidgets

    for control in controls.values():
        control.observe(update, names="value")
    display(ipywidgets.VBox(list(controls.values())))
