"""The maintainers' tool: what a committed notebook must be like, and how it is brought there."""

import copy
import re
import tempfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_lib.places import REPOSITORY
from course_lib.workbook.run import find_notebooks
from course_lib.workbook.testing import SANITISER
from tools import notebooks
from tools.notebooks import METADATA, clean_text, normalise, read, setup_cell, to_bytes
from tools.rules import problems

PATH = find_notebooks()[0]  # it has no fault, as tests/test_notebooks.py says
NAME = PATH.stem


def ran(source: str, *tags: str) -> NotebookNode:
    return new_code_cell(source, metadata={"tags": list(tags)}, execution_count=1)


def shown(kind: str, data: str) -> NotebookNode:
    return new_output("display_data", data={"text/plain": "<Figure>", kind: data})


def find(notebook: NotebookNode, beginning: str) -> NotebookNode:
    """The first cell whose source begins so."""
    return next(cell for cell in notebook.cells if cell.source.startswith(beginning))


Change = Callable[[NotebookNode], object]


def replace(beginning: str, old: str, new: str) -> Change:
    def change(notebook: NotebookNode) -> None:
        cell = find(notebook, beginning)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change


def remove(beginning: str) -> Change:
    return lambda notebook: notebook.cells.remove(find(notebook, beginning))


def insert(cell: NotebookNode | str) -> Change:
    """Behind the first section's heading."""
    new = new_markdown_cell(cell) if isinstance(cell, str) else cell
    return lambda notebook: notebook.cells.insert(7, new)


def output(beginning: str, *outputs: NotebookNode) -> Change:
    return lambda notebook: find(notebook, beginning).update(outputs=list(outputs))


def tag(beginning: str, *tags: str) -> Change:
    return lambda notebook: find(notebook, beginning).metadata.update(tags=list(tags))


