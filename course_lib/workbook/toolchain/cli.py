"""``python3 -m course_lib notebooks``: the maintainers' three commands."""

from argparse import Namespace
from pathlib import Path

from course_lib import places
from course_lib.workbook.settings import DEFAULT_CORPUS
from course_lib.workbook.toolchain.anatomy import problems
from course_lib.workbook.toolchain.execute import execute, read
from course_lib.workbook.toolchain.find import find_notebooks
from course_lib.workbook.toolchain.normalise import normalise, normalise_file, to_text

CELL_SECONDS = 300


def main(options: Namespace) -> int:
    """Run one of ``--execute``, ``--normalise`` and ``--check`` on ``options.names``. Returns the exit status."""
    paths = find_notebooks(options.names)
    action = execute_file if options.execute else _normalise if options.normalise else check_file
    return int(any([action(path) for path in paths]))


def execute_file(path: Path) -> bool:
    """Execute on the default corpus and write the outputs in place. True when the notebook failed.

    The maintainer's own settings and progress stay out of it: the kernel gets a home of its own.
    """
    home = places.cache_folder() / "clean-home"
    environment = {
        "COURSE_CORPUS": DEFAULT_CORPUS,
        "COURSE_PROFILE": "cpu",
        "COURSE_HOME": str(home),
    }
    result = execute(path, environment=environment, cell_seconds=CELL_SECONDS)
    if result.failure:
        print(f"{path.stem} stopped in {result.failure}; the file is as it was.")
        return True
    path.write_bytes(to_text(normalise(result.notebook, path.stem)).encode("utf-8"))
    print(f"{path.stem}: executed in {result.seconds:.0f} s and normalised")
    return False


def _normalise(path: Path) -> bool:
    print(f"{path.stem}: {'normalised' if normalise_file(path) else 'as it should be'}")
    return False


def check_file(path: Path) -> bool:
    """Print what is wrong with a notebook. True when something is."""
    notebook = read(path)
    found = problems(notebook, path.stem)
    if to_text(normalise(notebook, path.stem)).encode("utf-8") != path.read_bytes():
        found.append("it is not normalised: run `python3 -m course_lib notebooks --normalise`")
    print(f"{path.stem}: {f'{len(found)} to mend' if found else 'as it should be'}")
    for problem in found:
        print(f"  {problem}")
    return bool(found)
