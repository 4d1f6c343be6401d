"""A committed notebook is the same on every machine, and normalising it again changes nothing."""

import base64
import copy
import html
import re
import tempfile
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_lib.places import REPOSITORY, home_note
from course_lib.workbook.toolchain import normalise as module
from course_lib.workbook.toolchain.normalise import clean_text, normalise, normalise_file, to_text
from course_lib.workbook.toolchain.setup_cell import setup_cell

NAME = "00_sample"


def stream(text: str, name: str = "stdout") -> NotebookNode:
    return new_output("stream", name=name, text=text)


def one_cell(*outputs: NotebookNode, **fields: object) -> NotebookNode:
    cell = new_code_cell("x", outputs=list(outputs), execution_count=9, **fields)
    return normalise(new_notebook(cells=[cell]), NAME).cells[0]


def untidy() -> NotebookNode:
    """Everything that JupyterLab, Colab and nbclient leave behind."""
    widget = new_output(
        "display_data", data={"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    )
    result = new_output("execute_result", data={"text/plain": "4"}, execution_count=12)
    left = {
        "tags": ["nbval-ignore-output"],
        "execution": {"iopub.status.busy": "2026-11-24"},
        "collapsed": False,
    }
    cells = [
        new_markdown_cell(
            "# 00 · A\n\n> **Claim.** B.\n\n**Colab.** Old.\n\nHello.  ", id="random1"
        ),
        new_code_cell("old set-up", metadata={"tags": ["setup"]}, execution_count=7, id="random2"),
        new_code_cell(
            "2 * 2",
            outputs=[stream("a\n"), stream("b\n"), widget, result],
            metadata=left,
            execution_count=12,
        ),
        new_code_cell(
            "2 * 2", outputs=[stream(f"{Path.home() / 'notes.txt'}\n")], execution_count=13
        ),
    ]
    wild = {
        "kernelspec": {"name": "mine", "display_name": "Mine"},
        "widgets": {"x": 1},
        "colab": {"provenance": []},
    }
    return new_notebook(cells=cells, metadata=wild)


def test_twice_is_once_and_the_original_is_left_alone() -> None:
    notebook = untidy()
    before = copy.deepcopy(notebook)
    once = normalise(notebook, NAME)
    assert to_text(normalise(once, NAME)) == to_text(once)
    assert notebook == before


def test_the_file_is_the_same_whatever_ids_counts_and_metadata_were_left() -> None:
    other = untidy()
    for number, cell in enumerate(other.cells):
        cell.id, cell.metadata["trusted"] = f"other{number}", True
        if cell.cell_type == "code":
            cell.execution_count = 40 + number
    assert to_text(normalise(other, NAME)) == to_text(normalise(untidy(), NAME))


def test_metadata_counts_and_widgets() -> None:
    result = normalise(untidy(), NAME)
    assert result.metadata == module.METADATA
    assert [cell.execution_count for cell in result.cells if cell.cell_type == "code"] == [1, 2, 3]
    assert result.cells[2].metadata == {"tags": ["nbval-ignore-output"]}
    merged, value = result.cells[2].outputs
    assert merged.text == "a\nb\n"
    assert value.execution_count == 2


def test_a_cell_that_did_not_run_has_no_count() -> None:
    cells = [
        new_code_cell("a", execution_count=5),
        new_code_cell("b"),
        new_code_cell("c", execution_count=8),
    ]
    result = normalise(new_notebook(cells=cells), NAME)
    assert [cell.execution_count for cell in result.cells] == [1, None, 2]


def test_ids_are_valid_unique_and_move_with_their_cell() -> None:
    cells = [new_code_cell("a"), new_code_cell("a"), new_code_cell("b")]
    ids = [cell.id for cell in normalise(new_notebook(cells=cells), NAME).cells]
    assert len(set(ids)) == 3
    moved = [new_markdown_cell("new"), *cells]
    assert [cell.id for cell in normalise(new_notebook(cells=moved), NAME).cells][1:] == ids
    assert [cell.id for cell in normalise(new_notebook(cells=cells), "01_other").cells] != ids


def test_the_set_up_cell_and_the_sentence_about_colab_are_renewed() -> None:
    result = normalise(untidy(), NAME)
    assert result.cells[1].source == setup_cell(NAME)
    assert result.cells[0].source.count("**Colab.**") == 1
    assert "Old." not in result.cells[0].source
    assert "Hello." in result.cells[0].source


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"read {REPOSITORY / 'assets' / 'x.txt'}", "read COURSE/assets/x.txt"),
        (f"read {Path.home() / 'x.txt'}", "read ~/x.txt"),
        (f"read {Path(tempfile.gettempdir()) / 'a' / 'b.txt'} now", "read TEMPORARY now"),
        ("File /tmp/ipykernel_12/34.py:3", "File TEMPORARY:3"),
        ("/home/jane/notes", "~/notes"),
        ("/Users/jane/notes", "~/notes"),
        (r"C:\Users\jane\notes", r"~\notes"),
        (r"C:\Users\jane\AppData\Local\Temp\x", "TEMPORARY"),
        ("<function f at 0x7f12ab34cd56>", "<function f at 0x…>"),
        (
            "see https://example.org/home/jane and tmp/x and 0x1f",
            "see https://example.org/home/jane and tmp/x and 0x1f",
        ),
        (
            "Notebook: a\nNote: COURSE_HOME is set: kept in /x.\nDevice: cpu",
            "Notebook: a\nDevice: cpu",
        ),
        (
            "<tr><td>a</td></tr><tr><td s>Note</td><td s>COURSE_HOME is set: in /x.</td></tr>",
            "<tr><td>a</td></tr>",
        ),
        ("it took 0.12 s", "it took 0.12 s"),
    ],
)
def test_paths_and_addresses_go_and_the_rest_stays(text: str, clean: str) -> None:
    assert clean_text(text) == clean
    assert clean_text(clean) == clean


