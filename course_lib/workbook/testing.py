"""The verb ``test``: every test and every notebook, offline, in one pytest."""

import os
import shutil
import subprocess
import sys

from course_lib import bootstrap, places
from course_lib.workbook import settings, smollm2
from course_lib.workbook.machine import look

LOCK_PYTHON = (3, 11)  # the Python with which the notebooks' outputs were made
CELL_SECONDS = 480  # eight times what a cell may take: other programs may be busy, too
SUPPORT = places.REPOSITORY / "tests" / "support"
SANITISER = SUPPORT / "sanitise.cfg"
CONSTRAINTS = ("colab", "lowest")
TWO_AT_A_TIME = ["-n", "2", "--dist", "loadscope"]  # a file or a notebook stays in one process
ROOM_FOR_TWO = 10 * 10**9  # bytes of memory


def run_tests(rest: list[str], *, quick: bool = False, thorough: bool = False) -> int:
    """Run pytest and return its exit status; ``rest`` is for pytest, ``quick`` without notebooks.

    ``thorough`` takes the tests of that mark, too, and then runs the quick tests once more with
    the versions of each file in ``constraints/``.
    """
    smollm2.fetch()  # while there is a network
    variables = test_environment(thorough)
    command = [sys.executable, "-m", "pytest", *pytest_arguments(rest, quick)]
    os.chdir(places.REPOSITORY)
    if not thorough:
        return bootstrap.hand_over(command, variables)
    status = subprocess.call(command, env=variables)
    for name in CONSTRAINTS:
        print(f"\nThe quick tests with the versions of constraints/{name}.txt", flush=True)
        command = [constrained_python(name), "-m", "pytest", *pytest_arguments(rest, quick=True)]
        # JupyterLab cannot draw widgets of Colab's old ipywidgets; Colab's own front end does.
        command.append("--ignore=tests/test_browser.py")
        status = subprocess.call(command, env=test_environment()) or status
    return status


def pytest_arguments(rest: list[str], quick: bool) -> list[str]:
    """What pytest is given: the folders, how notebooks are compared, and the user's own words.

    A notebook of the course, or their folder, is replaced by copies that check what must hold
    behind its cells (``tests/notebooks``).
    """
    arguments = ["-o", f"cache_dir={places.state_folder() / 'pytest'}"]
    if not quick:
        strict = sys.version_info[:2] == LOCK_PYTHON
        arguments += ["--nbval" if strict else "--nbval-lax", "--nbval-current-env"]
        arguments += [f"--nbval-cell-timeout={CELL_SECONDS}", f"--nbval-sanitize-with={SANITISER}"]
    machine = look()
    if not rest and machine.cores > 1 and (machine.memory_available or 0) > ROOM_FOR_TWO:
        arguments += TWO_AT_A_TIME
    if not any((places.REPOSITORY / word.split("::")[0]).exists() for word in rest):
        rest = ["tests", *([] if quick else ["notebooks"]), *rest]
    for word in rest:
        name, *cell = word.split("::")
        copies = [word]
        if name.startswith("notebooks"):
            sys.path.insert(0, str(SUPPORT))
            from invariants import write_copies

            path, folder = places.REPOSITORY / name, places.state_folder() / "notebooks-tested"
            shutil.rmtree(folder, ignore_errors=True)
            write_copies([path] if path.is_file() else sorted(path.glob("*.ipynb")), folder)
            # The folder, not its files: pytest then knows files outside of the checkout apart.
            copies = [
                "::".join([str(folder / path.name), *cell]) if path.is_file() else str(folder)
            ]
        arguments += copies
    return arguments


def test_environment(thorough: bool = False) -> dict[str, str]:
    """The variables of pytest and of every process below it: offline, headless, settings apart."""
    kept = bootstrap.child_environment()
    for name in ("COURSE_PROFILE", "COURSE_THOROUGH"):
        kept.pop(name, None)
    return kept | {
        "HF_HUB_OFFLINE": "1",
        "COURSE_HEADLESS": "1",
        "COURSE_CORPUS": "python-docs",
        "PIP_NO_INDEX": "1",
        "COURSE_MODELS": str(settings.models_folder()),
        "COURSE_HOME": str(places.state_folder() / "test-home"),
        # The sitecustomize in there closes every socket but loopback, in kernels too.
        "PYTHONPATH": os.pathsep.join([str(SUPPORT), kept["PYTHONPATH"]]),
        **({"COURSE_THOROUGH": "1"} if thorough else {}),
    }


def constrained_python(name: str) -> str:
    """The Python of an environment, made anew, with the versions of ``constraints/NAME.txt``."""
    folder = places.state_folder() / f"thorough-{name}"
    lock = places.REPOSITORY / "requirements-test.lock"
    torch = next(pin for pin in bootstrap.pins(lock) if pin.startswith("torch=="))
    limits = ["-c", str(places.REPOSITORY / "constraints" / f"{name}.txt"), torch]
    bootstrap.install(folder, *bootstrap.torch_index(), *limits, *bootstrap.needs("lab", "test"))
    return bootstrap.python_of(folder)
