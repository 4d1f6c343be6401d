"""Which notebooks a command means."""

from collections.abc import Sequence
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.places import REPOSITORY

NOTEBOOKS = REPOSITORY / "notebooks"


def find_notebooks(names: Sequence[str] = (), folder: Path = NOTEBOOKS) -> list[Path]:
    """The notebooks called ``names``, in the course's order; all of them when none is named.

    A name is ``00_start_here``, its number ``00``, or a file name or path that ends in it.
    Raises ``CourseError`` with the list of those there are when one is unknown.
    """
    there = {path.stem: path for path in sorted(folder.glob("[0-9]*.ipynb"))}
    if not there:
        raise CourseError(f"There is no notebook in {folder} yet: name a folder that has some.")
    if not names:
        return list(there.values())
    return [there[name] for name in sorted({_full_name(name, there) for name in names})]


def _full_name(name: str, there: dict[str, Path]) -> str:
    stem = Path(name).name.removesuffix(".ipynb")
    for full in there:
        if stem in (full, full.split("_")[0]):
            return full
    raise CourseError(f"There is no notebook {name!r}: choose from {', '.join(there)}.")
