"""May these outputs be committed, and are they tested?"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.places import REPOSITORY
from course_lib.workbook.toolchain.exercises_check import tags
from course_lib.workbook.toolchain.normalise import ADDRESS, HOMES, TEMPORARY, WIDGET

MEGABYTES = 3
PICTURES = ("image/png", "image/svg+xml", "image/jpeg", "image/gif")
IGNORED = "nbval-ignore-output"
CORPUS = "python-docs (small)"
_CORPUS = re.compile(r"^Corpus: (.+?), [\d,]+ documents", re.MULTILINE)
_SENTENCE = re.compile(r"[^<]\S*(?: \S+){3,}[.!?]", re.DOTALL)
_PATH = re.compile(rf"{TEMPORARY}|{HOMES}|{ADDRESS}")


def output_text(output: NotebookNode) -> str:
    """The readable part of an output."""
    readable = [
        text
        for kind, text in output.get("data", {}).items()
        if kind.startswith("text/") or "svg" in kind
    ]
    return "\n".join([output.get("text", ""), *map(str, readable)])


def check_outputs(notebook: NotebookNode, name: str) -> Iterator[str]:
    """Counts 1…n; no errors, nothing on stderr, no widgets."""
    count = 0
    for position, cell in enumerate(notebook.cells, 1):
        if cell.cell_type != "code":
            continue
        count += 1
        if cell.execution_count != count:
            yield f"cell {position}: its number is {cell.execution_count}, not {count}: execute and normalise"
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"cell {position}: its output is an error"
            if output.get("name") == "stderr":
                yield f"cell {position}: something was written to stderr"
            if WIDGET in output.get("data", {}):
                yield f"cell {position}: a widget is stored: normalise the notebook"


def check_figures(notebook: NotebookNode, name: str) -> Iterator[str]:
    """Every picture has a sentence as its text, and the same sentence visibly below it."""
    for position, cell in enumerate(notebook.cells, 1):
        outputs = cell.get("outputs", [])
        for number, output in enumerate(outputs):
            if not any(kind in output.get("data", {}) for kind in PICTURES):
                continue
            sentence = output.data.get("text/plain", "").strip()
            if not _SENTENCE.fullmatch(sentence):
                yield f"cell {position}: a figure without a sentence that says what it shows"
                continue
            below = (
                outputs[number + 1].get("data", {}).get("text/markdown", "")
                if number + 1 < len(outputs)
                else ""
            )
            if sentence not in below:
                yield f"cell {position}: the figure's sentence does not stand below it: use figures.show"


def check_corpus(notebook: NotebookNode, name: str) -> Iterator[str]:
    """Outputs made on a corpus of one's own are not committed: only those on the default one."""
    text = "\n".join(
        output_text(o) for c in notebook.cells if "setup" in tags(c) for o in c.outputs
    )
    found = _CORPUS.search(text)
    if not found:
        yield "the set-up cell's output does not name the corpus: execute the notebook"
    elif found[1] != CORPUS:
        yield f"the outputs were made on {found[1]!r}: execute the notebook on {CORPUS}"


def check_paths(notebook: NotebookNode, name: str) -> Iterator[str]:
    """No path or object address of the machine that executed it."""
    own = [str(REPOSITORY), tempfile.gettempdir() + "/", str(Path.home()) + "/"]
    for position, cell in enumerate(notebook.cells, 1):
        text = "\n".join(map(output_text, cell.get("outputs", [])))
        if _PATH.search(text) or any(path in text for path in own if len(path) > 4):
            yield f"cell {position}: its output has a path or address of this machine: normalise the notebook"


def compared_share(notebook: NotebookNode) -> tuple[int, int]:
    """(code cells whose output the tests compare, code cells that have output)."""
    with_output = [c for c in notebook.cells if c.cell_type == "code" and c.outputs]
    return sum(IGNORED not in tags(c) for c in with_output), len(with_output)


def check_compared(notebook: NotebookNode, name: str) -> Iterator[str]:
    """More than half of the outputs are compared when the notebook is tested."""
    compared, total = compared_share(notebook)
    if 2 * compared <= total:
        yield f"{compared} of {total} cells with output are compared; it must be more than half"


def check_size(notebook: NotebookNode, name: str) -> Iterator[str]:
    """Small enough for git and for GitHub's viewer."""
    size = len(nbformat.writes(notebook).encode("utf-8")) / 1e6
    if size > MEGABYTES:
        yield f"it has {size:.1f} MB, at most {MEGABYTES}"
