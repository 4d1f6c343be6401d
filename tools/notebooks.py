"""``python3 -m course_lib notebooks``: execute, normalise and check the course's notebooks."""

import base64
import hashlib
import json
import mimetypes
import re
import tempfile
import tomllib
from argparse import Namespace
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.places import REPOSITORY, cache_folder
from course_lib.workbook.run import execute, find_notebooks
from course_lib.workbook.settings import DEFAULT_CORPUS, models_folder
from tools.rules import problems, tags

FIGURES = REPOSITORY / "assets" / "figures"
WIDGET = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def main(options: Namespace) -> int:
    """One of the three for the notebooks that are named, or all. Returns the exit status."""
    rewrite = execute_file if options.execute else normalise_file
    action = check_file if options.check else rewrite
    return int(any([action(path) for path in find_notebooks(options.names)]))


def read(path: Path) -> NotebookNode:
    """The notebook in a file."""
    return nbformat.read(path, as_version=4)


def execute_file(path: Path) -> bool:
    """Execute in place, on the default corpus and in a clean home. True when it failed."""
    notebook, home = read(path), str(cache_folder() / "clean-home")
    there = {"COURSE_CORPUS": DEFAULT_CORPUS, "COURSE_PROFILE": "cpu", "COURSE_HOME": home}
    failure = execute(notebook, there | {"COURSE_MODELS": str(models_folder())}, cell_seconds=300)
    if failure:
        print(f"{path.stem} stopped in {failure}; the file is as it was.")
        return True
    path.write_bytes(to_bytes(normalise(notebook, path.stem)))
    print(f"{path.stem}: executed and normalised")
    return False


def normalise_file(path: Path) -> bool:
    """Normalise a notebook in place; the file is written only where that changes it."""
    before, after = path.read_bytes(), to_bytes(normalise(read(path), path.stem))
    if after != before:
        path.write_bytes(after)
    print(f"{path.stem}: {'normalised' if after != before else 'as it should be'}")
    return False


def check_file(path: Path) -> bool:
    """Print what is wrong with a notebook. True when something is."""
    notebook = read(path)
    found = problems(notebook, path.stem, setup_cell(path.stem))
    if to_bytes(normalise(notebook, path.stem)) != path.read_bytes():
        found.append("it is not normalised: run `python3 -m course_lib notebooks --normalise`")
    print(f"{path.stem}: {'to mend' if found else 'as it should be'}", *found, sep="\n  ")
    return bool(found)


SETUP = """\
# @title Set-up, the same in every notebook: finds the course's library, or fetches it
import importlib.util
import os
import shutil
import subprocess
import sys

if importlib.util.find_spec("course_lib") is None:
    folder = ".." if os.path.isdir("../course_lib") else "course_files"
    if not os.path.isdir(folder):
        address = os.environ.get("COURSE_REPO") or "{address}"
        if not address:
            raise SystemExit("This course has no address yet: set COURSE_REPO first.")
        shutil.rmtree("half_copy", ignore_errors=True)
        if subprocess.call(["git", "clone", "-q", "--depth=1", address, "half_copy"]):
            raise SystemExit(f"{{address}} cannot be cloned: check it, run this again.")
        os.rename("half_copy", folder)
    sys.path.insert(0, os.path.abspath(folder))

import course_lib

course_lib.install_missing()
course = course_lib.start("{name}")"""


def repository_address() -> str:
    """The address of the repository in ``pyproject.toml``; "" while there is none."""
    content = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    return str(content["tool"]["course"]["repository"]).strip()


def setup_cell(name: str) -> str:
    """The source of the set-up cell of notebook ``name``."""
    return SETUP.format(name=name, address=repository_address())


def colab_line(name: str) -> str:
    """One line of Markdown for the title cell: a plain link to Colab, or why there is none.

    No picture: a badge would be fetched from somewhere else each time the notebook is opened.
    """
    github = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(\.git)?/?", repository_address())
    if github:
        place = f"https://colab.research.google.com/github/{github[1]}/blob/main/notebooks"
        return f"**Colab.** [Open this notebook in Google Colab]({place}/{name}.ipynb)."
    return (
        "**Colab.** No public address of this course is known yet: "
        "to use it there, set `COURSE_REPO` first, as the README says."
    )


# tests/support/sanitise.cfg has the same patterns for other machines' folders.
_TMP = r"(?<![\w.])(?:/tmp|/private/tmp|/var/folders|[A-Z]:\\Users\\[\w.-]+\\AppData\\Local\\Temp)"
HOMES = r"(?<![\w.])(?:/home|/Users|[A-Z]:\\Users)[/\\][\w.-]+"
REPLACED = (
    (re.escape(str(REPOSITORY)) + r"(?![\w.-])", "COURSE"),
    (rf"(?:{_TMP}|{re.escape(tempfile.gettempdir())})[/\\][\w/\\.-]*", "TEMPORARY"),
    (re.escape(str(Path.home())) + rf"(?=[/\\][\w.-])|{HOMES}", "~"),
    (r"0x[0-9a-fA-F]{8,16}", "0x…"),
)
_NOTE = r"(?:COURSE_HOME is set|The checkout is read-only): [^\n<]*"
_NOTES = re.compile(rf"\nNote: {_NOTE}|<tr><t[hd][^>]*>Note</t[hd]><td[^>]*>{_NOTE}</td></tr>")
_BARS = re.compile(
    r"^.*\d{1,3}%\|.*\| .*\[\d+:\d+<.*\][ \t]*$\n?|^(?:CPU times|Wall time): .*$\n?", re.MULTILINE
)
_OVERWRITTEN = re.compile(r"^.*\r(?!\n)", re.MULTILINE)
_ATTACHMENT = re.compile(r"!\[[^\]]*\]\(attachment:([^)\s]+)\)")


