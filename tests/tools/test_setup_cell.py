"""The set-up cell, run for real where course_lib is not on the path."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from course_lib.places import REPOSITORY
from tools import notebooks
from tools.notebooks import setup_cell

# -S: no site, so no .pth file that has the course on the path. Run as often as in a kernel.
BARE = f"""
import sys
sys.path += {[sysconfig.get_path("purelib"), str(REPOSITORY / "tests" / "support")]!r}
import offline_guard
offline_guard.block()
for _ in range(int(sys.argv[2])):
    try:
        exec(compile(open(sys.argv[1], encoding="utf-8").read(), "cell", "exec"))
        print("from", course_lib.__file__)
    except RuntimeError as error:
        print(error)
"""
FAKE = """
installed = []
def install_missing():
    installed.append(1)
    if len(installed) == 1:
        raise RuntimeError("interrupted")
def start(name):
    print(name, "starts after", len(installed), "installations")
"""


def run_cell(folder: Path, times: int = 1, **variables: str) -> tuple[str, str]:
    """What a set-up cell in ``folder`` prints, and its error, without the course on the path."""
    cell = folder.parent / "cell.py"
    cell.write_text(setup_cell("00_x"), encoding="utf-8")
    kept = {n: v for n, v in os.environ.items() if n not in ("PYTHONPATH", "COURSE_REPO")}
    mine = {"PIP_NO_INDEX": "1", "PYTHONUTF8": "1", "COURSE_HOME": str(folder.parent / "home")}
    command = [sys.executable, "-S", "-c", BARE, str(cell), str(times)]
    options = {"capture_output": True, "encoding": "utf-8", "timeout": 240}
    done = subprocess.run(command, cwd=folder, env={**kept, **mine, **variables}, **options)
    return done.stdout, done.stderr


def commit(folder: Path) -> str:
    git = ["git", "-C", str(folder), "-c", "user.name=test", "-c", "user.email=test@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "as it is"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    return str(folder)


@pytest.fixture
def empty(tmp_path) -> Path:
    folder = tmp_path / "empty place"
    folder.mkdir()
    return folder


def test_the_course_is_fetched_or_lies_beside_the_notebook(empty: Path, tmp_path) -> None:
    copy = tmp_path / "a copy"
    for part in ("course_lib", "assets/corpora", "assets/quizzes"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / part, copy / part, ignore=ignored)
    for file in (*REPOSITORY.glob("*.toml"), *REPOSITORY.glob("*.lock")):
        shutil.copy(file, copy)
    (copy / "notebooks").mkdir()
    songs = {"COURSE_CORPUS": "songbook", "COURSE_PROFILE": "smoke"}
    said, wrong = run_cell(empty, COURSE_REPO=commit(copy), **songs)
    assert f"from {empty / 'course_files' / 'course_lib'}" in said, wrong
    assert "Corpus: songbook" in said and "Installing" not in said
    said, wrong = run_cell(copy / "notebooks", **songs)
    assert f"from {copy / 'course_lib'}" in said, wrong


def test_an_interrupted_installation_and_half_a_clone_are_mended(empty: Path, tmp_path) -> None:
    fake = tmp_path / "fake"
    (fake / "course_lib").mkdir(parents=True)
    (fake / "course_lib" / "__init__.py").write_text(FAKE, encoding="utf-8")
    (empty / "half_copy" / ".git").mkdir(parents=True)
    said, _ = run_cell(empty, times=2, COURSE_REPO=commit(fake))
    assert "interrupted\n00_x starts after 2 installations\n" in said
    assert [path.name for path in empty.iterdir()] == ["course_files"]


def test_what_hinders_it_is_one_sentence(empty: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(notebooks, "repository_address", lambda: "")
    wrong = "This course has no address yet: set COURSE_REPO first.\n"
    assert run_cell(empty) == ("", wrong) and not list(empty.iterdir())
    monkeypatch.setattr(notebooks, "repository_address", lambda: str(tmp_path / "published"))
    assert f"{tmp_path / 'published'} cannot be cloned: check it, run" in run_cell(empty)[1]
    mine = str(tmp_path / "mine")  # goes before the address in pyproject.toml
    assert f"{mine} cannot be cloned" in run_cell(empty, COURSE_REPO=mine)[1]
