"""``run``: notebooks in fresh kernels that always come to an end, and a book that asks nobody."""

import re
import sys
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_lib.errors import CourseError
from course_lib.workbook.run import execute, find_notebooks, page, run_notebooks

CORPUS = "import os\nprint(os.environ['COURSE_CORPUS'], os.environ.get('COURSE_PROFILE'))"
IGNORES = "import signal\nsignal.signal(2, signal.SIG_IGN)\nwhile True: pass"


def run(*sources: str, **options: object) -> tuple[str, list[NotebookNode]]:
    """A text cell and these code cells, executed; where it stopped, and the code cells."""
    old = {process.pid for process in psutil.Process().children(recursive=True)}
    cells = [new_markdown_cell("Text."), *map(new_code_cell, sources)]
    failure = execute(new_notebook(cells=cells), **options)
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= old
    return failure, cells[1:]


def test_it_runs_with_the_interpreter_and_the_library_of_the_course() -> None:
    facts = "import os, sys, course_lib\nprint(sys.executable, os.listdir(), sep='|')"
    names = ("COURSE_HEADLESS", "HF_HUB_OFFLINE", "X")
    told = f"print(*map(os.environ.get, {names}))"
    failure, (first, second) = run(facts, told, environment={"X": "y"})
    assert failure == ""
    assert first.outputs[0].text == f"{sys.executable}|[]\n" and second.outputs[0].text == "1 1 y\n"
    assert (first.execution_count, second.execution_count) == (1, 2)


@pytest.mark.parametrize(
    ("source", "failure"),
    [
        ("x = 0\n\n1 / x", "cell 3 with ZeroDivisionError: division by zero"),
        ("input('name? ')", "cell 3 with StdinNotImplementedError"),
        (IGNORES, "cell 3 with CellTimeoutError: A cell timed out"),
        ("import os\nos._exit(9)", "cell 3 with DeadKernelError: Kernel died"),
    ],
)
def test_where_and_why_it_stopped(source: str, failure: str) -> None:
    stopped, cells = run("x = 1", source, "never = 1", cell_seconds=3)
    assert stopped.startswith(failure) and "\x1b" not in stopped
    assert cells[2].execution_count is None


def test_ctrl_c_ends_the_kernel_too(tmp_path) -> None:
    press = "import os, signal, time\nos.kill(os.getppid(), signal.SIGINT)\ntime.sleep(100)"
    with pytest.raises(KeyboardInterrupt):
        run(press)


def test_names_are_found_in_the_order_of_the_course(tmp_path) -> None:
    for name in ("09_a", "09b_c", "10_d", "draft"):
        (tmp_path / f"{name}.ipynb").touch()
    assert [p.stem for p in find_notebooks(["10", "x/09_a.ipynb"], tmp_path)] == ["09_a", "10_d"]
    with pytest.raises(CourseError, match="04: choose from 09_a, 09b_c, 10_d"):
        find_notebooks(("04", "09"), tmp_path)


@pytest.fixture
def notebooks(tmp_path) -> Path:
    """A folder with two good notebooks and one that fails between them."""
    folder = tmp_path / "note books"
    folder.mkdir()
    bad = [new_code_cell("raise ValueError('a < b | c')"), new_code_cell("2")]
    for name, cells in {"01_good": [new_code_cell(CORPUS)], "02_bad": bad}.items():
        nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")
    section = new_markdown_cell("## 1 · Is it, or not?")
    good = [new_code_cell(CORPUS), section]
    nbformat.write(new_notebook(cells=good), folder / "03_good.ipynb")
    return folder


