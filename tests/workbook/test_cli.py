"""The command line: verbs reach their modules, a user's error is one sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.errors import CourseError
from course_lib.places import REPOSITORY
from course_lib.workbook import cli, doctor
from course_lib.workbook import run as book
from tools import notebooks


def test_run_and_notebooks_reach_their_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(
        book, "run_notebooks", lambda names, **options: calls.append((names, options)) or 3
    )
    monkeypatch.setattr(
        notebooks, "main", lambda options: calls.append((options.names, options.check)) or 4
    )
    assert cli.main(["run", "00", "--corpus", "songbook", "--profile", "smoke", "--out", "x"]) == 3
    assert cli.main(["notebooks", "--check", "00"]) == 4
    assert calls == [
        (["00"], {"corpus": "songbook", "profile": "smoke", "out": "x"}),
        (["00"], True),
    ]


def test_a_users_error_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fail() -> int:
        raise CourseError("Do this.")

    monkeypatch.setattr(doctor, "main", fail)
    assert cli.main(["doctor"]) == 2
    assert capsys.readouterr().err == "Do this.\n"


def test_ctrl_c_is_one_sentence_and_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def stop() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "main", stop)
    assert cli.main(["doctor"]) == 130
    assert capsys.readouterr().err == "\nInterrupted.\n"


def test_help_names_what_there_is_and_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "course_lib", "--help"],
        capture_output=True,
        cwd=REPOSITORY,
        timeout=60,
    )
    words = done.stdout.decode("utf-8").split()
    assert {"lab", "test", "run", "doctor", "notebooks"} <= set(words)
    assert not {"serve", "slides", "pack"} & set(words)
    assert Path(sys.executable).name not in words
