"""A reader for every kind of file: a generator from a path to texts with short facts.

Readers give parts of bounded size, report what they cannot read, and raise ``Problem`` (or let a
library raise) when there is nothing more to read. ``READERS`` is the one table of them, by the
ending of the file's name.
"""

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from html import unescape
from pathlib import Path

from course_lib.workbook.corpus.encoding import (
    MAX_WHOLE,
    Part,
    Problem,
    Report,
    parts,
    text_chunks,
    whole_text,
)
from course_lib.workbook.corpus.html import page_text
from course_lib.workbook.corpus.tables import json_values, parquet, separated_values

OF_MARKUP = {  # what stands in the text for the markup that mammoth gives
    r'<a href="#(?:foot|end)note-ref-[^>]*>↑</a>': "",
    r"</p>(?=</t[dh]>|</li>)": "",
    r"</t[dh]>(?!</tr>)": " | ",
    "<br />|</tr>|</li>": "\n",
    r"</(?:p|h\d|table|ul|ol)>": "\n\n",
    "<[^>]+>": "",
    r"\n{3,}": "\n\n",
}


def _text(chunks: Iterable[str]) -> Iterator[Part]:
    return ((part, {}) for part in parts(chunks))


def plain(path: Path, report: Report) -> Iterator[Part]:
    """Text as it is."""
    return _text(text_chunks(path, report))


def html(path: Path, report: Report) -> Iterator[Part]:
    """The main text of a page as trafilatura finds it, else all visible text."""
    return _text([page_text(whole_text(path, report))])


def pdf(path: Path, report: Report) -> Iterator[Part]:
    """The text of a PDF, page by page. Pictures of pages have none."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if "assword" not in str(error):
            raise
        raise Problem("encrypted", "it is protected by a password") from None
    bad: dict[str, list[int]] = {}
    found = None
    with closing(document):  # as a context manager from version 5 on only
        for found in _text(_pages(document, bad)):
            yield found
        for why, pages in bad.items():
            said = f"{len(pages):,} of {len(document):,} pages {why}, the first is {pages[0]}"
            report("unreadable", said)
    if not (found or bad):
        raise Problem("empty", "the PDF has no text, only pictures of pages (a scan)")


def _pages(document, bad: dict[str, list[int]]) -> Iterator[str]:
    from pypdfium2 import raw

    for number in range(1, len(document) + 1):
        try:
            with closing(document[number - 1]) as page, closing(page.get_textpage()) as shown:
                text = shown.get_text_range().replace("\r\n", "\n")
                # Fonts may give no characters, only numbers of glyphs: that would be letter soup.
                places = range(min(1_000, shown.count_chars()))
                wrong = [p for p in places if raw.FPDFText_HasUnicodeMapError(shown.raw, p) == 1]
        except Exception:
            bad.setdefault("are damaged", []).append(number)
            continue
        if len(wrong) > 0.05 * len(places):
            bad.setdefault("do not tell which letters they draw", []).append(number)
        else:
            yield re.sub("[\x02\ufffe]", "-", text) + "\n\n"


def word(path: Path, report: Report) -> Iterator[Part]:
    """A Word file as mammoth reads it: tables with ``|``, footnotes at the end.

    What it passes over with the text in it (fields, formulas) is told.
    """
    import mammoth

    if not zipfile.is_zipfile(path):
        raise Problem("encrypted", "it is protected by a password, or no .docx file (an old .doc?)")
    with zipfile.ZipFile(path) as package:
        if sum(e.file_size for e in package.infolist() if e.filename[-4:] == ".xml") > MAX_WHOLE:
            raise Problem("unreadable", f"it unpacks to more than {MAX_WHOLE // 1_000_000} MB")
    result = mammoth.convert_to_html(
        str(path), convert_image=lambda image: [], ignore_empty_paragraphs=True
    )
    text = result.value
    for markup, shown in OF_MARKUP.items():
        text = re.sub(markup, shown, text)
    left_out = {m.message.rsplit(" ", 1)[-1] for m in result.messages if "ignored" in m.message}
    if left_out:
        report("note", f"left out: {', '.join(sorted(left_out)[:5])}")
    yield from _text([unescape(text).strip()])


def notebook(path: Path, report: Report) -> Iterator[Part]:
    """Markdown and code cells of a Jupyter notebook in their order; outputs are left out."""
    import nbformat

    cells = nbformat.reads(whole_text(path, report), as_version=4).cells
    sources = (cell.get("source", "").rstrip("\n") for cell in cells)
    return _text(source + "\n\n" for source in sources if source.strip())


Reader = Callable[[Path, Report], Iterator[Part]]
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
