"""The set-up cell, run for real where course_lib is not on the path."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from course_lib.places import REPOSITORY
from course_lib.workbook.toolchain import setup_cell as module
from course_lib.workbook.toolchain.setup_cell import (
    NO_ADDRESS,
    colab_badge,
    repository_address,
    setup_cell,
)

SITE_PACKAGES = list(dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]))
# -S: no site, hence no .pth file that would put the course on the path; the packages are added by hand.
BARE = f"""
import sys
sys.path += {SITE_PACKAGES!r} + [{str(REPOSITORY / "tests" / "support")!r}]
import offline_guard
offline_guard.block()
exec(compile(open(sys.argv[1], encoding="utf-8").read(), "cell", "exec"))
"""
AFTER = (
    "\nimport course_lib\nprint('from', course_lib.__file__)\nprint('torch', course.device.type)\n"
)


def run_cell(folder: Path, source: str, **variables: str) -> subprocess.CompletedProcess:
    """Run a set-up cell in ``folder`` by an interpreter that has the packages, and not the course."""
    cell = folder.parent / "cell.py"
    cell.write_text(source, encoding="utf-8")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "COURSE_REPO")
    }
    environment = {
        **kept,
        "PIP_NO_INDEX": "1",
        "PYTHONUTF8": "1",
        "COURSE_HOME": str(folder.parent / "home"),
        **variables,
    }
    command = [sys.executable, "-S", "-c", BARE, str(cell)]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty place"
    folder.mkdir()
    return folder


@pytest.fixture
def copy_of_the_course(tmp_path: Path) -> Path:
    """A git repository made from the files as they are now, what is not committed included."""
    copy = tmp_path / "a copy"
    for part in ("course_lib", "assets"):
        shutil.copytree(
            REPOSITORY / part, copy / part, ignore=shutil.ignore_patterns("__pycache__")
        )
    for file in REPOSITORY.glob("*.*"):
        if file.suffix in (".toml", ".lock"):
            shutil.copy(file, copy)
    (copy / "notebooks").mkdir()
    git = ["git", "-C", str(copy), "-c", "user.name=test", "-c", "user.email=test@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "as it is"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    return copy


def test_it_fetches_the_course_and_starts(empty: Path, copy_of_the_course: Path) -> None:
    songbook = {"COURSE_CORPUS": "songbook", "COURSE_PROFILE": "smoke"}
    done = run_cell(
        empty, setup_cell("00_x") + AFTER, COURSE_REPO=str(copy_of_the_course), **songbook
    )
    assert done.returncode == 0, done.stderr
    assert f"from {empty / 'course_files' / 'course_lib'}" in done.stdout
    assert "Corpus: songbook" in done.stdout
    assert "Installing" not in done.stdout
    again = run_cell(
        empty, setup_cell("00_x") + AFTER, **songbook
    )  # it is there already: no address needed
    assert again.returncode == 0, again.stderr


def test_a_notebook_beside_the_library_uses_that(empty: Path, copy_of_the_course: Path) -> None:
    done = run_cell(
        copy_of_the_course / "notebooks", setup_cell("00_x") + AFTER, COURSE_CORPUS="songbook"
    )
    assert done.returncode == 0, done.stderr
    assert f"from {copy_of_the_course / 'course_lib'}" in done.stdout


def test_without_an_address_it_says_so(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "repository_address", lambda: "")
    done = run_cell(empty, setup_cell("00_x"))
    assert done.returncode == 1
    assert done.stderr.strip() == NO_ADDRESS
    assert list(empty.iterdir()) == []


def test_an_address_that_does_not_answer_is_one_sentence(empty: Path, tmp_path: Path) -> None:
    done = run_cell(empty, setup_cell("00_x"), COURSE_REPO=str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "could not be cloned: check it, then run this cell again." in done.stderr


def test_the_variable_goes_before_the_address_in_pyproject(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "repository_address", lambda: str(tmp_path / "published"))
    assert (
        f"{tmp_path / 'published'} could not be cloned"
        in run_cell(empty, setup_cell("00_x")).stderr
    )
    assert (
        f"{tmp_path / 'mine'} could not"
        in run_cell(empty, setup_cell("00_x"), COURSE_REPO=str(tmp_path / "mine")).stderr
    )


def test_the_same_lines_but_for_the_name() -> None:
    one, other = setup_cell("00_start_here"), setup_cell("09b_privacy")
    assert one.replace("00_start_here", "09b_privacy") == other
    assert len([line for line in one.splitlines() if line.strip()]) <= 20
    assert "torch" not in one and "pip" not in one
    assert f'or "{repository_address()}"' in one


def test_it_is_formatted_as_ruff_would(tmp_path: Path) -> None:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed")
    file = tmp_path / "cell.py"
    file.write_text(setup_cell("00_start_here") + "\n", encoding="utf-8")
    command = [ruff, "format", "--check", "--config", str(REPOSITORY / "pyproject.toml"), str(file)]
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_the_sentence_about_colab_follows_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for address, has_link in (
        ("", False),
        ("https://github.com/a/b.git", True),
        ("https://example.com/b", False),
    ):
        monkeypatch.setattr(module, "repository_address", lambda address=address: address)
        badge = colab_badge("00_x")
        assert badge.startswith("**Colab.** ")
        assert (
            "(https://colab.research.google.com/github/a/b/blob/main/notebooks/00_x.ipynb)" in badge
        ) == has_link
        assert "![" not in badge and "<img" not in badge and "\n" not in badge
