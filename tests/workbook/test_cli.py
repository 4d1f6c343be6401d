"""The command line: verbs reach their modules, a user's error is one sentence."""

from argparse import Namespace

import pytest

from course_lib.errors import CourseError
from course_lib.workbook import cli, doctor, run
from tools import notebooks


def test_run_and_notebooks_reach_their_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def take(*given: object, **more: object) -> int:
        calls.append((*given, more))
        return len(calls)

    monkeypatch.setattr(run, "run_notebooks", take)
    monkeypatch.setattr(notebooks, "main", take)
    assert cli.main(["run", "00", "--corpus", "songbook", "--profile", "smoke", "--out", "x"]) == 1
    assert cli.main(["notebooks", "--check", "00"]) == 2
    (names, more), (options, _) = calls
    assert names == ["00"] and more == {"corpus": "songbook", "profile": "smoke", "out": "x"}
    assert isinstance(options, Namespace) and options.check and options.names == ["00"]


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (CourseError("Do this."), 2, "Do this.\n"),
        (KeyboardInterrupt(), 130, "\nInterrupted: start the same command again.\n"),
        (PermissionError(13, "No", "x"), 2, "[Errno 13] No: 'x': set COURSE_HOME to a folder"),
    ],
)
def test_a_users_error_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    error: BaseException,
    status: int,
    words: str,
) -> None:
    def fail() -> int:
        raise error

    monkeypatch.setattr(doctor, "main", fail)
    assert cli.main(["doctor"]) == status
    assert capsys.readouterr().err.startswith(words)


def test_only_test_has_words_for_another_program() -> None:
    assert cli.parser().parse_known_args(["test", "--quick", "-k", "x", "-x"])[1] == [
        "-k",
        "x",
        "-x",
    ]
    with pytest.raises(SystemExit, match="2"):
        cli.main(["lab", "--quick"])


def test_help_names_what_there_is_and_nothing_else() -> None:
    words = set(cli.parser().format_help().split())
    assert {"lab", "test", "run", "doctor", "notebooks"} <= words
    assert not {"serve", "slides", "pack"} & words
