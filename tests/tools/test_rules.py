"""Each rule, with a notebook that breaks it; the faultless one passes them all."""

from collections.abc import Callable

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from sample_notebook import NAME, find, ran, sample, shown

from tools.notebooks import normalise, setup_cell
from tools.rules import compared, problems

Change = Callable[[NotebookNode], object]


def replace(beginning: str, old: str, new: str) -> Change:
    def change(notebook: NotebookNode) -> None:
        cell = find(notebook, beginning)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change


def remove(beginning: str) -> Change:
    return lambda notebook: notebook.cells.remove(find(notebook, beginning))


def insert(*cells: NotebookNode | str, at: int = 7) -> Change:
    """Behind the first section's heading, or as cell number ``at``, from 0."""
    new = [new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    return lambda notebook: notebook.cells.__setitem__(slice(at, at), new)


def output(beginning: str, *outputs: NotebookNode) -> Change:
    return lambda notebook: find(notebook, beginning).update(outputs=list(outputs))


def tag(beginning: str, *tags: str) -> Change:
    return lambda notebook: find(notebook, beginning).metadata.update(tags=list(tags))


def all_uncompared(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata.tags = [*cell.metadata.get("tags", []), "nbval-ignore-output"]


BROKEN = [
    (replace("# 00", "# 00 · A sample", "# 01 · A sample"), "begin with `# 00 · Title`"),
    (remove("## Before you start"), "the parts are"),
    (replace("## 1 ·", "## 1 ·", "## 2 ·"), "number them 1, 2, 3"),
    (replace("# Set-up", "import os", "import os, re"), "not the set-up cell"),
    (insert(ran("\n".join(f"x{i} = {i}" for i in range(26)))), "26 lines of code"),
    (insert(ran("for x in [1]:\n    assert x")), "an assertion"),
    (insert("![A b.](https://example.com/x.png)"), "comes from elsewhere"),
    (insert(ran("IFrame('https://example.com', 300, 300)")), "comes from elsewhere"),
    (output("2", shown(text_html='<script src="https://example.com/x"></script>')), "elsewhere"),
    (insert("![A b.](attachment:other.png)"), "other.png is not attached"),
    (insert("Write to jane@company.co.uk."), "an e-mail address at company.co.uk"),
    (output("2", shown(text_plain="jane@notexample.com")), "an e-mail address at notexample.com"),
    (replace("### Exercise", "★☆☆", "easy"), "write `### Exercise"),
    (tag("def double"), "below it come stub, check, hint and solution"),
    (replace("check.double(double)", "(double)", "([2])"), "the check ends in"),
    (replace("<details>", "<summary>Hint</summary>", ""), "hint is not folded"),
    (lambda notebook: find(notebook, "# @title").metadata.pop("cellView"), "both folds"),
    (replace("# @title", "@check.double.solution\n", ""), "must keep the learner's double"),
    (replace("# @title", ", solution=True", ""), "the solution ends in"),
    (output("check.double(double)", shown(text_plain="Right: so.")), "should be “Not yet"),
    (output("# @title", shown(text_plain="Look again: no.")), "should be “Right"),
    (lambda notebook: find(notebook, "2").update(execution_count=17), "not every cell was run"),
    (output("2", new_output("stream", name="stderr", text="so\n")), "error or a warning"),
    (output("2", shown(image_png="aGk=", text_plain="<Figure>")), "no sentence below it"),
    (output("# Set-up", shown(text_plain="Corpus: handbook, 9 documents")), "not made on"),
    (all_uncompared, "must be more than half"),
]
ALLOWED = [
    insert("See [the paper](https://example.com/p.pdf) and https://example.com."),
    insert("Write to a.b@example.com, c@help.example, d@x.invalid or e@localhost."),
    insert(ran("scores = query@key.transpose(0, 1)\nz = 'a; b'")),
    insert(ran("assert 1 + 1 == 2", tag="teaches")),
    insert("## 2 · More\n\nYou will see more.", "### Detail\n\nText.", at=10),
    replace("# @title", "@check.double.solution\n", "your_double = double\n"),
]


def found(notebook: NotebookNode) -> list[str]:
    return problems(notebook, NAME, setup_cell(NAME))


def test_the_sample_has_no_fault() -> None:
    assert found(sample()) == [] and compared(sample()) == (6, 7)


@pytest.mark.parametrize(("break_it", "sentence"), BROKEN)
def test_each_rule_finds_its_fault(break_it: Change, sentence: str) -> None:
    notebook = sample()
    break_it(notebook)
    assert any(sentence in problem for problem in found(notebook)), found(notebook)


@pytest.mark.parametrize("change", ALLOWED)
def test_what_is_allowed_passes(change: Change) -> None:
    notebook = sample()
    change(notebook)
    assert found(normalise(notebook, NAME)) == []
