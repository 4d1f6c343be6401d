"""The copies that nbval runs: a notebook's invariants stand behind their cells."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from invariants import invariants, with_invariants, write_copies
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course_lib.workbook.run import find_notebooks

HOLDS = 'HOLDS = {"aaaaaaaaaa": lambda total: total == 4}'


@pytest.mark.parametrize("path", find_notebooks(), ids=lambda path: path.stem)
def test_the_invariants_of_each_notebook_find_their_cells(path: Path) -> None:
    notebook, held = nbformat.read(path, as_version=4), invariants(path.stem)
    copy = with_invariants(notebook, path.stem)
    assert held and len(copy.cells) == len(notebook.cells) + len(held)


def test_nbval_runs_them_and_compares_the_outputs(tmp_path: Path) -> None:
    four = new_output("execute_result", data={"text/plain": "4"}, execution_count=1)
    cell = new_code_cell("total = 2 + 2\ntotal", id="aaaaaaaaaa", outputs=[four], execution_count=1)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=[cell], metadata={"kernelspec": kernel})
    path, conditions = tmp_path / "tiny.ipynb", tmp_path / "tiny.py"

    def nbval() -> str:
        nbformat.write(notebook, path)
        [copy] = write_copies([path], tmp_path / "copies", tmp_path)
        command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", str(copy)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path).stdout

    conditions.write_text(HOLDS)
    assert "2 passed" in nbval()
    conditions.write_text(HOLDS.replace("== 4", "== 5"))
    said = nbval()
    assert "1 failed, 1 passed" in said and "assert total == 5  # behind cell aaaaaaaaaa" in said
    conditions.write_text(HOLDS)
    four.data["text/plain"] = "3"
    assert "1 failed, 1 passed" in nbval()
    conditions.write_text(HOLDS.replace("aaaaaaaaaa", "bbbbbbbbbb"))
    with pytest.raises(ValueError, match="tiny.py names cells that are not there: bbbbbbbbbb"):
        nbval()
