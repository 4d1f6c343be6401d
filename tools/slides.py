"""``python3 -m course_lib slides``: decks, handouts and the quiz's pages, from ``slides/``.

A deck is Markdown; its figures are those of the committed notebooks, never drawn again. What is
made needs nothing but itself: no other file, no address.
"""

import base64
import html
import importlib
import json
import os
import re
import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import count
from pathlib import Path
from types import ModuleType

from course_lib import places
from course_lib.errors import CourseError
from course_lib.workbook.run import find_notebooks

REPOSITORY = places.REPOSITORY
SLIDES = REPOSITORY / "slides"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_PICTURE = re.compile(r"!\[(?P<caption>.*?)\]\((?P<kind>figure|cell):(?P<name>[^)\s]+)\)")
_NOTES = re.compile(r"^::: notes\n(.*?)^:::$\n?", re.MULTILINE | re.DOTALL)
# pandoc's pause would take the notes below it along: the answer gets a box of its own.
_PAUSE = re.compile(r"^\. \. \.\n(.*?)(?=^\. \. \.$|^::: notes$)", re.MULTILINE | re.DOTALL)
_UNHIDE = """async () => {
  await Promise.all([...document.images].map(image => image.decode()));
  for (const slide of document.querySelectorAll(".slides section")) {
    slide.removeAttribute("hidden");
    slide.removeAttribute("aria-hidden");
  }
  for (const figure of document.querySelectorAll("figure")) figure.role = "group";
}"""


def main(options: Namespace) -> int:
    """Build the decks that are named, or all. Returns the exit status."""
    if options.learners and options.handout:
        raise CourseError("A handout has the notes: leave out --learners or --handout.")
    out = places.home() / "slides" / "built" / ("learners" if options.learners else "")
    out.mkdir(parents=True, exist_ok=True)
    made = []
    for deck in find_decks(options.names):
        made.append(build_deck(deck, out, notes=not options.learners))
        if options.handout:
            build_handout(deck, out)
        print(f"{deck.stem}: {len(slides(deck))} slides")
    if options.pdf:
        print_pdf(made)
    build_pages(out, learners=options.learners)
    print(f"The decks: {out / 'index.html'}")
    return 0


def find_decks(names: list[str]) -> list[Path]:
    """The decks of the notebooks called ``names``, of all by default."""
    decks = [SLIDES / f"{path.stem}.md" for path in find_notebooks(names)]
    if missing := [deck.name for deck in decks if names and not deck.is_file()]:
        raise CourseError(f"There is no slides/{missing[0]} yet: write it, or leave it out.")
    return [deck for deck in decks if deck.is_file()]


def slides(deck: Path) -> list[tuple[str, str, str]]:
    """A deck's slides: (heading with its attributes, what is shown, the notes)."""
    _, *parts = re.split(r"^## ", deck.read_text(encoding="utf-8"), flags=re.MULTILINE)
    pieces = [part.partition("\n") for part in parts]
    return [(head, _NOTES.sub("", rest), "".join(_NOTES.findall(rest))) for head, _, rest in pieces]


def minutes(deck: Path) -> tuple[Fraction, Fraction]:
    """(minutes of talking, minutes of the demonstrations), as the notes have them."""
    total = {False: Fraction(0), True: Fraction(0)}
    for heading, _, notes in slides(deck):
        found = re.search(r"^\*\*Minutes\.\*\* *(\d+(?:/\d+)?)\s*$", notes, re.MULTILINE)
        total[".demo" in heading] += Fraction(found[1]) if found else 0
    return total[False], total[True]


# Figures ----------------------------------------------------------------------------------------


