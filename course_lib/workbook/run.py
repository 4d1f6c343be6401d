"""The verb ``run``: notebooks executed headless, into an HTML book with an index."""

import html
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from course_lib import places
from course_lib.errors import CourseError
from course_lib.workbook import settings, smollm2
from course_lib.workbook.corpus import load_corpus
from course_lib.workbook.display import bar

NOTEBOOKS = places.REPOSITORY / "notebooks"


def find_notebooks(names: Sequence[str] = (), folder: Path = NOTEBOOKS) -> list[Path]:
    """The notebooks called ``names`` (``00_start_here``, ``00`` or a path), all by default.

    Raises ``CourseError`` with the list of those there are when one is unknown.
    """
    there = sorted(folder.glob("[0-9]*.ipynb"))
    called = {name: path for path in there for name in (path.stem, path.stem.split("_")[0])}
    wanted = {Path(name).name.removesuffix(".ipynb") for name in names} or {*called}
    if unknown := wanted - {*called}:
        choice = ", ".join(path.stem for path in there)
        raise CourseError(f"There is no notebook {', '.join(unknown)}: choose from {choice}.")
    return sorted({called[name] for name in wanted})


def execute(
    notebook: NotebookNode, environment: Mapping[str, str] | None = None, cell_seconds: int = 600
) -> str:
    """Run a notebook in a fresh kernel, offline and in an empty folder; its outputs change.

    Returns where and why it stopped, "" when it ran to its end. A cell that takes longer than
    ``cell_seconds`` is stopped and the notebook with it. The kernel is always ended.
    """
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    quiet = {"shutdown_kernel": "immediate", "record_timing": False, "store_widget_state": False}
    client = NotebookClient(notebook, kernel_name="python3", timeout=cell_seconds, **quiet)
    client.log.disabled = True  # the caller reports errors, in one line
    headless = {"COURSE_HEADLESS": "1", "HF_HUB_OFFLINE": "1"}
    variables, place = {**os.environ, **headless, **(environment or {})}, 0
    with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as folder:
        try:
            with client.setup_kernel(env=variables, cwd=folder, stderr=subprocess.DEVNULL):
                for place, cell in enumerate(bar(notebook.cells, unit="cell"), 1):  # noqa: B007
                    client.execute_cell(cell, place - 1)
        except (CellExecutionError, TimeoutError, RuntimeError) as error:  # or a dead kernel
            kind = getattr(error, "ename", type(error).__name__)
            said = [*str(getattr(error, "evalue", error)).splitlines(), ""][0]
            return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", f"cell {place} with {kind}: {said}")
    return ""


def run_notebooks(
    names: Sequence[str] = (),
    corpus: str | None = None,
    profile: str | None = None,
    out: str | Path | None = None,
    folder: Path = NOTEBOOKS,
) -> int:
    """Execute notebooks and write the book. Returns 0, or 1 when one of them failed.

    corpus    as for ``load_corpus`` (default: the reader's choice); one that cannot be read
              is refused before anything runs
    out       the book's folder (default: ``executed/DATE-TIME``)
    """
    paths = find_notebooks(names, folder)
    smollm2.fetch()
    source = load_corpus(corpus or settings.corpus_choice()).source  # of a path the whole of it
    environment = {"COURSE_CORPUS": source, **({"COURSE_PROFILE": profile} if profile else {})}
    made = places.home() / "executed" / time.strftime("%Y-%m-%d-%H%M%S")
    book = Path(out).expanduser().resolve() if out else made
    if book in (folder.resolve(), NOTEBOOKS.resolve()):
        raise CourseError(f"{book} has the notebooks themselves: name another folder with --out.")
    index = [f"# The workbook, executed\n\nOn {html.escape(source)}.\n"]
    failed = False
    try:
        book.mkdir(parents=True, exist_ok=True)
        for path in paths:
            notebook, started = nbformat.read(path, as_version=4), time.perf_counter()
            failure = execute(notebook, environment)
            failed |= bool(failure)
            said = f"stopped in {failure}" if failure else "ran to its end"
            said += f" ({time.perf_counter() - started:.0f} s)"
            print(f"{path.stem}: {said}")
            (book / path.name).write_text(nbformat.writes(notebook), encoding="utf-8")
            place = paths.index(path)
            near = [*paths[max(0, place - 1) : place], *paths[place + 1 : place + 2]]
            links = [f"[{one.stem}]({one.stem}.html)" for one in near]
            above = " · ".join(["[All notebooks](index.html)", *links, html.escape(said)])
            index.append(f"- [{path.stem}]({path.stem}.html) {html.escape(said)}")
            notebook.cells.insert(0, new_markdown_cell(above))
            made = page(notebook, path.stem)
            # Every section stands in the index: there the browser's own search finds it.
            for anchor, heading in re.findall(r'<h2 id="([^"]+)">(\d+ · .+?)<', made):
                index.append(f"    - [{heading}](<{path.stem}.html#{anchor}>)")
            listed = new_notebook(cells=[new_markdown_cell("\n".join(index))])
            (book / f"{path.stem}.html").write_text(made, encoding="utf-8")
            (book / "index.html").write_text(page(listed, "index"), encoding="utf-8")
    except OSError as error:
        raise CourseError(f"{book} cannot be written ({error.strerror}): use --out.") from error
    print(f"The book: {book / 'index.html'}")
    return int(failed)


def page(notebook: NotebookNode, title: str) -> str:
    """An executed notebook as one HTML page that loads nothing, with its solutions folded."""
    template = str(Path(__file__).with_name("book.html.j2"))
    looks = {"exclude_input_prompt": True, "exclude_output_prompt": True}
    exporter = HTMLExporter(template_name="lab", template_file=template, **looks)
    return exporter.from_notebook_node(notebook, resources={"metadata": {"name": title}})[0]
