"""A short quiz at the end of a notebook, from ``assets/quizzes/NAME.json``."""

import html
import json
from dataclasses import dataclass

from course_lib.places import REPOSITORY


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


class Quiz:
    """Questions; each option opens at a click and says whether it is right, in every front end."""

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
            options = []
            for number, option in enumerate(question.options):
                right = number == question.answer
                said = f"Right. {question.why}" if right else "Not that one. Try another."
                summary = f"<summary>{html.escape(option)}</summary>"
                options.append(f"<li><details>{summary}<i>{html.escape(said)}</i></details></li>")
            listed = f'<ol type="a">{"".join(options)}</ol>'
            items.append(f"<li><p><b>{html.escape(question.question)}</b></p>{listed}</li>")
        return f"<ol>{''.join(items)}</ol>"
