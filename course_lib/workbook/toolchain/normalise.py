"""Notebooks as they are committed: a diff shows what changed, and nothing else.

Removed are widget state, execution times, progress bars, this machine's paths and object
addresses. Seconds that a cell prints stay, because the reader wants them; ``sanitise.cfg``
blanks them when the tests compare.
"""

import base64
import hashlib
import json
import mimetypes
import re
import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.places import REPOSITORY
from course_lib.workbook.toolchain.execute import read
from course_lib.workbook.toolchain.setup_cell import BADGE_BEGIN, colab_badge, setup_cell

FIGURES = REPOSITORY / "assets" / "figures"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
WIDGET = "application/vnd.jupyter.widget-view+json"
# sanitise.cfg has the same patterns and names. A name must be safe inside HTML.
TEMPORARY = r"(?<![\w.])(?:/tmp|/private/tmp|/var/folders|[A-Z]:\\Users\\[\w.-]+\\AppData\\Local\\Temp)[/\\][\w/\\.-]*"
HOMES = r"(?<![\w.])(?:/home|/Users|[A-Z]:\\Users)[/\\][\w.-]+"
ADDRESS = r"0x[0-9a-fA-F]{8,16}"
REPLACED = (
    (re.compile(re.escape(str(REPOSITORY)) + r"(?![\w.-])"), "COURSE"),
    (re.compile(TEMPORARY), "TEMPORARY"),
    (re.compile(re.escape(tempfile.gettempdir()) + r"[/\\][\w/\\.-]*"), "TEMPORARY"),
    (re.compile(re.escape(str(Path.home())) + r"(?=[/\\][\w.-])"), "~"),
    (re.compile(HOMES), "~"),
    (re.compile(ADDRESS), "0x…"),
)
_BAR = re.compile(
    r"^.*\d{1,3}%\|.*\| .*\[\d+:\d+<.*\][ \t]*$\n?|^(?:CPU times|Wall time): .*$\n?", re.MULTILINE
)
_OVERWRITTEN = re.compile(r"^.*\r(?!\n)", re.MULTILINE)
_HOME_NOTE = r"(?:COURSE_HOME is set|The checkout is read-only): [^\n<]*"
_NOTE_LINE = re.compile(rf"\nNote: {_HOME_NOTE}")
_NOTE_ROW = re.compile(rf"<tr><t[hd][^>]*>Note</t[hd]><td[^>]*>{_HOME_NOTE}</td></tr>")
_ID = re.compile(r"[0-9a-f]{10}(?:-\d+)?")
_ATTACHMENT = re.compile(r"!\[[^\]]*\]\(attachment:([^)\s]+)\)")


def normalise(notebook: NotebookNode, name: str) -> NotebookNode:
    """The notebook called ``name`` with stable ids, counts 1…n and nothing of this machine.

    The set-up cell and the sentence about Colab are renewed from their template, pictures of
    ``assets/figures`` are attached to the cells that show them. The notebook given is not changed.
    """
    result = nbformat.from_dict(json.loads(json.dumps(notebook)))
    result.nbformat, result.nbformat_minor = 4, 5
    result.metadata = nbformat.from_dict(METADATA)
    count = 0
    seen: dict[str, int] = {}
    if result.cells and result.cells[0].cell_type == "markdown":
        result.cells[0].source = _with_badge(result.cells[0].source, colab_badge(name))
    for cell in result.cells:
        cell.metadata = _cell_metadata(cell.metadata)
        if "setup" in cell.metadata.get("tags", []):
            cell.source = setup_cell(name)
        cell.source = "\n".join(line.rstrip() for line in cell.source.strip("\n").splitlines())
        cell.id = _stable_id(name, cell, seen)
        if cell.cell_type == "markdown":
            _attach(cell)
        if cell.cell_type == "code":
            ran = cell.get("execution_count") is not None or bool(cell.outputs)
            count += ran
            cell.execution_count = count if ran else None
            outputs = [
                _output(o, cell.execution_count)
                for o in _merged(cell.outputs)
                if WIDGET not in o.get("data", {})
            ]
            cell.outputs = [o for o in outputs if o.get("text") != ""]
    return result


def _cell_metadata(metadata: NotebookNode) -> NotebookNode:
    """The tags, and what folds a solution in JupyterLab and on Colab."""
    kept = {key: metadata[key] for key in ("tags", "cellView") if metadata.get(key)}
    if metadata.get("jupyter", {}).get("source_hidden"):
        kept["jupyter"] = {"source_hidden": True}
    return nbformat.from_dict(kept)


def _with_badge(source: str, badge: str) -> str:
    """The title cell with the sentence about Colab as its last paragraph."""
    paragraphs = [p for p in source.strip().split("\n\n") if not p.startswith(BADGE_BEGIN)]
    return "\n\n".join([*paragraphs, badge])


def _stable_id(name: str, cell: NotebookNode, seen: dict[str, int]) -> str:
    """The id that the cell has, if it is one of ours and not taken; a new cell gets one from its text.

    It stays when the cell is edited or moved: ``tests/notebooks`` names cells by it.
    """
    digest = str(cell.get("id", ""))
    if not _ID.fullmatch(digest) or digest in seen:
        digest = hashlib.sha256(f"{name}|{cell.cell_type}|{cell.source}".encode()).hexdigest()[:10]
    seen[digest] = seen.get(digest, 0) + 1
    return digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def _attach(cell: NotebookNode) -> None:
    """Keep the attachments that the cell shows, those of ``assets/figures`` as they are there now."""
    shown, old = _ATTACHMENT.findall(cell.source), cell.get("attachments", {})
    attachments = {}
    for file in shown:
        path = FIGURES / file
        if path.is_file():
            kind = mimetypes.guess_type(file)[0] or "image/png"
            attachments[file] = {kind: base64.b64encode(path.read_bytes()).decode("ascii")}
        elif file in old:
            attachments[file] = old[file]
    cell.pop("attachments", None)
    if attachments:
        cell.attachments = nbformat.from_dict(attachments)


def _merged(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Neighbouring pieces of the same stream as one output."""
    merged: list[NotebookNode] = []
    for output in outputs:
        same = merged and output.output_type == "stream" and merged[-1].get("name") == output.name
        if same:
            merged[-1].text += output.text
        else:
            merged.append(output)
    return merged


def _output(output: NotebookNode, count: int | None) -> NotebookNode:
    if "execution_count" in output:
        output.execution_count = count
    if "metadata" in output:
        output.metadata = nbformat.from_dict({})
    if "text" in output:
        output.text = clean_text(_BAR.sub("", _OVERWRITTEN.sub("", output.text)))
    for kind, content in output.get("data", {}).items():
        if isinstance(content, str) and not kind.startswith("image/"):
            output.data[kind] = clean_text(content)
    output.pop("transient", None)
    return output


def clean_text(text: str) -> str:
    """Paths of this machine and object addresses replaced, notes on where the course is kept removed."""
    for pattern in (_NOTE_LINE, _NOTE_ROW):
        text = pattern.sub("", text)
    for pattern, replacement in REPLACED:
        text = pattern.sub(lambda _, by=replacement: by, text)
    return text


def to_text(notebook: NotebookNode) -> str:
    """The file's content: sorted keys, one blank of indent, lines apart, a final newline."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def normalise_file(path: Path) -> bool:
    """Normalise a notebook in place. Returns True when that changed something."""
    before = path.read_bytes()
    after = to_text(normalise(read(path), path.stem)).encode("utf-8")
    if after != before:
        path.write_bytes(after)
    return after != before
