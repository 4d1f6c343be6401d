"""The verb ``test``: every test and every notebook, offline, in one pytest."""

import os
import subprocess
import sys
from pathlib import Path

from course_lib import places
from course_lib.bootstrap import requirements
from course_lib.bootstrap.environment import Environment
from course_lib.bootstrap.main import child_environment
from course_lib.workbook.machine import look

LOCK_PYTHON = (3, 11)  # the Python with which the notebooks' outputs were made
CELL_SECONDS = 240  # four times what a cell may take on a quiet machine
NOTEBOOKS = places.REPOSITORY / "notebooks"
SUPPORT = places.REPOSITORY / "tests" / "support"
SANITISER = SUPPORT / "sanitise.cfg"
CONSTRAINTS = ("colab", "lowest")
TWO_AT_A_TIME = [
    "-n",
    "2",
    "--dist",
    "loadscope",
]  # a file, a class or a notebook stays in one process
ROOM_FOR_TWO = 10 * 10**9  # bytes of memory


def run_tests(rest: list[str], *, quick: bool = False, thorough: bool = False) -> int:
    """Run pytest in a process of its own and return its exit status.

    rest       further arguments for pytest; a path among them replaces the folders
    quick      leave the notebooks out
    thorough   tests marked ``thorough`` too; afterwards the quick tests once more with the
               versions of each file in ``constraints/``
    """
    status = _pytest(sys.executable, pytest_arguments(rest, quick), test_environment(thorough))
    if not thorough:
        return status
    for name in CONSTRAINTS:
        print(f"\nThe quick tests with the versions of constraints/{name}.txt", flush=True)
        python = constrained_python(name)
        # JupyterLab cannot draw widgets of Colab's old ipywidgets; Colab's own front end does.
        without_browser = [*pytest_arguments(rest, quick=True), "--ignore=tests/test_browser.py"]
        other = _pytest(python, without_browser, test_environment(thorough=False))
        status = status or other
    return status


def pytest_arguments(rest: list[str], quick: bool) -> list[str]:
    """What pytest is given: the folders, how notebooks are compared, and the user's own words."""
    arguments = ["-o", f"cache_dir={places.state_folder() / 'pytest'}"]
    if not quick:
        arguments += [
            "--nbval" if sys.version_info[:2] == LOCK_PYTHON else "--nbval-lax",
            "--nbval-current-env",
            f"--nbval-cell-timeout={CELL_SECONDS}",
            "--nbval-sanitize-with",
            str(SANITISER),
        ]
    if any((places.REPOSITORY / word.split("::")[0]).exists() for word in rest):
        return [*arguments, *(given for word in rest for given in _with_invariants(word))]
    if not rest and room_for_two():
        arguments += TWO_AT_A_TIME
    return [*arguments, "tests", *([] if quick else _with_invariants("notebooks")), *rest]


def _with_invariants(word: str) -> list[str]:
    """A notebook of the course, or their folder, as the copies that nbval runs: with ``tests/notebooks``.

    Any other word stays as it is.
    """
    named, *cell = word.split("::")
    path = (places.REPOSITORY / named).resolve()
    if path == NOTEBOOKS:
        wanted = sorted(NOTEBOOKS.glob("*.ipynb"))
    elif path.parent == NOTEBOOKS and path.suffix == ".ipynb":
        wanted = [path]
    else:
        return [word]
    if str(SUPPORT) not in sys.path:
        sys.path.insert(0, str(SUPPORT))
    from invariants import write_copies

    copies = write_copies(wanted, places.state_folder() / "notebooks-tested")
    return ["::".join([str(copy), *cell]) for copy in copies]


def room_for_two() -> bool:
    """Whether the machine has the cores and the memory to run tests in two processes."""
    machine = look()
    return machine.cores > 1 and (machine.memory_available or 0) > ROOM_FOR_TWO


def test_environment(thorough: bool) -> dict[str, str]:
    """The variables of pytest and of every process below it: offline, headless, settings apart."""
    environment = child_environment()
    environment |= {
        "HF_HUB_OFFLINE": "1",
        "COURSE_HEADLESS": "1",
        "COURSE_CORPUS": "python-docs",
        "COURSE_HOME": str(places.state_folder() / "test-home"),
        # The sitecustomize in there closes every socket but loopback, in kernels too.
        "PYTHONPATH": os.pathsep.join([str(SUPPORT), environment["PYTHONPATH"]]),
    }
    for name in ("COURSE_PROFILE", "COURSE_THOROUGH"):
        environment.pop(name, None)
    if thorough:
        environment["COURSE_THOROUGH"] = "1"
    return environment


def constrained_python(name: str) -> Path:
    """The Python of an environment with the versions of ``constraints/NAME.txt``.

    It is made once in the state folder and completed at every run. torch is the locked one,
    from wherever the course's own environment takes it.
    """
    environment = Environment(folder=places.state_folder() / f"thorough-{name}")
    lock = places.REPOSITORY / requirements.TEST_LOCK
    environment.prepare(lock)
    torch = next(line for line in requirements.lock_lines(lock) if line.name == "torch")
    wanted = [line for line in requirements.needed("lab", "test") if line.name != "torch"]
    listed = environment.folder / "wanted.txt"
    listed.write_text("\n".join(line.line for line in [torch, *wanted]) + "\n", encoding="utf-8")
    environment.install_torch(lock)
    environment.install_lock(listed, "-c", places.REPOSITORY / "constraints" / f"{name}.txt")
    return environment.python


def _pytest(python: str | Path, arguments: list[str], environment: dict[str, str]) -> int:
    command = [str(python), "-m", "pytest", *arguments]
    process = subprocess.Popen(command, cwd=places.REPOSITORY, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # pytest has received it as well and ends with its own summary
