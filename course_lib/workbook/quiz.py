"""A short quiz at the end of a notebook, from ``assets/quizzes/NAME.json``.

With a front end: radio buttons that answer at once. Without one: the questions, with the
answers folded away.
"""

import html
import json
from dataclasses import dataclass
from typing import Any

from course_lib.places import REPOSITORY
from course_lib.workbook import settings


@dataclass(frozen=True)
class Question:
    """``answer`` is the number of the right option, from 0; ``why`` explains it."""

    question: str
    options: tuple[str, ...]
    answer: int
    why: str


def load_quiz(notebook: str) -> list[Question]:
    """The questions of a notebook."""
    path = REPOSITORY / "assets" / "quizzes" / f"{notebook}.json"
    entries = json.loads(path.read_text(encoding="utf-8"))
    return [Question(e["question"], tuple(e["options"]), e["answer"], e["why"]) for e in entries]


class StaticQuiz:
    """The quiz without a front end: the same questions, answers folded."""

    def __init__(self, questions: list[Question]) -> None:
        self.questions = questions

    def __repr__(self) -> str:
        lines = []
        for number, question in enumerate(self.questions, 1):
            lines.append(f"{number}. {question.question}")
            lines += [f"   {chr(97 + i)}) {option}" for i, option in enumerate(question.options)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        items = []
        for question in self.questions:
            options = "".join(f"<li>{html.escape(option)}</li>" for option in question.options)
            answer = f"<b>{chr(97 + question.answer)}</b>: {html.escape(question.why)}"
            items.append(
                f"<li><p>{html.escape(question.question)}</p>"
                f'<ol type="a">{options}</ol><details><summary>Answer</summary>{answer}</details></li>'
            )
        return f"<ol>{''.join(items)}</ol>"


def show_quiz(notebook: str) -> Any:
    """The quiz of a notebook, as widgets where there is somebody to press them."""
    questions = load_quiz(notebook)
    if settings.headless():
        return StaticQuiz(questions)
    import ipywidgets

    return ipywidgets.VBox([_question_box(question) for question in questions])


def _question_box(question: Question) -> Any:
    """Radio buttons and a line that says at once whether the choice is right, and why."""
    import ipywidgets as widgets

    wide = widgets.Layout(width="100%")
    options = [(option, number) for number, option in enumerate(question.options)]
    choice = widgets.RadioButtons(options=options, value=None, layout=widgets.Layout(width="auto"))
    verdict = widgets.HTML(layout=wide)

    def answer(change: dict) -> None:
        right = change["new"] == question.answer
        text = f"Right. {question.why}" if right else "Not that one. Try another."
        verdict.value = f"<i>{html.escape(text)}</i>"

    choice.observe(answer, names="value")
    heading = widgets.HTML(f"<b>{html.escape(question.question)}</b>", layout=wide)
    return widgets.VBox([heading, choice, verdict])
