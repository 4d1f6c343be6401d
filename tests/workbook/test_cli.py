"""The command line: verbs reach their modules, a user's error is one sentence."""

import pytest

from course_lib.errors import CourseError
from course_lib.workbook import cli, doctor, run
from tools import notebooks


def test_run_and_notebooks_reach_their_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "run_notebooks", lambda names, **more: [names, more])
    monkeypatch.setattr(notebooks, "main", lambda options: [options.names, options.check])
    more = {"corpus": "songbook", "profile": "smoke", "out": "x"}
    words = [word for name, value in more.items() for word in (f"--{name}", value)]
    assert cli.main(["run", "00", *words]) == [["00"], more]
    assert cli.main(["notebooks", "--check", "00"]) == [["00"], True]


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