@cache
def cells(notebook: str) -> list[dict]:
    """The cells of a committed notebook."""
    path = find_notebooks([notebook])[0]
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def picture(kind: str, name: str, deck: str) -> tuple[bytes, str]:
    """The PNG and the alternative text of ``figure:NAME``, ``cell:ID`` or ``cell:NOTEBOOK/ID``."""
    notebook, _, short = name.rpartition("/")
    others = [path.stem for path in find_notebooks()] if kind == "figure" else []
    look = drawn if kind == "figure" else computed
    for cell in (cell for place in (notebook or deck, *others) for cell in cells(place)):
        if found := look(cell, short):
            if not found[1]:
                raise CourseError(f"{kind}:{name} of slides/{deck}.md has no alternative text.")
            return base64.b64decode(found[0]), found[1]
    where = "no notebook" if kind == "figure" else f"not {notebook or deck}"
    raise CourseError(f"slides/{deck}.md wants {kind}:{name}, but {where} has it: mend the name.")


def drawn(cell: dict, name: str) -> tuple[str, str] | None:
    """An attached figure and what says most about it: its text or the sentence below it."""
    data = cell.get("attachments", {}).get(f"{name}.png")
    if not data:
        return None
    link = rf"!\[([^\]]*)\]\(attachment:{re.escape(name)}\.png\)(?:\s*\n\*([^*]+)\*\s*?(?:\n|\Z))?"
    found = re.search(link, "".join(cell["source"]))
    texts = [found[1], found[2] or ""] if found else [""]
    return data["image/png"], max(texts, key=len)


def computed(cell: dict, name: str) -> tuple[str, str] | None:
    """The picture in a cell's output and the sentence that is stored with it."""
    for output in cell.get("outputs", ()) if cell["id"] == name else ():
        if "image/png" in output.get("data", {}):
            data = output["data"]
            return "".join(data["image/png"]), " ".join("".join(data["text/plain"]).split())
    return None


def with_pictures(text: str, deck: str, folder: Path) -> str:
    """Markdown with the figures as files in ``folder``, each with its alternative text."""

    def replace(found: re.Match) -> str:
        data, sentence = picture(found["kind"], found["name"], deck)
        file = re.sub(r"\W", "_", found["name"]) + ".png"
        (folder / file).write_bytes(data)
        alt = html.escape(sentence).replace("\\", "&#92;")
        return f'![{found["caption"]}]({file}){{alt="{alt}"}}'

    return _PICTURE.sub(replace, text)


# What is built ----------------------------------------------------------------------------------


def needed(package: str) -> ModuleType:
    """A package of the extra ``slides``, imported. Raises CourseError when it is missing."""
    try:
        return importlib.import_module(package)
    except ImportError:
        how = f'in {REPOSITORY} run `{sys.executable} -m pip install -e ".[slides]"`.'
        raise CourseError(f"The package {package.split('.')[0]} is missing: {how}") from None


def pandoc(text: str, to: str, out: Path, folder: Path, *options: str) -> None:
    """Convert Markdown with pandoc into the file ``out``; it finds its files in ``folder``."""
    paths = f"--resource-path={SLIDES}{os.pathsep}{folder}"
    given = [paths, "--fail-if-warnings", "--wrap=none", "--columns=1000", *options]
    try:
        needed("pypandoc").convert_text(text, to, "markdown", given, outputfile=str(out))
    except RuntimeError as error:
        raise CourseError(f"pandoc cannot make {out.name}: {error}") from error


def build_deck(deck: Path, out: Path, notes: bool = True) -> Path:
    """One HTML file with everything in it; its path. ``notes``: for the speaker view."""
    text, page = deck.read_text(encoding="utf-8"), out / f"{deck.stem}.html"
    text = _PAUSE.sub(r":::::: fragment\n\1\n::::::\n\n", text)
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        text = with_pictures(text if notes else _NOTES.sub("", text), deck.stem, Path(folder))
        looks = ["--slide-level=2", "--mathml", "--embed-resources", "--standalone"]
        template = f"--template={SLIDES / 'deck.html'}"
        pandoc(text, "revealjs", page, Path(folder), template, *looks)
    return page


