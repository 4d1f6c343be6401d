"""Every format: its text and its facts, and what the report says of the rest.

A table for each reader: the case, the file's content, its texts, and what must be reported.
"""

import json
from pathlib import Path

import file_makers as make
import pyarrow as pa
import pypdfium2
import pytest
import trafilatura
from file_makers import PROSE, docx_bytes, parquet_bytes, pdf_bytes, word_run
from nbformat import v4

from course_lib.workbook.corpus import encoding
from course_lib.workbook.corpus.encoding import Part, Problem, parts
from course_lib.workbook.corpus.readers import READERS

Cases = dict[str, tuple]
AES = Path(__file__).parents[2] / "support" / "aes_256.pdf"


def read(path: Path, content: str | bytes, *expected: str) -> list[Part]:
    """The parts of such a file; each problem, raised or not, must be the expected one."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found, said = [], []
    try:
        for part in READERS[path.suffix](path, lambda *why: said.append(": ".join(why))):
            found.append(part)
    except Problem as problem:
        said.append(": ".join(problem.args))
    assert len(said) == len(expected), said
    assert all(part in line for part, line in zip(expected, said, strict=True)), said
    return found


def texts(path: Path, content: str | bytes, *expected: str) -> list[str]:
    return [text for text, _ in read(path, content, *expected)]


ARTICLE = f"<nav><a href='/'>Menu</a></nav><article><p>{PROSE}</p><p>{PROSE[::-1]}</p></article>"
ARTICLE = f"<!doctype html><html><head></head><body>{ARTICLE}</body></html>"
HTML: Cases = {
    "an article": (f"<script>var secret</script>{ARTICLE}", [f"{PROSE}\n{PROSE[::-1]}"]),
    "an app": ("<title>A</title><noscript>Use JavaScript</noscript><div id=r></div>", []),
    "frames": ("<frameset><noframes><body>no frames</body></noframes></frameset>", []),
}
PDF: Cases = {
    "pages in order": (pdf_bytes(["one", "two", "three"]), ["one\n\ntwo\n\nthree"]),
    "anybody may open it": (make.encrypted_pdf_bytes("open to all", ""), ["open to all"]),
    "AES": (AES.read_bytes(), ["The quick brown fox jumps over the lazy dog again and again."]),
    "glyphs": (make.soup_pdf_bytes("The Phantom of the house"), [], "which letters they draw"),
    "a scan": (pdf_bytes(["", ""]), [], "empty: the PDF has no text, only pictures"),
    "a password": (make.encrypted_pdf_bytes("hidden", "secret"), [], "encrypted: it is protected"),
}
INSERTED = f"<w:ins w:id='2' w:author='x'>{word_run('burns')}</w:ins>"
DELETED = "<w:del w:id='1' w:author='x'><w:r><w:delText>was out</w:delText></w:r></w:del>"
CONTROL = "<w:sdt><w:sdtContent>{}</w:sdtContent></w:sdt>"
TAG = f"<w:smartTag w:uri='x' w:element='y'>{word_run('Bonn')}</w:smartTag>"
FIELD = f"<w:fldSimple w:instr='PAGE'>{word_run('7')}</w:fldSimple>"
BOX = "<w:r><w:pict><v:shape xmlns:v='urn:schemas-microsoft-com:vml'><v:textbox><w:txbxContent>"
BOX += f"<w:p>{word_run('in a box')}</w:p></w:txbxContent></v:textbox></v:shape></w:pict></w:r>"
ONE = f"<w:p>{word_run('One')}</w:p>"
TABLE = f"<w:tbl><w:tr><w:tc>{ONE}</w:tc><w:tc>{ONE}</w:tc></w:tr></w:tbl>"
NESTED = f"<w:tbl><w:tr><w:tc>{TABLE}<w:p/></w:tc></w:tr></w:tbl>"
WORD: Cases = {
    "inserted, deleted": (docx_bytes(f"<w:p>{DELETED}{INSERTED}</w:p>"), ["burns"]),
    "a control inside": (docx_bytes(f"<w:p>{CONTROL.format(word_run('Ann'))}</w:p>"), ["Ann"]),
    "a control around": (docx_bytes(CONTROL.format(ONE)), ["One"]),
    "a smart tag": (docx_bytes(f"<w:p>{word_run('in ')}{TAG}</w:p>"), ["in Bonn"]),
    "a text box": (docx_bytes(f"<w:p>{BOX}</w:p>"), ["in a box"]),
    "a field is told": (docx_bytes(f"{ONE}<w:p>{FIELD}</w:p>"), ["One"], "left out: w:fldSimple"),
    "strict": (docx_bytes(ONE, strict=True), ["One"]),
    "a loose end": (docx_bytes(ONE, make.NULL), ["One"]),
    "paragraphs and a table": (docx_bytes(ONE + TABLE), ["One\n\nOne | One"]),
    "a table in a table": (docx_bytes(NESTED), ["One | One"]),
    "a password": (bytes.fromhex("d0cf11e0a1b11ae1") + b"\x00" * 600, [], "encrypted: "),
}
SONG = "\n".join(f"line {n} of the song, la la" for n in range(30))
SONGS = [["artist", "lyrics", "year"], *([f"Artist {n}", SONG, 1990 + n] for n in range(3))]
NOVEL = "A sentence. " * 20_000
MANY = "id,name,text\n" + "".join(f'{n},"T {n}","A text, number {n}"\n' for n in range(30))
MANY_TEXTS = [f"A text, number {n}" for n in range(30)]
MYSQL = '31,"T","Say \\"play, please\\" now"\n'
OPEN = '31,x,"Well, he began\n32,y,"two"\n33,z,"three"\n'
WORDS = PROSE.replace(",", "")
NAMES = "the first row is read as column names"
NO_NAMES = "the first row has no column names"
ODD_QUOTES = "rows have quotes that do not fit and are kept as they stand, the first in"
TELL = "Tell us what you did not like: rain"
CSV: Cases = {
    "cells of thirty lines": (make.csv_text(SONGS), [SONG] * 3),
    "semicolons": (make.csv_text(SONGS, delimiter=";"), [SONG] * 3, "the separator is ';'"),
    "a long cell": (f'id,text\n1,"{NOVEL}"\n2,short\n', [*parts([NOVEL]), "short"]),
    "quotes.tsv": ('n\ttext\n1\tone\n2\t"Well\n3\t"Stop!" he\n', ["one", '"Well', '"Stop!" he']),
    "never closed": ('n,text\n1,one\n2,"Well he\n3,the end\n', ["one", '"Well he', "the end"]),
    "MySQL": (MANY + MYSQL, [*MANY_TEXTS, 'Say "play, please" now']),
    "quotes, late": (MANY + OPEN, [*MANY_TEXTS, '"Well', "two", "three"], ODD_QUOTES, "1 rows do"),
    "questions": ("Day,How was it?\nMay,fine\n", ["Day: May\nHow was it?: fine"], NAMES),
    "prompts": ("Day,Tell us what you did not like\nMay,rain\n", [f"Day: May\n{TELL}"], NAMES),
    "the body of a car": (f"body,words\nsedan,{WORDS}\n", [WORDS], "is the column 'words'"),
    "its names": ("kind,hue\ncup,green\n", ["kind: cup\nhue: green"], f"{NAMES} (kind, hue)"),
    "no names": ("1,ann\n", ["column 1: 1\ncolumn 2: ann"], NO_NAMES),
    "numbers": (f"1,{WORDS}\n2,{WORDS}\n", [WORDS] * 2, NO_NAMES, "'column 2'"),
    "a cell too many": ("id,text\n" + "3,one\n" * 3 + "4,one,!\n", ["one"] * 4, "1 rows do not"),
    "Excel's first line": ("sep=;\nid;text\n1;one, two\n", ["one, two"], "the separator is ';'"),
    "Windows": ('\ufeffid,text\r\n1,"one\r\ntwo, 3"\r\n', ["one\ntwo, 3"]),
    "a blank before": ('id, text\n1, "Hello, world"\n', ["Hello, world"]),
    "equal names": ("a,a,text\n1,2,hello there\n", ["hello there"]),
    "one column": ('text\n"One, two"\n"A ""b"" c"\n', ["One, two", 'A "b" c']),
    "no table": ("One, x.\nTwo.\nA, b, and c.\n", ["One, x.", "Two.", "A, b, and c."], NO_NAMES),
    "an empty cell": ("Text,id\na short one,1\n,2\n", ["a short one"], "empty: 1 of 2 records"),
    "two long columns": (f"ask,reply\n{WORDS},{WORDS}!\n", [f"{WORDS}!"], NAMES, "left out: ask"),
}
RECORDS = [{"text": f"text {number}", "n": number} for number in range(4)]
LINES = [json.dumps(record) for record in RECORDS]
LINE_TEXTS = [record["text"] for record in RECORDS]
BAD_LINES = "\n".join([*LINES[:2], "{broken", "", *LINES[2:]])
CELLS = [[record["text"], record["n"]] for record in RECORDS]
COLUMNS = {key: {str(n): r[key] for n, r in enumerate(RECORDS)} for key in RECORDS[0]}
SHAPES: Cases = {
    "a list": RECORDS,
    "by key": {f"k{number}": record for number, record in enumerate(RECORDS)},
    "pandas": COLUMNS,
    "pandas, split": {"columns": ["text", "n"], "index": [0, 1, 2, 3], "data": CELLS},
    "columns": {key: list(cells.values()) for key, cells in COLUMNS.items()},
    "not a number": [{**record, "x": float("nan")} for record in RECORDS],
}
STRINGS = {case: json.dumps(value) for case, value in SHAPES.items()} | {
    "one after the other": "\n\n".join(json.dumps(record, indent=2) for record in RECORDS),
    "on one line": "".join(LINES),
}
UNTIL_3 = "are left out, the first from line 3"
ONLY = "note: of the JSON only its longest list is read, of 4 objects"
JSON: Cases = {
    **{f"{case}.json": (content, LINE_TEXTS) for case, content in STRINGS.items()},
    "in an object": (json.dumps({"version": 1, "data": RECORDS}), LINE_TEXTS, ONLY),
    "the second list": (json.dumps({"old": [{"id": 1}], "new": RECORDS}), LINE_TEXTS, ONLY),
    "in lines.jsonl": (STRINGS["one after the other"], LINE_TEXTS),
    "a broken line.jsonl": (BAD_LINES, LINE_TEXTS, "1 parts are not valid JSON"),
    "with commas.jsonl": (",\n".join(LINES), LINE_TEXTS),
    "no text": ('{"name": "Ann", "langs": ["de", "fr"]}', ["name: Ann\nlangs: de\nfr"]),
    "a list breaks off": ('[{"text": "one"},\n{"text": "two"},\n{"tex', ["one", "two"], UNTIL_3),
    "an object breaks off": ('{"a": [{"text": "one"},\n{"te', [], "the first from line 2"),
    "nested without end": ("[" * 200_000, [], "unreadable: "),
}
ROWS = [f"text {number}" for number in range(1000)]
FAR, LONG = pa.array([0, 253402300800], pa.timestamp("s")), pa.array([2**62], pa.duration("s"))
PARQUET: Cases = {
    "row groups": (parquet_bytes({"text": ROWS, "raw": [b"\0"] * 1000}), ROWS),
    "a date too late": (parquet_bytes({"made": FAR, "text": ["One", "Two"]}), ["One", "Two"]),
    "durations": (parquet_bytes({"lasted": LONG, "text": ["A"]}), ["A"]),
    "text as bytes": (parquet_bytes({"text": ["größer".encode(), b"two"]}), ["größer", "two"]),
}
OUTPUT = v4.new_output("stream", text="OUTPUT")
CELLS = [v4.new_markdown_cell("# Title\ntext"), v4.new_code_cell("x", outputs=[OUTPUT])]
NEW = v4.writes(v4.new_notebook(cells=CELLS))
OLD = {"cells": [{"cell_type": "markdown", "metadata": {}, "source": ["old"]}]}
OLD = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [OLD]}
NOTEBOOKS: Cases = {
    "cells without outputs": (NEW, ["# Title\ntext\n\nx"]),
    "an old one": (json.dumps(OLD), ["old"]),
}
TABLES = {".html": HTML, ".pdf": PDF, ".docx": WORD, ".csv": CSV, ".json": JSON}
TABLES |= {".parquet": PARQUET, ".ipynb": NOTEBOOKS}
CASES = [(case, ending) for ending, cases in TABLES.items() for case in cases]


@pytest.mark.parametrize(("case", "ending"), CASES)
def test_what_is_read_and_what_is_reported(tmp_path, case: str, ending: str) -> None:
    content, expected, *said = TABLES[ending][case]
    assert texts(tmp_path / f"a{Path(case).suffix or ending}", content, *said) == expected


def test_facts_stand_beside_the_text(tmp_path) -> None:
    rows = f'id\tlyrics\tauthor\n1\t"{PROSE}\n2"\tAnn\n2\t{PROSE}\tBob\n'
    facts = {"record": 1, "id": "1", "author": "Ann"}
    assert read(tmp_path / "a.tsv", rows)[0] == (f"{PROSE}\n2", facts)


def test_where_a_library_fails_the_rest_is_read(tmp_path, monkeypatch) -> None:
    def fail(*args: object, **more: object) -> None:
        raise RecursionError

    monkeypatch.setattr(trafilatura, "extract", fail)
    page = "<?xml version='1.0'?><p>one<br>two</p><td>three"
    assert texts(tmp_path / "a.html", page) == ["one\ntwo\nthree"]
    works = pypdfium2.PdfPage.get_textpage
    pages = iter([works, fail, works])
    monkeypatch.setattr(pypdfium2.PdfPage, "get_textpage", lambda page: next(pages)(page))
    said = "unreadable: 1 of 3 pages are damaged, the first is 2"
    assert texts(tmp_path / "a.pdf", pdf_bytes(["0", "1", "2"]), said) == ["0\n\n2"]


ENDLESS = MANY + '2,x,"' + "never, closed, here\n" * 500
LIMITS = {
    "broken lines.jsonl": ("broken\n" * 500 + LINES[0], ["text 0"], "500 parts are not"),
    "an open quote.csv": (ENDLESS, [*MANY_TEXTS, '"never'], f"1 {ODD_QUOTES}", "rows do not"),
    "a large.json": ("[" + "1," * 9_000, [], "unreadable: it is larger than"),
    "a long line.jsonl": (f"{LINES[0]}\n{'x' * 30_000}", ["text 0"], "not valid JSON"),
    "a bomb.docx": (docx_bytes(ONE * 900), [], "unreadable: it unpacks to more"),
}


@pytest.mark.parametrize("case", LIMITS)
def test_what_would_fill_the_memory_is_refused(tmp_path, monkeypatch, case: str) -> None:
    limits = {"tables.MAX_LINE": 1_000, "encoding.CHUNK": 1_000, "encoding.MAX_LINE": 1_000}
    limits |= {"encoding.MAX_WHOLE": 9_000, "readers.MAX_WHOLE": 9_000}
    for name, limit in limits.items():
        monkeypatch.setattr(f"course_lib.workbook.corpus.{name}", limit)
    content, expected, *said = LIMITS[case]
    assert texts(tmp_path / case, content, *said)[:31] == expected


@pytest.mark.parametrize("bad", [b"\xff\xfe broken", b"\x00\x00 broken"])
def test_what_stands_before_a_break_is_kept(tmp_path, monkeypatch, bad: bytes) -> None:
    """As much as a part, and more, stood before the bad byte and was gone."""
    monkeypatch.setattr(encoding, "CHUNK", 4_096)
    lines = [f"Line {n} of a text with an ü in it." for n in range(1_200)]
    for name, before, line in [
        ("a.txt", "", "{}\n"),
        ("a.html", "<html><body>", "<p>{}</p>"),
        ("a.csv", "id,text\n", '1,"{}"\n'),
        ("a.jsonl", "", '{{"text": "{}"}}\n'),
        ("a.json", "[", '{{"text": "{}"}},\n'),
    ]:
        content = before + "".join(line.format(text) for text in lines)
        found = texts(tmp_path / name, content.encode() + bad, "kept")
        assert "".join(lines) in "".join(found).replace("\n", "")


PARAGRAPH = "One sentence stands here. Another one follows it! Does a third?\nA new line.\n\n"
PAUSES = {
    PARAGRAPH * 40: "line.",
    PARAGRAPH.replace("\n", " ") * 40: ("here. ", "it! ", "third? ", "line.  ", "line. "),
    "word " * 400: "word ",
    "词语。句子" * 400: "。",
    **{unit * 500: unit for unit in ("x", "e\u0301", "कि", "👨\u200d👩\u200d👧")},
}


@pytest.mark.parametrize("text", PAUSES)
def test_long_texts_are_cut_where_a_reader_pauses(text: str) -> None:
    """Never within a letter, and the same however the text comes."""
    found = list(parts([text, "\n\n \t\n"], 300))
    assert max(map(len, found)) <= 300 and min(map(len, found[:-1])) >= 150
    assert all(part.endswith(PAUSES[text]) for part in found[:-1])
    assert "".join("".join(found).split()) == "".join(text.split())
    for size in (1, 7, 100):
        chunks = (text[start : start + size] for start in range(0, len(text), size))
        assert list(parts(chunks, 300)) == list(parts([text], 300))
