"""A reader for every kind of file: a generator from a path to texts with short facts.

Readers give parts of bounded size. What cannot be read they yield as ``Problem`` when they go on
with the rest of the file, and raise when they cannot. ``READERS`` is the one table of them, by the
ending of the file's name.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import regex

from course_lib.workbook.corpus.encoding import TextFile
from course_lib.workbook.corpus.html import page_text, title_of
from course_lib.workbook.corpus.json_files import json_lines, json_values
from course_lib.workbook.corpus.parts import Part, Problem, parts
from course_lib.workbook.corpus.tables import parquet, separated_values

Reader = Callable[[Path], Iterator[Part | Problem]]
MAX_UNPACKED = 500_000_000  # bytes of a Word file when unpacked
MAX_MARKUP = 50_000_000  # of them in the parts that are parsed as a whole; also for HTML, notebooks
OLD_OFFICE = bytes.fromhex("d0cf11e0a1b11ae1")  # how old and password-protected files begin


def plain(path: Path) -> Iterator[Part | Problem]:
    """Text as it is: .txt, .md, .rst."""
    yield from _text_parts(TextFile(path))


def python_source(path: Path) -> Iterator[Part | Problem]:
    """The source as it is; an encoding that its first two lines declare is believed (PEP 263)."""
    with path.open("rb") as file:
        lines = file.readline(200) + file.readline(200)
    declared = re.search(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", lines, re.MULTILINE)
    yield from _text_parts(TextFile(path, declared[1].decode("ascii") if declared else ""))


def _text_parts(file: TextFile) -> Iterator[Part | Problem]:
    for part in parts(file.chunks()):
        yield part, _encoding(file)
    yield from _guessed(file)


def _encoding(file: TextFile) -> dict[str, str | int]:
    """The encoding as a fact, where it is not what one expects."""
    return {} if file.encoding.startswith("utf-8") else {"encoding": file.encoding}


def _guessed(file: TextFile) -> Iterator[Problem]:
    if file.guessed:
        yield Problem("note", f"read as {file.encoding}")


def html(path: Path) -> Iterator[Part | Problem]:
    """The main text of a page as trafilatura finds it, else all visible text."""
    with path.open("rb") as handle:
        declared = re.search(rb"charset=[\"']?\s*([-\w.:]+)", handle.read(4096), re.IGNORECASE)
    file = TextFile(path, declared[1].decode("ascii") if declared else "")
    markup, failure = _whole(file)
    markup = re.sub(r"^\s*<\?xml[^>]*\?>", "", markup)
    facts = _encoding(file)
    if title := title_of(markup):
        facts["title"] = title
    for part in parts([page_text(markup)]):
        yield part, facts
    yield from _guessed(file)
    if failure:
        raise failure


def _whole(file: TextFile) -> tuple[str, Problem | None]:
    """The text of a file, and the problem at which it ended."""
    if file.path.stat().st_size > MAX_MARKUP:
        raise Problem("unreadable", f"it is larger than {MAX_MARKUP // 1_000_000} MB")
    chunks: list[str] = []
    try:
        for chunk in file.chunks():
            chunks.append(chunk)
    except Problem as problem:
        if not chunks:
            raise
        return "".join(chunks), problem
    return "".join(chunks), None


def pdf(path: Path) -> Iterator[Part | Problem]:
    """The text of a PDF, page by page. Pictures of pages have none."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise Problem("encrypted" if "assword" in str(error) else "unreadable") from None
    with closing(document):  # as a context manager from version 5 on only
        damaged: list[int] = []
        unknown: list[int] = []
        count, found = len(document), False
        for part in parts(_pages(document, damaged, unknown)):
            found = True
            yield part, {}
    for pages, why in ((damaged, "are damaged"), (unknown, "do not tell which letters they draw")):
        if pages:
            detail = f"{len(pages):,} of {count:,} pages {why}, the first is {pages[0]}"
            yield Problem("unreadable", detail)
    if not (found or damaged or unknown):
        raise Problem("empty", "the PDF has no text, only pictures of pages (a scan)")


def _pages(document, damaged: list[int], unknown: list[int]) -> Iterator[str]:
    for number in range(len(document)):
        try:
            page = document[number]
            text_page = page.get_textpage()
            text = text_page.get_text_range().replace("\r\n", "\n")
            known = _letters_are_known(text, text_page)
            text_page.close()
            page.close()
        except Exception:
            damaged.append(number + 1)
            continue
        if known:
            yield re.sub("[\x02\ufffe]", "-", text) + "\n\n"
        else:
            unknown.append(number + 1)


