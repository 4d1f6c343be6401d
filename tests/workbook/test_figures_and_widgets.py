"""Figures carry their sentence, controls never carry the lesson."""

import pytest

from course_lib.workbook import figures, settings, widgets
from course_lib.workbook.quiz import StaticQuiz, load_quiz, show_quiz


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
        screen = self

        class Handle:
            def update(self, new: object) -> None:
                screen.updates.append(new)

        return Handle() if display_id else None


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    monkeypatch.setattr("IPython.display.display", screen.display)
    return screen


def test_a_figure_is_a_picture_and_a_sentence() -> None:
    bundle = drawing()._repr_mimebundle_()
    assert (
        bundle["image/png"].startswith(b"\x89PNG") and bundle["text/plain"] == "One bar of 1.0 cm."
    )


def test_the_sentence_stands_below_the_figure_too(screen: Screen) -> None:
    figures.show(drawing().figure, "One bar.")
    assert screen.shown[0].sentence == "One bar." and screen.shown[1].data == "*One bar.*"


def test_a_figure_without_title_or_labels_is_refused() -> None:
    figure, axis = figures.canvas()
    with pytest.raises(ValueError, match="no title"):
        figures.DescribedFigure(figure, "Nothing.")
    axis.set(title="A title", xlabel="x")
    with pytest.raises(ValueError, match="no label"):
        figures.DescribedFigure(figure, "Nothing.")


def test_explore_shows_the_picture_then_controls_that_update_it(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ipywidgets

    monkeypatch.setattr(settings, "headless", lambda: False)
    slider = ipywidgets.FloatSlider(value=2.0, min=0, max=5)
    widgets.explore(drawing, height=slider)
    assert repr(screen.shown[0]) == "One bar of 2.0 cm."
    assert isinstance(screen.shown[-1], ipywidgets.VBox)
    slider.value = 3.0
    assert (
        repr(screen.updates[0]) == "One bar of 3.0 cm."
        and screen.updates[1].data == "*One bar of 3.0 cm.*"
    )


def test_explore_without_a_front_end_shows_the_same_picture_only(screen: Screen) -> None:
    import ipywidgets

    widgets.explore(drawing, height=ipywidgets.FloatSlider(value=2.0, max=5))
    assert repr(screen.shown[0]) == "One bar of 2.0 cm."
    assert not any(isinstance(thing, ipywidgets.Widget) for thing in screen.shown)


def test_quiz_questions_are_whole_and_the_static_form_hides_answers() -> None:
    questions = load_quiz("00_start_here")
    assert len(questions) >= 3
    for question in questions:
        assert 0 <= question.answer < len(question.options) and question.why.endswith(".")
    static = StaticQuiz(questions)
    assert not any(question.why in repr(static) for question in questions)
    assert static._repr_html_().count("<details>") == len(questions)
    assert isinstance(show_quiz("00_start_here"), StaticQuiz)


def test_quiz_buttons_answer_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "headless", lambda: False)
    question = load_quiz("00_start_here")[0]
    _, choice, verdict = show_quiz("00_start_here").children[0].children
    choice.value = (question.answer + 1) % len(question.options)
    assert "Not that one" in verdict.value
    choice.value = question.answer
    assert "Right." in verdict.value
