"""Each rule, with a notebook that breaks it; the faultless one passes them all."""

from collections.abc import Callable

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from course_lib.workbook.toolchain.anatomy import asserts, literals, problems
from course_lib.workbook.toolchain.normalise import normalise
from course_lib.workbook.toolchain.outputs_check import compared_share

NAME = "00_sample"


def find(notebook: NotebookNode, beginning: str) -> NotebookNode:
    """The first cell whose source begins so."""
    return next(cell for cell in notebook.cells if cell.source.startswith(beginning))


def replace(beginning: str, old: str, new: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        cell = find(notebook, beginning)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change


def remove(beginning: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells.remove(find(notebook, beginning))


def insert(position: int, *cells: NotebookNode) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[position:position] = cells

    return change


def output(beginning: str, **data: str) -> Callable[[NotebookNode], None]:
    """Give a cell one output instead of its own."""

    def change(notebook: NotebookNode) -> None:
        kinds = {kind.replace("_", "/"): content for kind, content in data.items()}
        find(notebook, beginning).outputs = [new_output("display_data", data=kinds)]

    return change


def tag(beginning: str, *tags: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: find(notebook, beginning).metadata.update(tags=list(tags))


def metadata(**changes: object) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.metadata.update(changes)


def swap(first: str, second: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        a, b = (notebook.cells.index(find(notebook, beginning)) for beginning in (first, second))
        notebook.cells[a], notebook.cells[b] = notebook.cells[b], notebook.cells[a]

    return change


def ran(source: str, *outputs: NotebookNode) -> NotebookNode:
    return new_code_cell(source, outputs=list(outputs), execution_count=1)


def many_text_cells(notebook: NotebookNode) -> None:
    notebook.cells[7:7] = [new_markdown_cell("word " * 90) for _ in range(30)]


def many_code_cells(notebook: NotebookNode) -> None:
    notebook.cells[7:7] = [ran("x = 1\n" * 12) for _ in range(30)]


def all_uncompared(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.outputs:
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "nbval-ignore-output"]


def timing(notebook: NotebookNode) -> None:
    find(notebook, "2 * 2").metadata["execution"] = {"iopub.status.busy": "2026"}


def stderr(notebook: NotebookNode) -> None:
    find(notebook, "2 * 2").outputs = [new_output("stream", name="stderr", text="warning\n")]


def error(notebook: NotebookNode) -> None:
    find(notebook, "2 * 2").outputs = [new_output("error", ename="E", evalue="", traceback=[])]


def no_caption(notebook: NotebookNode) -> None:
    del find(notebook, "figures.show").outputs[1]


def not_attached(notebook: NotebookNode) -> None:
    del find(notebook, "## What you will build")["attachments"]


def unfolded(notebook: NotebookNode) -> None:
    del find(notebook, "# @title").metadata["cellView"]


def heavy(notebook: NotebookNode) -> None:
    find(notebook, "2 * 2").outputs = [new_output("stream", text="x" * 3_100_000)]


def not_executed(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def wrong_count(notebook: NotebookNode) -> None:
    find(notebook, "2 * 2").execution_count = 17


def own_corpus(notebook: NotebookNode) -> None:
    shown = find(notebook, "# Set-up").outputs[0].data
    shown["text/plain"] = shown["text/plain"].replace("python-docs (small)", "handbook")


BROKEN = [
    # the parts
    (replace("# 00", "# 00 · A sample", "# 01 · A sample"), "begin with `# 00 · Title`"),
    (replace("# 00", "**Claim.**", "**Idea.**"), "state the claim once"),
    (replace("# 00", "is four.", "is four. So is one and three."), "one sentence"),
    (replace("# 00", "**Colab.**", "**Colab:**"), "about Colab is missing"),
    (remove("## Before you start"), "the parts are"),
    (remove("## What comes next"), "the parts are"),
    (swap("## Key points", "## Further reading"), "the parts are"),
    (swap("## Before you start", "## What you will build"), "the parts are"),
    (replace("## 1 ·", "## 1 · Doubling", "## Doubling"), "the parts are"),
    (replace("## 1 ·", "## 1 ·", "## 2 ·"), "number them 1, 2, 3"),
    (replace("## 1 ·", "*You will double.*", "We double."), "in a line in italics"),
    (insert(3, new_markdown_cell("## Going further\n\nMore.")), "stand between the last section"),
    (
        insert(7, new_markdown_cell("Text first.\n\n### x\n\n# Second title")),
        "first line of its own cell",
    ),
    (insert(7, new_markdown_cell("# Second title")), "only the title"),
    (replace("## Questions", "You will be able to", "You can"), "will be able to"),
    (replace("## Key points", "\n- Three.", ""), "three key points"),
    (replace("course.quiz", "course.quiz()", "print()"), "course.quiz()"),
    (replace("## Further reading", "- A", "A"), "list what to read"),
    (replace("## What you will build", "![", "[not a picture]("), "show a picture"),
    (
        replace("## What you will build", "attachment:curve.png", "../assets/figures/curve.png"),
        "not stored",
    ),
    (
        replace("## What you will build", "\n\n*The", "\n\nThe"),
        "in a sentence what the picture shows",
    ),
    (not_attached, "is not attached"),
    (replace("# Set-up", "import os", "import os, re"), "not the set-up cell"),
    (insert(4, ran("1 + 1")), "not the set-up cell"),
    (swap("## Set-up", "## Questions"), "the parts are"),
    (tag("# Set-up", "nbval-ignore-output"), "needs the tag `setup`"),
    # the cells
    (insert(7, ran("\n".join(f"x{i} = {i}" for i in range(26)))), "26 lines of code"),
    (insert(7, new_markdown_cell("word " * 151)), "151 words"),
    (many_text_cells, "words in the median"),
    (many_code_cells, "lines in the median"),
    (insert(7, ran("  \n")), "it is empty"),
    (insert(7, new_markdown_cell("![A b c.](https://example.com/x.png)")), "comes from elsewhere"),
    (
        insert(7, new_markdown_cell('<img alt="x" src="http://example.com/x.png">')),
        "comes from elsewhere",
    ),
    (
        insert(7, new_markdown_cell("<iframe src='//example.com/x'></iframe>")),
        "comes from elsewhere",
    ),
    (insert(7, ran("IFrame('https://example.com', 300, 300)")), "comes from elsewhere"),
    (
        output("2 * 2", text_html='<script src="https://cdn.example.com/x.js"></script>'),
        "comes from elsewhere",
    ),
    (
        output("2 * 2", text_html="<style>@import 'https://example.com/x.css'</style>"),
        "comes from elsewhere",
    ),
    (replace("2 * 2", "2 * 2", "2 * 2;"), "trailing semicolon"),
    (replace("2 * 2", "2 * 2", "2 * 2;  # quiet"), "trailing semicolon"),
    (tag("2 * 2", "raises-exception"), "unknown tag raises-exception"),
    (tag("2 * 2", "nbval-skip"), "unknown tag nbval-skip"),
    (replace("2 * 2", "2 * 2", "# NBVAL_SKIP\n2 * 2"), "not a comment for nbval"),
    (replace("print(speed)", "\nassert speed > 0", ""), "must assert"),
    (replace("print(speed)", "assert speed > 0", "assert True"), "must assert"),
    (replace("print(speed)", "assert speed > 0", "# assert speed > 0"), "must assert"),
    (
        insert(7, new_markdown_cell("Write to jane@company.co.uk.")),
        "an e-mail address at company.co.uk",
    ),
    (insert(7, ran("who = 'jane@company.com'")), "an e-mail address at company.com"),
    (output("2 * 2", text_plain="from jane@company.com"), "an e-mail address at company.com"),
    (output("2 * 2", text_plain="jane@notexample.com"), "an e-mail address at notexample.com"),
    (metadata(kernelspec={"name": "conda-env-py", "display_name": "x"}), "kernelspec"),
    (metadata(widgets={"state": {}}), "widget state"),
    (timing, "execution times"),
    # the exercise
    (replace("### Exercise", "★☆☆", "easy"), "write `### Exercise 0.1"),
    (replace("### Exercise", ", 5 minutes", ""), "write `### Exercise 0.1"),
    (replace("### Exercise", "0.1", "0.2"), "write `### Exercise 0.1"),
    (tag("def double", "nothing"), "the stub needs the tag"),
    (replace("def double", "...", "return 2 * number"), "dots where the reader's lines go"),
    (replace("check.double(double)", "double)", "2)"), "the check needs"),
    (tag("check.double(double)"), "the check needs"),
    (replace("<details>", "<summary>Hint</summary>", ""), "hint is missing"),
    (unfolded, "both folds"),
    (tag("# @title"), "the solution needs the tag"),
    (replace("# @title", "# @title Solution", "# Solution"), "`# @title Solution`"),
    (replace("# @title", "your_double = double\n", ""), "your_double = double"),
    (replace("# @title", "def double", "def other"), "then defines double"),
    (replace("# @title", ", solution=True", ""), "must end in"),
    (insert(13, new_markdown_cell("Between stub and check.")), "below it must come"),
    (remove("### Exercise"), "outside an exercise"),
    (output("check.double(double)", text_plain="Right: doubled."), "begin with “Not yet”"),
    (output("# @title", text_plain="Look again: no."), "begin with “Right”"),
    # the outputs
    (not_executed, "it has not been executed"),
    (wrong_count, "its number is 17"),
    (error, "its output is an error"),
    (stderr, "written to stderr"),
    (output("2 * 2", **{"application/vnd.jupyter.widget-view+json": "{}"}), "a widget is stored"),
    (
        output("2 * 2", image_png="aGk=", text_plain="<Figure size 640x480 with 1 Axes>"),
        "without a sentence",
    ),
    (output("2 * 2", **{"image/svg+xml": "<svg/>"}), "without a sentence"),
    (no_caption, "does not stand below"),
    (own_corpus, "made on 'handbook'"),
    (output("# Set-up", text_plain="ready"), "does not name the corpus"),
    (output("2 * 2", text_plain="/home/jane/notes.txt"), "path or address of this machine"),
    (output("2 * 2", text_plain="C:\\Users\\jane\\notes.txt"), "path or address of this machine"),
    (output("2 * 2", text_plain="<f at 0x7f3a12b4c5d0>"), "path or address of this machine"),
    (output("2 * 2", text_plain="/tmp/abc/x"), "path or address of this machine"),
    (all_uncompared, "must be more than half"),
    (heavy, "at most 3"),
]


def test_the_sample_has_no_fault(notebook: NotebookNode) -> None:
    assert problems(notebook, NAME) == []


@pytest.mark.parametrize(
    ("break_it", "sentence"), BROKEN, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_rule_finds_its_fault(
    notebook: NotebookNode, break_it: Callable, sentence: str
) -> None:
    break_it(notebook)
    found = problems(notebook, NAME)
    assert any(sentence in problem for problem in found), found


def test_a_problem_names_its_cell(notebook: NotebookNode) -> None:
    replace("2 * 2", "2 * 2", "2 * 2;")(notebook)
    position = notebook.cells.index(find(notebook, "2 * 2;")) + 1
    assert problems(notebook, NAME) == [
        f"cell {position}: a trailing semicolon hides output from the tests"
    ]


@pytest.mark.parametrize(
    "change",
    [
        insert(
            7,
            new_markdown_cell(
                "See [the paper](https://example.com/p.pdf) and https://example.com."
            ),
        ),
        insert(
            7,
            new_markdown_cell(
                "Write to a.b@example.com, c@help.example, d@x.invalid or e@localhost."
            ),
        ),
        insert(7, new_markdown_cell("```\n## not a heading\n```")),
        insert(7, ran("scores = query@key.transpose(0, 1)\nz = 'a; b'")),
        insert(
            10,
            new_markdown_cell("## 2 · More\n\n*You will see more.*"),
            new_markdown_cell("### Detail\n\nText."),
        ),
        insert(
            15,
            new_markdown_cell("## Going further\n\nMore."),
            new_markdown_cell("## Exercises\n\nNone."),
        ),
        replace("# @title", "# @title", "#@title"),
    ],
)
def test_what_is_allowed_passes(notebook: NotebookNode, change: Callable) -> None:
    change(notebook)
    assert problems(normalise(notebook, NAME), NAME) == []


def test_the_number_of_a_notebook_may_have_a_letter(notebook: NotebookNode) -> None:
    notebook.cells[0].source = notebook.cells[0].source.replace("# 00", "# 09b")
    find(notebook, "### Exercise").source = find(notebook, "### Exercise").source.replace(
        "0.1", "9b.1"
    )
    notebook = normalise(notebook, "09b_sample")
    assert problems(notebook, "09b_sample") == []


def test_compared_share_counts_cells_with_output(notebook: NotebookNode) -> None:
    assert compared_share(notebook) == (5, 7)  # the set-up cell and print(speed) are not compared


def test_an_assertion_must_say_something() -> None:
    assert asserts("for x in y:\n    assert x")
    assert not asserts("text = 'assert x'")
    assert not asserts("assert 1")


def test_addresses_are_looked_for_where_text_is() -> None:
    assert "a@b.com" in literals("x = 'a@b.com'  # hi")
    assert "c@d.com" in literals("x = 1  # c@d.com")
    assert "w@x.mean" not in literals("y = w@x.mean()")
