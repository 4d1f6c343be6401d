"""The verb ``run``: notebooks executed headless, into an HTML book with an index."""

import html
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jinja2 import DictLoader
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
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
CELL_SECONDS = 600
# JupyterLab's look without its scripts; the browser itself refuses whatever an output asks for.
TEMPLATE = """{%- extends 'lab/index.html.j2' -%}
{% block html_head_js %}<meta http-equiv="Content-Security-Policy" content="default-src 'none';
img-src data:; media-src data:; font-src data:; style-src 'unsafe-inline'">{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}{% block html_head_js_mermaidjs %}{% endblock %}
{% block input_group %}{% if 'solution' in cell.metadata.get('tags', []) %}
<details><summary>Solution</summary>{{ super() }}</details>{% else %}{{ super() }}{% endif %}
{% endblock %}"""


@dataclass(frozen=True)
class Execution:
    """An executed notebook; ``failure`` says where and why it stopped, "" when it did not."""

    notebook: NotebookNode
    seconds: float
    failure: str


class _ThisInterpreter(KernelSpecManager):
    """``python3`` is the interpreter that runs this code, whatever kernelspecs are installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python")


def find_notebooks(names: Sequence[str] = (), folder: Path = NOTEBOOKS) -> list[Path]:
    """The notebooks called ``names`` (``00_start_here``, ``00`` or a path), all by default.

    Raises ``CourseError`` with the list of those there are when one is unknown.
    """
    there = sorted(folder.glob("[0-9]*.ipynb"))
    if not there:
        raise CourseError(f"There is no notebook in {folder} yet: name a folder that has some.")
    wanted = {Path(name).name.removesuffix(".ipynb") for name in names}
    known = {name for path in there for name in (path.stem, path.stem.split("_")[0])}
    for name in sorted(wanted - known):
        choice = ", ".join(path.stem for path in there)
        raise CourseError(f"There is no notebook {name!r}: choose from {choice}.")
    return [p for p in there if not wanted or {p.stem, p.stem.split("_")[0]} & wanted]


def read(path: Path) -> NotebookNode:
    """The notebook in a file. Raises ``CourseError`` when it is damaged."""
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError, nbformat.reader.NotJSONError) as error:
        raise CourseError(f"{path} cannot be read as a notebook: restore it from git.") from error


def execute(
    notebook: NotebookNode,
    *,
    environment: Mapping[str, str] | None = None,
    cell_seconds: int = CELL_SECONDS,
    description: str = "",
) -> Execution:
    """Run a notebook in a fresh kernel of this interpreter; its outputs become the new ones.

    The kernel is offline, headless and without the user's own IPython start-up files, but for
    what ``environment`` changes. A cell that takes longer than ``cell_seconds`` is stopped and the
    notebook with it; the kernel is always ended, also on Ctrl-C.
    """
    started, place, failure = time.perf_counter(), 0, ""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as folder:
        connection = str(Path(folder, "kernel.json"))
        specs = _ThisInterpreter()
        client = NotebookClient(
            notebook,
            km=AsyncKernelManager(kernel_spec_manager=specs, connection_file=connection),
            timeout=cell_seconds,
            startup_timeout=120,
            shutdown_kernel="immediate",
            record_timing=False,
            coalesce_streams=True,
            store_widget_state=False,
        )
        client.log.disabled = True  # the caller reports errors, in one line
        path = [str(places.REPOSITORY), os.environ.get("PYTHONPATH", "")]
        variables = {
            **os.environ,
            "COURSE_HEADLESS": "1",
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "PYTHONUTF8": "1",
            "IPYTHONDIR": str(Path(folder, "ipython")),
            **(environment or {}),
        }
        work = Path(folder, "work")
        work.mkdir()
        cells = bar(notebook.cells, description, unit=" cells")
        try:
            with (
                cells,
                client.setup_kernel(
                    env=variables, cwd=str(work), stderr=subprocess.DEVNULL, cleanup_kc=True
                ),
            ):
                for place, cell in enumerate(cells, 1):  # noqa: B007
                    client.execute_cell(cell, place - 1)
        except CellExecutionError as error:
            failure = f"{error.ename}: {error.evalue}"
        except CellTimeoutError:
            failure = f"Timeout: no end after {cell_seconds} seconds"
        except DeadKernelError:
            failure = "KernelDied: its Python process ended by itself (is there enough memory?)"
        except (RuntimeError, TimeoutError, OSError) as error:
            failure = f"{type(error).__name__}: {error}"
    if failure:
        where = f"cell {place}" if place else "the start of its kernel"
        failure = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", f"{where} with {failure}").strip()
    return Execution(notebook, time.perf_counter() - started, failure)


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
    book = Path(out).expanduser() if out else made
    if book.resolve() in (folder.resolve(), NOTEBOOKS.resolve()):
        raise CourseError(
            f"The book must not replace the notebooks in {book}: name another folder with --out."
        )
    lines = ["| notebook | result | minutes |", "|---|---|---|"]
    failed = False
    try:
        book.mkdir(parents=True, exist_ok=True)
        for path in paths:
            result = execute(read(path), environment=environment, description=path.stem)
            failed |= bool(result.failure)
            said = f"stopped in {result.failure}" if result.failure else "ran to its end"
            print(f"{path.stem}: {said} ({result.seconds:.0f} s)")
            said = " ".join(html.escape(said).replace("|", "&#124;").split())
            (book / path.name).write_text(nbformat.writes(result.notebook), encoding="utf-8")
            notebook = new_notebook(cells=result.notebook.cells, metadata=result.notebook.metadata)
            above = f"[All notebooks](index.html){f' · **{said}**' if result.failure else ''}"
            notebook.cells = [new_markdown_cell(above), *notebook.cells]
            (book / f"{path.stem}.html").write_text(page(notebook, path.stem), encoding="utf-8")
            lines.append(
                f"| [{path.stem}]({path.stem}.html) | {said} | {result.seconds / 60:.1f} |"
            )
    except OSError as error:
        raise CourseError(
            f"The book cannot be written to {book} ({error.strerror}): name another with --out."
        ) from error
    finally:  # after Ctrl-C the book has what was done
        if len(lines) > 2:
            day = time.strftime("%d %B %Y, %H:%M")
            text = f"# The workbook, executed\n\n{day}, on the corpus {html.escape(source)}.\n\n"
            index = page(
                new_notebook(cells=[new_markdown_cell(text + "\n".join(lines))]), "The workbook"
            )
            (book / "index.html").write_text(index, encoding="utf-8")
            print(f"The book: {book / 'index.html'}")
    return int(failed)


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
