"""Small tables: HTML in a notebook, aligned lines elsewhere."""

import html
from collections.abc import Sequence


class Table:
    """Rows of short texts, with an optional header."""

    def __init__(self, rows: Sequence[Sequence[object]], header: Sequence[str] = ()) -> None:
        self.rows = [tuple(map(str, row)) for row in rows]
        self.header = tuple(header)

    def __repr__(self) -> str:
        lines = [self.header, *self.rows] if self.header else self.rows
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = (
            [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines
        )
        return "\n".join("  ".join(cells).rstrip() for cells in padded)

    def _repr_html_(self) -> str:
        def row(cells: Sequence[str], tag: str) -> str:
            opening = f'<{tag} style="text-align:left;vertical-align:top">'
            return "".join(f"{opening}{html.escape(cell)}</{tag}>" for cell in cells)

        rows = [row(self.header, "th")] if self.header else []
        rows += [row(cells, "td") for cells in self.rows]
        return f"<table>{''.join(f'<tr>{cells}</tr>' for cells in rows)}</table>"
