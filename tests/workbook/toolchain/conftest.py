"""A small notebook without a fault, for tests that break one thing in it."""

import base64

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_lib.workbook.toolchain.normalise import normalise
from course_lib.workbook.toolchain.setup_cell import setup_cell

NAME = "00_sample"
PIXEL = base64.b64encode(b"\x89PNG").decode()
SENTENCE = "The curve falls and then stays flat."
STUB = "def double(number):\n    ...  # your line"
SOLUTION = (
    "# @title Solution\nyour_double = double\n\n\ndef double(number):\n    return 2 * number\n\n\n"
)


def text(source: str) -> NotebookNode:
    return new_markdown_cell(source)


def code(
    source: str, *outputs: NotebookNode, tags: tuple[str, ...] = (), **metadata: object
) -> NotebookNode:
    cell = new_code_cell(
        source,
        outputs=list(outputs),
        metadata={**({"tags": list(tags)} if tags else {}), **metadata},
    )
    cell.execution_count = 1
    return cell


def shown(plain: str, **data: str) -> NotebookNode:
    """An execute_result with text/plain and other kinds (``image_png``)."""
    kinds = {kind.replace("_", "/"): content for kind, content in data.items()}
    return new_output("execute_result", data={"text/plain": plain, **kinds}, execution_count=1)


def displayed(**data: str) -> NotebookNode:
    return new_output(
        "display_data", data={kind.replace("_", "/"): content for kind, content in data.items()}
    )


def exercise_cells() -> list[NotebookNode]:
    hidden = {"jupyter": {"source_hidden": True}, "cellView": "form"}
    return [
        text("### Exercise 0.1 · Double  (★☆☆, 5 minutes)\n\nWrite `double`."),
        code(STUB, tags=("exercise",)),
        code("check.double(double)", shown("Not yet: double returned None."), tags=("check",)),
        text("<details><summary>Hint</summary>\n\nTwice is two times.\n\n</details>"),
        code(
            SOLUTION + "check.double(double, solution=True)",
            shown("Right: doubled."),
            tags=("solution",),
            **hidden,
        ),
    ]


def sample() -> NotebookNode:
    """All parts, one figure, one exercise, one cell that is not compared."""
    picture = text(f"## What you will build\n\n![{SENTENCE}](attachment:curve.png)\n\n*{SENTENCE}*")
    picture.attachments = {"curve.png": {"image/png": PIXEL}}
    start = displayed(
        text_plain=f"Notebook: {NAME}\nCorpus: python-docs (small), 7,612 documents, 2.2 MB"
    )
    figure = displayed(image_png=PIXEL, text_plain=SENTENCE)
    below = displayed(text_markdown=f"*{SENTENCE}*", text_plain="<Markdown>")
    cells = [
        text("# 00 · A sample\n\n> **Claim.** Twice two is four.\n\nWelcome."),
        picture,
        text("## Before you start\n\nNothing."),
        text("## Questions and objectives\n\n- Why?\n\nYou will be able to: double."),
        text("## Set-up\n\nRun it."),
        code(setup_cell(NAME), start, tags=("nbval-ignore-output", "setup")),
        text("## 1 · Doubling\n\n*You will double.*"),
        code("2 * 2", shown("4")),
        code("figures.show(figure, sentence)", figure, below),
        code(
            "print(speed)\nassert speed > 0",
            new_output("stream", text="3\n"),
            tags=("nbval-ignore-output",),
        ),
        *exercise_cells(),
        text("## Your own corpus\n\nTry it."),
        text("## Key points\n\n- One.\n- Two.\n- Three."),
        text("## Quiz"),
        code("course.quiz()", shown("1. Why?")),
        text("## Further reading\n\n- A book, [here](https://example.com/book)."),
        text("## What comes next\n\nMore."),
    ]
    return normalise(new_notebook(cells=cells), NAME)


@pytest.fixture
def notebook() -> NotebookNode:
    """The faultless notebook; its name is ``00_sample``."""
    return sample()


@pytest.fixture
def tools() -> dict:
    """The builders of cells and outputs."""
    return {
        "text": text,
        "code": code,
        "shown": shown,
        "displayed": displayed,
        "nbformat": nbformat,
    }
