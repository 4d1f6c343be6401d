"""The exercise framework: diagnosing, recording, never stopping the notebook."""

from pathlib import Path

import pytest

from course_lib import places
from course_lib.workbook import exercises, settings
from course_lib.workbook.exercises import LOOK_AGAIN, NOT_YET, RIGHT, exercise, require


@pytest.fixture
def double() -> object:
    @exercise("test_notebook", "1.1")
    def double(answer: object) -> str:
        require(answer(2) != 2, "It gives back what it got: did you forget to multiply?")
        require(answer(3) == 6, f"For 3 it gives {answer(3)}, not 6.")
        return "Twice as much, for every number tried."

    yield double
    del exercises.REGISTRY["test_notebook", "1.1"]


def test_right_answers_are_recorded(double: object, fresh_home: Path) -> None:
    result = double(lambda x: 2 * x)
    assert result.status == RIGHT and result.passed
    assert list(exercises.solved("test_notebook")) == ["1.1"]


def test_the_solution_is_never_the_learners_success(double: object, fresh_home: Path) -> None:
    assert double(lambda x: 2 * x, solution=True).passed
    assert exercises.solved("test_notebook") == {}


def test_the_learners_own_answer_is_kept_if_it_has_passed(
    double: object, fresh_home: Path, capsys: pytest.CaptureFixture
) -> None:
    def mine(x: int) -> int:
        return x + x

    def ours(x: int) -> int:
        return 2 * x

    double(stub)
    assert double.solution(ours) is ours and "the one below" in capsys.readouterr().out
    assert double(ours, solution=True).passed and double.solution(ours) is ours
    double(mine)
    capsys.readouterr()
    assert double.solution(ours) is mine and "your own" in capsys.readouterr().out
    double(lambda x: x)  # changed, and wrong now
    assert double.solution(ours) is ours


def test_what_another_open_notebook_has_noted_stays(double: object, fresh_home: Path) -> None:
    double(lambda x: 2 * x)
    path = places.state_folder() / "progress.json"
    settings.write_json(path, {**settings.read_json(path), "other": {"2.1": "2026-11-27"}})
    double(lambda x: 2 * x)
    assert list(exercises.solved("other")) == ["2.1"]
    assert list(exercises.solved("test_notebook")) == ["1.1"]


def test_diagnoses(double: object, fresh_home: Path) -> None:
    assert (
        repr(double(lambda x: x))
        == "Look again: It gives back what it got: did you forget to multiply?"
    )
    assert "For 3 it gives 9, not 6." in repr(double(lambda x: x * x))
    assert exercises.solved("test_notebook") == {}


def stub(x: int) -> int:
    """(int) → int."""
    ...


def test_stubs_say_not_yet(double: object, fresh_home: Path) -> None:
    for answer in (stub, None, ..., lambda x: ...):
        assert double(answer).status == NOT_YET

    def raising(x: int) -> int:
        raise NotImplementedError

    assert double(raising).status == NOT_YET
    assert "stub returned None" in double(stub).message


def test_errors_of_the_learner_are_explained_with_their_line(
    double: object, fresh_home: Path
) -> None:
    def mine(x: int) -> int:
        return x + "2"  # type: ignore[operator]

    result = double(mine)
    assert result.status == LOOK_AGAIN
    assert "TypeError" in result.message and 'x + "2"' in result.message


def test_a_record_that_cannot_be_written_does_not_take_the_success_away(
    double: object, fresh_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    places.state_folder()
    monkeypatch.setattr(Path, "write_text", full)
    assert double(lambda x: 2 * x).passed
    assert "could not be noted down" in capsys.readouterr().out


def test_html_is_escaped(double: object) -> None:
    assert "<script>" not in double(lambda x: "<script>")._repr_html_()
