"""The decks' rules, and what is built of them; tests/test_slides_in_browser.py looks at it."""

import re
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader

from course_lib.errors import CourseError
from course_lib.places import REPOSITORY
from course_lib.workbook import cli
from course_lib.workbook.run import find_notebooks
from tools import slides

DECKS = slides.find_decks([])
GUIDES = sorted((slides.SLIDES / "teaching").glob("*.md"))
PARTS = [
    *("In one sentence", "Goals", "Needs", "Run of the session", "Questions to ask"),
    *("Usual misconceptions", "Exercises", "When you are late", "When something breaks"),
]
NOTES = re.compile(
    r"\*\*Say\.\*\* \S.*\n\n\*\*Stuck\.\*\* \S.*\n\n\*\*Minutes\.\*\* (\d+(/\d+)?)\s*", re.DOTALL
)
FENCE = re.compile(r"^```.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)
APART = re.compile(r"!\[.*?\]\(.*?\)|^\|.*$|^:::.*$|\$\$.*?\$\$", re.MULTILINE | re.DOTALL)
each_deck = pytest.mark.parametrize("deck", DECKS, ids=lambda deck: deck.stem)


def parts(deck: Path) -> list[tuple[str, list[str], str, str]]:
    """(heading, its classes, what is shown, the notes) of each slide."""
    made = []
    for head, shown, notes in slides.slides(deck):
        heading, _, attributes = head.partition(" {")
        made.append((heading.strip(), re.findall(r"\.(\w+)", attributes), shown, notes.strip()))
    return made


def test_every_notebook_has_its_deck_and_its_guide() -> None:
    names = [path.stem for path in find_notebooks()]
    assert [deck.stem for deck in DECKS] == names
    assert [path.stem for path in GUIDES if path.stem[0].isdigit()] == names


@each_deck
def test_the_order_of_a_deck(deck: Path) -> None:
    """A title with a picture first; last the question that divides, and what to take home."""
    made = parts(deck)
    classes = [kind for _, kind, _, _ in made]
    assert 14 <= len(made) <= 22
    assert classes[0] == ["title"] and "](figure:" in made[0][2]
    assert classes[-2:] == [["ask"], ["statement"]]
    assert classes.count(["ask"]) >= 2 and classes.count(["demo"]) >= 2
    text = deck.read_text(encoding="utf-8").split("\n---\n", 1)[1]
    assert not re.search(r"^(# |---$)", FENCE.sub("", text), re.MULTILINE)


@each_deck
def test_a_heading_says_one_idea_and_a_demonstration_is_in_the_notebook(deck: Path) -> None:
    sections = [
        line.lstrip("#").strip()
        for cell in slides.cells(deck.stem)
        for line in "".join(cell["source"]).splitlines()
        if cell["cell_type"] == "markdown" and line.startswith("#")
    ]
    for heading, classes, _, _ in parts(deck):
        if "demo" in classes:
            assert heading.removeprefix("Now run: ") in sections, heading
        else:
            assert len(heading) <= 70 and len(heading.split()) >= 3, heading


@each_deck
def test_the_notes_say_what_to_say_where_people_get_stuck_and_how_long(deck: Path) -> None:
    for heading, _, _, notes in parts(deck):
        assert NOTES.fullmatch(notes), heading
    assert 30 <= slides.minutes(deck)[0] <= 60


@each_deck
def test_a_slide_is_not_a_page(deck: Path) -> None:
    figures = 0
    for heading, classes, shown, _ in parts(deck):
        assert ("ask" in classes) <= ("\n. . .\n" in shown), f"no pause: {heading}"
        for code in FENCE.findall(shown):
            lines = code.splitlines()
            assert len(lines) <= 10 and max(map(len, lines)) <= 60, heading
        pictures = len(re.findall(r"!\[.*?\]\((?:figure|cell):", shown))
        assert pictures == len(re.findall(r"^!\[", FENCE.sub("", shown), re.MULTILINE)) <= 1
        figures += pictures
        text = FENCE.sub("", shown)
        assert len(re.findall(r"^[-*] ", text, re.MULTILINE)) <= 3, heading
        assert len(APART.sub("", text).split()) <= 48, heading
    assert 2 * figures >= len(parts(deck))


@each_deck
def test_the_caption_says_something_else_than_the_alternative_text(deck: Path) -> None:
    for found in slides._PICTURE.finditer(deck.read_text(encoding="utf-8")):
        data, sentence = slides.picture(found["kind"], found["name"], deck.stem)
        assert data.startswith(b"\x89PNG") and len(sentence.split()) >= 4, found[0]
        assert 0 < len(found["caption"]) <= 90 and found["caption"] != sentence


@pytest.mark.parametrize("path", [*DECKS, *GUIDES], ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    for target in re.findall(
        r"(?<!!)\[[^\]]*\]\((?!https?:)([^)\s]+)\)", slides._PICTURE.sub("", text)
    ):
        file, _, place = target.partition("#")
        assert not file or (path.parent / file).exists(), target
        assert file or f"{{#{place}" in text or f" #{place}" in text, target


@pytest.mark.parametrize("name", [deck.name for deck in DECKS])
def test_a_guide_has_its_parts(name: str) -> None:
    text = (slides.SLIDES / "teaching" / name).read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == PARTS
    assert len(text.splitlines()) <= 130


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All decks as HTML, and the pages beside them."""
    out = tmp_path_factory.mktemp("built")
    for deck in DECKS:
        slides.build_deck(deck, out)
    slides.build_pages(out, learners=False)
    return out


@each_deck
def test_a_deck_is_one_file_with_all_slides(deck: Path, built: Path) -> None:
    page = (built / f"{deck.stem}.html").read_text(encoding="utf-8")
    assert page.count("<section id=") == page.count('<aside class="notes">') == len(parts(deck))
    assert not re.search(r'<(?:link|script)\b[^>]{0,40} (?:src|href)="(?!data:)', page)
    assert re.search(rf'<a href="{deck.stem}.html">', (built / "index.html").read_text("utf-8"))


@pytest.mark.skipif(not DECKS, reason="there is no deck yet")
class TestTheCommand:
    def test_it_builds_for_learners_without_notes(self, fresh_home: Path, capsys) -> None:
        assert cli.main(["slides", DECKS[0].stem.split("_")[0], "--learners"]) == 0
        out = fresh_home / "slides" / "built" / "learners"
        assert capsys.readouterr().out.endswith(f"The decks: {out / 'index.html'}\n")
        assert "<aside" not in (out / f"{DECKS[0].stem}.html").read_text(encoding="utf-8")
        assert {path.name for path in out.iterdir()} == {
            *("index.html", "quiz.html", f"{DECKS[0].stem}.html")
        }

    def test_what_a_user_can_mend_is_one_sentence(self, fresh_home, capsys, monkeypatch) -> None:
        assert cli.main(["slides", "--learners", "--handout"]) == 2
        monkeypatch.setitem(sys.modules, "pypandoc", None)
        assert cli.main(["slides", "00"]) == 2
        handout, missing = capsys.readouterr().err.splitlines()
        assert "leave out" in handout and "The package pypandoc is missing: " in missing
        assert f'{sys.executable} -m pip install -e ".[slides]"' in missing

    def test_a_handout_is_accessible(self, tmp_path: Path) -> None:
        made = slides.build_handout(DECKS[0], tmp_path)
        reader = PdfReader(made)
        assert b"<pdfuaid:part>1</pdfuaid:part>" in reader.xmp_metadata.stream.get_data()
        text = "\n".join(page.extract_text() for page in reader.pages)
        assert all(part in text for part in PARTS) and "Minutes." in text

    def test_a_figure_without_alternative_text_stops_it(self, tmp_path, monkeypatch) -> None:
        real = slides.picture
        monkeypatch.setattr(slides, "picture", lambda *given: (real(*given)[0], ""))
        with pytest.raises(CourseError, match="missing alt text"):
            slides.build_handout(DECKS[0], tmp_path)

    @pytest.mark.parametrize("name", ["figure:00_unknown", "cell:unknown", "cell:01_history/no"])
    def test_a_figure_that_does_not_exist_is_named(self, name: str) -> None:
        with pytest.raises(CourseError, match=rf"slides/00_start_here.md wants {name}, but "):
            slides.with_pictures(f"![Caption]({name})", "00_start_here", REPOSITORY)
