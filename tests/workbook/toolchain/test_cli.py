"""``notebooks --execute``, ``--normalise``, ``--check``."""

from argparse import Namespace
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from course_lib.errors import CourseError
from course_lib.workbook.toolchain import cli, find
from course_lib.workbook.toolchain.normalise import to_text


@pytest.fixture
def folder(tmp_path: Path, notebook: NotebookNode, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of notebooks, with the sample in it."""
    (tmp_path / "00_sample.ipynb").write_bytes(to_text(notebook).encode())
    monkeypatch.setattr(cli, "find_notebooks", lambda names: find.find_notebooks(names, tmp_path))
    return tmp_path


def options(action: str, *names: str) -> Namespace:
    return Namespace(
        names=list(names), **{verb: verb == action for verb in ("execute", "normalise", "check")}
    )


def test_check_tells_what_is_wrong(
    folder: Path, notebook: NotebookNode, capsys: pytest.CaptureFixture
) -> None:
    assert cli.main(options("check")) == 0
    assert "00_sample: as it should be" in capsys.readouterr().out
    notebook.cells[7].source += ";"
    (folder / "00_sample.ipynb").write_text(to_text(notebook), encoding="utf-8")
    assert cli.main(options("check", "00")) == 1
    printed = capsys.readouterr().out
    assert "cell 8: a trailing semicolon" in printed and "not normalised" in printed


def test_normalise_mends_what_it_can(
    folder: Path, notebook: NotebookNode, capsys: pytest.CaptureFixture
) -> None:
    notebook.cells[7].execution_count = 44
    (folder / "00_sample.ipynb").write_text(to_text(notebook), encoding="utf-8")
    assert cli.main(options("normalise")) == 0
    assert cli.main(options("check")) == 0


def test_execute_writes_in_place_on_the_default_corpus(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("COURSE_CORPUS", "/my/secret/letters")
    path = folder / "01_other.ipynb"
    path.write_text(
        to_text(new_notebook(cells=[new_code_cell("import os\nos.environ['COURSE_CORPUS']")])),
        encoding="utf-8",
    )
    assert cli.main(options("execute", "01")) == 0
    assert "'python-docs'" in path.read_text(encoding="utf-8")
    before = path.read_bytes().replace(b"os.environ['COURSE_CORPUS']", b"1 / 0")
    path.write_bytes(before)
    assert cli.main(options("execute", "01")) == 1
    assert path.read_bytes() == before
    assert "01_other stopped in cell 1 with ZeroDivisionError" in capsys.readouterr().out


def test_unknown_names_and_empty_folders_are_one_sentence(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="choose from 00_sample"):
        cli.main(options("check", "77"))
    with pytest.raises(CourseError, match="no notebook in"):
        find.find_notebooks([], tmp_path / "nothing")


def test_names_are_found_in_the_order_of_the_course(tmp_path: Path) -> None:
    for name in ("09_a", "09b_c", "10_d", "draft"):
        (tmp_path / f"{name}.ipynb").touch()

    def found(*names: str) -> list[str]:
        return [path.stem for path in find.find_notebooks(names, tmp_path)]

    assert found() == ["09_a", "09b_c", "10_d"]
    assert found("10", "notebooks/09_a.ipynb", "09") == ["09_a", "10_d"]
    assert found("09b") == ["09b_c"]
