"""Progress bars with a time estimate, which stay quiet when nobody watches."""

import sys
from collections.abc import Iterable

from tqdm import tqdm

from course_lib.workbook import settings


def bar(
    items: Iterable | None = None,
    description: str = "",
    *,
    total: float | None = None,
    unit: str = "it",
    visible: bool = True,
) -> tqdm:
    """Go through ``items`` with a bar, or move it by hand (``update``, ``close``).

    It is plain text, so it works in every front end, and it disappears at the end, so that a
    saved notebook carries no trace of it. A headless run and output to a file show none.
    """
    watched = not settings.headless() and (
        "ipykernel.kernelapp" in sys.modules or sys.stdout.isatty()
    )
    return tqdm(
        items,
        desc=description,
        total=total,
        unit=unit,
        leave=False,
        disable=not (visible and watched),
        file=sys.stdout,
        ncols=88,
        mininterval=0.3,
        unit_scale=True,
    )
