"""Every format, its text and its facts."""

import json
from pathlib import Path

import pytest
from file_makers import (
    PROSE,
    encrypted_pdf_bytes,
    notebook_text,
    pdf_bytes,
    write_docx,
    write_parquet,
)

from course_lib.workbook.corpus import json_stream, readers, tables
from course_lib.workbook.corpus.problems import SKIP_REASONS, Problem
from course_lib.workbook.corpus.readers import READERS, reader_for


def read(path: Path) -> tuple[list[tuple[str, dict]], list[Problem]]:
    """What the reader gives, and what it complains about (raised or not)."""
    parts, problems = [], []
    reader = reader_for(path.name)
    assert reader is not None
    try:
        for item in reader(path):
            (problems if isinstance(item, Problem) else parts).append(item)
    except Problem as problem:
        problems.append(problem)
    assert all(problem.reason in SKIP_REASONS for problem in problems)
    return parts, problems


def texts(path: Path) -> list[str]:
    parts, problems = read(path)
    assert not problems
    return [text for text, _ in parts]


def test_the_table_has_every_format() -> None:
    promised = (
        ".txt .md .rst .html .htm .pdf .docx .csv .tsv .json .jsonl .ndjson .parquet .ipynb .py"
    )
    assert set(READERS) == set(promised.split())
    assert reader_for("REPORT.PDF") is READERS[".pdf"] and reader_for("a.tar.gz") is None


@pytest.mark.parametrize("ending", [".txt", ".md", ".rst", ".py"])
def test_plain_text(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    path.write_text("# Heading\n\n    indented\nlast", encoding="utf-8")
    assert texts(path) == ["# Heading\n\n    indented\nlast"]


def test_a_python_file_may_declare_its_encoding(tmp_path: Path) -> None:
    path = tmp_path / "old.py"
    path.write_bytes("#!/usr/bin/python\n# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"))
    parts, _ = read(path)
    assert parts[0][0].endswith("x = 'é'") and parts[0][1] == {"encoding": "cp1252"}


def test_html_gives_the_article_without_menus_and_scripts(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    body = f"<nav><a href='/'>Menu entry</a></nav><article><h1>Harbour</h1><p>{PROSE}</p><p>{PROSE[::-1]}</p></article>"
    head = "<title>Keeper &amp; boats</title><script>var secret = 1</script>"
    path.write_text(
        f"<!doctype html><html><head>{head}</head><body>{body}</body></html>", encoding="utf-8"
    )
    parts, _ = read(path)
    assert PROSE in parts[0][0] and "Menu entry" not in parts[0][0] and "secret" not in parts[0][0]
    assert parts[0][1]["title"] == "Keeper & boats"


def test_html_without_an_article_gives_its_visible_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list.htm"
    path.write_text(
        "<?xml version='1.0' encoding='utf-8'?><p>one<br>two</p><style>x</style><td>three",
        encoding="utf-8",
    )
    monkeypatch.setattr(readers, "_main_text", lambda markup: "")
    assert texts(path) == ["one\ntwo\nthree"]
    path.write_text("<!-- nothing -->", encoding="utf-8")
    assert texts(path) == []


def test_a_failing_html_library_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trafilatura

    def fail(*args: object, **more: object) -> None:
        raise RecursionError

    monkeypatch.setattr(trafilatura, "extract", fail)
    path = tmp_path / "page.html"
    path.write_text(f"<p>{PROSE}</p>", encoding="utf-8")
    assert texts(path) == [PROSE]


def test_html_in_the_encoding_that_it_declares(tmp_path: Path) -> None:
    path = tmp_path / "old.html"
    path.write_bytes(f"<meta charset='iso-8859-1'><p>Café. {PROSE}</p>".encode("latin-1"))
    parts, _ = read(path)
    assert "Café" in parts[0][0] and parts[0][1]["encoding"] == "cp1252"


def test_pdf_pages_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf_bytes([f"page {number}" for number in range(50)]))
    (text,) = texts(path)
    assert text.split() == " ".join(f"page {number}" for number in range(50)).split()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(pdf_bytes(["", ""]), "no_text"), (encrypted_pdf_bytes("hidden", "secret"), "encrypted")],
)
def test_pdf_that_cannot_be_used(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    parts, problems = read(path)
    assert not parts and [problem.reason for problem in problems] == [reason]


def test_a_pdf_that_anybody_may_open_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(encrypted_pdf_bytes("open to all", ""))
    assert texts(path) == ["open to all"]


def test_one_damaged_page_does_not_lose_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pypdf import PageObject

    real = PageObject.extract_text

    def extract(page: PageObject) -> str:
        text = real(page)
        if "page 1" in text:
            raise KeyError("/Font")
        return text

    monkeypatch.setattr(PageObject, "extract_text", extract)
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf_bytes(["page 0", "page 1", "page 2"]))
    parts, problems = read(path)
    assert parts[0][0].split() == ["page", "0", "page", "2"]
    assert (
        problems[0].reason == "broken"
        and problems[0].detail == "1 of 3 pages are damaged, the first is 2"
    )


