"""The decks, the quiz and its gain, as Chromium shows and prints them. No request leaves the file.

As in tests/test_browser.py: without Chromium it is skipped, and CI may not skip it.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pypdfium2
import pytest
from pypdf import PdfReader

from course_lib.places import REPOSITORY
from tools import slides

CHROMIUM = next(filter(None, map(shutil.which, slides.CHROMIUM)), None)
if CHROMIUM is None and os.environ.get("CI"):
    raise RuntimeError("CI must have Chromium: .ci/run installs it")
DECKS = slides.find_decks([])
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: install it for this test"),
    pytest.mark.skipif(not DECKS, reason="there is no deck yet"),
]
SIZES = ({"width": 1280, "height": 720}, {"width": 1920, "height": 1080})
# Of each slide: what leaves its box, type that is too small, text too like its ground.
LOOK = """async () => {
  await Promise.all([...document.images].map(image => image.decode()));
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => numbers(colour).slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const probe = document.body.appendChild(document.createElement("i"));
  const faults = [];
  Reveal.getSlides().forEach((slide, number) => {
    Reveal.slide(number);
    const box = slide.getBoundingClientRect(), scale = box.width / 1280;
    const tell = (what, element) => faults.push(`${number + 1}: ${what} ${element.textContent}`);
    if (slide.scrollHeight > 720 || slide.scrollWidth > 1280) tell("scrolls", slide);
    for (const element of slide.querySelectorAll(":not(aside, aside *, annotation)")) {
      const at = element.getBoundingClientRect(), style = getComputedStyle(element);
      if (at.left < box.left - 1 || at.right > box.right + 1 || at.top < box.top - 1
        || at.bottom > box.bottom - 20 * scale) tell("outside", element);
      if (element.scrollWidth > element.clientWidth + 1 && style.overflowX != "visible")
        tell("cut", element);
      if (element.tagName == "IMG" && !(at.height > 0.6 * scale * element.naturalHeight))
        tell("small figure", element.parentElement);
      if (![...element.childNodes].some(n => n.nodeType == 3 && n.data.trim())) continue;
      if (parseFloat(style.fontSize) < 24 && !element.closest("math")) tell("small", element);
      let ground = element;
      while (ground != slide && numbers(getComputedStyle(ground).backgroundColor)[3] === 0)
        ground = ground.parentElement;
      probe.style.color = ground == slide ? slide.dataset.backgroundColor
        : getComputedStyle(ground).backgroundColor;
      const colours = [style.color, getComputedStyle(probe).color];
      if (contrast(...colours.map(light)) < 4.5) tell(colours, element);
    }
  });
  return faults;
}"""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A page of a browser that reaches files only, and the folder with all that is built."""
    from playwright.sync_api import sync_playwright

    out = tmp_path_factory.mktemp("built")
    for deck in DECKS:
        slides.build_deck(deck, out)
    slides.print_pdf([out / f"{deck.stem}.html" for deck in DECKS[:2]])
    slides.build_pages(out, learners=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZES[0])
        asked, errors = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.route(re.compile("^(?!file:|data:|about:)"), lambda route: route.abort())
        yield SimpleNamespace(page=page, out=out, asked=asked, errors=errors)
        assert errors == []
        assert {url.split(":")[0] for url in asked} <= {"file", "data", "about"}
        assert {url.split("?")[0].split("#")[0] for url in asked if url.startswith("file:")} <= {
            path.as_uri() for path in out.glob("*.html")
        }
        browser.close()


def headings(deck: Path) -> list[str]:
    return [head.split(" {")[0].strip() for head, _, _ in slides.slides(deck)]


@pytest.mark.parametrize("deck", DECKS, ids=lambda deck: deck.stem)
def test_a_deck_starts_and_each_slide_fits_and_can_be_read(deck: Path, web) -> None:
    web.page.goto((web.out / f"{deck.stem}.html").as_uri())
    web.page.wait_for_function("window.Reveal && Reveal.isReady()")
    assert web.page.evaluate("Reveal.getTotalSlides()") == len(headings(deck))
    for size in SIZES:
        web.page.set_viewport_size(size)
        web.page.evaluate("Reveal.layout()")
        assert web.page.evaluate(LOOK) == []