def test_where_the_course_is_kept_does_not_show(fresh_home: Path) -> None:
    shown = home_note()
    assert str(fresh_home) in shown
    assert clean_text(f"Notebook: a\nNote: {shown}\nDevice: cpu") == "Notebook: a\nDevice: cpu"
    row = f"<tr><td>Note</td><td>{html.escape(shown)}</td></tr>"
    assert clean_text(f"<table>{row}</table>") == "<table></table>"


def test_progress_bars_and_timings_go() -> None:
    left = "begin\nstep:  40%|████      | 40/100 [00:02<00:03, 19.5words/s]\rstep: 100%|██| 9/9 [00:02<00:00, 4it/s]\n"
    assert one_cell(stream(left + "end\nWall time: 3.1 s\n")).outputs[0].text == "begin\nend\n"
    assert one_cell(stream("half\rwhole\n")).outputs[0].text == "whole\n"
    assert one_cell(stream("100%|██| 9/9 [00:02<00:00, 4it/s]\n")).outputs == []
    table = "| share | 40%|\n"
    assert one_cell(stream(table)).outputs[0].text == table


def test_long_lines_cost_no_time() -> None:
    assert len(one_cell(stream("7" * 2_000_000)).outputs[0].text) == 2_000_000


def test_pictures_come_from_the_figures_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIGURES", tmp_path)
    (tmp_path / "a.png").write_bytes(b"new")
    cell = new_markdown_cell("![A.](attachment:a.png) ![B.](attachment:b.png)")
    cell.attachments = {
        "a.png": {"image/png": "b2xk"},
        "b.png": {"image/png": "Yg=="},
        "c.png": {"image/png": "Yw=="},
    }
    kept = (
        normalise(new_notebook(cells=[new_markdown_cell("# T"), cell]), NAME).cells[1].attachments
    )
    assert kept == {
        "a.png": {"image/png": base64.b64encode(b"new").decode()},
        "b.png": {"image/png": "Yg=="},
    }


def test_the_file_ends_with_one_newline_and_is_written_only_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.ipynb"
    path.write_text(to_text(untidy()), encoding="utf-8")
    assert normalise_file(path)
    assert path.read_bytes().endswith(b"}\n") and not path.read_bytes().endswith(b"\n\n")
    assert b"\r" not in path.read_bytes()
    assert not normalise_file(path)


def test_sanitiser_blanks_what_differs_and_nothing_else() -> None:
    from nbval.plugin import get_sanitize_patterns

    text = (Path(module.__file__).parent / "sanitise.cfg").read_text(encoding="utf-8")
    patterns = get_sanitize_patterns(text)
    for pattern in (module.TEMPORARY, module.HOMES, module.ADDRESS):
        assert pattern in dict(patterns), f"sanitise.cfg lacks {pattern}"

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
    for line in (
        "loss 0.12",
        "2 songs",
        "7 steps",
        "13.84 GB",
        "0.12",
        "shape (3, 4)",
        "5 samples",
    ):
        assert blank(line) == line
