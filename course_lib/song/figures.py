"""The figures of notebook 10."""

from collections.abc import Sequence

from course_lib.song.words import line_syllables, rhymes
from course_lib.workbook.figures import COLOURS, DescribedFigure, canvas


def stress_grid(lines: Sequence[str], title: str) -> DescribedFigure:
    """A row of syllables for each line, stressed ones dark; lines that rhyme share a letter."""
    rows, scheme = [line_syllables(line) for line in lines], ""
    for line in lines:
        pairs = zip(lines, scheme, strict=False)
        new = chr(65 + len(set(scheme)))
        scheme += next((letter for other, letter in pairs if rhymes(line, other)), new)
    longest = max(map(len, rows), default=0)
    figure, axis = canvas(width=9.4, height=0.9 + 0.42 * len(lines))
    for y, parts in enumerate(rows):
        for x, part in enumerate(parts, 1):
            fill, ink = (COLOURS[0], "white") if part.stressed else ("white", "black")
            box = dict(boxstyle="round,pad=0.25", facecolor=fill, edgecolor="0.6")
            axis.text(x, y, part.text, ha="center", va="center", color=ink, bbox=box, fontsize=8)
        axis.text(longest + 1, y, scheme[y], ha="center", va="center", weight="bold")
    axis.set_yticks(range(len(rows)), [f"line {n}" for n in range(1, len(rows) + 1)])
    axis.set(title=title, xlabel="syllable (rhyme at the right)", ylabel="line")
    axis.set(xlim=(0.3, longest + 1.5), ylim=(len(rows) - 0.4, -0.6))
    stressed = sum(part.stressed for parts in rows for part in parts)
    return DescribedFigure(
        figure,
        f"{', '.join(str(len(parts)) for parts in rows)} syllables, {stressed} of them stressed "
        f"(dark); lines with the same letter rhyme: {' '.join(scheme)}.",
    )