def test_the_speaker_view_works_from_the_file(web) -> None:
    web.page.goto((web.out / f"{DECKS[0].stem}.html").as_uri())
    web.page.wait_for_function("window.Reveal && Reveal.isReady()")
    with web.page.expect_popup() as opened:
        web.page.keyboard.press("s")
    opened.value.get_by_text("Minutes.").first.wait_for()
    opened.value.close()
    web.page.keyboard.press("o")
    assert web.page.evaluate("Reveal.isOverview()")


def tags(node) -> Iterator[dict]:
    """The elements of a PDF's tag tree."""
    node = node.get_object()
    if isinstance(node, list):
        for child in node:
            yield from tags(child)
    elif isinstance(node, dict):
        yield node
        yield from tags(node["/K"]) if "/K" in node else ()


@pytest.mark.parametrize("deck", DECKS[:2], ids=lambda deck: deck.stem)
def test_a_pdf_has_every_slide_and_its_tags(deck: Path, web) -> None:
    path, wanted = web.out / f"{deck.stem}.pdf", headings(deck)
    printed = pypdfium2.PdfDocument(path)
    assert len(printed) == len(wanted)
    for page in printed:
        assert page.render(scale=0.2, grayscale=True).to_numpy().std() > 5, "a blank page"
    reader = PdfReader(path)
    titles = [re.sub(r"\W", "", entry["/Title"]) for entry in reader.outline]
    assert titles == [re.sub(r"\W", "", heading) for heading in wanted]
    elements = list(tags(reader.trailer["/Root"]["/StructTreeRoot"]["/K"]))
    assert [element.get("/S") for element in elements].count("/H2") == len(wanted)
    assert all(one.get("/Alt") for one in elements if one.get("/S") == "/Figure")


def answer(web, book: str, when: str, name: str, letters: str) -> str:
    """Fill in the quiz as a learner does; the line that comes out."""
    page = web.page
    page.goto((web.out / "quiz.html").as_uri())
    page.get_by_label("Notebook").select_option(book)
    page.get_by_label(f"{when} the session").check()
    page.get_by_label("Name or alias").fill(name)
    page.get_by_role("button", name="Start").click()
    for group, letter in zip(
        page.get_by_role("group").all()[-len(letters) :], letters, strict=True
    ):
        if letter != "-":
            group.get_by_role("radio").nth("abc".index(letter)).check()
    page.get_by_role("button", name="Finish").click()
    return page.get_by_role("status").inner_text()


def test_the_quiz_gives_a_line_and_the_gain_reads_it(web) -> None:
    book = "00_start_here"
    path = REPOSITORY / "assets" / "quizzes" / f"{book}.json"
    quiz = json.loads(path.read_text(encoding="utf-8"))
    right = "".join("abc"[one["answer"]] for one in quiz)
    total = len(quiz)
    before = answer(web, book, "before", "Anna  B", right[:1] + "-" * (total - 1))
    assert before == f"quiz 00 before 1/{total} {right[0]}{'-' * (total - 1)} Anna B"
    assert not web.page.get_by_text(quiz[0]["why"]).is_visible()
    after = answer(web, book, "after", "anna b", right)
    assert after == f"quiz 00 after {total}/{total} {right} anna b"
    assert web.page.get_by_text(quiz[0]["why"]).is_visible()

    web.page.goto((web.out / "gain.html").as_uri())
    paper = [f"quiz 00 before 2/{total} ben", f"[10:02] Ben: quiz 00 after 2/{total} ben"]
    bad = ["hello", f"quiz 00 after 0/{total} {right} cem", f"quiz 00 after 1/{total} dora"]
    web.page.get_by_label("Lines, one each").fill("\n".join([before, after, *paper, *bad]))
    first, second = [row.split("\t") for row in web.page.locator("tr").all_inner_texts()[1:3]]
    shares = 100 * 3 / (2 * total), 100 * (total + 2) / (2 * total)
    gain = (shares[1] - shares[0]) / (100 - shares[0])
    assert first == ["Quiz 00", "2", *(f"{share:.0f} %" for share in shares), f"{gain:.2f}"]
    assert second[1:] == ["1", "100 %", "100 %", "–"]  # only Anna's line has letters
    left_out = web.page.get_by_role("listitem").all_inner_texts()
    assert len(left_out) == 3 and "dora sent no" in left_out[2]
    assert all(line in text for line, text in zip(bad[:2], left_out, strict=False))
    assert "before" in web.page.get_by_role("img").get_attribute("aria-label")
