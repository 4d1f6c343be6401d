"""Figures carry their sentence, controls never carry the lesson."""

import subprocess
import sys
from types import SimpleNamespace

import ipywidgets
import pytest

from course_lib.workbook import figures, settings
from course_lib.workbook.corpus import load_corpus
from course_lib.workbook.progress import bar
from course_lib.workbook.quiz import Quiz, load_quiz
from course_lib.workbook.tables import Table
from course_lib.workbook.wizard import OWN, choose_corpus


def drawing(height: float = 1.0) -> figures.DescribedFigure:
    figure, axis = figures.canvas()
    axis.bar([0], [height])
    axis.set(title="One bar", xlabel="bar (number)", ylabel="height (cm)")
    return figures.DescribedFigure(figure, f"One bar of {height} cm.")


class Screen:
    """Stands in for the front end: remembers what is displayed and updated."""

    def __init__(self) -> None:
        self.shown: list = []
        self.updates: list = []

    def display(self, thing: object, display_id: bool = False) -> object:
        self.shown.append(thing)
        return SimpleNamespace(update=self.updates.append) if display_id else None


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    monkeypatch.setattr("IPython.display.display", screen.display)
    return screen


def test_a_figure_is_a_picture_and_a_sentence_that_stands_below_it_too(screen: Screen) -> None:
    bundle = drawing()._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert bundle["text/plain"] == "One bar of 1.0 cm."
    figures.show(drawing())
    assert repr(screen.shown[0]) == "One bar of 1.0 cm."
    assert screen.shown[1].data == "*One bar of 1.0 cm.*"


def test_labels_are_a_rule_for_our_figures_and_not_for_the_learners() -> None:
    code = """
from course_lib.workbook import figures
import matplotlib
assert matplotlib.rcParams["axes.grid"] is False  # importing changes nothing
figure, axis = figures.canvas()
assert matplotlib.rcParams["axes.grid"] is True
print(figures.DescribedFigure(figure, "Nothing."))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "Nothing.\n", done.stderr
    figure, axis = figures.canvas()
    with pytest.raises(AssertionError, match="no title"):
        figures.DescribedFigure(figure, "Nothing.")
    axis.set(title="A title", xlabel="x")
    with pytest.raises(AssertionError, match="no label"):
        figures.DescribedFigure(figure, "Nothing.")


def test_explore_shows_the_picture_then_controls_that_update_it(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    slider = ipywidgets.FloatSlider(value=2.0, min=0, max=5)
    figures.explore(drawing, height=slider)
    assert [type(thing).__name__ for thing in screen.shown] == ["DescribedFigure", "Markdown"]
    monkeypatch.setattr(settings, "headless", lambda: False)
    figures.explore(drawing, height=slider)
    assert isinstance(screen.shown[-1], ipywidgets.VBox)
    slider.value = 3.0
    assert repr(screen.updates[0]) == "One bar of 3.0 cm."
    assert screen.updates[1].data == "*One bar of 3.0 cm.*"


def test_each_option_of_a_quiz_says_whether_it_is_right() -> None:
    questions = load_quiz("00_start_here")
    quiz = Quiz(questions)
    assert not any(question.why in repr(quiz) for question in questions)
    page = quiz._repr_html_()
    assert page.count("<i>Right. ") == len(questions)
    assert page.count("<details>") == sum(len(question.options) for question in questions)


def test_the_wizard_shows_a_corpus_and_changes_it(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    songbook, asked = load_corpus("songbook"), []
    choose_corpus(songbook, asked.append)
    assert "languages" in repr(screen.shown[0]) and len(screen.shown) == 1
    monkeypatch.setattr(settings, "headless", lambda: False)
    choose_corpus(songbook, lambda source: asked.append(source) or load_corpus(source))
    menu, path, button, message = screen.shown[-1].children
    menu.value = "handbook"
    button.click()
    assert asked == ["handbook"] and "uses <b>handbook</b>" in message.value
    assert "handbook" in repr(screen.updates[-1])
    menu.value, path.value = OWN, "/no/such/folder"
    button.click()
    assert "no/such/folder" in message.value and not button.disabled and len(screen.updates) == 1


def test_tables_are_aligned_lines_or_html() -> None:
    table = Table([("a", 1), ("long", "<2>")], ("name", "number"))
    assert repr(table) == "name  number\na     1\nlong  <2>"
    assert "&lt;2&gt;" in table._repr_html_() and repr(Table([])) == ""


def test_bars_are_seen_by_those_who_watch_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert list(bar(range(3), "Reading")) == [0, 1, 2] and capsys.readouterr().out == ""
    monkeypatch.setattr(settings, "headless", lambda: False)
    assert list(bar(range(3), "Reading")) == [0, 1, 2] and "Reading" in capsys.readouterr().out