def test_word_paragraphs_and_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    write_docx(path, ["First – “quoted”", "Second"], [["name", "age"], ["Ann", "3"]])
    (text,) = texts(path)
    assert text.split("\n\n") == ["First – “quoted”", "Second", "name | age\nAnn | 3"]


def test_word_bombs_and_passwords_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.docx"
    write_docx(path, ["text " * 5000])
    for name in ("MOST_UNPACKED", "MOST_MARKUP"):
        with monkeypatch.context() as patch:
            patch.setattr(readers, name, 20_000)
            parts, problems = read(path)
            assert not parts and problems[0].reason == "too_large"
    path.write_bytes(readers.OLD_OFFICE + b"\x00" * 600)
    assert read(path)[1][0].reason == "encrypted"


def test_notebook_cells_without_outputs(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(
        notebook_text([("markdown", "# Title\ntext"), ("code", "x = 1\nx")]), encoding="utf-8"
    )
    assert texts(path) == ["# Title\ntext\n\nx = 1\nx"]
    path.write_text('{"worksheets": []}', encoding="utf-8")
    assert read(path)[1][0].reason == "broken"


@pytest.mark.parametrize(
    ("separator", "ending"), [(",", ".csv"), (";", ".csv"), ("\t", ".tsv"), ("|", ".csv")]
)
def test_tables_find_the_text_column(tmp_path: Path, separator: str, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    rows = [
        ["id", "story", "author"],
        ["1", f'"{PROSE}\nline two"', "Ann"],
        ["2", f'"{PROSE}"', "Bob"],
    ]
    path.write_text("\n".join(separator.join(row) for row in rows), encoding="utf-8")
    parts, problems = read(path)
    assert not problems
    assert parts[0] == (f"{PROSE}\nline two", {"record": 1, "id": "1", "author": "Ann"})
    assert parts[1][0] == PROSE


def test_a_column_called_text_wins_and_short_tables_become_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"Text,comment\nshort,{PROSE.replace(',', '')}\n,x\n", encoding="utf-8")
    parts, problems = read(path)
    assert [text for text, _ in parts] == ["short"]
    assert problems[0].reason == "empty" and "1 of 2 records" in problems[0].detail
    path.write_text("name,age\nAnn,3\nCid,5\nDan,6\nBob,4,surplus\n", encoding="utf-8")
    found = texts(path)
    assert found[0] == "name: Ann\nage: 3" and found[3] == "name: Bob\nage: 4\ncolumn 3: surplus"


def test_a_table_without_a_header_loses_no_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        f"1,{PROSE.replace(',', '')}\n2,{PROSE[::-1].replace(',', '')}\n", encoding="utf-8"
    )
    assert len(texts(path)) == 2
    path.write_text(
        "One sentence, alone.\nAnother sentence.\nA third one, and, more.\n", encoding="utf-8"
    )
    assert len(texts(path)) == 3


def test_an_open_quote_does_not_swallow_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "LONGEST_CELL", 1000)
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,good\n2,"' + "never closed\n" * 500, encoding="utf-8")
    parts, problems = read(path)
    assert [text for text, _ in parts] == ["good"] and problems[0].reason == "broken"


