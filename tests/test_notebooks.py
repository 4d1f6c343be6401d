"""Every notebook of the course: its parts, normal form, compared outputs, exercises.

nbval runs the cells themselves, in copies with the invariants of ``tests/notebooks`` behind them;
what the checks say to typical mistakes is tested beside each topic's ``checks.py``.
"""

import ast
import contextlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import nbformat
import pytest
from invariants import invariants, with_invariants, write_copies
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course_lib.workbook.exercises import REGISTRY, Quiz
from course_lib.workbook.run import find_notebooks
from tools import rules
from tools.notebooks import normalise, read, setup_cell, to_bytes

PATHS = find_notebooks()
every_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


@every_notebook
def test_rules(path: Path) -> None:
    assert rules.problems(read(path), path.stem, setup_cell(path.stem)) == []


@every_notebook
def test_committed_as_normalised(path: Path) -> None:
    normal = to_bytes(normalise(read(path), path.stem))
    assert normal == path.read_bytes(), "run `python3 -m course_lib notebooks --normalise`"


@every_notebook
def test_what_is_not_compared_has_an_invariant(path: Path) -> None:
    notebook, held = read(path), invariants(path.stem)
    copy = with_invariants(notebook, path.stem)
    assert held and len(copy.cells) == len(notebook.cells) + len(held)
    for cell in notebook.cells:
        tags = rules.tags(cell)
        if rules.IGNORED in tags and not {"setup", "teaches"} & set(tags):
            assert cell.id in held, f"{cell.id} is not compared and nothing is held behind it"


@every_notebook
def test_it_has_a_quiz_with_answers(path: Path) -> None:
    questions = Quiz(path.stem).questions
    assert len(questions) >= 3
    for question in questions:
        assert 0 <= question["answer"] < len(question["options"]) and question["why"].endswith(".")
        assert len(question["wrong"]) == len(question["options"]) - 1 == len(set(question["wrong"]))


def test_a_quiz_cannot_be_answered_by_length_or_place() -> None:
    questions = [question for path in PATHS for question in Quiz(path.stem).questions]
    places = Counter(question["answer"] for question in questions)
    assert max(places.values()) < 0.45 * len(questions)
    longest = sum(max(q["options"], key=len) == q["options"][q["answer"]] for q in questions)
    assert longest < 0.45 * len(questions)


EXERCISES = [
    pytest.param(path, match[1], position, id=f"{path.stem}-{match[1]}")
    for path in PATHS
    for position, cell in enumerate(read(path).cells)
    if cell.cell_type == "markdown" and (match := rules.EXERCISE.match(cell.source))
]


@every_notebook
def test_the_exercises_are_numbered_in_order(path: Path) -> None:
    number = path.stem.split("_")[0].lstrip("0") or "0"
    numbers = [param.values[1] for param in EXERCISES if param.values[0] == path]
    assert numbers == [f"{number}.{count}" for count in range(1, len(numbers) + 1)]


def definitions(cells: list[NotebookNode]) -> dict:
    """What the cells import and define. No more of them is run: an exercise stands on its own."""
    names: dict = {}
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    for cell in cells:
        for node in ast.parse(cell.source).body if cell.cell_type == "code" else ():
            constant = isinstance(node, ast.Assign)
            with contextlib.suppress(ValueError, NameError):  # no literal, or of another cell
                if isinstance(node, kept) or (constant and [ast.literal_eval(node.value)]):
                    exec(compile(ast.Module([node], []), "a cell before it", "exec"), names)
    return names


def last_value(source: str, names: dict) -> object:
    """Run a cell; the value of its last line."""
    *body, last = ast.parse(source).body
    exec(compile(ast.Module(body, []), "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


@pytest.mark.parametrize(("path", "number", "position"), EXERCISES)
def test_stub_and_solution(path: Path, number: str, position: int, fresh_home) -> None:
    cells = read(path).cells
    stub, check, _, solution = cells[position + 1 : position + 5]
    names = definitions(cells[:position])
    exec(stub.source, names)
    before = last_value(check.source, names)
    assert before.status == "Not yet", before
    passed = last_value(solution.source, names)
    assert passed.passed, passed
    noted = fresh_home / ".course" / "progress.json"
    assert not noted.exists(), "a solution counts as the learner's success"
    name = check.source.rstrip().rsplit("check.", 1)[1].split("(")[0]
    assert REGISTRY[path.stem, number].__name__ == name


def test_nbval_runs_them_and_compares_the_outputs(tmp_path) -> None:
    holds = 'HOLDS = {"aaaaaaaaaa": lambda total: total == 4}'
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

    conditions.write_text(holds)
    assert "2 passed" in nbval()
    conditions.write_text(holds.replace("== 4", "== 5"))
    four.data["text/plain"] = "3"
    said = nbval()
    assert "2 failed" in said and "assert total == 5  # behind cell aaaaaaaaaa" in said
    conditions.write_text(holds.replace("aaaaaaaaaa", "bbbbbbbbbb"))
    with pytest.raises(ValueError, match="tiny.py names cells that are not there: bbbbbbbbbb"):
        nbval()
