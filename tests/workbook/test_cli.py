"""The command line, and a working copy that never loses a learner's work."""

import inspect
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_lib import bootstrap, places
from course_lib.errors import CourseError
from course_lib.workbook import cli, lab, machine, run, settings, testing
from tools import notebooks

NOTEBOOKS = sorted(path.name for path in (places.REPOSITORY / "notebooks").glob("*.ipynb"))


def test_run_and_notebooks_reach_their_modules(monkeypatch) -> None:
    bind = inspect.signature(run.run_notebooks).bind
    monkeypatch.setattr(run, "run_notebooks", lambda *given: bind(*given).arguments)
    monkeypatch.setattr(notebooks, "main", lambda options: [options.names, options.check])
    more = {"corpus": "songbook", "profile": "smoke", "out": "x"}
    words = [word for name, value in more.items() for word in (f"--{name}", value)]
    assert cli.main(["run", "00", *words]) == {"names": ["00"], **more}
    assert cli.main(["notebooks", "--check", "00"]) == [["00"], True]
    with pytest.raises(SystemExit, match="2"):
        cli.main(["lab", "--quick"])


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (CourseError("Do this."), 2, "Do this.\n"),
        (KeyboardInterrupt(), 130, "\nInterrupted: start the same command again.\n"),
        (PermissionError(13, "No", "x"), 2, "[Errno 13] No: 'x': set COURSE_HOME to a folder"),
    ],
)
def test_a_users_error_is_one_sentence(monkeypatch, capsys, error, status, words) -> None:
    def fail() -> int:
        raise error

    monkeypatch.setattr(machine, "doctor", fail)
    assert cli.main(["doctor"]) == status
    assert capsys.readouterr().err.startswith(words)


@pytest.fixture
def calls(monkeypatch, fresh_home) -> list[tuple[list, dict[str, str]]]:
    """The commands and variables of each pytest; they all end with status 1."""
    made: list[tuple[list, dict[str, str]]] = []
    monkeypatch.chdir(places.REPOSITORY)
    for module, name in ((bootstrap, "hand_over"), (subprocess, "call")):
        monkeypatch.setattr(module, name, lambda command, env: made.append((command, env)) or 1)
    monkeypatch.setattr(testing, "constrained_python", lambda name: f"{name}/python")
    monkeypatch.setattr(bootstrap, "interpreter_for", lambda verb: sys.executable)
    return made


def test_everything_in_one_pytest(calls: list) -> None:
    assert cli.main(["test"]) == 1
    [(command, variables)] = calls
    assert command[:3] == [sys.executable, "-m", "pytest"]
    _, copies = map(Path, command[command.index("tests") :])
    assert copies == places.state_folder() / "notebooks-tested"
    assert sorted(path.name for path in copies.iterdir()) == NOTEBOOKS
    assert ("--nbval" in command) == (sys.version_info[:2] == testing.LOCK_PYTHON)
    assert variables["HF_HUB_OFFLINE"] == variables["COURSE_HEADLESS"] == "1"
    assert variables["COURSE_CORPUS"] == "python-docs" and "COURSE_THOROUGH" not in variables
    assert Path(variables["COURSE_HOME"]) == places.state_folder() / "test-home"
    first = variables["PYTHONPATH"].split(os.pathsep)[:2]
    assert first == [str(testing.SUPPORT), str(places.REPOSITORY)]


@pytest.mark.parametrize(("cores", "memory", "two"), [(2, 12, True), (1, 12, False), (8, 6, False)])
def test_two_at_a_time(calls: list, monkeypatch, cores: int, memory: int, two: bool) -> None:
    room = SimpleNamespace(cores=cores, memory_available=memory * 10**9)
    monkeypatch.setattr(testing, "look", lambda: room)
    cli.main(["test", "--quick"])
    cli.main(["test", "--quick", "-k", "minhash"])
    (whole, _), (part, _) = calls
    assert whole[-1] == part[-3] == "tests" and part[-2:] == ["-k", "minhash"]
    assert (whole[-5:-1] == testing.TWO_AT_A_TIME) == two and "-n" not in part
    assert not any("nbval" in word for word in whole)


def test_a_path_replaces_the_folders_and_a_notebook_brings_its_invariants(calls: list) -> None:
    cli.main(["test", "tests/workbook/test_cli.py::test_ports", f"notebooks/{NOTEBOOKS[0]}::C 0"])
    [(command, _)] = calls
    test, notebook = command[-2:]
    assert test == "tests/workbook/test_cli.py::test_ports" and "tests" not in command
    path, cell = notebook.split("::")
    assert Path(path).name == NOTEBOOKS[0] and cell == "C 0"
    assert "  # behind cell " in Path(path).read_text("utf-8")


