"""Small files of every kind, made from scratch for the tests of the readers."""

import io
import json
import zipfile
from pathlib import Path

PROSE = (
    "The lighthouse keeper wrote a letter every evening and never sent one. When the winter ended "
    "he carried all of them down to the harbour and read them to the boats."
)


HELVETICA = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"


def pdf_bytes(pages: list[str], font: str = HELVETICA, extra: list[str] = ()) -> bytes:  # type: ignore[assignment]
    """A PDF with one line of Latin text a page; a page of "" has none, like a scan.

    A page that begins with "<" is drawn as a string of hexadecimal codes.
    """
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", font, *extra]
    kids = []
    for text in pages:
        shown = text if text.startswith("<") else f"({text})"
        drawn = f"BT /F1 12 Tf 40 700 Td {shown} Tj ET" if text else "0 0 100 100 re f"
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
        resources = "<< /Font << /F1 3 0 R >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {len(objects)} 0 R "
            f"/Resources {resources} >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    return out + (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\n"
        f"startxref\n{len(out)}\n%%EOF\n"
    ).encode("latin-1")


def encrypted_pdf_bytes(text: str, password: str) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_bytes([text]))))
    writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def write_docx(path: Path, paragraphs: list[str], rows: list[list[str]] = ()) -> None:  # type: ignore[assignment]
    import docx

    document = docx.Document()
    for text in paragraphs:
        document.add_paragraph(text)
    if rows:
        table = document.add_table(len(rows), len(rows[0]))
        for number, row in enumerate(rows):
            for place, cell in enumerate(row):
                table.cell(number, place).text = cell
    document.save(str(path))


def write_parquet(path: Path, columns: dict[str, list], row_group_size: int = 100) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path, row_group_size=row_group_size)


def notebook_text(cells: list[tuple[str, str]]) -> str:
    """A notebook of (kind, source) cells; code cells have an output that nobody may read."""
    made = []
    for kind, source in cells:
        cell: dict = {"cell_type": kind, "metadata": {}, "source": source.splitlines(keepends=True)}
        if kind == "code":
            output = {"output_type": "stream", "name": "stdout", "text": ["OUTPUT\n"]}
            cell |= {"execution_count": 1, "outputs": [output]}
        made.append(cell)
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def word_run(text: str) -> str:
    return f"<w:r><w:t xml:space='preserve'>{text}</w:t></w:r>"


def docx_bytes(paragraph: str = "", body: str = "", change=lambda name, data: data) -> bytes:  # noqa: ANN001
    """A Word file of one paragraph ("Start", then this markup) and more markup below it."""
    import docx
    from docx.oxml import parse_xml

    spaces = (
        f'xmlns:w="{WORD}" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    )
    document = docx.Document()
    document.add_paragraph("Start ")
    for place, element in enumerate(parse_xml(f"<w:body {spaces}>{body}</w:body>")):
        document.element.body.insert(1 + place, element)
    for element in parse_xml(f"<w:p {spaces}>{paragraph}</w:p>"):
        document.paragraphs[0]._p.append(element)
    plain, out = io.BytesIO(), io.BytesIO()
    document.save(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            target.writestr(name, change(name, source.read(name)))
    return out.getvalue()
