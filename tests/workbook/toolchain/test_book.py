"""``run``: a book of executed notebooks that asks nobody for anything."""

import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.errors import CourseError
from course_lib.workbook.toolchain.book import run_notebooks
from course_lib.workbook.toolchain.formulas import draw_formulas
from course_lib.workbook.toolchain.page import page

GOOD = [
    new_markdown_cell("# 01 · Good\n\n> **Claim.** It runs, & ends.\n\nHello."),
    new_code_cell(
        "import os\nprint(os.environ['COURSE_CORPUS'], os.environ.get('COURSE_PROFILE'))"
    ),
    new_code_cell("1 + 1", metadata={"tags": ["solution"]}),
]


class Tags(HTMLParser):
    """All tags of a page, and where they point."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.targets: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.targets += [
            (tag, value or "") for name, value in attributes if name in ("src", "href", "data")
        ]


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    """A folder with two good notebooks and one that fails between them."""
    folder = tmp_path / "note books"
    folder.mkdir()
    bad = [
        new_markdown_cell("# 02 · Bad"),
        new_code_cell("raise ValueError('a < b')"),
        new_code_cell("2"),
    ]
    for name, cells in {"01_good": GOOD, "02_bad": bad, "03_good": GOOD}.items():
        nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")
    return folder


def test_the_others_still_run_and_the_book_says_what_happened(
    notebooks: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    before = {path.name: path.read_bytes() for path in notebooks.iterdir()}
    book = tmp_path / "book"

    status = run_notebooks(corpus="songbook", profile="smoke", out=book, folder=notebooks)

    printed = capsys.readouterr().out
    assert status == 1
    assert "02_bad: stopped in cell 2 with ValueError: a < b" in printed
    assert "01_good: ran in" in printed and str(book / "index.html") in printed
    assert {path.name: path.read_bytes() for path in notebooks.iterdir()} == before
    assert {path.name for path in book.iterdir()} == {
        "index.html",
        *(
            f"{name}{end}"
            for name in ("01_good", "02_bad", "03_good")
            for end in (".ipynb", ".html")
        ),
    }
    executed = nbformat.read(book / "03_good.ipynb", as_version=4)
    assert executed.cells[1].outputs[0].text == "songbook smoke\n"

    index = (book / "index.html").read_text(encoding="utf-8")
    assert '<a href="01_good.html">01 · Good</a>' in index
    assert "It runs, &amp; ends." in index
    assert "failed: cell 2 with ValueError: a &lt; b" in index
    assert index.count("ran to its end") == 2
    assert "It stopped in cell 2" in (book / "02_bad.html").read_text(encoding="utf-8")


def test_no_page_asks_another_host() -> None:
    cells = [
        new_markdown_cell(
            "See [a page](https://example.com) and $x^2$.\n\n![P.](attachment:p.png)"
        ),
        new_code_cell(
            "1", outputs=[nbformat.v4.new_output("display_data", data={"text/html": "<b>bold</b>"})]
        ),
        new_code_cell(
            "2",
            outputs=[
                nbformat.v4.new_output(
                    "display_data",
                    data={
                        "text/html": '<script src="https://example.com/x.js"></script><img src="data:image/png;base64,aGk=">'
                    },
                )
            ],
        ),
    ]
    cells[0].attachments = {"p.png": {"image/png": "aGk="}}
    text = page(new_notebook(cells=cells), "A page")
    tags = Tags(text)
    foreign = [(tag, target) for tag, target in tags.targets if re.match(r"(https?:)?//", target)]
    assert foreign == [("a", "https://example.com")]
    assert "script" not in tags.names and "link" not in tags.names
    assert sum(target.startswith("data:image/") for _, target in tags.targets) == 3
    assert "Content-Security-Policy" in text and "default-src 'none'" in text


def test_solutions_are_folded() -> None:
    text = page(new_notebook(cells=GOOD), "A page")
    assert text.count("<details><summary>Solution</summary>") == 1


def test_formulas_are_drawn_and_code_is_left_alone() -> None:
    drawn = draw_formulas("so $x_1^2$ and $$\\frac{a}{b}$$ but `$x$`, from $5 to $6\n```\n$y$\n```")
    assert drawn.count("<img") == 2
    assert 'alt="x_1^2"' in drawn and "vertical-align" in drawn
    assert "`$x$`" in drawn and "```\n$y$\n```" in drawn and "from $5 to $6" in drawn
    assert draw_formulas(r"$\unknowncommand{x}$") == r"<code>\unknowncommand{x}</code>"


def test_names(notebooks: Path, tmp_path: Path) -> None:
    assert run_notebooks(["01"], out=tmp_path / "one", folder=notebooks) == 0
    assert (tmp_path / "one" / "01_good.ipynb").is_file() and not (
        tmp_path / "one" / "03_good.ipynb"
    ).exists()
    with pytest.raises(CourseError, match="'04': choose from 01_good, 02_bad, 03_good"):
        run_notebooks(["04"], folder=notebooks)


def test_a_corpus_that_does_not_exist_stops_before_anything_runs(
    notebooks: Path, tmp_path: Path
) -> None:
    with pytest.raises(CourseError):
        run_notebooks(corpus=str(tmp_path / "nowhere"), out=tmp_path / "book", folder=notebooks)
    assert not (tmp_path / "book").exists()


def test_a_folder_of_ones_own_is_found_from_the_kernel(
    notebooks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "my texts"
    own.mkdir()
    (own / "a.txt").write_text("The greenhouse needs water. " * 50, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    run_notebooks(["01"], corpus="my texts", out="book", folder=notebooks)
    executed = nbformat.read(tmp_path / "book" / "01_good.ipynb", as_version=4)
    assert executed.cells[1].outputs[0].text.startswith(str(own.resolve()))


def test_the_book_never_replaces_the_notebooks(notebooks: Path) -> None:
    with pytest.raises(CourseError, match="must not replace"):
        run_notebooks(out=notebooks, folder=notebooks)


def test_a_place_that_cannot_be_written_is_one_sentence(notebooks: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CourseError, match="cannot be written"):
        run_notebooks(out=tmp_path / "file" / "book", folder=notebooks)


def test_where_it_goes_by_default(notebooks: Path, fresh_home: Path) -> None:
    shutil.rmtree(fresh_home, ignore_errors=True)
    assert run_notebooks(["01_good.ipynb"], folder=notebooks) == 0
    (book,) = (fresh_home / "executed").iterdir()
    assert (book / "index.html").is_file()


def test_in_a_terminal_there_is_a_bar(
    notebooks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    run_notebooks(["01"], out=tmp_path / "book", folder=notebooks)
    assert "2/2 cells" in capsys.readouterr().out


def test_a_hint_stays_folded() -> None:
    hint = new_markdown_cell("<details><summary>Hint</summary>\n\nUse `zip`.\n\n</details>")
    text = page(new_notebook(cells=[hint]), "a title")
    folded = re.search(r"<details><summary>Hint</summary>(.*?)</details>", text, re.DOTALL)
    assert folded and "<code>zip</code>" in folded[1]
