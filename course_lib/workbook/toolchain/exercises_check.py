"""Is every exercise whole? Five cells in a row: heading, stub, check, hint, solution."""

import ast
import re
from collections.abc import Iterator

from nbformat import NotebookNode

HEADING = re.compile(
    r"### Exercise (\d+[a-z]?\.\d+) · \S.*\((?:★☆☆|★★☆|★★★), \d+ minutes?\)(?:\n|$)"
)
_HINT = re.compile(r"<details>\s*<summary>Hint[^<]*</summary>\s*\S.*?</details>", re.DOTALL)
_TITLE = re.compile(r"# ?@title Solution")
_UNSOLVED = re.compile(
    r"^\s*\.\.\.|= *\.\.\.|= *None\b|return (?:\.\.\.|None)|NotImplementedError", re.MULTILINE
)


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return cell.metadata.get("tags", [])


def defined(source: str) -> list[str]:
    """Names of the functions, classes and variables that a cell defines at its top level."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return []
    names = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return names


def check_exercises(notebook: NotebookNode, name: str) -> Iterator[str]:
    """Whole, in one piece, and numbered 1.1, 1.2 … with the notebook's number."""
    cells, count, whole = notebook.cells, 0, set()
    number = name.split("_")[0].lstrip("0") or "0"
    for position, cell in enumerate(cells):
        if cell.cell_type != "markdown" or not cell.source.startswith("### Exercise"):
            continue
        where, count = f"cell {position + 1}", count + 1
        heading = HEADING.match(cell.source)
        if not heading or heading[1] != f"{number}.{count}":
            yield f"{where}: write `### Exercise {number}.{count} · Title  (★★☆, 10 minutes)`"
        following = cells[position + 1 : position + 5]
        if [c.cell_type for c in following] != ["code", "code", "markdown", "code"]:
            yield f"{where}: below it must come the stub, its check, a text cell with the hint, and the solution"
        else:
            whole |= {position + 1, position + 2, position + 4}
            yield from (f"{where}: {problem}" for problem in _parts(*following))
    for position, cell in enumerate(cells):
        stray = {"exercise", "check", "solution"} & set(tags(cell))
        if stray and position not in whole:
            yield f"cell {position + 1}: the tag {stray.pop()} outside an exercise"


def _parts(
    stub: NotebookNode, check: NotebookNode, hint: NotebookNode, solution: NotebookNode
) -> Iterator[str]:
    names = defined(stub.source)
    if "exercise" not in tags(stub) or not names or not _UNSOLVED.search(stub.source):
        yield "the stub needs the tag `exercise`, a name for the answer, and dots where the reader's lines go"
    called = re.search(r"^check\.(\w+)\((\w+)\)\s*\Z", check.source, re.MULTILINE)
    if "check" not in tags(check) or not called or called[2] not in names:
        yield "the check needs the tag `check` and ends in `check.NAME(answer)`"
    if not _HINT.search(hint.source):
        yield "the hint is missing or not folded: `<details><summary>Hint</summary>` … `</details>`"
    folded = (
        solution.metadata.get("jupyter", {}).get("source_hidden")
        and solution.metadata.get("cellView") == "form"
    )
    if "solution" not in tags(solution) or not folded or not _TITLE.match(solution.source):
        yield "the solution needs the tag `solution`, both folds (source_hidden, cellView) and `# @title Solution`"
    for name in names:
        kept = re.search(rf"^your_{name} = {name}$", solution.source, re.MULTILINE)
        if not kept or name not in defined(solution.source):
            yield f"the solution keeps the reader's work with `your_{name} = {name}` and then defines {name}"
    ending = called and rf"^check\.{called[1]}\({called[2]}, solution=True\)\s*\Z"
    if ending and not re.search(ending, solution.source, re.MULTILINE):
        yield f"the solution must end in `check.{called[1]}({called[2]}, solution=True)`"


def check_verdicts(notebook: NotebookNode, name: str) -> Iterator[str]:
    """The check says "Not yet" to the stub and "Right" to the solution."""
    for position, cell in enumerate(notebook.cells, 1):
        for tag, beginning in (("check", "Not yet"), ("solution", "Right")):
            if cell.cell_type == "code" and tag in tags(cell):
                shown = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
                if not shown or not shown[-1].startswith(beginning):
                    yield f"cell {position}: its last output should begin with “{beginning}”"
