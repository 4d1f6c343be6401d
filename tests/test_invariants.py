"""The copies that nbval runs: a notebook's invariants stand behind their cells."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from invariants import invariants, with_invariants, write_copies
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course_lib.places import REPOSITORY

NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
HOLDS = """from invariants import after

@after("aaaaaaaaaa")
def the_sum(total):
    assert total == 4
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A notebook of one cell whose last line is a value; its output is kept."""
    four = new_output("execute_result", data={"text/plain": "4"}, execution_count=1)
    cell = new_code_cell("total = 2 + 2\ntotal", id="aaaaaaaaaa", outputs=[four], execution_count=1)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path / "tiny.ipynb"
    nbformat.write(new_notebook(cells=[cell], metadata={"kernelspec": kernel}), path)
    return path


def nbval(path: Path) -> str:
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", str(path)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=os.environ, cwd=path.parent
    ).stdout


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_invariants_of_each_notebook_find_their_cells(path: Path) -> None:
    notebook, functions = nbformat.read(path, as_version=4), invariants(path.stem)
    copy = with_invariants(notebook, path.stem)
    assert functions and len(copy.cells) == len(notebook.cells) + len(functions)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    assert not used & {function.__name__ for function in functions}, "it would hide the notebook's"


def test_nbval_runs_them_and_compares_the_outputs(tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "invariants"
    folder.mkdir()
    (folder / "tiny.py").write_text(HOLDS)
    [copy] = write_copies([tiny], tmp_path / "copies", folder)
    first, second = nbformat.read(copy, as_version=4).cells
    assert first.outputs and not second.outputs
    assert "2 passed" in nbval(copy)
    (folder / "tiny.py").write_text(HOLDS.replace("== 4", "== 5"))
    said = nbval(*write_copies([tiny], tmp_path / "copies", folder))
    assert "1 failed, 1 passed" in said and "the_sum(total)  # behind cell aaaaaaaaaa" in said
    tiny.write_text(tiny.read_text().replace('"4"', '"3"'))
    (folder / "tiny.py").write_text(HOLDS)
    assert "1 failed, 1 passed" in nbval(*write_copies([tiny], tmp_path / "copies", folder))


def test_an_invariant_of_a_cell_that_is_gone(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.py").write_text(HOLDS.replace("aaaaaaaaaa", "bbbbbbbbbb"))
    with pytest.raises(ValueError, match="tiny.py names cells that are not there: bbbbbbbbbb"):
        write_copies([tiny], tmp_path / "copies", tmp_path)