def build_handout(deck: Path, out: Path) -> Path:
    """The teacher's handout, PDF/UA-1: a figure without alternative text stops it."""
    guide = SLIDES / "teaching" / deck.name
    if not guide.is_file():
        raise CourseError(f"There is no slides/teaching/{deck.name}: the handout needs it.")
    typst, made = needed("typst"), out / f"{deck.stem}-handout.pdf"
    text = _PAUSE.sub(r"*Pause.*\n\n\1", deck.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="course-") as name:
        folder = Path(name)
        number = count(1)
        text = re.sub(r"^## ", lambda _: f"## {next(number)} · ", text, flags=re.MULTILINE)
        text = with_pictures(text, deck.stem, folder)
        text += "\n\n" + guide.read_text(encoding="utf-8")
        options = [f"--template={SLIDES / 'handout.typ'}", f"--lua-filter={SLIDES / 'handout.lua'}"]
        pandoc(text, "typst", folder / "handout.typ", folder, *options)
        try:
            typst.compile(folder / "handout.typ", made, pdf_standards=["ua-1"])
        except typst.TypstError as error:
            raise CourseError(f"The handout of {deck.stem}: {error.message}.") from error
    return made


def print_pdf(pages: list[Path]) -> None:
    """Print decks with Chromium, as tagged PDF files beside them."""
    api = needed("playwright.sync_api")
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    where = {"executable_path": found} if found else {"channel": "chrome"}
    with api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(**where, args=["--no-sandbox"])
        except api.Error:
            raise CourseError("No Chromium or Chrome was found for the PDF: install one.") from None
        for path in pages:
            page = browser.new_page()
            page.goto(f"{path.as_uri()}?print-pdf")
            page.wait_for_selector("html.reveal-print .pdf-page")
            page.evaluate(_UNHIDE)  # hidden slides would be printed, but without their tags
            looks = {"prefer_css_page_size": True, "print_background": True}
            page.pdf(path=path.with_suffix(".pdf"), tagged=True, outline=True, **looks)
            page.close()
        browser.close()


def build_pages(out: Path, learners: bool) -> None:
    """The index; the quiz, whose questions are those of the notebooks; for teachers its gain."""
    files = sorted((REPOSITORY / "assets" / "quizzes").glob("*.json"))
    quizzes = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}
    pages = {"quiz": "The quiz, before and after", "gain": "What the session has changed"}
    if learners:
        del pages["gain"]
    links = ", ".join(f'<a href="{name}.html">{title}</a>' for name, title in pages.items())
    marks = {
        "/*STYLE*/": (SLIDES / "pages.css").read_text(encoding="utf-8"),
        "/*QUIZZES*/": json.dumps(quizzes, ensure_ascii=False).replace("</", "<\\/"),
        "<!--ROWS-->": "\n".join(index_rows(out)),
        "<!--PAGES-->": links,
    }
    for name in ("index", *pages):
        text = (SLIDES / f"{name}.html").read_text(encoding="utf-8")
        for mark, content in marks.items():
            text = text.replace(mark, content)
        (out / f"{name}.html").write_text(text, encoding="utf-8")


def index_rows(out: Path) -> Iterator[str]:
    """A row of HTML for each deck that is built, with what there is of it."""
    for deck in filter(lambda deck: (out / f"{deck.stem}.html").is_file(), find_decks([])):
        title = re.search(r'^pagetitle: "?(.*?)"?$', deck.read_text("utf-8"), re.MULTILINE)
        talk, demos = minutes(deck)
        kinds = {".html": "slides", ".pdf": "PDF", "-handout.pdf": "handout"}
        links = [
            f'<a href="{deck.stem}{end}">{kind}</a>'
            for end, kind in kinds.items()
            if (out / f"{deck.stem}{end}").is_file()
        ]
        cells_ = (html.escape(title[1]), f"{float(talk):g} + {float(demos):g}", ", ".join(links))
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells_) + "</tr>"
