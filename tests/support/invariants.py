"""What must hold behind a notebook's cells, in the copy of it that nbval executes.

``HOLDS`` of ``tests/notebooks/NN_name.py`` gives, by cell id, a condition on names of the notebook.
"""

import ast
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

FOLDER = Path(__file__).parents[1] / "notebooks"


def invariants(name: str, folder: Path = FOLDER) -> dict[str, str]:
    """The condition behind each cell id of the notebook ``name``; none where it has no file."""
    path = folder / f"{name}.py"
    if not path.is_file():
        return {}
    nodes = ast.parse(path.read_text("utf-8")).body
    [table] = (node for node in nodes if isinstance(node, ast.Assign))
    pairs = zip(table.value.keys, table.value.values, strict=True)
    return {cell_id.value: ast.unparse(condition.body) for cell_id, condition in pairs}


def with_invariants(notebook: NotebookNode, name: str, folder: Path = FOLDER) -> NotebookNode:
    """A copy of the notebook with a cell behind each one that has an invariant.

    Raises ``ValueError`` when an invariant names a cell that is not there.
    """
    result = nbformat.from_dict(notebook)
    left = invariants(name, folder)
    cells: list[NotebookNode] = []
    for cell in result.cells:
        cells.append(cell)
        if cell.id in left:
            source = f"assert {left.pop(cell.id)}  # behind cell {cell.id} of the notebook"
            cells.append(nbformat.v4.new_code_cell(source, id=f"holds-{cell.id}"))
            cells[-1].execution_count = 1  # nbval compares only cells that have been run
    if left:
        raise ValueError(f"{name}.py names cells that are not there: {', '.join(left)}")
    result.cells = cells
    return result


def write_copies(notebooks: Iterable[Path], target: Path, folder: Path = FOLDER) -> list[Path]:
    """The paths of copies in ``target``, with their outputs and their invariants."""
    target.mkdir(parents=True, exist_ok=True)
    copies = []
    for path in notebooks:
        copy = with_invariants(nbformat.read(path, as_version=4), path.stem, folder)
        copies.append(target / path.name)
        copies[-1].write_text(nbformat.writes(copy), encoding="utf-8")
    return copies
