"""Every format: its text and its facts, and what the report says of the rest."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from file_makers import (
    PROSE,
    docx_bytes,
    encrypted_pdf_bytes,
    notebook_text,
    pdf_bytes,
    word_run,
    write_docx,
    write_parquet,
)

from course_lib.workbook.corpus import readers, tables
from course_lib.workbook.corpus.records import SKIP_REASONS, Part, Problem, parts
from course_lib.workbook.corpus.readers import READERS

Texts = Callable[..., list[str]]
AES = Path(__file__).parents[2] / "support" / "aes_256.pdf"


def read(path: Path) -> tuple[list[Part], list[Problem]]:
    """What the reader gives, and what it complains about (raised or not)."""
    found, problems = [], []
    try:
        for item in reader_for(path.name)(path):
            (problems if isinstance(item, Problem) else found).append(item)
    except Problem as problem:
        problems.append(problem)
    assert all(problem.reason in SKIP_REASONS for problem in problems)
    return found, problems


@pytest.fixture
def texts(tmp_path: Path) -> Texts:
    """``texts(name, content, *said)``: the texts of such a file; ``said`` must be reported."""

    def of(name: str, content: str | bytes, *expected: str) -> list[str]:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        found, problems = read(path)
        said = [f"{problem.reason}: {problem.detail}" for problem in problems]
        assert len(said) == len(expected), said
        assert all(part in line for part, line in zip(expected, said, strict=True)), said
        return [text for text, _ in found]

    return of


def test_the_table_has_every_format() -> None:
    promised = (
        ".txt .md .rst .html .htm .pdf .docx .csv .tsv .json .jsonl .ndjson .parquet .ipynb .py"
    )
    assert set(READERS) == set(promised.split())
    assert reader_for("REPORT.PDF") is READERS[".pdf"] and reader_for("a.tar.gz") is None


@pytest.mark.parametrize("ending", [".txt", ".md", ".rst", ".py"])
def test_plain_text(texts: Texts, ending: str) -> None:
    content = "# Heading\n\n    indented\nlast"
    assert texts(f"a{ending}", content) == [content]


def test_declared_encodings(tmp_path: Path) -> None:
    path = tmp_path / "old.py"
    path.write_bytes("#!/usr/bin/python\n# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"))
    found, problems = read(path)
    assert found[0][0].endswith("x = 'é'") and found[0][1] == {"encoding": "cp1252"}
    page = tmp_path / "old.html"
    page.write_bytes(f"<meta charset='iso-8859-1'><p>Café. {PROSE}</p>".encode("latin-1"))
    assert "Café" in read(page)[0][0][0] and not problems


def test_a_guessed_encoding_is_told(texts: Texts) -> None:
    german = "Während die Käuferin größere Mengen prüft, läuft der Verkäufer über die Straße.\n"
    old = (german * 3).encode("latin-1")
    assert texts("a.txt", old, "note: read as cp1252") == [(german * 3).strip()]
    rows = "id;text\n" + "".join(f"{n};{german}" for n in range(3))
    said = "note: read as cp1252; the separator is ';'"
    assert texts("a.csv", rows.encode("latin-1"), said) == [german.strip()] * 3


# HTML


def test_html_gives_the_article_without_menus_and_scripts(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    article = f"<article><h1>Harbour</h1><p>{PROSE}</p><p>{PROSE[::-1]}</p></article>"
    body = f"<nav><a href='/'>Menu entry</a></nav>{article}"
    head = "<title>Keeper &amp; boats</title><script>var secret = 1</script>"
    path.write_text(f"<!doctype html><html><head>{head}</head><body>{body}</body></html>")
    found, _ = read(path)
    assert PROSE in found[0][0] and "Menu entry" not in found[0][0] and "secret" not in found[0][0]
    assert found[0][1]["title"] == "Keeper & boats"


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<?xml version='1.0'?><p>one<br>two</p><style>x</style><td>three", ["one\ntwo\nthree"]),
        ("<!-- nothing -->", []),
        ("<title>App</title><noscript>Enable JavaScript</noscript><div id=r></div>", []),
        ("<title>A</title><noscript><p>Enable <b>it</b></noscript><app-root></app-root>", []),
        ("<title>F</title><frameset><noframes><body>no frames</body></noframes></frameset>", []),
    ],
)
def test_html_without_an_article(
    texts: Texts, monkeypatch: pytest.MonkeyPatch, page: str, expected: list[str]
) -> None:
    import trafilatura

    assert expected or texts("a.html", page) == []

    def fail(*args: object, **more: object) -> None:
        raise RecursionError

    monkeypatch.setattr(trafilatura, "extract", fail)
    assert texts("a.html", page) == expected


# PDF

SOUP = "".join(f"{ord(letter) - 29:04x}" for letter in "The Phantom of the house")
CID = (
    "<< /Type /Font /Subtype /Type0 /BaseFont /A+Sans /Encoding /Identity-H "
    "/DescendantFonts [4 0 R] >>"
)
GLYPHS = (
    "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A+Sans /DW 500 "
    "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>"
)


def test_pdf_pages_in_order(texts: Texts) -> None:
    (text,) = texts("a.pdf", pdf_bytes([f"page {number}" for number in range(50)]))
    assert text.split() == " ".join(f"page {number}" for number in range(50)).split()
    assert texts("a.pdf", encrypted_pdf_bytes("open to all", "")) == ["open to all"]
    assert "quick brown fox" in texts("a.pdf", AES.read_bytes())[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (pdf_bytes(["", ""]), "empty: the PDF has no text, only pictures"),
        (encrypted_pdf_bytes("hidden", "secret"), "encrypted: it is protected by a password"),
        (b"%PDF-1.4 this is not one", "unreadable: the file is damaged"),
        (pdf_bytes([f"<{SOUP}>"], CID, [GLYPHS]), "do not tell which letters they draw"),
    ],
)
def test_pdf_that_cannot_be_used(texts: Texts, content: bytes, said: str) -> None:
    assert texts("a.pdf", content, said) == []


def test_one_damaged_page_does_not_lose_the_others(
    texts: Texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def known(text: str, page: object) -> bool:
        if "page 1" in text:
            raise KeyError("/Font")
        return True

    monkeypatch.setattr(readers, "_letters_are_known", known)
    said = "unreadable: 1 of 3 pages are damaged, the first is 2"
    (text,) = texts("a.pdf", pdf_bytes(["page 0", "page 1", "page 2"]), said)
    assert text.split() == ["page", "0", "page", "2"]


# Word

DELETED = "<w:del w:id='1' w:author='x'><w:r><w:delText>was out</w:delText></w:r></w:del>"
BOX = (
    "<w:r><w:pict><v:shape xmlns:v='urn:schemas-microsoft-com:vml'><v:textbox><w:txbxContent><w:p>"
    f"{word_run('in a box')}</w:p></w:txbxContent></v:textbox></v:shape></w:pict></w:r>"
)
DRAWN = (
    "<w:r><w:drawing><x:txbx xmlns:x='urn:shape'><w:txbxContent><w:p>"
    f"{word_run('in a drawing')}</w:p></w:txbxContent></x:txbx></w:drawing></w:r>"
)
RUBY = (
    f"<w:r><w:ruby><w:rt>{word_run('kan')}</w:rt><w:rubyBase>{word_run('漢')}</w:rubyBase>"
    "</w:ruby></w:r>"
)
STRICT = (
    (
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        b"http://purl.oclc.org/ooxml/officeDocument/relationships",
    ),
    (
        b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        b"http://purl.oclc.org/ooxml/wordprocessingml/main",
    ),
)


@pytest.mark.parametrize(
    ("paragraph", "expected"),
    [
        (DELETED + f"<w:ins w:id='2' w:author='x'>{word_run('burns')}</w:ins>", "Start burns"),
        (f"<w:moveFrom w:id='3' w:author='x'>{word_run('a')}</w:moveFrom>", "Start"),
        (f"<w:sdt><w:sdtContent>{word_run('Ann')}</w:sdtContent></w:sdt>", "Start Ann"),
        (f"<w:smartTag w:uri='x' w:element='y'>{word_run('Bonn')}</w:smartTag>", "Start Bonn"),
        (f"<w:customXml w:element='y'>{word_run('own')}</w:customXml>", "Start own"),
        (f"<w:fldSimple w:instr='PAGE'>{word_run('7')}</w:fldSimple>", "Start 7"),
        (f"<w:bdo w:val='rtl'>{word_run('שלום')}</w:bdo>", "Start שלום"),
        (f"<w:hyperlink w:anchor='a'>{word_run('link')}</w:hyperlink>", "Start link"),
        ("<m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath>", "Start x=1"),
        (BOX, "Start \n\nin a box"),
        (DRAWN, "Start \n\nin a drawing"),
        (RUBY, "Start 漢"),
        ("<w:r><w:t>a</w:t><w:br/><w:t>&lt;b&gt;</w:t></w:r>", "Start a\n<b>"),
    ],
)
def test_word_shows_what_word_shows(texts: Texts, paragraph: str, expected: str) -> None:
    assert texts("a.docx", docx_bytes(paragraph)) == [expected]


def test_word_paragraphs_tables_and_templates(texts: Texts, tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    write_docx(path, ["First – “quoted”", "Second"], [["name", "age"], ["Ann", "3"]])
    (text,) = texts("b.docx", path.read_bytes())
    assert text.split("\n\n") == ["First – “quoted”", "Second", "name | age\nAnn | 3"]
    inner = f"<w:tbl><w:tr><w:tc><w:p>{word_run('nested')}</w:p></w:tc></w:tr></w:tbl><w:p/>"
    table = f"<w:tbl><w:tr><w:tc>{inner}</w:tc></w:tr></w:tbl>"
    control = f"<w:sdt><w:sdtContent><w:p>{word_run('template')}</w:p></w:sdtContent></w:sdt>"
    (text,) = texts("c.docx", docx_bytes(body=control + table))
    assert text.split() == ["Start", "template", "nested"]


def test_word_of_other_dialects_and_with_loose_ends(texts: Texts) -> None:
    def strict(name: str, data: bytes) -> bytes:
        for old, new in STRICT:
            data = data.replace(old, new)
        return data

    def dangling(name: str, data: bytes) -> bytes:
        kind = STRICT[0][0] + b"/image"
        link = b'<Relationship Id="r99" Type="%b" Target="NULL"/></Relationships>' % kind
        return data.replace(b"</Relationships>", link) if "document.xml.rels" in name else data

    for change in (strict, dangling):
        assert texts("a.docx", docx_bytes(word_run("here"), change=change)) == ["Start here"]


def test_word_bombs_and_passwords_are_refused(
    texts: Texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MAX_UNPACKED", "MAX_MARKUP"):
        with monkeypatch.context() as patch:
            patch.setattr(readers, name, 1_000)
            assert texts("a.docx", docx_bytes(), "unreadable: it unpacks to more") == []
    assert texts("a.docx", readers.OLD_OFFICE + b"\x00" * 600, "encrypted: ") == []


# Notebooks


def test_notebook_cells_without_outputs(texts: Texts) -> None:
    cells = notebook_text([("markdown", "# Title\ntext"), ("code", "x = 1\nx")])
    assert texts("a.ipynb", cells) == ["# Title\ntext\n\nx = 1\nx"]
    old = {
        "worksheets": [{"cells": [{"cell_type": "markdown", "source": ["old"], "metadata": {}}]}]
    }
    old |= {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}}
    assert texts("a.ipynb", json.dumps(old)) == ["old"]
    for broken in ('{"worksheets": []}', "{", "[]"):
        assert texts("a.ipynb", broken, "unreadable: it is not a Jupyter notebook") == []


# CSV and TSV

SONG = "\n".join(f"line {n} of the song, la la" for n in range(30))
SONGS = [["artist", "lyrics", "year"], *([f"Artist {n}", SONG, 1990 + n] for n in range(3))]
MANY = "id,name,text\n" + "".join(f'{n},"T {n}","A text, number {n}"\n' for n in range(30))
REPAIRED = "note: {} rows have quotes that do not fit and were read as they stand, the first in"


def table(rows: list[list], **dialect: object) -> str:
    out = io.StringIO()
    csv.writer(out, **dialect).writerows(rows)
    return out.getvalue()


OPEN_QUOTES = {
    "shown as they are": ("a.tsv", '2\t"Well, he\n3\t"Stop!" she', ['"Well, he', '"Stop!" she']),
    "not one cell": ("a.tsv", '2\t"Well, he\n3\tand left."', ['"Well, he', 'and left."']),
    "never closed": ("a.csv", '2,"Well he began\n3,three', ['"Well he began', "three"]),
}
TABLES = {
    "semicolons": (table(SONGS, delimiter=";"), [SONG] * 3, "the separator is ';'"),
    "long cells": (table([*SONGS, *SONGS[1:] * 200]), [SONG] * 603, None),
    "a novel in a cell": ('id,text\n1,"' + "A sentence. " * 20_000 + '"\n2,short\n', "short", None),
    "Excel's first line": ("sep=;\nid;text\n1;one, two\n", ["one, two"], "';'"),
    "single quotes": ("id,text\n1,'Hello, you'\n2,'fine, ok'\n", ["Hello, you", "fine, ok"], "'"),
    "a blank before": ('id, text\n1, "Hello, world"\n', ["Hello, world"], None),
    "Windows": ('\ufeffid,text\r\n1,"one\r\ntwo, 3"\r\n', ["one\ntwo, 3"], None),
    "equal names": ("a,a,text\n1,2,hello there\n", ["hello there"], None),
    "bars": ("id|text\n1|Hello, you; all\n", ["Hello, you; all"], "'|'"),
    "tabs": ("id\ttext\n1\tone, two\n", ["one, two"], None),
    "one quoted column": ('text\n"One, two"\n"A ""b"" c"\n', ["One, two", 'A "b" c'], None),
    "no table": (
        "One, x.\nAnother.\nA, b, and c.\n",
        ["One, x.", "Another.", "A, b, and c."],
        None,
    ),
    "MySQL": (
        MANY + '31,"T","He said \\"play, please\\" and left"\n',
        'He said "play, please" and left',
        "quotes are written as \\",
    ),
    "MySQL, late": (
        MANY * 20 + '31,"T","He said \\"play, please\\" and left"\n',
        'He said \\"play, please\\" and left',
        REPAIRED.format(1),
    ),
    "an open quote, late": (
        MANY + '31,x,"Well, he began\n32,y,"some thing"\n33,z,"the end"\n',
        "the end",
        REPAIRED.format(1),
    ),
    "lone quotes": (
        "id,text,y\n" + '1,"He said\nthe word "hi" there, ok\nand left",2000\n' * 5,
        ['He said\nthe word "hi" there, ok\nand left'] * 5,
        REPAIRED.format(5),
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_separators_and_quotes(texts: Texts, case: str) -> None:
    """As data sets of lyrics, exports of MySQL and Excel, and hand-made tables have them."""
    content, expected, said = TABLES[case]
    found = texts("a.csv", content, *([said] if said else []))
    assert found == expected or found[-1] == expected


@pytest.mark.parametrize("case", OPEN_QUOTES)
def test_a_quote_may_be_only_a_quote(texts: Texts, case: str) -> None:
    name, rows, expected = OPEN_QUOTES[case]
    content = f"{rows[1].join(('id', 'text'))}\n1{rows[1]}one here\n{rows}\n4{rows[1]}the end\n"
    assert texts(name, content) == ["one here", *expected, "the end"]


def test_an_open_quote_does_not_swallow_the_memory(
    texts: Texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MAX_CELL", 1000)
    monkeypatch.setattr(tables, "SAMPLE_LENGTH", 100)
    content = MANY + '2,x,"' + "never, closed, here\n" * 500
    assert texts("a.csv", content, REPAIRED.format(1))[29:32] == [
        "A text, number 29",
        '"never',
        " here",
    ]


HEADERS = {
    "questions": (
        "Time,What did you like?,And you?\n2024/01/01,The labs,All\n2024/01/02,x y,z\n",
        2,
    ),
    "numbers": (f"1,{PROSE.replace(',', '')}\n2,{PROSE.replace(',', '')}\n", 2),
    "names over numbers": ("name,age\nAnn,3\nCid,5\nDan,6\nBob,4,surplus\n", 4),
}


def test_column_names_are_told_from_rows(texts: Texts) -> None:
    found = texts("a.csv", HEADERS["questions"][0])
    assert len(found) == 2 and "What did you like?: The labs" in found[0]
    assert (
        len(texts("a.csv", HEADERS["numbers"][0], "there is no row of column names; the text")) == 2
    )
    found = texts("a.csv", HEADERS["names over numbers"][0])
    assert found[0] == "name: Ann\nage: 3" and found[3] == "name: Bob\nage: 4\ncolumn 3: surplus"
    chat = "anna,where is the red bicycle\nbob,it stands behind the house\n"
    assert len(texts("a.csv", chat, "note: there is no row of column names")) == 2
    perhaps = "kind,colour\ncup,green\nlamp,red\n"
    assert len(texts("a.csv", perhaps, "the first row is read as column names (kind, colour)")) == 2


def test_the_text_column_is_found_by_name_and_length(tmp_path: Path, texts: Texts) -> None:
    cars = "make,body,description\n" + f"VW,sedan,{PROSE.replace(',', '')}\n" * 4
    assert texts("a.csv", cars, "the text is the column 'description'")[0].startswith("The light")
    assert texts("a.csv", "Text,id\na short one,1\n,2\n", "empty: 1 of 2 records") == [
        "a short one"
    ]
    long = PROSE.replace(",", "")
    said = "the text is the column 'answer' (left out: question)"
    assert texts("a.csv", f"question,answer\n{long},{long} {long}\n", said) == [f"{long} {long}"]
    path = tmp_path / "a.tsv"
    path.write_text(f'id\tlyrics\tauthor\n1\t"{PROSE}\n2"\tAnn\n2\t{PROSE}\tBob\n')
    found, _ = read(path)
    assert found[0] == (f"{PROSE}\n2", {"record": 1, "id": "1", "author": "Ann"})


# JSON


@pytest.mark.parametrize("ending", [".jsonl", ".ndjson", ".json"])
def test_json_lines_with_broken_ones(texts: Texts, ending: str) -> None:
    good = [json.dumps({"text": f"text {number}", "n": number}) for number in range(5)]
    content = "\n".join([good[0], good[1], "{broken", "", *good[2:], "also broken"])
    found = texts(f"a{ending}", content, "unreadable: line 3 ", "unreadable: line 8 ")
    assert found == [f"text {number}" for number in range(5)]


def test_many_broken_lines_are_summed_up(texts: Texts) -> None:
    said = ["is not valid"] * json_files.MAX_REPORTED + ["490 further lines are not valid JSON"]
    assert texts("a.jsonl", "broken\n" * 500 + '{"text": "good"}\n', *said) == ["good"]


RECORDS = [{"text": f"text {number}", "n": number} for number in range(4)]
CELLS = [[record["text"], record["n"]] for record in RECORDS]
SHAPES = {
    "list": json.dumps(RECORDS),
    "in an object": json.dumps({"version": 1, "data": RECORDS}),
    "deeper": json.dumps({"result": {"count": 4, "inner": {"rows": RECORDS}}}),
    "the second list": json.dumps({"licences": [{"id": 1}], "annotations": RECORDS}),
    "by key": json.dumps({f"k{number}": record for number, record in enumerate(RECORDS)}),
    "one after the other": "\n\n".join(json.dumps(record, indent=2) for record in RECORDS),
    "on one line": "".join(map(json.dumps, RECORDS)),
    "two lists": json.dumps(RECORDS[:2]) + "\n" + json.dumps(RECORDS[2:]),
    "pandas": json.dumps(
        {key: {str(n): r[key] for n, r in enumerate(RECORDS)} for key in RECORDS[0]}
    ),
    "pandas, split": json.dumps({"columns": ["text", "n"], "index": [0, 1, 2, 3], "data": CELLS}),
    "columns": json.dumps({key: [record[key] for record in RECORDS] for key in RECORDS[0]}),
    "not a number": json.dumps([{**record, "x": float("nan")} for record in RECORDS]),
    "with a mark": "\ufeff" + json.dumps(RECORDS),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
def test_json_records(
    texts: Texts, monkeypatch: pytest.MonkeyPatch, shape: str, large: bool
) -> None:
    if large:
        monkeypatch.setattr(json_files, "MAX_VALUE", 60)
    assert texts("a.json", SHAPES[shape]) == [record["text"] for record in RECORDS]


def test_json_lines_that_are_none(texts: Texts) -> None:
    expected = [record["text"] for record in RECORDS]
    assert texts("a.jsonl", json.dumps(RECORDS, indent=1)) == expected
    assert texts("a.jsonl", "\n".join(json.dumps(r, indent=1) for r in RECORDS)) == expected


def test_json_of_other_shapes(texts: Texts) -> None:
    for value, expected in [
        (["one", "two"], ["one", "two"]),
        ({"title": "T", "text": "the text"}, ["the text"]),
        ({"name": "Ann", "langs": ["de", "fr"]}, ["name: Ann\nlangs: de\nfr"]),
        (
            [{"messages": [{"role": "user", "content": "hi"}]}],
            ["messages: role: user\ncontent: hi"],
        ),
        ("just text", ["just text"]),
        ([], []),
    ]:
        assert texts("a.json", json.dumps(value)) == expected


@pytest.mark.parametrize("start", ["[", '{"data": ['])
def test_json_that_breaks_off_keeps_what_came_before(texts: Texts, start: str) -> None:
    content = start + '{"text": "one"},\n{"text": "two"},\n{"text": "thr'
    said = "unreadable: line 3 is not valid JSON"
    assert texts("a.json", content, said) == ["one", "two"]


def test_json_nested_without_end_and_values_without_end(
    texts: Texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert texts("a.json", "[" * 200_000, "unreadable: ") == []
    monkeypatch.setattr(json_files, "MAX_VALUE", 100_000)
    assert texts("a.json", '[{"text": "' + "x" * 1_000_000, "longer than 100,000") == []


# Parquet


def parquet_bytes(columns: dict) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def test_parquet_by_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    numbers = list(range(1000))
    write_parquet(
        path, {"text": [f"text {n}" for n in numbers], "n": numbers, "raw": [b"\0"] * 1000}
    )
    found, problems = read(path)
    assert [text for text, _ in found] == [f"text {n}" for n in numbers] and not problems
    assert found[7][1] == {"record": 8, "n": 7}


def test_parquet_with_columns_that_python_cannot_read(texts: Texts) -> None:
    made = pa.array([0, 253402300800], pa.timestamp("s"))
    found = texts("a.parquet", parquet_bytes({"made": made, "text": ["First text", "Second text"]}))
    assert found == ["First text", "Second text"]
    assert texts("a.parquet", parquet_bytes({"text": ["größer".encode(), b"two"]})) == [
        "größer",
        "two",
    ]


def test_utf16_tables_and_json(texts: Texts) -> None:
    for ending, content in [
        (".csv", "id,text\n1,schön\n"),
        (".jsonl", '{"text": "schön"}\n'),
        (".json", '[{"text": "schön"}]'),
    ]:
        assert texts(f"a{ending}", content.encode("utf-16")) == ["schön"]


# Parts of bounded length

PARAGRAPH = "One sentence stands here. Another one follows it! Does a third?\nA new line.\n\n"


@pytest.mark.parametrize("size", [1, 7, 100, 5000])
def test_parts_do_not_depend_on_the_chunks(size: int) -> None:
    text = PARAGRAPH * 40
    chunks = [text[start : start + size] for start in range(0, len(text), size)]
    assert list(parts(chunks, 300)) == list(parts([text], 300))


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (PARAGRAPH * 40, "line."),
        (PARAGRAPH.replace("\n", " ") * 40, ("here. ", "it! ", "third? ", "line.  ", "line. ")),
        ("word " * 400, "word "),
        ("词语。句子" * 400, "。"),
    ],
)
def test_a_cut_is_where_a_reader_pauses(text: str, ends: str | tuple[str, ...]) -> None:
    found = list(parts([text], 300))
    assert max(map(len, found)) <= 300 and min(map(len, found[:-1])) >= 150
    assert all(part.endswith(ends) for part in found[:-1])
    assert "".join("".join(found).split()) == "".join(text.split())


def test_no_part_is_lost_blank_or_cut_within_a_letter() -> None:
    text = "x" * 1_000_000
    found = list(parts([text]))
    assert "".join(found) == text and max(map(len, found)) == 20_000
    assert list(parts(["\n\n", "  ", "\t\n"])) == []
    for unit in ("e\u0301", "कि", "👨\u200d👩\u200d👧"):
        for part in parts([unit * 500], 101):
            assert part == unit * (len(part) // len(unit))


@pytest.mark.parametrize("bad", [b"\xff\xfe broken", b"\x00\x00 broken"])
def test_what_stands_before_a_break_is_kept(texts: Texts, bad: bytes) -> None:
    lines = [f"Line {n} of a text with an ü in it." for n in range(12_000)]
    found = texts("a.txt", "\n".join([*lines, ""]).encode() + bad, "kept")
    assert "".join(found).replace("\n", "").startswith("".join(lines))
    for name, before, line in [
        ("a.html", "<html><body>", "<p>{}</p>"),
        ("a.csv", "id,text\n", '1,"{}"\n'),
        ("a.jsonl", "", '{{"text": "{}"}}\n'),
        ("a.json", "[", '{{"text": "{}"}},\n'),
    ]:
        content = before + "".join(line.format(text) for text in lines)
        found = texts(name, content.encode() + bad, "kept")
        assert lines[-1] in found[-1] or lines[-1] in found[-2]
