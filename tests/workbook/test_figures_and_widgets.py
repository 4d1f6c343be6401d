"""Figures carry their sentence, controls never carry the lesson."""

import subprocess
import sys
from types import SimpleNamespace

import ipywidgets
import pytest

import course_lib
from course_lib.workbook import figures, settings
from course_lib.workbook.display import Table
from course_lib.workbook.exercises import Quiz
from course_lib.workbook.session import OWN


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


def test_figures_have_a_sentence_and_controls_update_both(
    screen: SimpleNamespace, monkeypatch
) -> None:
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


def test_the_wizard_changes_the_corpus(
    screen: SimpleNamespace, monkeypatch, fresh_home, capsys
) -> None:
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
