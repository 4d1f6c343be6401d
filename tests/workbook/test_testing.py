"""The verb ``test``: what pytest is given, in which surroundings, and what comes back."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_lib import places
from course_lib.workbook import cli, testing


@pytest.fixture
def calls(
    monkeypatch: pytest.MonkeyPatch, fresh_home: Path
) -> list[tuple[str, list[str], dict[str, str]]]:
    """The runs of pytest; they all end with status 1."""
    made: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr(
        testing, "_pytest", lambda python, *rest: made.append((str(python), *rest)) or 1
    )
    monkeypatch.setattr(testing, "constrained_python", lambda name: Path(name) / "python")
    return made


def test_everything_in_one_pytest(calls: list) -> None:
    assert cli.main(["test"]) == 1
    [(python, arguments, environment)] = calls
    assert python == sys.executable
    tests, *notebooks = arguments[arguments.index("tests") :]
    there = sorted(path.name for path in testing.NOTEBOOKS.glob("*.ipynb"))
    assert tests == "tests" and [Path(path).name for path in notebooks] == there
    assert all(Path(path).parent != testing.NOTEBOOKS for path in notebooks)
    strict = sys.version_info[:2] == testing.LOCK_PYTHON
    assert ("--nbval" in arguments, "--nbval-lax" in arguments) == (strict, not strict)
    assert {"--nbval-current-env", "--nbval-cell-timeout=240"} <= set(arguments)
    assert Path(arguments[arguments.index("--nbval-sanitize-with") + 1]).is_file()
    assert environment["HF_HUB_OFFLINE"] == environment["COURSE_HEADLESS"] == "1"
    assert environment["COURSE_CORPUS"] == "python-docs"
    assert Path(environment["COURSE_HOME"]) == places.state_folder() / "test-home"
    assert environment["PYTHONPATH"].split(os.pathsep)[:2] == [
        str(testing.SUPPORT),
        str(places.REPOSITORY),
    ]
    assert "COURSE_THOROUGH" not in environment


@pytest.mark.parametrize(
    ("cores", "memory", "two"), [(2, 12, True), (1, 12, False), (8, 6, False), (2, None, False)]
)
def test_two_processes_where_there_is_room(
    calls: list, monkeypatch: pytest.MonkeyPatch, cores: int, memory: int | None, two: bool
) -> None:
    room = SimpleNamespace(cores=cores, memory_available=memory and memory * 10**9)
    monkeypatch.setattr(testing, "look", lambda: room)
    cli.main(["test"])
    cli.main(["test", "-k", "minhash"])
    whole, part = (arguments for _, arguments, _ in calls)
    place = whole.index("tests")
    assert (whole[place - 4 : place] == testing.TWO_AT_A_TIME) == two and "-n" not in part


def test_quick_leaves_the_notebooks_out(calls: list) -> None:
    cli.main(["test", "--quick", "-k", "minhash"])
    [(_, arguments, _)] = calls
    assert arguments[-3:] == ["tests", "-k", "minhash"] and not any(
        "nbval" in word for word in arguments
    )


def test_a_named_file_replaces_the_folders(calls: list) -> None:
    cli.main(["test", "tests/workbook/test_lab.py::test_ports", "-x"])
    [(_, arguments, _)] = calls
    assert (
        arguments[-2:] == ["tests/workbook/test_lab.py::test_ports", "-x"]
        and "tests" not in arguments
    )


def test_a_named_notebook_is_run_with_its_invariants(calls: list) -> None:
    name = sorted(testing.NOTEBOOKS.glob("*.ipynb"))[0].name
    cli.main(["test", f"notebooks/{name}::Cell 0"])
    [(_, arguments, _)] = calls
    path, cell = arguments[-1].split("::")
    assert Path(path).parent == places.state_folder() / "notebooks-tested" and cell == "Cell 0"
    assert "  # behind cell " in Path(path).read_text("utf-8")


def test_thorough_runs_the_long_ones_and_two_other_sets_of_versions(calls: list) -> None:
    assert cli.main(["test", "--thorough"]) == 1
    assert [python for python, _, _ in calls] == [
        sys.executable,
        *(str(Path(n) / "python") for n in testing.CONSTRAINTS),
    ]
    assert calls[0][2]["COURSE_THOROUGH"] == "1" and calls[0][1][-1].endswith(".ipynb")
    for _, arguments, environment in calls[1:]:
        assert arguments[-2:] == ["tests", "--ignore=tests/test_browser.py"]
        assert "COURSE_THOROUGH" not in environment
    assert all(
        (places.REPOSITORY / "constraints" / f"{name}.txt").is_file()
        for name in testing.CONSTRAINTS
    )


@pytest.mark.parametrize(
    ("text", "status", "words"), [("assert True", 0, "1 passed"), ("assert False", 1, "1 failed")]
)
def test_the_summary_and_the_status_are_pytests(
    tmp_path: Path, text: str, status: int, words: str
) -> None:
    """Really run, in a process of its own; sockets are closed in there."""
    path = tmp_path / "test_one.py"
    blocked = "import pytest, socket\n    with pytest.raises(OSError): socket.create_connection(('192.0.2.1', 80), 1)"
    path.write_text(f"def test_one():\n    {blocked}\n    {text}\n", encoding="utf-8")
    command = [sys.executable, "-m", "course_lib.workbook.cli", "test", "--quick", str(path)]
    environment = {**os.environ, "COURSE_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        command, capture_output=True, cwd=places.REPOSITORY, env=environment, timeout=120
    )
    out = done.stdout.decode("utf-8")
    assert done.returncode == status, out + done.stderr.decode("utf-8")
    assert words in out.splitlines()[-1]


def test_ci_does_what_the_readme_says() -> None:
    text = (places.REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    assert 'python3 -m course_lib test "$@"' in text and "COURSE_HOME=$(mktemp -d) CI=true" in text
    assert os.access(places.REPOSITORY / ".ci" / "run", os.X_OK) or os.name == "nt"
