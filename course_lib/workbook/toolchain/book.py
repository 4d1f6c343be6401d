"""``run``: notebooks executed headless, into an HTML book with an index. The originals stay as they are."""

import html
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from tqdm import tqdm

from course_lib import places
from course_lib.errors import CourseError
from course_lib.workbook import settings
from course_lib.workbook.corpus import BUILTIN, load_corpus
from course_lib.workbook.toolchain.execute import CELL_SECONDS, Execution, Failure, execute
from course_lib.workbook.toolchain.find import NOTEBOOKS, find_notebooks
from course_lib.workbook.toolchain.normalise import to_text
from course_lib.workbook.toolchain.page import document, page


@dataclass(frozen=True)
class Chapter:
    """One notebook of the book."""

    name: str
    title: str
    claim: str
    seconds: float
    failure: Failure | None


def run_notebooks(
    names: Sequence[str] = (),
    *,
    corpus: str | None = None,
    profile: str | None = None,
    out: str | Path | None = None,
    folder: Path = NOTEBOOKS,
    cell_seconds: int = CELL_SECONDS,
) -> int:
    """Execute notebooks and write the book. Returns 0, or 1 when one of them failed.

    corpus    as for ``load_corpus`` (default: the reader's choice); one that cannot be read
              is refused before anything runs
    profile   ``cpu``, ``gpu`` or ``smoke`` (default: what the machine is)
    out       the book's folder (default: ``executed/DATE-TIME``)
    folder    where the notebooks are
    """
    paths = find_notebooks(names, folder)
    source = _absolute(corpus or settings.corpus_choice())
    if corpus:
        load_corpus(source)
    environment = {"COURSE_CORPUS": source, **({"COURSE_PROFILE": profile} if profile else {})}
    book = _book_folder(out, folder)
    chapters: list[Chapter] = []
    try:
        for path in paths:
            with _reported(path.stem) as report:
                chapters.append(_chapter(path, book, environment, cell_seconds, report))
    except OSError as error:
        raise _cannot_write(book, error) from error
    finally:  # after Ctrl-C the book has what was done
        if chapters:
            (book / "index.html").write_text(_index(chapters, source), encoding="utf-8")
            print(f"The book: {book / 'index.html'}")
    return int(any(chapter.failure for chapter in chapters))


def _absolute(corpus: str) -> str:
    """A path as seen from anywhere: the kernels work in another folder."""
    path = Path(corpus).expanduser()
    return str(path.resolve()) if corpus not in BUILTIN and path.exists() else corpus


def _book_folder(out: str | Path | None, notebooks: Path) -> Path:
    folder = (
        Path(out).expanduser()
        if out
        else places.home() / "executed" / time.strftime("%Y-%m-%d-%H%M%S")
    )
    if folder.resolve() in (notebooks.resolve(), NOTEBOOKS.resolve()):
        raise CourseError(
            f"The book must not replace the notebooks in {folder}: name another folder with --out."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    return folder


def _cannot_write(folder: Path, error: OSError) -> CourseError:
    return CourseError(
        f"The book cannot be written to {folder} ({error.strerror}): name another folder with --out."
    )


@contextmanager
def _reported(name: str) -> Iterator[tqdm]:
    """A bar for one notebook; where nobody watches a terminal, its result is one plain line."""
    watched = sys.stdout.isatty()
    layout = "{desc} {bar} {n_fmt}/{total_fmt} cells [{elapsed}<{remaining}]"
    with tqdm(
        desc=f"{name:26}",
        total=1,
        file=sys.stdout,
        disable=not watched,
        bar_format=layout,
        ncols=88,
    ) as bar:
        yield bar


def _chapter(
    path: Path, book: Path, environment: dict[str, str], cell_seconds: int, bar: tqdm
) -> Chapter:
    """Execute one notebook; write its copy and its page."""

    def show(done: int, total: int) -> None:
        bar.total, bar.n = total, done
        bar.refresh()

    result = execute(path, environment=environment, cell_seconds=cell_seconds, after_cell=show)
    bar.close()
    if result.failure:
        print(f"{path.stem}: stopped in {result.failure}")
    elif bar.disable:
        print(f"{path.stem}: ran in {result.seconds:.0f} s")
    title, claim = title_and_claim(result.notebook, path.stem)
    (book / path.name).write_text(to_text(result.notebook), encoding="utf-8")
    (book / f"{path.stem}.html").write_text(
        page(result.notebook, title, _verdict(result)), encoding="utf-8"
    )
    return Chapter(path.stem, title, claim, result.seconds, result.failure)


def title_and_claim(notebook: NotebookNode, name: str) -> tuple[str, str]:
    """What the first cell says; the name, and nothing, where it does not."""
    source = notebook.cells[0].source if notebook.cells else ""
    title = re.search(r"^# (.+)$", source, re.MULTILINE)
    claim = re.search(r"\*\*Claim\.\*\* (.+)$", source, re.MULTILINE)
    return (title[1] if title else name), (claim[1] if claim else "")


def _verdict(result: Execution) -> str:
    """HTML for the top of a page: nothing, or where the notebook stopped."""
    if result.failure is None:
        return ""
    source = html.escape(result.failure.source)
    return f'<div class="failed"><p>It stopped in {html.escape(str(result.failure))}</p><pre>{source}</pre></div>'


def _index(chapters: Sequence[Chapter], corpus: str) -> str:
    rows = []
    for chapter in chapters:
        state = "ran to its end"
        if chapter.failure:
            state = f'<span class="failed">failed: {html.escape(str(chapter.failure))}</span>'
        rows.append(
            f'<tr><td><a href="{chapter.name}.html">{html.escape(chapter.title)}</a>'
            f"<br>{html.escape(chapter.claim)}</td><td>{state}</td><td>{chapter.seconds / 60:.1f}</td></tr>"
        )
    day = time.strftime("%d %B %Y, %H:%M")
    return document(
        "The workbook, executed",
        f"<h1>The workbook, executed</h1><p>{day}, on the corpus {html.escape(corpus)}.</p>"
        f"<table><tr><th>notebook</th><th>result</th><th>minutes</th></tr>{''.join(rows)}</table>",
    )
