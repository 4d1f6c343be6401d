"""Exercises: checks that diagnose instead of comparing with an answer; progress; the quiz.

A topic's ``checks.py`` holds one function for each exercise:

    @exercise("00_start_here", "0.1")
    def count_words(answer):
        require(answer("a b") == 2, "…")
        return "…what the learner has now understood…"

In the notebook ``check.count_words(count_words)`` calls it and shows one sentence. The solution's
cell has ``@check.count_words.solution`` above our function: what follows then runs the learner's
own, if it has passed. It ends in ``check.count_words(count_words, solution=True)``.
"""

import functools
import html
import json
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from course_lib import places
from course_lib.errors import CourseError
from course_lib.workbook import settings
from course_lib.workbook.display import Table

RIGHT, NOT_YET, LOOK_AGAIN = "Right", "Not yet", "Look again"
MARKS = {RIGHT: "✔", NOT_YET: "…", LOOK_AGAIN: "↺"}


class Wrong(Exception):
    """An answer that is not right; the text is the diagnosis for the learner."""


def require(condition: object, diagnosis: str) -> None:
    """Raise ``Wrong(diagnosis)`` unless the condition holds."""
    if not condition:
        raise Wrong(diagnosis)


@dataclass(frozen=True)
class CheckResult:
    """What a check found: ``status`` is RIGHT, NOT_YET or LOOK_AGAIN."""

    status: str
    message: str

    @property
    def passed(self) -> bool:
        return self.status == RIGHT

    def __repr__(self) -> str:
        return f"{self.status}: {self.message}"

    def _repr_html_(self) -> str:
        style = "border-left:4px solid #888;padding:4px 10px;margin:4px 0"
        verdict = f"{MARKS[self.status]} <b>{self.status}:</b> {html.escape(self.message)}"
        return f'<div style="{style}">{verdict}</div>'


REGISTRY: dict[tuple[str, str], Callable[..., CheckResult]] = {}


def exercise(notebook: str, number: str) -> Callable[[Callable], Callable[..., CheckResult]]:
    """Turn a diagnosing function into the check of exercise ``number`` of ``notebook``."""

    def decorate(diagnose: Callable[[Any], str]) -> Callable[..., CheckResult]:
        mine: list[Any] = []  # the learner's answer, while its last check has passed

        @functools.wraps(diagnose)
        def check(answer: Any, *, solution: bool = False) -> CheckResult:
            result = _judge(diagnose, answer)
            if not solution:
                mine[:] = [answer] if result.passed else []
            if mine and not solution:
                record = settings.read_json(path := places.state_folder() / "progress.json")
                record.setdefault(notebook, {}).setdefault(number, date.today().isoformat())
                try:
                    settings.write_json(path, record)
                except CourseError as error:
                    print(f"Your answer is right, but it could not be noted down. {error}")
            return result

        def solution(ours: Any) -> Any:
            """The learner's answer if its check has passed, else ours; one line says which."""
            name = getattr(ours, "__name__", diagnose.__name__)
            print(f"From here on, {name} is {'your own' if mine else 'the one below'}.")
            return mine[0] if mine else ours

        check.solution = solution  # type: ignore[attr-defined]
        REGISTRY[notebook, number] = check
        return check

    return decorate


def _judge(diagnose: Callable[[Any], str], answer: Any) -> CheckResult:
    name = getattr(answer, "__name__", diagnose.__name__)

    @functools.wraps(answer)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        value = answer(*args, **kwargs)
        if value is None or value is ...:
            raise NotImplementedError(f"{name} returned {value}")
        return value

    try:
        if answer is None or answer is ...:
            raise NotImplementedError(f"{name} has no value yet")
        return CheckResult(RIGHT, diagnose(guarded if callable(answer) else answer))
    except NotImplementedError as error:
        why = str(error) or f"{name} is still to be written"
        return CheckResult(NOT_YET, f"{why}. Replace the dots with your own lines, run again.")
    except Wrong as wrong:
        return CheckResult(LOOK_AGAIN, str(wrong))
    except Exception as error:  # the learner's own code may raise anything
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.name == name]
        frames = [f for f in frames if f"{os.sep}course_lib{os.sep}" not in f.filename]
        where = f" in its line `{frames[-1].line}`" if frames and frames[-1].line else ""
        said = f"{name} stopped{where} with {type(error).__name__}: {error}."
        return CheckResult(LOOK_AGAIN, said)


class ProgressTable(Table):
    """Exercises solved, notebook by notebook. ``counts``: (notebook, solved, cells so tagged)."""

    def __init__(self) -> None:
        solved, self.counts = settings.read_json(places.state_folder() / "progress.json"), []
        for path in sorted((places.REPOSITORY / "notebooks").glob("[0-9]*.ipynb")):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            total = sum("exercise" in cell["metadata"].get("tags", []) for cell in cells)
            self.counts.append((path.stem, min(len(solved.get(path.stem, {})), total), total))
        bars = [(name, "■" * n + "□" * (of - n), f"{n} of {of}") for name, n, of in self.counts]
        super().__init__(bars, ("notebook", "exercises", "solved"))


class Quiz:
    """The short quiz at a notebook's end, from ``assets/quizzes/NAME.json``.

    ``questions`` have ``question``, ``options``, ``answer`` (the right option's number, from 0),
    ``why``, and ``wrong``: a reply to each other option. An option opens at a click.
    """

    def __init__(self, notebook: str) -> None:
        path = places.REPOSITORY / "assets" / "quizzes" / f"{notebook}.json"
        self.questions: list[dict] = json.loads(path.read_text(encoding="utf-8"))

    def __repr__(self) -> str:
        lines = []
        for number, question in enumerate(self.questions, 1):
            lines.append(f"{number}. {question['question']}")
            lines += [f"   {chr(97 + i)}) {text}" for i, text in enumerate(question["options"])]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        page = ""
        for question in self.questions:
            page += f'<li><p><b>{html.escape(question["question"])}</b></p><ol type="a">'
            replies = [f"Not that one. {reply}" for reply in question["wrong"]]
            replies.insert(question["answer"], f"Right. {question['why']}")
            for option, said in zip(question["options"], replies, strict=True):
                page += f"<li><details><summary>{html.escape(option)}</summary>"
                page += f"<i>{html.escape(said)}</i></details></li>"
            page += "</ol></li>"
        return f"<ol>{page}</ol>"
