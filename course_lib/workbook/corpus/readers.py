"""A reader for every kind of file: a generator from a path to texts with short facts.

Readers stream, and give pieces of bounded size. What cannot be read they yield as ``Problem``
when they go on with the rest of the file, and raise when they cannot. ``READERS`` is the one
table of them, by the ending of the file's name.
"""

import re
import zipfile
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

from course_lib.workbook.corpus.encoding import TextFile
from course_lib.workbook.corpus.pieces import pieces
from course_lib.workbook.corpus.problems import Problem
from course_lib.workbook.corpus.records import Part
from course_lib.workbook.corpus.tables import (
    JsonStream,
    json_lines,
    json_values,
    parquet,
    separated_values,
)

Reader = Callable[[Path], Iterator[Part | Problem]]
MOST_UNPACKED = 500_000_000  # bytes of a Word file when unpacked
MOST_MARKUP = 50_000_000  # of them in the one part that is parsed as a whole; also for HTML
OLD_OFFICE = bytes.fromhex("d0cf11e0a1b11ae1")  # how old and password-protected files begin


def plain(path: Path) -> Iterator[Part]:
    """Text as it is: .txt, .md, .rst."""
    yield from _text_parts(TextFile(path))


def python_source(path: Path) -> Iterator[Part]:
    """The source as it is; an encoding that its first two lines declare is believed (PEP 263)."""
    with path.open("rb") as file:
        lines = file.readline(200) + file.readline(200)
    declared = re.search(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", lines, re.MULTILINE)
    yield from _text_parts(TextFile(path, declared[1].decode("ascii") if declared else ""))


def _text_parts(file: TextFile) -> Iterator[Part]:
    for piece in pieces(file.chunks()):
        yield piece, _encoding(file)


def _encoding(file: TextFile) -> dict[str, str | int]:
    """The encoding as a fact, where it is not what one expects."""
    return {} if file.encoding.startswith("utf-8") else {"encoding": file.encoding}


def html(path: Path) -> Iterator[Part]:
    """The main text of a page as trafilatura finds it, else all visible text."""
    with path.open("rb") as handle:
        declared = re.search(rb"charset=[\"']?\s*([-\w.:]+)", handle.read(4096), re.IGNORECASE)
    file = TextFile(path, declared[1].decode("ascii") if declared else "")
    if path.stat().st_size > MOST_MARKUP:
        raise Problem("too_large", f"a page of more than {MOST_MARKUP // 1_000_000} MB")
    markup = re.sub(r"^\s*<\?xml[^>]*\?>", "", "".join(file.chunks()))
    facts = _encoding(file)
    if title := re.search(r"<title[^>]*>([^<]{1,300})</title", markup, re.IGNORECASE):
        facts["title"] = " ".join(unescape(title[1]).split())
    for piece in pieces([_main_text(markup) or _visible_text(markup)]):
        yield piece, facts


def _main_text(markup: str) -> str:
    try:
        import trafilatura

        return trafilatura.extract(markup, include_comments=False, favor_recall=True) or ""
    except Exception:  # whatever it stumbles over, the visible text remains
        return ""


BLOCKS = (
    "address",
    "article",
    "aside",
    "blockquote",
    "br",
    "dd",
    "div",
    "dl",
    "dt",
    "figcaption",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "td",
    "th",
    "title",
    "tr",
    "ul",
)


def _visible_text(markup: str) -> str:
    from lxml import etree
    from lxml.html import document_fromstring

    if not markup.strip():
        return ""
    try:
        page = document_fromstring(markup)
    except (etree.ParserError, ValueError):  # only comments, say
        return ""
    for element in page.iter("script", "style", "template", "noscript"):
        element.text = None
    for element in page.iter(*BLOCKS):
        element.tail = "\n" + (element.tail or "")
        element.text = "\n" + (element.text or "") if element.tag != "br" else None
    lines = (" ".join(line.split()) for line in str(page.text_content()).splitlines())
    return "\n".join(line for line in lines if line)


def pdf(path: Path) -> Iterator[Part | Problem]:
    """The text of a PDF, page by page. Pictures of pages have none."""
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError

    with path.open("rb") as file:  # pypdf reads a path, but not an open file, as a whole
        reader = PdfReader(file)
        try:
            if reader.is_encrypted and not reader.decrypt(""):
                raise Problem("encrypted")
            count = len(reader.pages)
        except (DependencyError, FileNotDecryptedError, NotImplementedError):
            raise Problem("encrypted") from None
        broken: list[int] = []
        found = False
        for piece in pieces(_pages(reader, count, broken)):
            found = True
            yield piece, {}
    if broken and (found or len(broken) < count):
        yield Problem(
            "broken", f"{len(broken):,} of {count:,} pages are damaged, the first is {broken[0]}"
        )
    elif broken or not count:
        raise Problem("broken")
    if not found:
        raise Problem("no_text")


def _pages(reader, count: int, broken: list[int]) -> Iterator[str]:
    for number in range(count):
        try:
            yield reader.pages[number].extract_text() + "\n\n"
        except Exception:
            broken.append(number + 1)
        if number % 20 == 0:
            reader.resolved_objects.clear()  # else the pictures of all pages stay in memory


def word(path: Path) -> Iterator[Part]:
    """Paragraphs and tables of a Word file, in order; the cells of a row are joined by ``|``."""
    with path.open("rb") as file:
        if file.read(8) == OLD_OFFICE:
            raise Problem("encrypted", "it is protected by a password, or an old .doc file renamed")
        with zipfile.ZipFile(file) as package:
            _refuse_bomb(package)
        import docx

        document = docx.Document(file)
        for piece in pieces(_blocks(document)):
            yield piece, {}


def _refuse_bomb(package: zipfile.ZipFile) -> None:
    sizes = {part.filename: part.file_size for part in package.infolist()}
    if sum(sizes.values()) > MOST_UNPACKED:
        raise Problem("too_large", f"it unpacks to more than {MOST_UNPACKED // 1_000_000} MB")
    if any(size > MOST_MARKUP for name, size in sizes.items() if name.endswith((".xml", ".rels"))):
        raise Problem("too_large", f"more than {MOST_MARKUP // 1_000_000} MB of markup")


def _blocks(document) -> Iterator[str]:
    for block in document.iter_inner_content():
        if not hasattr(block, "rows"):
            yield block.text + "\n\n"
            continue
        for row in block.rows:
            cells = {id(cell._tc): cell.text.strip() for cell in row.cells}  # merged ones once
            yield " | ".join(text.replace("\n", " ") for text in cells.values()) + "\n"
        yield "\n"


def notebook(path: Path) -> Iterator[Part]:
    """Markdown and code cells of a Jupyter notebook in their order; outputs are left out."""
    for piece in pieces(_cells(path)):
        yield piece, {}


def _cells(path: Path) -> Iterator[str]:
    stream = JsonStream(path)
    for cell in stream.items("cells.item"):
        source = cell.get("source", "") if isinstance(cell, dict) else ""
        text = source if isinstance(source, str) else "".join(map(str, source))
        if text.strip():
            yield text.rstrip("\n") + "\n\n"
    if not stream.found:
        raise Problem("broken", "it is not a notebook of format 4, or it has no cells")


READERS: dict[str, Reader] = {
    ".txt": plain,
    ".md": plain,
    ".rst": plain,
    ".py": python_source,
    ".html": html,
    ".htm": html,
    ".pdf": pdf,
    ".docx": word,
    ".ipynb": notebook,
    ".csv": separated_values,
    ".tsv": separated_values,
    ".json": json_values,
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".parquet": parquet,
}


def reader_for(name: str) -> Reader | None:
    """The reader for a file of that name, by its ending in any case; None if there is none."""
    return READERS.get(Path(name).suffix.lower())
