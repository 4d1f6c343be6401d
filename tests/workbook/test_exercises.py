"""Exercises diagnose and record; figures carry their sentence, controls never carry the lesson."""

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import ipywidgets
import pytest

import course_lib
from course_lib import places
from course_lib.workbook import exercises, figures, settings
from course_lib.workbook.display import Table
from course_lib.workbook.exercises import LOOK_AGAIN, NOT_YET, Quiz, exercise, require
from course_lib.workbook.session import OWN


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


# --- Figures and controls ---
def drawing(height: float = 1.0) -> figures.DescribedFigure:
    figure, axis = figures.canvas()
    axis.bar([0], [height])
    axis.set(title="One bar", xlabel="bar (number)", ylabel="height (cm)")
    return figures.DescribedFigure(figure, f"One bar of {height} cm.")


@pytest.fixture
def screen(monkeypatch) -> SimpleNamespace:
    """Stands in for the front end: remembers what is displayed and updated."""
    screen = SimpleNamespace(shown=[], updates=[])

    def display(thing: object, display_id: bool = False) -> object:
        screen.shown.append(thing)
        return SimpleNamespace(update=screen.updates.append) if display_id else None

    monkeypatch.setattr("IPython.display.display", display)
    return screen


def test_figures_have_a_sentence_and_controls_update_both(screen, monkeypatch) -> None:
    bundle = drawing()._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert bundle["text/plain"] == "One bar of 1.0 cm."
    slider = ipywidgets.FloatSlider(value=2.0, min=0, max=5)
    figures.explore(drawing, height=slider)
    picture, sentence = screen.shown
    assert repr(picture) == "One bar of 2.0 cm." and sentence.data == "*One bar of 2.0 cm.*"
    monkeypatch.setattr(settings, "headless", lambda: False)
    figures.explore(drawing, height=slider)
    assert isinstance(screen.shown[-1], ipywidgets.VBox)
    slider.value = 3.0
    assert repr(screen.updates[0]) == "One bar of 3.0 cm."
    assert screen.updates[1].data == "*One bar of 3.0 cm.*"


def test_labels_are_a_rule_for_our_figures_and_not_for_the_learners() -> None:
    code = """
from course_lib.workbook import figures
import matplotlib
assert matplotlib.rcParams["axes.grid"] is False  # importing changes nothing
figure, axis = figures.canvas()
assert matplotlib.rcParams["axes.grid"] is True
print(figures.DescribedFigure(figure, "Nothing."))
"""
    assert subprocess.check_output([sys.executable, "-c", code], timeout=60) == b"Nothing.\n"
    with pytest.raises(AssertionError, match="no title"):
        figures.DescribedFigure(figures.canvas()[0], "Nothing.")


def test_each_option_of_a_quiz_says_whether_it_is_right() -> None:
    quiz = Quiz("00_start_here")
    assert not any(question["why"] in repr(quiz) for question in quiz.questions)
    page = quiz._repr_html_()
    assert page.count("<i>Right. ") == len(quiz.questions)
    assert page.count("<details>") == sum(len(q["options"]) for q in quiz.questions)


def test_the_wizard_changes_the_corpus(screen, monkeypatch, fresh_home, capsys) -> None:
    course = course_lib.start("00_start_here")
    screen.shown.clear()
    course.choose_corpus()
    assert "languages" in repr(screen.shown[0]) and len(screen.shown) == 1
    monkeypatch.setattr(settings, "headless", lambda: False)
    course.choose_corpus()
    menu, path, button, _ = screen.shown[-1].children
    menu.value = "handbook"
    button.click()
    assert course.corpus.name == "handbook" and "uses handbook." in capsys.readouterr().out
    assert "handbook" in repr(screen.updates[-1])
    menu.value, path.value = OWN, "/no/such/folder"
    button.click()
    assert "no/such/folder" in capsys.readouterr().out and len(screen.updates) == 1
    assert not button.disabled


def test_tables_are_aligned_lines_or_html() -> None:
    table = Table([("a", 1), ("long", "<2>")], ("name", "number"))
    assert repr(table) == "name  number\na     1\nlong  <2>"
    assert "&lt;2&gt;" in table._repr_html_() and repr(Table([])) == ""


def test_an_exercise_may_be_solved_in_a_module_of_ones_own(double, tmp_path, monkeypatch) -> None:
    own = "def twice(x):\n    return 3 * x\n\n\ndef doubled(x):\n    return 2 * x\n"
    (tmp_path / "my_solutions.py").write_text(own)
    monkeypatch.syspath_prepend(tmp_path)
    my_solutions = importlib.import_module("my_solutions")
    assert double(my_solutions.twice).status == LOOK_AGAIN
    assert double(my_solutions.doubled).passed and solved()
