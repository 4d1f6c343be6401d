"""Small tables: HTML in a notebook, aligned lines elsewhere."""

import html
from collections.abc import Sequence


class Table:
    """Rows of short texts, with an optional header."""

    def __init__(self, rows: Sequence[Sequence[object]], header: Sequence[str] = ()) -> None:
        self.rows = [tuple(map(str, row)) for row in rows]
        self.header = tuple(header)

    def __repr__(self) -> str:
        if not self.rows:
            return ""
        lines = [self.header, *self.rows] if self.header else self.rows
        widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]) - 1)]
        return "\n".join(
            "  ".join(
                [*(cell.ljust(w) for cell, w in zip(line, widths, strict=False)), line[-1]]
            ).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        style = 'style="text-align:left;vertical-align:top"'
        head = "".join(f"<th {style}>{html.escape(cell)}</th>" for cell in self.header)
        body = "".join(
            "<tr>" + "".join(f"<td {style}>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"