@pytest.mark.parametrize("ending", [".jsonl", ".ndjson", ".json"])
def test_json_lines_with_broken_ones(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    good = [json.dumps({"text": f"text {number}", "n": number}) for number in range(5)]
    path.write_text(
        "\n".join([good[0], good[1], "{broken", "", *good[2:], "also broken"]), encoding="utf-8"
    )
    parts, problems = read(path)
    assert [text for text, _ in parts] == [f"text {number}" for number in range(5)]
    assert parts[4][1] == {"record": 5, "n": 4}
    assert [problem.reason for problem in problems] == ["broken_json"] * 2
    assert "line 3 " in problems[0].detail and "line 8 " in problems[1].detail


def test_many_broken_lines_are_summed_up(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("broken\n" * 500 + '{"text": "good"}\n', encoding="utf-8")
    parts, problems = read(path)
    assert len(parts) == 1 and len(problems) == tables.REPORTED + 1
    assert problems[-1].detail == f"{500 - tables.REPORTED} further lines are not valid JSON"


RECORDS = [{"body": f"text {number}", "n": number, "inner": {"x": 1}} for number in range(4)]
SHAPES = {
    "list": RECORDS,
    "in an object": {"version": 1, "data": RECORDS},
    "deeper": {"result": {"count": 4, "rows": RECORDS}},
    "by key": {f"k{number}": record for number, record in enumerate(RECORDS)},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("whole", [True, False], ids=["small", "streamed"])
def test_json_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str, whole: bool
) -> None:
    if not whole:
        monkeypatch.setattr(tables, "WHOLE", 0)
    path = tmp_path / "a.json"
    path.write_text(json.dumps(SHAPES[shape]), encoding="utf-8")
    assert texts(path) == [f"text {number}" for number in range(4)]


def test_json_of_other_shapes(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for value, expected in [
        (["one", "two"], ["one", "two"]),
        ({"title": "T", "text": "the text", "tags": ["a", "b"]}, ["the text"]),
        ({"name": "Ann", "langs": ["de", "fr"]}, ["name: Ann\nlangs: de\nfr"]),
        (
            [{"messages": [{"role": "user", "content": "hi"}]}],
            ["messages: role: user\ncontent: hi"],
        ),
        ("just text", ["just text"]),
        ([], []),
    ]:
        path.write_text(json.dumps(value), encoding="utf-8")
        assert texts(path) == expected


def test_json_that_breaks_off_keeps_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"text": "one"},\n{"text": "two"},\n{"text": "thr', encoding="utf-8")
    parts, problems = read(path)
    assert [text for text, _ in parts] == ["one", "two"]
    assert problems[0].reason == "broken_json" and "line 3" in problems[0].detail


def test_json_nested_without_end_and_values_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    path.write_text("[" * 200_000, encoding="utf-8")
    assert read(path)[1][0].reason == "broken_json"
    monkeypatch.setattr(json_stream, "LARGEST", 100_000)
    monkeypatch.setattr(tables, "WHOLE", 0)
    path.write_text('[{"text": "' + "x" * 1_000_000, encoding="utf-8")
    assert read(path)[1][0].reason == "too_large"


def test_parquet_by_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = {
        "text": [f"text {n}" for n in range(1000)],
        "n": list(range(1000)),
        "raw": [b"\x00"] * 1000,
    }
    write_parquet(path, columns)
    parts, problems = read(path)
    assert [text for text, _ in parts] == columns["text"] and not problems
    assert parts[7][1] == {"record": 8, "n": 7}


def test_utf16_tables_and_json(tmp_path: Path) -> None:
    for ending, content in [
        (".csv", "id,text\n1,schön\n"),
        (".jsonl", '{"text": "schön"}\n'),
        (".json", '[{"text": "schön"}]'),
    ]:
        path = tmp_path / f"a{ending}"
        path.write_bytes(content.encode("utf-16"))
        assert texts(path) == ["schön"]