def test_the_others_still_run_and_the_book_tells_of_it(notebooks: Path, tmp_path, capsys) -> None:
    before = {path.name: path.read_bytes() for path in notebooks.iterdir()}
    book = tmp_path / "book"
    assert run_notebooks(corpus="songbook", profile="smoke", out=book, folder=notebooks) == 1
    printed = capsys.readouterr().out
    assert "02_bad: stopped in cell 1 with ValueError: a < b | c" in printed
    assert "01_good: ran to its end" in printed and str(book / "index.html") in printed
    assert {path.name: path.read_bytes() for path in notebooks.iterdir()} == before
    executed = nbformat.read(book / "03_good.ipynb", as_version=4)
    assert executed.cells[0].outputs[0].text == "songbook smoke\n"
    index = (book / "index.html").read_text(encoding="utf-8")
    assert '<a href="01_good.html">01_good</a>' in index and index.count("ran to its end") == 2
    assert "stopped in cell 1 with ValueError: a &lt; b | c" in index
    bad = (book / "02_bad.html").read_text(encoding="utf-8")
    assert 'href="index.html"' in bad and "stopped in cell 1" in bad
    assert 'href="01_good.html"' in bad and 'href="03_good.html"' in bad
    anchors = re.findall(r'href="03_good.html#([^"]+)"', index)
    assert len(anchors) == 1 and f'id="{anchors[0]}"' in (book / "03_good.html").read_text("utf-8")


def test_a_page_asks_no_other_host_and_folds_hints_and_solutions() -> None:
    hint = "<details><summary>Hint</summary>\n\nUse `zip`.\n\n</details>"
    bold = new_output("display_data", data={"text/html": "<b>bold</b>"})
    figure = {"image/png": "aGk=", "text/plain": "It is “high” & rising."}
    cells = [
        new_markdown_cell(f"[a page](https://example.com)\n\n![P.](attachment:p.png)\n\n{hint}"),
        new_code_cell("1 + 1", metadata={"tags": ["solution"]}, outputs=[bold]),
        new_code_cell("show()", outputs=[new_output("display_data", data=figure)]),
    ]
    cells[0].attachments = {"p.png": {"image/png": "aGk="}}
    text = page(new_notebook(cells=cells), "A page")
    targets = re.findall(r"<(\w+)[^>]*\b(?:src|href|data)=\"((?:https?:)?//[^\"]*)", text)
    assert targets == [("a", "https://example.com")]
    assert "<script" not in text and "<link" not in text and "<b>bold</b>" in text
    assert "default-src 'none'" in text and "data:image/png;base64,aGk=" in text
    folded = re.search(r"<details><summary>Solution</summary>(.*?)</details>", text, re.DOTALL)
    assert folded and "<b>bold</b>" in folded[1] and "show" not in folded[1]
    assert 'alt="It is “high” &amp; rising."' in text and "No description" not in text
    folded = re.search(r"<details><summary>Hint</summary>(.*?)</details>", text, re.DOTALL)
    assert folded and "<code>zip</code>" in folded[1]


def test_a_folder_of_ones_own_and_the_place_of_the_book(
    notebooks: Path, tmp_path, monkeypatch, fresh_home
) -> None:
    own = tmp_path / "my texts"
    own.mkdir()
    (own / "a.txt").write_text("The greenhouse needs water. " * 50, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run_notebooks(["01_good.ipynb"], corpus="my texts", folder=notebooks) == 0
    [book] = (fresh_home / "executed").iterdir()
    executed = nbformat.read(book / "01_good.ipynb", as_version=4)
    assert executed.cells[0].outputs[0].text.startswith(str(own.resolve()))


def test_what_is_refused_before_anything_runs(notebooks: Path, tmp_path) -> None:
    with pytest.raises(CourseError, match="has the notebooks themselves"):
        run_notebooks(out=notebooks, folder=notebooks)
    (tmp_path / "file").touch()
    with pytest.raises(CourseError, match="cannot be written"):
        run_notebooks(out=tmp_path / "file" / "book", folder=notebooks)
    with pytest.raises(CourseError):
        run_notebooks(corpus=str(tmp_path / "nowhere"), out=tmp_path / "book", folder=notebooks)
    assert not (tmp_path / "book").exists()