def all_uncompared(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata.tags = [*cell.metadata.get("tags", []), "nbval-ignore-output"]


BROKEN = [
    (replace("# 00", "# 00", "# 01"), "begin with `# 00 · Title`"),
    (remove("## Before you start"), "the parts are"),
    (replace("## 1 ·", "## 1 ·", "## 2 ·"), "number them 1, 2, 3"),
    (replace("# @title Set-up", "import os", "import os, re"), "not the set-up cell"),
    (insert(ran("\n".join(f"x{i} = {i}" for i in range(26)))), "26 lines of code"),
    (insert(ran("for x in [1]:\n    assert x")), "an assertion"),
    (insert("![A b.](https://example.com/x.png)"), "comes from elsewhere"),
    (insert(ran("IFrame('https://example.com', 300, 300)")), "comes from elsewhere"),
    (output("6 * 7", shown("text/html", "<script src='https://example.com'>")), "elsewhere"),
    (insert("![A b.](attachment:other.png)"), "other.png is not attached"),
    (insert("Write to jane@company.co.uk."), "an e-mail address at company.co.uk"),
    (output("6 * 7", shown("text/plain", "jane@notexample.com")), "at notexample.com"),
    (replace("### Exercise", "★☆☆", "easy"), "write `### Exercise"),
    (tag("def triples"), "below it come stub, check, hint and solution"),
    (replace("check.triples(triples)", "(triples)", "([2])"), "the check ends in"),
    (replace("<details>", "<summary>Hint</summary>", ""), "hint is not folded"),
    (lambda notebook: find(notebook, "# @title Solution").metadata.pop("cellView"), "both folds"),
    (
        replace("# @title Solution", "@check.triples.solution\n", ""),
        "must keep the learner's triples",
    ),
    (replace("# @title Solution", ", solution=True", ""), "the solution ends in"),
    (output("check.triples(triples)", shown("text/plain", "Right: so.")), "should be “Not yet"),
    (output("# @title Solution", shown("text/plain", "Look again: no.")), "should be “Right"),
    (lambda notebook: find(notebook, "6 * 7").update(execution_count=17), "not every cell was run"),
    (output("6 * 7", new_output("stream", name="stderr", text="so\n")), "error or a warning"),
    (output("6 * 7", shown("image/png", "aGk=")), "no sentence below it"),
    (
        output("# @title Set-up", shown("text/plain", "Corpus: handbook, 9 documents")),
        "not made on",
    ),
    (all_uncompared, "must be more than a quarter"),
]
ALLOWED = [
    insert("See [the paper](https://example.com/p.pdf) and https://example.com."),
    insert("Write to a.b@example.com, c@help.example, d@x.invalid or e@localhost."),
    insert(ran("scores = query@key.transpose(0, 1)\nz = 'a; b'")),
    insert(ran("assert 1 + 1 == 2", "teaches")),
    replace("# @title Solution", "@check.triples.solution\n", "your_triples = triples\n"),
]


def found(notebook: NotebookNode) -> list[str]:
    return problems(notebook, NAME, setup_cell(NAME))


@pytest.mark.parametrize(("break_it", "sentence"), BROKEN)
def test_each_rule_finds_its_fault(break_it: Change, sentence: str) -> None:
    notebook = read(PATH)
    break_it(notebook)
    assert any(sentence in problem for problem in found(notebook)), found(notebook)


@pytest.mark.parametrize("change", ALLOWED)
def test_what_is_allowed_passes(change: Change) -> None:
    notebook = read(PATH)
    change(notebook)
    assert found(normalise(notebook, NAME)) == []


def stream(text: str) -> NotebookNode:
    return new_output("stream", name="stdout", text=text)


def untidy() -> NotebookNode:
    """Everything that JupyterLab, Colab and nbclient leave behind."""
    widget = new_output("display_data", data={notebooks.WIDGET: {"model_id": "1"}})
    result = new_output("execute_result", data={"text/plain": "4"}, execution_count=12)
    left = {"tags": ["nbval-ignore-output"], "execution": {"iopub.status.busy": "2026"}}
    outputs = [stream("a\n"), stream("b\n"), widget, result]
    cells = [
        new_markdown_cell("# 00 · A\n\n**Colab.** Old.\n\nHello.  "),
        new_code_cell("old set-up", metadata={"tags": ["setup"]}, execution_count=7),
        new_code_cell("2 * 2", outputs=outputs, metadata=left, execution_count=12),
        new_code_cell("2 * 2", outputs=[stream(f"{Path.home() / 'x'}\n")], execution_count=13),
        new_code_cell("not run"),
    ]
    wild = {"kernelspec": {"name": "mine", "display_name": "Mine"}, "widgets": {"x": 1}}
    return new_notebook(cells=cells, metadata=wild)


def test_the_file_is_the_same_whatever_was_left() -> None:
    notebook, other = untidy(), untidy()
    before = copy.deepcopy(notebook)
    once = normalise(notebook, NAME)
    assert notebook == before and to_bytes(normalise(once, NAME)) == to_bytes(once)
    for number, cell in enumerate(other.cells[:4]):
        cell.id, cell.metadata["trusted"] = f"other{number}", True
        if cell.cell_type == "code":
            cell.execution_count = 40 + number
    assert to_bytes(normalise(other, NAME)) == to_bytes(once)
    title, setup, third, _, _ = once.cells
    assert once.metadata == METADATA and third.metadata == {"tags": ["nbval-ignore-output"]}
    assert [c.get("execution_count") for c in once.cells] == [None, 1, 2, 3, None]
    assert third.outputs[0].text == "a\nb\n" and third.outputs[1].execution_count == 2
    assert setup.source == setup_cell(NAME)
    assert title.source.count("**Colab.**") == 1 and "Old." not in title.source


def test_ids_stay_when_a_cell_is_moved() -> None:
    first = normalise(new_notebook(cells=[new_code_cell("a"), new_code_cell("a")]), NAME)
    ids = [cell.id for cell in first.cells]
    moved = normalise(new_notebook(cells=[new_markdown_cell("new"), *first.cells]), NAME)
    assert len(set(ids)) == 2 and [cell.id for cell in moved.cells][1:] == ids


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"read {REPOSITORY / 'assets' / 'x.txt'}", "read COURSE/assets/x.txt"),
        (f"read {Path.home() / 'x.txt'}", "read ~/x.txt"),
        (f"read {Path(tempfile.gettempdir()) / 'a' / 'b.txt'} now", "read TEMPORARY now"),
        (r"C:\Users\jane\notes", r"~\notes"),
        (r"C:\Users\jane\AppData\Local\Temp\x", "TEMPORARY"),
        ("<function f at 0x7f12ab34cd56>", "<function f at 0x…>"),
        ("https://example.org/home/jane tmp/x 0x1f", "https://example.org/home/jane tmp/x 0x1f"),
        ("Notebook: a\nNote: COURSE_HOME is set: in /x.\nDevice: c", "Notebook: a\nDevice: c"),
        ("it took 0.12 s", "it took 0.12 s"),
    ],
)
def test_paths_and_addresses_go_and_the_rest_stays(text: str, clean: str) -> None:
    assert clean_text(text) == clean and clean_text(clean) == clean


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\nstep:  40%|███   | 40/100 [00:02<00:03, 9w/s]\rend\nWall time: 3 s\n", "a\nend\n"),
        ("| share | 40%|\n", "| share | 40%|\n"),
        ("7" * 2_000_000, "7" * 2_000_000),  # in no time
    ],
)
def test_progress_bars_go(text: str, kept: str) -> None:
    cell = new_code_cell("x", outputs=[stream(text)], execution_count=9)
    assert normalise(new_notebook(cells=[cell]), NAME).cells[0].outputs[0].text == kept


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("took 0.12 s, 12 ms", "took 3.4 s, 9 ms"),
        ("2 min 5 s, 1,200 words/s", "1 min 59 s, 980 words/s"),
        ("/tmp/a/b.txt <f at 0x7f12ab34cd56> /home/jane/x", "/tmp/c <f at 0x…> ~/x"),
        *((line, "") for line in ("loss 0.12", "2 songs", "width 16 h", "4 min", "13.84 GB")),
    ],
)
def test_the_sanitiser_blanks_what_differs_and_nothing_else(a: str, b: str) -> None:
    from nbval.plugin import get_sanitize_patterns

    blank, other = a, b
    for pattern, replacement in get_sanitize_patterns(SANITISER.read_text(encoding="utf-8")):
        blank, other = (re.sub(pattern, replacement, line) for line in (blank, other))
    assert blank == (other or a)


def test_the_three_commands(tmp_path, monkeypatch, capsys) -> None:
    path = tmp_path / PATH.name
    monkeypatch.setattr(notebooks, "find_notebooks", lambda names: [path])
    monkeypatch.setenv("COURSE_CORPUS", "/my/secret/letters")

    def command(verb: str) -> int:
        verbs = {name: name == verb for name in ("execute", "normalise", "check")}
        return notebooks.main(Namespace(names=["00"], **verbs))

    path.write_bytes(PATH.read_bytes().replace(b'"execution_count": 1,', b'"execution_count": 44,'))
    assert command("check") == 1 and "not every cell was run" in capsys.readouterr().out
    assert command("normalise") == command("check") == 0
    cell = new_code_cell("import os\nos.environ['COURSE_CORPUS']")
    path.write_bytes(to_bytes(new_notebook(cells=[cell])))
    assert command("execute") == 0 and b"'python-docs'" in path.read_bytes()
    before = path.read_bytes().replace(b"os.environ['COURSE_CORPUS']", b"1 / 0")
    path.write_bytes(before)
    assert command("execute") == 1 and path.read_bytes() == before
    assert f"{NAME} stopped in cell 1 with ZeroDivisionError" in capsys.readouterr().out
