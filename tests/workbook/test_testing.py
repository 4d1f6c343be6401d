"""The verb ``test``: what pytest is given, in which surroundings, and what comes back."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_lib import bootstrap, places
from course_lib.workbook import cli, testing

NOTEBOOKS = sorted(path.name for path in (places.REPOSITORY / "notebooks").glob("*.ipynb"))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, fresh_home: Path) -> list[tuple[list, dict[str, str]]]:
    """The commands and variables of each pytest; they all end with status 1."""
    made: list[tuple[list, dict[str, str]]] = []
    monkeypatch.chdir(places.REPOSITORY)
    monkeypatch.setattr(
        bootstrap, "hand_over", lambda command, env: made.append((command, env)) or 1
    )
    monkeypatch.setattr(subprocess, "call", lambda command, env: made.append((command, env)) or 1)
    monkeypatch.setattr(testing, "constrained_python", lambda name: f"{name}/python")
    monkeypatch.setattr(bootstrap, "interpreter_for", lambda verb: sys.executable)
    return made


def test_everything_in_one_pytest(calls: list) -> None:
    assert cli.main(["test"]) == 1
    [(command, variables)] = calls
    assert command[:3] == [sys.executable, "-m", "pytest"]
    tests, *notebooks = map(Path, command[command.index("tests") :])
    assert [path.name for path in notebooks] == NOTEBOOKS
    assert {path.parent for path in notebooks} == {places.state_folder() / "notebooks-tested"}
    strict = sys.version_info[:2] == testing.LOCK_PYTHON
    assert ("--nbval" in command, "--nbval-lax" in command) == (strict, not strict)
    assert {"--nbval-current-env", "--nbval-cell-timeout=240"} <= set(command)
    [sanitiser] = [word for word in command if word.startswith("--nbval-sanitize-with=")]
    assert Path(sanitiser.split("=")[1]).is_file()
    assert variables["HF_HUB_OFFLINE"] == variables["COURSE_HEADLESS"] == "1"
    assert variables["COURSE_CORPUS"] == "python-docs" and "COURSE_THOROUGH" not in variables
    assert Path(variables["COURSE_HOME"]) == places.state_folder() / "test-home"
    first = variables["PYTHONPATH"].split(os.pathsep)[:2]
    assert first == [str(testing.SUPPORT), str(places.REPOSITORY)]


@pytest.mark.parametrize(
    ("cores", "memory", "two"), [(2, 12, True), (1, 12, False), (8, 6, False), (2, None, False)]
)
def test_two_processes_where_there_is_room(
    calls: list, monkeypatch: pytest.MonkeyPatch, cores: int, memory: int | None, two: bool
) -> None:
    room = SimpleNamespace(cores=cores, memory_available=memory and memory * 10**9)
    monkeypatch.setattr(testing, "look", lambda: room)
    cli.main(["test", "--quick"])
    cli.main(["test", "--quick", "-k", "minhash"])
    (whole, _), (part, _) = calls
    assert whole[-1] == part[-3] == "tests" and part[-2:] == ["-k", "minhash"]
    assert (whole[-5:-1] == testing.TWO_AT_A_TIME) == two and "-n" not in part
    assert not any("nbval" in word for word in whole)


def test_a_path_replaces_the_folders_and_a_notebook_brings_its_invariants(calls: list) -> None:
    cli.main(["test", "tests/workbook/test_lab.py::test_ports", f"notebooks/{NOTEBOOKS[0]}::C 0"])
    [(command, _)] = calls
    test, notebook = command[-2:]
    assert test == "tests/workbook/test_lab.py::test_ports" and "tests" not in command
    path, cell = notebook.split("::")
    assert Path(path).name == NOTEBOOKS[0] and cell == "C 0"
    assert "  # behind cell " in Path(path).read_text("utf-8")


def test_thorough_runs_the_long_ones_and_two_other_sets_of_versions(calls: list) -> None:
    assert cli.main(["test", "--thorough"]) == 1
    assert [command[0] for command, _ in calls] == [sys.executable, "colab/python", "lowest/python"]
    assert calls[0][1]["COURSE_THOROUGH"] == "1" and calls[0][0][-1].endswith(".ipynb")
    for command, variables in calls[1:]:
        assert command[-2:] == ["tests", "--ignore=tests/test_browser.py"]
        assert "COURSE_THOROUGH" not in variables


def test_the_other_versions_are_those_of_the_constraints(
    monkeypatch: pytest.MonkeyPatch, fresh_home: Path
) -> None:
    made = []
    monkeypatch.setattr(bootstrap, "install", lambda *given: made.append(given))
    for name in testing.CONSTRAINTS:
        python = testing.constrained_python(name)
        folder, option, limits, *wanted = made.pop()
        assert python == bootstrap.python_of(folder) and option == "-c" and Path(limits).is_file()
        assert wanted[0].startswith("torch==") and wanted[1:] == bootstrap.needs("lab", "test")


ONE = """
import pytest, socket
def test_one():
    with pytest.raises(OSError, match="offline"):
        socket.create_connection(("192.0.2.1", 80), 1)
def test_two():
    assert False
"""


def test_the_summary_and_the_status_are_pytests(tmp_path: Path) -> None:
    """Really run, in a process of its own; sockets are closed in there."""
    path = tmp_path / "test_one.py"
    path.write_text(ONE, encoding="utf-8")
    command = [sys.executable, "-m", "course_lib", "test", "--quick", str(path)]
    variables = {**os.environ, "COURSE_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, capture_output=True, text=True, env=variables)
    assert done.returncode == 1 and "1 failed, 1 passed" in done.stdout.splitlines()[-1], done


def test_ci_does_what_the_readme_says() -> None:
    text = (places.REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    assert 'python3 -m course_lib test "$@"' in text and "COURSE_HOME=$(mktemp -d) CI=true" in text
