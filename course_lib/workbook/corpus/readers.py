"""A reader for every kind of file: a generator from a path to texts with short facts.

Readers give parts of bounded size. What cannot be read they yield as ``Problem`` when they go on
with the rest of the file, and raise when they cannot. ``READERS`` is the one table of them, by the
ending of the file's name.
"""

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from html import unescape
from pathlib import Path

from course_lib.workbook.corpus.encoding import TextFile
from course_lib.workbook.corpus.html import page_text
from course_lib.workbook.corpus.records import Part, Problem, parts
from course_lib.workbook.corpus.tables import MAX_WHOLE, json_values, parquet, separated_values

Reader = Callable[[Path], Iterator[Part | Problem]]
MAX_UNPACKED = 500_000_000  # bytes of a Word file when unpacked
OLD_OFFICE = bytes.fromhex("d0cf11e0a1b11ae1")  # how old and password-protected files begin


def plain(path: Path) -> Iterator[Part | Problem]:
    """Text as it is."""
    file = TextFile(path)
    yield from _text(file, file.chunks())


def html(path: Path) -> Iterator[Part | Problem]:
    """The main text of a page as trafilatura finds it, else all visible text."""
    file = TextFile(path)
    markup, failure = file.whole(MAX_WHOLE)
    yield from _text(file, [page_text(markup)])
    if failure:
        raise failure


def _text(file: TextFile, chunks: Iterable[str]) -> Iterator[Part | Problem]:
    for part in parts(chunks):
        yield part, {} if file.encoding.startswith("utf-8") else {"encoding": file.encoding}
    if file.guessed:
        yield Problem("note", f"read as {file.encoding}")


def pdf(path: Path) -> Iterator[Part | Problem]:
    """The text of a PDF, page by page. Pictures of pages have none."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise Problem("encrypted" if "assword" in str(error) else "unreadable") from None
    bad: dict[str, list[int]] = {}
    found = False
    with closing(document):  # as a context manager from version 5 on only
        count = len(document)
        for part in parts(_pages(document, bad)):
            found = True
            yield part, {}
    for why, pages in bad.items():
        detail = f"{len(pages):,} of {count:,} pages {why}, the first is {pages[0]}"
        yield Problem("unreadable", detail)
    if not (found or bad):
        raise Problem("empty", "the PDF has no text, only pictures of pages (a scan)")


def _pages(document, bad: dict[str, list[int]]) -> Iterator[str]:
    from pypdfium2 import raw

    for number in range(len(document)):
        try:
            with closing(document[number]) as page, closing(page.get_textpage()) as shown:
                text = shown.get_text_range().replace("\r\n", "\n")
                # Fonts may give no characters, only numbers of glyphs: that would be letter soup.
                places = range(min(1_000, shown.count_chars()))
                wrong = [p for p in places if raw.FPDFText_HasUnicodeMapError(shown.raw, p) == 1]
        except Exception:
            bad.setdefault("are damaged", []).append(number + 1)
            continue
        if len(wrong) > 0.05 * len(places):
            why = "do not tell which letters they draw"
            bad.setdefault(why, []).append(number + 1)
        else:
            yield re.sub("[\x02\ufffe]", "-", text) + "\n\n"


def word(path: Path) -> Iterator[Part | Problem]:
    """A Word file as mammoth reads it: tables with ``|``, footnotes at the end.

    What it passes over with the text in it (fields, formulas) is told.
    """
    import mammoth

    with path.open("rb") as file:
        if file.read(8) == OLD_OFFICE:
            raise Problem("encrypted", "it is protected by a password, or an old .doc file renamed")
    with zipfile.ZipFile(path) as package:
        entries = package.infolist()
    markup = max((e.file_size for e in entries if e.filename.endswith(".xml")), default=0)
    if sum(e.file_size for e in entries) > MAX_UNPACKED or markup > MAX_WHOLE:
        raise Problem("unreadable", f"it unpacks to more than {MAX_WHOLE // 1_000_000} MB")
    result = mammoth.convert_to_html(
        str(path), convert_image=lambda image: [], ignore_empty_paragraphs=True
    )
    text = re.sub(r'<a href="#(?:foot|end)note-ref-[^>]*>↑</a>', "", result.value)
    text = re.sub(r"</p>(?=</t[dh]>|</li>)", "", text)
    for tag, shown in (
        (r"</t[dh]>(?!</tr>)", " | "),
        ("<br />|</tr>|</li>", "\n"),
        (r"</(?:p|h\d|table|ul|ol)>", "\n\n"),
        ("<[^>]+>", ""),
    ):
        text = re.sub(tag, shown, text)
    for part in parts([re.sub(r"\n{3,}", "\n\n", unescape(text)).strip()]):
        yield part, {}
    left_out = {m.message.rsplit(" ", 1)[-1] for m in result.messages if "ignored" in m.message}
    if left_out:
        yield Problem("note", f"left out: {', '.join(sorted(left_out)[:5])}")


def notebook(path: Path) -> Iterator[Part | Problem]:
    """Markdown and code cells of a Jupyter notebook in their order; outputs are left out."""
    import nbformat

    try:
        cells = nbformat.reads(TextFile(path).whole(MAX_WHOLE)[0], as_version=4).cells
    except (ValueError, AttributeError, KeyError, nbformat.ValidationError):
        raise Problem("unreadable", "it is not a Jupyter notebook, or it is damaged") from None
    sources = (cell.get("source", "").rstrip("\n") for cell in cells)
    for part in parts(source + "\n\n" for source in sources if source.strip()):
        yield part, {}


READERS: dict[str, Reader] = {
    **dict.fromkeys((".txt", ".md", ".rst", ".py"), plain),
    **dict.fromkeys((".html", ".htm"), html),
    ".pdf": pdf,
    ".docx": word,
    ".ipynb": notebook,
    **dict.fromkeys((".csv", ".tsv"), separated_values),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), json_values),
    ".parquet": parquet,
}