def _letters_are_known(text: str, text_page) -> bool:
    """False for a page whose fonts give no characters, only numbers of glyphs: letter soup."""
    from pypdfium2 import raw

    looked_at = range(min(1_000, text_page.count_chars()))
    wrong = sum(raw.FPDFText_HasUnicodeMapError(text_page.raw, place) == 1 for place in looked_at)
    if wrong <= 0.05 * len(looked_at):
        return True
    # Old TeX fonts say nothing either, but their numbers are letters: does it look like words?
    letters = regex.findall(r"\p{L}", text.lower())
    vowels = sum(letter in "aeiouyäöüáéíóúàèâêîôûåøæ" for letter in letters)
    return (
        0.05 < text.count(" ") / len(text) < 0.3
        and len(letters) > 0.6 * len(text)
        and 0.25 * len(letters) < vowels < 0.6 * len(letters)
        and not regex.search(r"\p{So}\p{L}|\p{L}\p{So}", text)
    )


def word(path: Path) -> Iterator[Part | Problem]:
    """A Word file as mammoth reads it: what Word shows, tables with ``|``, footnotes at the end."""
    import mammoth

    with path.open("rb") as file:
        if file.read(8) == OLD_OFFICE:
            raise Problem("encrypted", "it is protected by a password, or an old .doc file renamed")
    result = mammoth.convert_to_html(
        _without_pictures(path), convert_image=lambda image: [], ignore_empty_paragraphs=True
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


def _without_pictures(path: Path) -> io.BytesIO:
    """The XML parts of a Word file; elements that mammoth would skip with their text are opened."""
    small = io.BytesIO()
    with zipfile.ZipFile(path) as package, zipfile.ZipFile(small, "w") as target:
        sizes = {entry.filename: entry.file_size for entry in package.infolist()}
        markup = [name for name in sizes if name.endswith((".xml", ".rels"))]
        if sum(sizes.values()) > MAX_UNPACKED or any(sizes[name] > MAX_MARKUP for name in markup):
            raise Problem("unreadable", f"it unpacks to more than {MAX_MARKUP // 1_000_000} MB")
        for name in markup:
            data = package.read(name)
            if re.match(r"word/(document|footnotes|endnotes)\w*\.xml", name):
                root = ElementTree.fromstring(data)
                _open(root, root.tag.partition("}")[0] + "}")
                data = ElementTree.tostring(root)
            target.writestr(name, data)
    return small


def _open(parent: ElementTree.Element, word: str) -> None:
    """Replace fields, directions, formulas, readings and drawn text boxes by the text in them."""
    for place, child in reversed(list(enumerate(parent))):
        name = child.tag.rpartition("}")[2]
        inside: list[ElementTree.Element] | None = None
        if name in ("fldSimple", "bdo", "dir", "customXml", "oMathPara"):
            inside = list(child)
        elif name == "ruby":
            inside = [run for part in child if part.tag.endswith("}rubyBase") for run in part]
        elif name == "oMath":
            inside = [ElementTree.Element(word + "r")]
            text = ElementTree.SubElement(inside[0], word + "t")
            text.text = "".join(part.text or "" for part in child.iter() if part.tag.endswith("}t"))
        elif name == "AlternateContent" and len(list(child)) == 1:  # nothing for old readers
            inside = list(child[0])
        elif name == "drawing":
            boxes = [part for part in child.iter() if part.tag.endswith("}txbxContent")]
            within = {id(part) for box in boxes for part in box.iter() if part is not box}
            picture = ElementTree.Element(word + "pict")
            picture.extend(box for box in boxes if id(box) not in within)
            inside = [picture] if boxes else None
        if inside is not None:
            holder = ElementTree.Element("opened")
            holder.extend(inside)
            _open(holder, word)
            parent[place : place + 1] = list(holder)
        else:
            _open(child, word)


def notebook(path: Path) -> Iterator[Part | Problem]:
    """Markdown and code cells of a Jupyter notebook in their order; outputs are left out."""
    import nbformat

    try:
        cells = nbformat.reads(_whole(TextFile(path))[0], as_version=4).cells
    except (ValueError, AttributeError, KeyError, nbformat.ValidationError):
        raise Problem("unreadable", "it is not a Jupyter notebook, or it is damaged") from None
    sources = (cell.get("source", "").rstrip("\n") for cell in cells)
    for part in parts(source + "\n\n" for source in sources if source.strip()):
        yield part, {}


READERS: dict[str, Reader] = {
    **dict.fromkeys((".txt", ".md", ".rst"), plain),
    ".py": python_source,
    **dict.fromkeys((".html", ".htm"), html),
    ".pdf": pdf,
    ".docx": word,
    ".ipynb": notebook,
    **dict.fromkeys((".csv", ".tsv"), separated_values),
    ".json": json_values,
    **dict.fromkeys((".jsonl", ".ndjson"), json_lines),
    ".parquet": parquet,
}


def reader_for(name: str) -> Reader | None:
    """The reader for a file of that name, by its ending in any case; None if there is none."""
    return READERS.get(Path(name).suffix.lower())
