"""Controls that add to a picture and never carry the lesson."""

from collections.abc import Callable
from typing import Any

from course_lib.workbook import settings
from course_lib.workbook.figures import Shown


def explore(draw: Callable[..., Any], **controls: Any) -> None:
    """Show ``draw(**values)`` at the controls' first values, and the controls below it.

    draw       gives something to display: a ``DescribedFigure``, text, a table
    controls   ipywidgets (sliders, drop-downs, text fields), named like draw's arguments

    The picture is an ordinary output which the controls, a second one, update: it is still
    there when the notebook is opened again or printed, and alone when nobody watches.
    """

    def values() -> dict[str, Any]:
        return {name: control.value for name, control in controls.items()}

    shown = Shown(draw(**values()))
    if settings.headless():
        return
    import ipywidgets
    from IPython.display import display

    for control in controls.values():
        control.observe(lambda _: shown.update(draw(**values())), names="value")
    display(ipywidgets.VBox(list(controls.values())))
