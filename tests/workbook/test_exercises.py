"""The exercise framework: diagnosing, recording, never stopping the notebook."""

from collections.abc import Callable, Iterator

import pytest

from course_lib import places
from course_lib.workbook import exercises, settings
from course_lib.workbook.exercises import LOOK_AGAIN, NOT_YET, exercise, require


@pytest.fixture
def double(fresh_home) -> Iterator[Callable]:
    @exercise("test_notebook", "1.1")
    def double(answer: Callable) -> str:
        require(answer(2) != 2, "It gives back what it got: did you forget to multiply?")
        require(answer(3) == 6, f"For 3 it gives {answer(3)}, not 6.")
        return "Twice as much, for every <number> tried."

    yield double
    del exercises.REGISTRY["test_notebook", "1.1"]


def mine(x: int) -> int:
    return x + x


def ours(x: int) -> int:
    return 2 * x


def stub(x: int) -> int:
    """(int) → int."""
    ...


def solved() -> dict[str, list[str]]:
    record = settings.read_json(places.state_folder() / "progress.json")
    return {notebook: list(numbers) for notebook, numbers in record.items()}


def test_right_answers_are_recorded_and_solutions_are_not(double: Callable) -> None:
    result = double(ours, solution=True)
    assert result.passed and solved() == {} and "&lt;number&gt;" in result._repr_html_()
    assert double(mine).passed and solved() == {"test_notebook": ["1.1"]}
    settings.write_json(places.state_folder() / "progress.json", {"other": {"2.1": ""}})
    assert double(mine).passed and solved() == {"other": ["2.1"], "test_notebook": ["1.1"]}


def test_the_learners_own_answer_is_kept_if_it_has_passed(double: Callable, capsys) -> None:
    double(stub)
    assert double.solution(ours) is ours and "the one below" in capsys.readouterr().out
    assert double(ours, solution=True).passed and double.solution(ours) is ours
    double(mine)
    assert double.solution(ours) is mine and "your own" in capsys.readouterr().out
    double(lambda x: x)  # changed, and wrong now
    assert double.solution(ours) is ours


def test_what_is_said_to_other_answers(double: Callable) -> None:
    def to_do(x: int) -> int:
        raise NotImplementedError

    def broken(x: int) -> int:
        return x + "2"  # type: ignore[operator]

    for answer in (stub, None, ..., lambda x: ..., to_do):
        assert double(answer).status == NOT_YET
    assert "stub returned None" in double(stub).message
    forgot = "Look again: It gives back what it got: did you forget to multiply?"
    assert repr(double(lambda x: x)) == forgot
    assert "For 3 it gives 9, not 6." in repr(double(lambda x: x * x))
    result = double(broken)
    assert result.status == LOOK_AGAIN
    assert "TypeError" in result.message and 'x + "2"' in result.message and solved() == {}


def test_a_full_disk_leaves_the_success(double: Callable, full_disk: None, capsys) -> None:
    assert double(mine).passed and "could not be noted down" in capsys.readouterr().out
