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
from jinja2 import DictLoader
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from course_lib import places
from course_lib.errors import CourseError
from course_lib.workbook import settings
from course_lib.workbook.corpus import BUILTIN, load_corpus
from course_lib.workbook.progress import bar

NOTEBOOKS = places.REPOSITORY / "notebooks"
# JupyterLab's look without its scripts; the browser itself refuses whatever an output asks for.
TEMPLATE = """{%- extends 'lab/index.html.j2' -%}
{% block html_head_js %}<meta http-equiv="Content-Security-Policy" content="default-src 'none';
img-src data:; media-src data:; font-src data:; style-src 'unsafe-inline'">{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}{% block html_head_js_mermaidjs %}{% endblock %}
{% block input_group %}{% if 'solution' in cell.metadata.get('tags', []) %}
<details><summary>Solution</summary>{{ super() }}</details>{% else %}{{ super() }}{% endif %}
{% endblock %}"""


def find_notebooks(names: Sequence[str] = (), folder: Path = NOTEBOOKS) -> list[Path]:
    """The notebooks called ``names`` (``00_start_here``, ``00`` or a path), all by default.

    Raises ``CourseError`` with the list of those there are when one is unknown.
    """
    there = {path.stem: path for path in sorted(folder.glob("[0-9]*.ipynb"))}
    wanted = set()
    for name in names or there:
        stem = Path(name).name.removesuffix(".ipynb")
        found = {full for full in there if stem in (full, full.split("_")[0])}
        if not found:
            raise CourseError(f"There is no notebook {name!r}: choose from {', '.join(there)}.")
        wanted |= found
    return [path for name, path in there.items() if name in wanted]


def execute(
    notebook: NotebookNode,
    environment: Mapping[str, str] | None = None,
    *,
    cell_seconds: int = 600,
    description: str = "",
) -> str:
    """Run a notebook in a fresh kernel; its outputs become the new ones.

    Returns where and why it stopped, "" when it ran to its end. The kernel is offline, headless
    and in an empty folder, but for what ``environment`` changes; it is always ended. A cell that
    takes longer than ``cell_seconds`` is stopped and the notebook with it.
    """
    place, failure = 0, ""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=cell_seconds,
        startup_timeout=120,
        shutdown_kernel="immediate",
        record_timing=False,
        store_widget_state=False,
    )
    client.log.disabled = True  # the caller reports errors, in one line
    headless = {"COURSE_HEADLESS": "1", "HF_HUB_OFFLINE": "1"}
    variables = {**os.environ, **headless, **(environment or {})}
    with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as folder:
        try:
            with client.setup_kernel(env=variables, cwd=folder, stderr=subprocess.DEVNULL):
                for place, cell in enumerate(bar(notebook.cells, description), 1):  # noqa: B007
                    client.execute_cell(cell, place - 1)
        except CellExecutionError as error:
            failure = f"{error.ename}: {error.evalue}"
        except CellTimeoutError:
            failure = f"Timeout: no end after {cell_seconds} seconds"
        except DeadKernelError:
            failure = "KernelDied: its Python process ended by itself (is there enough memory?)"
        except (RuntimeError, TimeoutError) as error:  # the kernel did not start
            failure = f"{type(error).__name__}: {error}"
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", failure and f"cell {place} with {failure}").strip()


def run_notebooks(
    names: Sequence[str] = (),
    *,
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
    source = corpus or settings.corpus_choice()
    if source not in BUILTIN and Path(source).expanduser().exists():
        source = str(Path(source).expanduser().resolve())  # the kernels work in another folder
    if corpus:
        load_corpus(source)
    environment = {"COURSE_CORPUS": source, **({"COURSE_PROFILE": profile} if profile else {})}
    made = places.home() / "executed" / time.strftime("%Y-%m-%d-%H%M%S")
    book = Path(out).expanduser().resolve() if out else made
    if book in (folder.resolve(), NOTEBOOKS.resolve()):
        raise CourseError(f"{book} has the notebooks themselves: name another folder with --out.")
    rows, failures = ["| notebook | result |", "|---|---|"], 0
    try:
        book.mkdir(parents=True, exist_ok=True)
        for path in paths:
            notebook, started = nbformat.read(path, as_version=4), time.perf_counter()
            failure = execute(notebook, environment, description=path.stem)
            failures += bool(failure)
            said = f"stopped in {failure}" if failure else "ran to its end"
            print(f"{path.stem}: {said} ({time.perf_counter() - started:.0f} s)")
            (book / path.name).write_text(nbformat.writes(notebook), encoding="utf-8")
            said = " ".join(html.escape(said).replace("|", "&#124;").split())
            above = f"[All notebooks](index.html) · {said}"
            notebook.cells.insert(0, new_markdown_cell(above))
            (book / f"{path.stem}.html").write_text(page(notebook, path.stem), encoding="utf-8")
            rows.append(f"| [{path.stem}]({path.stem}.html) | {said} |")
            table = "\n".join(rows)
            text = f"# The workbook, executed\n\nOn {html.escape(source)}.\n\n{table}"
            index = page(new_notebook(cells=[new_markdown_cell(text)]), "The workbook, executed")
            (book / "index.html").write_text(index, encoding="utf-8")
    except OSError as error:
        raise CourseError(f"{book} cannot be written ({error.strerror}): use --out.") from error
    print(f"The book: {book / 'index.html'}")
    return int(failures > 0)


def page(notebook: NotebookNode, title: str) -> str:
    """An executed notebook as one HTML page that loads nothing, with its solutions folded."""
    exporter = HTMLExporter(
        template_name="lab",
        template_file="course.html.j2",
        extra_loaders=[DictLoader({"course.html.j2": TEMPLATE})],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    return exporter.from_notebook_node(notebook, resources={"metadata": {"name": title}})[0]
