"""Small files of every kind, made from scratch for the tests of the readers."""

import csv
import io
import zipfile

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


GLYPHS = (
    "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A+Sans /DW 500 "
    "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>"
)


def soup_pdf_bytes(text: str) -> bytes:
    """A PDF whose font says which glyphs to draw and not which letters they are."""
    codes = "".join(f"{ord(letter) - 29:04x}" for letter in text)
    font = "<< /Type /Font /Subtype /Type0 /BaseFont /A+Sans /Encoding /Identity-H "
    return pdf_bytes([f"<{codes}>"], font + "/DescendantFonts [4 0 R] >>", [GLYPHS])


def encrypted_pdf_bytes(text: str, password: str) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_bytes([text]))))
    writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def parquet_bytes(columns: dict[str, list], row_group_size: int = 100) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, row_group_size=row_group_size)
    return out.getvalue()


def csv_text(rows: list[list], **dialect: object) -> str:
    out = io.StringIO()
    csv.writer(out, **dialect).writerows(rows)
    return out.getvalue()


PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
NULL = f"<Relationship Id='r9' Type='{OFFICE}/relationships/image' Target='NULL'/>"
MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"


def word_run(text: str) -> str:
    return f"<w:r><w:t xml:space='preserve'>{text}</w:t></w:r>"


def docx_bytes(body: str, links: str = "", strict: bool = False) -> bytes:
    """A Word file with this markup; ``links`` are further relationships of its document."""
    relationships = f"<Relationships xmlns='{PACKAGE}/relationships'>"
    document = f"Id='r1' Type='{OFFICE}/relationships/officeDocument' Target='word/document.xml'"
    files = {
        "[Content_Types].xml": f"<Types xmlns='{PACKAGE}/content-types'><Override "
        f"PartName='/word/document.xml' ContentType='{MAIN}'/></Types>",
        "_rels/.rels": f"{relationships}<Relationship {document}/></Relationships>",
        "word/_rels/document.xml.rels": f"{relationships}{links}</Relationships>",
        "word/document.xml": f"<w:document xmlns:w='{WORD}' xmlns:m='{OFFICE}/math'>"
        f"<w:body>{body}</w:body></w:document>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for name, markup in files.items():
            if strict:
                markup = markup.replace(OFFICE, "http://purl.oclc.org/ooxml/officeDocument")
                markup = markup.replace(WORD, "http://purl.oclc.org/ooxml/wordprocessingml/main")
            target.writestr(name, markup)
    return out.getvalue()