def test_thorough_runs_the_long_ones_and_two_other_sets_of_versions(calls: list) -> None:
    assert cli.main(["test", "--thorough"]) == 1
    assert [command[0] for command, _ in calls] == [sys.executable, "colab/python", "lowest/python"]
    assert [v.get("COURSE_THOROUGH") for _, v in calls] == ["1", None, None]


ONE = """
import pytest, socket
def test_one():
    with pytest.raises(OSError, match="offline"):
        socket.create_connection(("192.0.2.1", 80), 1)
def test_two():
    assert False
"""


def test_the_summary_and_the_status_are_pytests(tmp_path) -> None:
    """Really run, in a process of its own; sockets are closed in there."""
    path = tmp_path / "test_one.py"
    path.write_text(ONE, encoding="utf-8")
    command = [sys.executable, "-m", "course_lib", "test", "--quick", str(path)]
    variables = {**os.environ, "COURSE_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, capture_output=True, text=True, env=variables)
    assert done.returncode == 1 and "1 failed, 1 passed" in done.stdout.splitlines()[-1], done


# --- The working copy ---
NAME = "00_start_here.ipynb"
BESIDE = "00_start_here (updated).ipynb"


class Folders:
    """An original notebook, and a working copy, which does not exist at first."""

    def __init__(self, root: Path) -> None:
        self.originals, self.work = root / "originals", root / "work with ä blank"
        self.originals.mkdir()
        self.publish("first")

    def publish(self, text: str) -> None:
        original = self.originals / NAME
        original.unlink(missing_ok=True)
        original.write_text(text, encoding="utf-8")
        original.chmod(stat.S_IRUSR)  # a read-only checkout gives copies that can be written

    def edit(self, text: str, name: str = NAME) -> None:
        assert (self.work / name).stat().st_mode & stat.S_IWUSR
        (self.work / name).write_text(text, encoding="utf-8")

    def update(self) -> list[str]:
        return lab.update_copies(self.originals, self.work)

    def texts(self) -> dict[str, str]:
        return {path.name: path.read_text("utf-8") for path in self.work.glob("*.ipynb")}


@pytest.fixture
def folders(tmp_path) -> Folders:
    return Folders(tmp_path)


def test_an_untouched_copy_follows_the_original(folders: Folders) -> None:
    for text in ("first", "second"):
        folders.publish(text)
        assert folders.update() == folders.update() == []
        assert folders.texts() == {NAME: text}
    (folders.work / NAME).unlink()
    assert folders.update() == [] and folders.texts() == {NAME: "second"}


def test_a_learners_copy_is_kept_and_each_new_one_put_beside_it_once(folders: Folders) -> None:
    folders.update()
    folders.edit("my answers")
    assert folders.update() == []  # the original has not changed
    folders.publish("second")
    [note] = folders.update()
    assert NAME in note and BESIDE in note
    assert folders.texts() == {NAME: "my answers", BESIDE: "second"}
    (folders.work / BESIDE).unlink()
    assert folders.update() == [] and BESIDE not in folders.texts()
    folders.publish("third")
    assert len(folders.update()) == 1 and folders.texts()[BESIDE] == "third"
    folders.edit("more of my answers", BESIDE)
    folders.publish("fourth")
    assert len(folders.update()) == 1
    new = "00_start_here (updated 2).ipynb"
    assert folders.texts() == {NAME: "my answers", BESIDE: "more of my answers", new: "fourth"}


@pytest.mark.parametrize("damage", ["", "{half", "[]", '{"written": 3}'])
def test_without_its_memory_it_still_overwrites_nothing(folders: Folders, damage: str) -> None:
    folders.update()
    folders.edit("my answers")
    (folders.work / lab.ORIGINALS).write_text(damage, encoding="utf-8")
    folders.update()
    assert folders.texts()[NAME] == "my answers"


def test_the_corpus_is_kept_if_there_is_one(fresh_home, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(bootstrap, "hand_over", lambda *a: 0)
    Path(tmp_path, "my notes").mkdir()
    Path(tmp_path, "my notes", "a.txt").write_text("The lamp by the door was lit. " * 9, "utf-8")
    for given, kept in (("my notes", str(tmp_path / "my notes")), ("songbook", "songbook")):
        monkeypatch.chdir(tmp_path)
        assert cli.main(["lab", "--no-browser", "--port", "0", "--corpus", given]) == 0
        assert settings.corpus_choice() == kept
    assert cli.main(["lab", "--corpus", "/no/such/folder"]) == 2
    assert "/no/such/folder" in capsys.readouterr().err
    assert settings.corpus_choice() == "songbook"
