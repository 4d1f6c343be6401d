"""Controls that add to a figure and never carry the lesson.

The *split pattern*: the picture is an ordinary output, the controls are a second one that
updates it. So the picture is still there when the notebook is opened again, printed, or run
without a front end. Works with ipywidgets 7.7 (Colab) and 8.
"""

from collections.abc import Callable
from typing import Any

from course_lib.workbook import settings
from course_lib.workbook.figures import DescribedFigure, caption


class Shown:
    """An output that can be replaced with ``update``: an object, and the caption if it is a figure.

    For controls, and for a picture that grows while a training goes on.
    """

    def __init__(self, shown: Any) -> None:
        from IPython.display import display

        self.picture = display(shown, display_id=True)
        self.caption = None
        if isinstance(shown, DescribedFigure):
            self.caption = display(caption(shown.sentence), display_id=True)

    def update(self, shown: Any) -> None:
        self.picture.update(shown)
        if self.caption is not None:
            self.caption.update(caption(shown.sentence))


def explore(draw: Callable[..., Any], **controls: Any) -> None:
    """Show ``draw(**values)`` at the controls' first values, and the controls below it.

    draw       gives something to display: a ``DescribedFigure``, text, a table
    controls   ipywidgets (sliders, drop-downs, text fields), named like draw's arguments

    When nobody watches, only the picture is shown.
    """
    from IPython.display import display

    def values() -> dict[str, Any]:
        return {name: control.value for name, control in controls.items()}

    shown = Shown(draw(**values()))
    if settings.headless():
        return
    import ipywidgets

    for control in controls.values():
        control.observe(lambda _: shown.update(draw(**values())), names="value")
    display(ipywidgets.VBox(list(controls.values())))
