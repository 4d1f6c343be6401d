"""A notebook runs in a fresh kernel of this interpreter, and always comes to an end."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.errors import CourseError
from course_lib.workbook.toolchain.execute import execute, read


def write(folder: Path, *sources: str) -> Path:
    """A notebook with a text cell and these code cells."""
    path = folder / "00 with ä blank.ipynb"
    cells = [new_markdown_cell("Text."), *map(new_code_cell, sources)]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def kernels() -> set[int]:
    """Processes below this one."""
    return {process.pid for process in psutil.Process().children(recursive=True)}


def test_it_runs_here_with_the_interpreter_and_the_library_of_the_course(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "share" / "kernels" / "python3"
    wrong.mkdir(parents=True)
    spec = {
        "argv": ["/nowhere/python", "-f", "{connection_file}"],
        "display_name": "x",
        "language": "python",
    }
    (wrong / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    facts = "import os, sys, course_lib\nprint(sys.executable, os.listdir(), sep='|')"
    variables = "print(*[os.environ.get(n) for n in ('COURSE_HEADLESS', 'HF_HUB_OFFLINE', 'X')])"
    path = write(tmp_path, facts, variables)
    before, steps, old = path.read_bytes(), [], kernels()

    result = execute(
        path, environment={"X": "y"}, after_cell=lambda done, total: steps.append((done, total))
    )

    assert result.failure is None
    code = [cell for cell in result.notebook.cells if cell.cell_type == "code"]
    assert code[0].outputs[0].text == f"{sys.executable}|['{path.name}']\n"
    assert code[1].outputs[0].text == "1 1 y\n"
    assert [cell.execution_count for cell in code] == [1, 2]
    assert all("execution" not in cell.metadata for cell in code)
    assert steps == [(0, 2), (1, 2), (2, 2)]
    assert path.read_bytes() == before
    assert kernels() <= old


def test_offline_unless_told(tmp_path: Path) -> None:
    path = write(tmp_path, "import os; os.environ['HF_HUB_OFFLINE']")
    result = execute(path, environment={"HF_HUB_OFFLINE": "0"})
    assert result.notebook.cells[1].outputs[0].data["text/plain"] == "'0'"


def test_a_failing_cell_is_named_without_colour_codes(tmp_path: Path) -> None:
    failing = "import numpy\n\ndivisor = 0\n1 / divisor\n# more\n# and more"
    result = execute(write(tmp_path, "x = 1", failing, "never = 1"))
    assert result.failure is not None
    assert (result.failure.cell, result.failure.ename) == (3, "ZeroDivisionError")
    assert result.failure.evalue == "division by zero"
    assert result.failure.source == "import numpy\n\ndivisor = 0"
    assert "\x1b" not in str(result.failure)
    assert result.notebook.cells[3].execution_count is None


def test_a_course_error_is_one_sentence(tmp_path: Path) -> None:
    source = (
        "from course_lib.errors import CourseError\nraise CourseError('Choose a corpus first.')"
    )
    assert (
        str(execute(write(tmp_path, source)).failure)
        == "cell 2 with CourseError: Choose a corpus first."
    )


@pytest.mark.parametrize(
    "endless",
    [
        "import time\nwhile True:\n    time.sleep(1)",
        "import signal\nsignal.signal(2, signal.SIG_IGN)\nwhile True: pass",
    ],
)
def test_an_endless_cell_is_stopped(tmp_path: Path, endless: str) -> None:
    old = kernels()
    result = execute(write(tmp_path, endless), cell_seconds=2)
    assert result.failure is not None
    assert (result.failure.cell, result.failure.ename) == (2, "Timeout")
    assert kernels() <= old


def test_the_death_of_a_kernel_is_reported(tmp_path: Path) -> None:
    result = execute(
        write(tmp_path, "import os, sys\nos.write(2, b'no more memory\\n')\nos._exit(9)")
    )
    assert result.failure is not None
    assert (result.failure.cell, result.failure.ename) == (2, "KernelDied")


def test_a_cell_that_asks_gets_an_error_and_does_not_wait(tmp_path: Path) -> None:
    result = execute(write(tmp_path, "input('name? ')"), cell_seconds=30)
    assert result.failure is not None
    assert result.failure.ename == "StdinNotImplementedError"


@pytest.mark.skipif(
    sys.platform == "win32", reason="no SIGINT to a process of one's own on Windows"
)
def test_ctrl_c_ends_the_kernel_too(tmp_path: Path) -> None:
    old, started = kernels(), threading.Event()

    def interrupt_when_busy(done: int, total: int) -> None:
        started.set()

    def press() -> None:
        started.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        execute(write(tmp_path, "import time\ntime.sleep(100)"), after_cell=interrupt_when_busy)
    thread.join()
    assert kernels() <= old


def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "00_x.ipynb"
    path.write_text('{"cells": [', encoding="utf-8")
    with pytest.raises(CourseError, match="restore it from git"):
        read(path)
