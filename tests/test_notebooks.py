"""Every notebook of the course: anatomy, normal form, compared outputs, exercises.

nbval runs the cells themselves; what the checks say to typical mistakes is tested beside each
topic's ``checks.py``.
"""

import ast
from pathlib import Path

import pytest
from nbformat import NotebookNode

from course_lib.workbook.exercises import REGISTRY, CheckResult
from course_lib.workbook.quiz import load_quiz
from course_lib.workbook.toolchain.anatomy import problems
from course_lib.workbook.toolchain.execute import read
from course_lib.workbook.toolchain.exercises_check import HEADING
from course_lib.workbook.toolchain.find import NOTEBOOKS
from course_lib.workbook.toolchain.normalise import normalise, to_text
from course_lib.workbook.toolchain.outputs_check import compared_share

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def test_there_are_notebooks_and_their_names_are_numbered() -> None:
    assert PATHS
    assert all(path.name[:2].isdigit() and "_" in path.name for path in PATHS)


@every_notebook
def test_anatomy(path: Path) -> None:
    assert problems(read(path), path.stem) == []


@every_notebook
def test_committed_as_normalised(path: Path) -> None:
    normal = to_text(normalise(read(path), path.stem)).encode("utf-8")
    assert normal == path.read_bytes(), "run `python3 -m course_lib notebooks --normalise`"


@every_notebook
def test_more_than_half_of_the_outputs_are_compared(
    path: Path, capsys: pytest.CaptureFixture
) -> None:
    compared, with_output = compared_share(read(path))
    with capsys.disabled():
        print(f"\n{path.stem}: {compared} of {with_output} cells with output are compared")
    assert 2 * compared > with_output


@every_notebook
def test_it_has_a_quiz_with_answers(path: Path) -> None:
    questions = load_quiz(path.stem)
    assert questions
    for question in questions:
        assert 0 <= question.answer < len(question.options) and question.why


def exercises() -> list[tuple[Path, str, int]]:
    """(notebook, number of the exercise, position of its heading) of every exercise."""
    found = []
    for path in PATHS:
        for position, cell in enumerate(read(path).cells):
            heading = HEADING.match(cell.source)
            if cell.cell_type == "markdown" and heading:
                found.append((path, heading[1], position))
    return found


def definitions(cells: list[NotebookNode]) -> dict:
    """What the cells import and define. Nothing else of them is run: an exercise stands on its own."""
    names: dict = {}
    for cell in cells:
        if cell.cell_type != "code":
            continue
        for node in ast.parse(cell.source).body:
            constant = isinstance(node, ast.Assign) and _is_literal(node.value)
            if constant or isinstance(
                node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
            ):
                exec(compile(ast.Module([node], []), "a cell before the exercise", "exec"), names)
    return names


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def last_value(source: str, names: dict) -> CheckResult:
    """Run a cell; the value of its last line."""
    *body, last = ast.parse(source).body
    assert isinstance(last, ast.Expr)
    exec(compile(ast.Module(body, []), "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


@pytest.mark.parametrize(
    ("path", "number", "position"),
    exercises(),
    ids=lambda value: getattr(value, "stem", str(value)),
)
def test_the_stub_is_not_yet_and_the_solution_passes(
    path: Path, number: str, position: int, fresh_home: Path
) -> None:
    cells = read(path).cells
    stub, check, _, solution = cells[position + 1 : position + 5]
    names = definitions(cells[:position])
    exec(stub.source, names)
    before = last_value(check.source, names)
    assert before.status == "Not yet", before
    passed = last_value(solution.source, names)
    assert passed.passed, passed
    assert not (fresh_home / ".course" / "progress.json").exists(), (
        "a solution counts as the learner's success"
    )
    name = check.source.rstrip().rsplit("check.", 1)[1].split("(")[0]
    assert REGISTRY[path.stem, number].name == name