def normalise(notebook: NotebookNode, name: str) -> NotebookNode:
    """The notebook called ``name`` with stable ids, counts 1…n and nothing of this machine.

    The set-up cell and the line about Colab are renewed, pictures of ``assets/figures`` are
    attached to the cells that show them; widgets, progress bars and execution times go. Seconds
    that a cell prints stay, because the reader wants them. The notebook given is not changed.
    """
    result = nbformat.from_dict(json.loads(json.dumps(notebook)))
    result.nbformat, result.nbformat_minor = 4, 5
    result.metadata = nbformat.from_dict(METADATA)
    if result.cells and result.cells[0].cell_type == "markdown":
        parts = result.cells[0].source.strip().split("\n\n")
        kept = [part for part in parts if not part.startswith("**Colab.**")]
        result.cells[0].source = "\n\n".join([*kept, colab_line(name)])
    count, seen = 0, set()
    for cell in result.cells:
        kept = {"tags": tags(cell)} if tags(cell) else {}
        if {"setup", "solution"} & {*tags(cell)}:  # folded, in Colab and in JupyterLab
            kept |= {"cellView": "form", "jupyter": {"source_hidden": True}}
        cell.metadata = nbformat.from_dict(kept)
        if "setup" in tags(cell):
            cell.source = setup_cell(name)
        cell.source = "\n".join(line.rstrip() for line in cell.source.strip("\n").splitlines())
        cell.id = _stable_id(name, cell, seen)
        if cell.cell_type == "markdown":
            _attach(cell)
        if cell.cell_type == "code":
            ran = cell.get("execution_count") is not None or bool(cell.outputs)
            count += ran
            cell.execution_count = count if ran else None
            cell.outputs = _outputs(cell)
    return result


def _stable_id(name: str, cell: NotebookNode, seen: set[str]) -> str:
    """The cell's id, if it is one of ours and not taken; a new cell gets one from its text.

    It stays when the cell is edited or moved: ``tests/notebooks`` names cells by it.
    """
    digest, number = str(cell.get("id", "")), 1
    if not re.fullmatch(r"[0-9a-f]{10}(?:-\d+)?", digest) or digest in seen:
        text = f"{name}|{cell.cell_type}|{cell.source}"
        new = digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        while digest in seen:
            number += 1
            digest = f"{new}-{number}"
    seen.add(digest)
    return digest


def _attach(cell: NotebookNode) -> None:
    """Keep the pictures that the cell shows, those of ``assets/figures`` as they are now."""
    old = cell.pop("attachments", {})
    attachments = {}
    for file in _ATTACHMENT.findall(cell.source):
        if (FIGURES / file).is_file():
            data = base64.b64encode((FIGURES / file).read_bytes()).decode("ascii")
            attachments[file] = {mimetypes.guess_type(file)[0] or "image/png": data}
        elif file in old:
            attachments[file] = old[file]
    if attachments:
        cell.attachments = nbformat.from_dict(attachments)


def _outputs(cell: NotebookNode) -> list[NotebookNode]:
    """A cell's outputs: neighbouring pieces of a stream as one, widgets left out, texts cleaned."""
    merged: list[NotebookNode] = []
    for output in cell.outputs:
        if output.output_type == "stream" and merged and merged[-1].get("name") == output.name:
            merged[-1].text += output.text
        elif WIDGET not in output.get("data", {}):
            merged.append(output)
    for output in merged:
        output.pop("transient", None)
        if "execution_count" in output:
            output.execution_count = cell.execution_count
        if "metadata" in output:
            output.metadata = nbformat.from_dict({})
        if "text" in output:
            output.text = clean_text(_BARS.sub("", _OVERWRITTEN.sub("", output.text)))
        for kind, content in output.get("data", {}).items():
            if isinstance(content, str) and not kind.startswith("image/"):
                output.data[kind] = clean_text(content)
    return [output for output in merged if output.get("text") != ""]


def clean_text(text: str) -> str:
    """Paths of this machine and addresses replaced, notes on where the course is kept removed."""
    text = _NOTES.sub("", text)
    for pattern, replacement in REPLACED:
        text = re.sub(pattern, lambda _, by=replacement: by, text)
    return text


def to_bytes(notebook: NotebookNode) -> bytes:
    """The file's content."""
    nbformat.validate(notebook)
    return (nbformat.writes(notebook).rstrip("\n") + "\n").encode("utf-8")
