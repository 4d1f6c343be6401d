"""Progress bars with a time estimate, which stay quiet when nobody watches."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from course_lib.workbook import settings

Item = TypeVar("Item")


def progress(
    items: Iterable[Item],
    description: str,
    *,
    total: int | None = None,
    unit: str = "it",
    visible: bool = True,
) -> Iterator[Item]:
    """Go through ``items`` with a bar that says what is done and how long it will still take.

    The bar is plain text, so it works in every front end, and it disappears at the end, so
    that a saved notebook carries no trace of it. Nothing is shown when ``visible`` is False
    or the run is headless.
    """
    return iter(bar(items, description, total=total, unit=unit, visible=visible))


def bar(
    items: Iterable | None = None,
    description: str = "",
    *,
    total: float | None = None,
    unit: str = "it",
    visible: bool = True,
) -> tqdm:
    """The bar itself, for loops that move it by hand (``update``, ``set_postfix_str``, ``close``)."""
    return tqdm(
        items,
        desc=description,
        total=total,
        unit=unit,
        leave=False,
        disable=not visible or not _watched(),
        file=sys.stdout,
        dynamic_ncols=False,
        ncols=88,
        mininterval=0.3,
        unit_scale=True,
    )


def _watched() -> bool:
    """True in a notebook or on a terminal; output that goes to a file shows no bars."""
    return not settings.headless() and ("ipykernel" in sys.modules or sys.stdout.isatty())
