"""What a notebook shows besides figures: small tables, progress bars."""

import html
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from tqdm import tqdm

from course_lib.workbook import settings


class Table:
    """Rows of short texts, with an optional header: HTML in a notebook, aligned lines elsewhere."""

    def __init__(self, rows: Sequence[Sequence[object]], header: Sequence[str] = ()) -> None:
        self.rows = [tuple(map(str, row)) for row in rows]
        self.header = tuple(header)

    def __repr__(self) -> str:
        lines = [self.header, *self.rows] if self.header else self.rows
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = ([cell.ljust(w) for cell, w in zip(line, widths, strict=True)] for line in lines)
        return "\n".join("  ".join(cells).rstrip() for cells in padded)

    def _repr_html_(self) -> str:
        def row(cells: Sequence[str], tag: str) -> str:
            opening = f'<{tag} style="text-align:left;vertical-align:top">'
            return "".join(f"{opening}{html.escape(cell)}</{tag}>" for cell in cells)

        rows = [row(self.header, "th")] if self.header else []
        rows += [row(cells, "td") for cells in self.rows]
        return f"<table>{''.join(f'<tr>{cells}</tr>' for cells in rows)}</table>"


def bar(
    items: Iterable | None = None, description: str = "", *, visible: bool = True, **options: Any
) -> tqdm:
    """Go through ``items`` with a bar and a time estimate, or move it (``update``, ``close``).

    Plain text, for every front end; it disappears at the end, so that a saved notebook carries no
    trace of it. A headless run and output to a file show none. ``options`` are tqdm's.
    """
    front_end = "ipykernel.kernelapp" in sys.modules or sys.stdout.isatty()
    hidden = settings.headless() or not (visible and front_end)
    options |= {"disable": hidden, "leave": False, "unit_scale": True}
    return tqdm(items, description, file=sys.stdout, ncols=88, **options)
