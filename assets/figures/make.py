"""Draw the pictures stored here: `python assets/figures/make.py [NAMES]` from the root.

NAME.png is what ``draw_NAME`` of one of the modules ``pictures_…`` draws. A name may be cut short:
`make.py 04b 07_template` draws all of 04b and one picture of 07. Without a name all are drawn.
"""

import sys
from importlib import import_module
from pathlib import Path

from drawing import Picture

from course_lib.workbook.figures import DescribedFigure

FOLDER = Path(__file__).parent


def pictures() -> dict[str, Picture]:
    """What draws each picture, by the picture's name."""
    drawn: dict[str, Picture] = {}
    for path in sorted(FOLDER.glob("pictures_*.py")):
        for name, draw in vars(import_module(path.stem)).items():
            if name.startswith("draw_"):
                drawn[name.removeprefix("draw_")] = draw
    return drawn


def png(draw: Picture) -> bytes:
    """The picture as a file, as the notebooks' own figures are stored."""
    return DescribedFigure(draw(), "").png()


if __name__ == "__main__":
    wanted = tuple(sys.argv[1:]) or ""
    found = {name: draw for name, draw in pictures().items() if name.startswith(wanted)}
    for name, draw in found.items():
        (FOLDER / f"{name}.png").write_bytes(png(draw))
        print(name)
    if not found:
        sys.exit(f"no picture's name begins with {' or '.join(wanted)}")
