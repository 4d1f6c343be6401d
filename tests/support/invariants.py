"""What must hold behind a notebook's cells: kept in ``tests/notebooks``, run in the copy that nbval executes."""

import importlib.util
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FunctionType

import nbformat
from nbformat import NotebookNode

FOLDER = Path(__file__).parents[1] / "notebooks"
Invariant = Callable[..., None]


def after(cell_id: str) -> Callable[[Invariant], Invariant]:
    """Mark a function as what must hold behind that cell. Its parameters are names of the notebook."""

    def mark(function: Invariant) -> Invariant:
        function.cell_id = cell_id  # type: ignore[attr-defined]
        return function

    return mark


def invariants(name: str, folder: Path = FOLDER) -> list[Invariant]:
    """Those of the notebook called ``name``, in their order; none where it has no file."""
    path = folder / f"{name}.py"
    if not path.is_file():
        return []
    spec = importlib.util.spec_from_file_location(f"invariants_of_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [
        value
        for value in vars(module).values()
        if isinstance(value, FunctionType) and hasattr(value, "cell_id")
    ]


def with_invariants(notebook: NotebookNode, name: str, folder: Path = FOLDER) -> NotebookNode:
    """The notebook with a cell behind each one that has an invariant. The notebook given is not changed.

    Raises ``ValueError`` when an invariant names a cell that is not there.
    """
    result = nbformat.from_dict(notebook)
    found: dict[str, list[Invariant]] = {}
    for function in invariants(name, folder):
        found.setdefault(function.cell_id, []).append(function)  # type: ignore[attr-defined]
    cells: list[NotebookNode] = []
    for cell in result.cells:
        cells.append(cell)
        for function in found.pop(cell.id, []):
            cells.append(_cell(function, cell.id))
    if found:
        raise ValueError(f"{name}.py names cells that are not there: {', '.join(found)}")
    result.cells = cells
    return result


def write_copies(notebooks: Iterable[Path], target: Path, folder: Path = FOLDER) -> list[Path]:
    """Copies of the notebooks with their outputs and their invariants, in ``target``; their paths."""
    target.mkdir(parents=True, exist_ok=True)
    copies = []
    for path in notebooks:
        copy = with_invariants(nbformat.read(path, as_version=4), path.stem, folder)
        copies.append(target / path.name)
        copies[-1].write_text(nbformat.writes(copy), encoding="utf-8")
    return copies


def _cell(function: Invariant, cell_id: str) -> NotebookNode:
    """Defines the function and calls it, without an output; an error shows its name and the cell's id."""
    source = inspect.getsource(function).split("\n", 1)[1].rstrip()  # without its decorator
    names = ", ".join(inspect.signature(function).parameters)
    call = f"{function.__name__}({names})  # behind cell {cell_id} of the notebook"
    cell = nbformat.v4.new_code_cell(f"{source}\n\n\n{call}", id=function.__name__[:60])
    cell.execution_count = 1  # nbval compares only cells that have been run
    return cell
