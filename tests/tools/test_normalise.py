"""A committed notebook is the same on every machine, and normalising it again changes nothing."""

import base64
import copy
import html
import re
import tempfile
from argparse import Namespace
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sample_notebook import NAME, sample

from course_lib.places import REPOSITORY, home_note
from course_lib.workbook.testing import SANITISER
from tools import notebooks
from tools.notebooks import METADATA, clean_text, normalise, setup_cell, to_bytes


def stream(text: str, name: str = "stdout") -> NotebookNode:
    return new_output("stream", name=name, text=text)


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
    assert to_bytes(once).endswith(b"}\n") and b"\r" not in to_bytes(once)


def test_metadata_counts_widgets_and_the_renewed_cells() -> None:
    title, setup, third, _, _ = (result := normalise(untidy(), NAME)).cells
    assert result.metadata == METADATA and third.metadata == {"tags": ["nbval-ignore-output"]}
    assert [c.get("execution_count") for c in result.cells] == [None, 1, 2, 3, None]
    merged, value = third.outputs
    assert merged.text == "a\nb\n" and value.execution_count == 2
    assert setup.source == setup_cell(NAME)
    assert title.source.count("**Colab.**") == 1 and "Old." not in title.source


def test_ids_are_unique_and_stay_when_a_cell_is_edited_or_moved() -> None:
    cells = [new_code_cell("a"), new_code_cell("a"), new_code_cell("b")]
    first = normalise(new_notebook(cells=cells), NAME)
    ids = [cell.id for cell in first.cells]
    assert len(set(ids)) == 3
    first.cells[2].source = "c"
    moved = [new_markdown_cell("new"), *first.cells]
    assert [cell.id for cell in normalise(new_notebook(cells=moved), NAME).cells][1:] == ids


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"read {REPOSITORY / 'assets' / 'x.txt'}", "read COURSE/assets/x.txt"),
        (f"read {Path.home() / 'x.txt'}", "read ~/x.txt"),
        (f"read {Path(tempfile.gettempdir()) / 'a' / 'b.txt'} now", "read TEMPORARY now"),
        ("File /tmp/ipykernel_12/34.py:3", "File TEMPORARY:3"),
        ("/Users/jane/notes", "~/notes"),
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


def test_where_the_course_is_kept_does_not_show(fresh_home: Path) -> None:
    assert str(fresh_home) in home_note()
    row = f"<tr><td>Note</td><td>{html.escape(home_note())}</td></tr>"
    assert clean_text(f"<table>{row}</table>") == "<table></table>"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (
            "a\nstep:  40%|███   | 40/100 [00:02<00:03, 19words/s]\rend\nWall time: 3 s\n",
            "a\nend\n",
        ),
        ("half\rwhole\n", "whole\n"),
        ("| share | 40%|\n", "| share | 40%|\n"),
        ("7" * 2_000_000, "7" * 2_000_000),  # in no time
    ],
)
def test_progress_bars_go(text: str, kept: str) -> None:
    cell = new_code_cell("x", outputs=[stream(text)], execution_count=9)
    assert normalise(new_notebook(cells=[cell]), NAME).cells[0].outputs[0].text == kept


def test_pictures_come_from_the_figures_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebooks, "FIGURES", tmp_path)
    (tmp_path / "a.png").write_bytes(b"new")
    cell = new_markdown_cell("![A.](attachment:a.png) ![B.](attachment:b.png)")
    cell.attachments = {name: {"image/png": "b2xk"} for name in ("a.png", "b.png", "c.png")}
    kept = normalise(new_notebook(cells=[new_markdown_cell("T"), cell]), NAME).cells[1].attachments
    new = base64.b64encode(b"new").decode()
    assert kept == {"a.png": {"image/png": new}, "b.png": {"image/png": "b2xk"}}


def test_the_sanitiser_blanks_what_differs_and_nothing_else() -> None:
    from nbval.plugin import get_sanitize_patterns

    patterns = get_sanitize_patterns(SANITISER.read_text(encoding="utf-8"))

    def blank(line: str) -> str:
        for pattern, replacement in patterns:
            line = re.sub(pattern, replacement, line)
        return line

    for a, b in [
        ("took 0.12 s", "took 3.4 s"),
        ("12 ms", "9 ms"),
        ("1,200 words/s", "980 words/s"),
        ("/tmp/a/b.txt", "/tmp/c"),
        ("<f at 0x7f12ab34cd56>", "<f at 0x…>"),
        ("/home/jane/x", "~/x"),
        ("2 min 5 s", "1 min 59 s"),
    ]:
        assert blank(a) == blank(b)
    for line in ("loss 0.12", "2 songs", "width 16 h", "4 min", "13.84 GB", "shape (3, 4)"):
        assert blank(line) == line


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of notebooks, with the sample in it."""
    (tmp_path / "00_sample.ipynb").write_bytes(to_bytes(sample()))
    there = notebooks.find_notebooks
    monkeypatch.setattr(notebooks, "find_notebooks", lambda names: there(names, tmp_path))
    return tmp_path


def command(verb: str) -> int:
    verbs = {name: name == verb for name in ("execute", "normalise", "check")}
    return notebooks.main(Namespace(names=["00"], **verbs))


def test_check_tells_what_is_wrong_and_normalise_mends_what_it_can(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    assert command("check") == 0 and "00_sample: as it should be" in capsys.readouterr().out
    notebook = sample()
    notebook.cells[7].execution_count = 44
    (folder / "00_sample.ipynb").write_bytes(to_bytes(notebook))
    assert command("check") == 1
    printed = capsys.readouterr().out
    assert "not every cell was run" in printed and "not normalised" in printed
    assert command("normalise") == command("check") == 0


def test_execute_writes_in_place_on_the_default_corpus(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("COURSE_CORPUS", "/my/secret/letters")
    path = folder / "00_sample.ipynb"
    cell = new_code_cell("import os\nos.environ['COURSE_CORPUS']")
    path.write_bytes(to_bytes(new_notebook(cells=[cell])))
    assert command("execute") == 0 and b"'python-docs'" in path.read_bytes()
    before = path.read_bytes().replace(b"os.environ['COURSE_CORPUS']", b"1 / 0")
    path.write_bytes(before)
    assert command("execute") == 1 and path.read_bytes() == before
    assert "00_sample stopped in cell 1 with ZeroDivisionError" in capsys.readouterr().out
