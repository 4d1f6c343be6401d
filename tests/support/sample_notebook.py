"""A small notebook without a fault, for tests that break one thing in it."""

import base64

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.notebooks import normalise, setup_cell

NAME = "00_sample"
PIXEL = base64.b64encode(b"\x89PNG").decode()
SENTENCE = "The curve falls and then stays flat."
SOLUTION = """# @title Solution
@check.double.solution
def double(number):
    return 2 * number


check.double(double, solution=True)"""


def ran(source: str, *outputs: NotebookNode, tag: str = "", **metadata: object) -> NotebookNode:
    tagged = {"tags": [tag]} if tag else {}
    cell = new_code_cell(source, outputs=list(outputs), metadata={**tagged, **metadata})
    cell.execution_count = 1
    return cell


def shown(**data: str) -> NotebookNode:
    return new_output("display_data", data={k.replace("_", "/"): v for k, v in data.items()})


def sample() -> NotebookNode:
    """All parts, one figure, one exercise, one cell that is not compared."""
    picture = new_markdown_cell(f"## What you will build\n\n![{SENTENCE}](attachment:curve.png)")
    picture.attachments = {"curve.png": {"image/png": PIXEL}}
    start = shown(text_plain=f"Notebook: {NAME}\nCorpus: python-docs (small), 7,612 documents")
    figure = shown(image_png=PIXEL, text_plain=SENTENCE), shown(text_markdown=f"*{SENTENCE}*")
    hidden = {"jupyter": {"source_hidden": True}, "cellView": "form"}
    cells: list[str | NotebookNode] = [
        "# 00 · A sample\n\n> **Claim.** Twice two is four.\n\nWelcome.",
        picture,
        "## Before you start\n\nNothing.",
        "## Questions and objectives\n\n- Why?",
        "## Set-up\n\nRun it.",
        ran(setup_cell(NAME), start, tag="setup"),
        "## 1 · Doubling\n\nYou will double.",
        ran("2 * 2", shown(text_plain="4")),
        ran("show(figure)", *figure),
        ran("print(speed)", new_output("stream", text="3\n"), tag="nbval-ignore-output"),
        "### Exercise 0.1 · Double  (★☆☆, 5 minutes)\n\nWrite `double`.",
        ran("def double(number):\n    ...  # your line", tag="exercise"),
        ran("check.double(double)", shown(text_plain="Not yet: it returned None."), tag="check"),
        "<details><summary>Hint</summary>\n\nTwice is two times.\n\n</details>",
        ran(SOLUTION, shown(text_plain="Right: doubled."), tag="solution", **hidden),
        "## Your own corpus\n\nTry it.",
        "## Key points\n\n- One.",
        "## Quiz",
        ran("course.quiz()", shown(text_plain="1. Why?")),
        "## Further reading\n\n- A book, [here](https://example.com/book).",
        "## What comes next\n\nMore.",
    ]
    made = [new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    return normalise(new_notebook(cells=made), NAME)


def find(notebook: NotebookNode, beginning: str) -> NotebookNode:
    """The first cell whose source begins so."""
    return next(cell for cell in notebook.cells if cell.source.startswith(beginning))
