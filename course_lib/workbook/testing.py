"""The verb ``test``: every test and every notebook, offline, in one pytest."""

import os
import sys
from pathlib import Path

from course_lib import bootstrap, places
from course_lib.workbook.machine import look

LOCK_PYTHON = (3, 11)  # the Python with which the notebooks' outputs were made
CELL_SECONDS = 240  # four times what a cell may take on a quiet machine
NOTEBOOKS = places.REPOSITORY / "notebooks"
SUPPORT = places.REPOSITORY / "tests" / "support"
SANITISER = Path(__file__).parent / "toolchain" / "sanitise.cfg"
CONSTRAINTS = ("colab", "lowest")
TWO_AT_A_TIME = ["-n", "2", "--dist", "loadscope"]  # a file or a notebook stays in one process
ROOM_FOR_TWO = 10 * 10**9  # bytes of memory


def run_tests(rest: list[str], *, quick: bool = False, thorough: bool = False) -> int:
    """Run pytest in a process of its own and return its exit status.

    rest       further arguments for pytest; a path among them replaces the folders
    quick      leave the notebooks out
    thorough   tests marked ``thorough`` too; afterwards the quick tests once more with the
               versions of each file in ``constraints/``
    """
    environment = test_environment()
    more = {"COURSE_THOROUGH": "1"} if thorough else {}
    status = _pytest(sys.executable, pytest_arguments(rest, quick), environment | more)
    for name in CONSTRAINTS if thorough else ():
        print(f"\nThe quick tests with the versions of constraints/{name}.txt", flush=True)
        # JupyterLab cannot draw widgets of Colab's old ipywidgets; Colab's own front end does.
        arguments = [*pytest_arguments(rest, quick=True), "--ignore=tests/test_browser.py"]
        status = _pytest(constrained_python(name), arguments, environment) or status
    return status


def pytest_arguments(rest: list[str], quick: bool) -> list[str]:
    """What pytest is given: the folders, how notebooks are compared, and the user's own words."""
    arguments = ["-o", f"cache_dir={places.state_folder() / 'pytest'}"]
    if not quick:
        arguments += [
            "--nbval" if sys.version_info[:2] == LOCK_PYTHON else "--nbval-lax",
            "--nbval-current-env",
            f"--nbval-cell-timeout={CELL_SECONDS}",
            f"--nbval-sanitize-with={SANITISER}",
        ]
    if any((places.REPOSITORY / word.split("::")[0]).exists() for word in rest):
        return [*arguments, *(given for word in rest for given in with_invariants(word))]
    here = look()
    if not rest and here.cores > 1 and (here.memory_available or 0) > ROOM_FOR_TWO:
        arguments += TWO_AT_A_TIME
    return [*arguments, "tests", *([] if quick else with_invariants("notebooks")), *rest]


def with_invariants(word: str) -> list[str]:
    """A notebook of the course, or their folder, as the copies that nbval runs: with what must hold.

    ``tests/notebooks`` has that. Any other word stays as it is.
    """
    named, *cell = word.split("::")
    path = (places.REPOSITORY / named).resolve()
    if path != NOTEBOOKS and (path.parent != NOTEBOOKS or path.suffix != ".ipynb"):
        return [word]
    sys.path.insert(0, str(SUPPORT))
    from invariants import write_copies

    wanted = sorted(NOTEBOOKS.glob("*.ipynb")) if path == NOTEBOOKS else [path]
    copies = write_copies(wanted, places.state_folder() / "notebooks-tested")
    return ["::".join([str(copy), *cell]) for copy in copies]


def test_environment() -> dict[str, str]:
    """The variables of pytest and of every process below it: offline, headless, settings apart."""
    environment = bootstrap.child_environment() | {
        "HF_HUB_OFFLINE": "1",
        "COURSE_HEADLESS": "1",
        "COURSE_CORPUS": "python-docs",
        "COURSE_HOME": str(places.state_folder() / "test-home"),
    }
    # The sitecustomize in there closes every socket but loopback, in kernels too.
    environment["PYTHONPATH"] = os.pathsep.join([str(SUPPORT), environment["PYTHONPATH"]])
    for name in ("COURSE_PROFILE", "COURSE_THOROUGH"):
        environment.pop(name, None)
    return environment


def constrained_python(name: str) -> str:
    """The Python of an environment with the versions of ``constraints/NAME.txt`` and our torch.

    It is made once in the state folder and completed at every run.
    """
    folder = places.state_folder() / f"thorough-{name}"
    folder.parent.mkdir(exist_ok=True)
    lock = bootstrap.LOCKS[1].read_text(encoding="utf-8")
    torch = next(line for line in lock.splitlines() if line.startswith("torch=="))
    wanted = places.state_folder() / f"{name}.txt"
    wanted.write_text("\n".join([torch, *bootstrap.needs("lab", "test")]), encoding="utf-8")
    bootstrap.install(folder, wanted, "-c", str(places.REPOSITORY / "constraints" / f"{name}.txt"))
    return bootstrap.python_of(folder)


def _pytest(python: str, arguments: list[str], environment: dict[str, str]) -> int:
    command = [python, "-m", "pytest", *arguments]
    return bootstrap.wait_for(command, environment, places.REPOSITORY)
