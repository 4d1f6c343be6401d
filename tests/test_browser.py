"""JupyterLab as a learner sees it, in headless Chromium: run all, move a widget, choose a folder.

The page may talk to this machine only, and its console must stay free of errors. In CI the
test may not be skipped.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from course_lib.places import REPOSITORY

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)
if CHROMIUM is None and os.environ.get("CI"):
    raise RuntimeError("CI must have Chromium: .ci/run installs it")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium found: install it to run the browser test"
)

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FOREIGN = re.compile(r"(?:https?|wss?|ftp)://(?!127\.0\.0\.1[:/]|localhost[:/])")
HARMLESS = re.compile(
    r"Could not restore the debugger state|favicon|ResizeObserver|deprecat", re.IGNORECASE
)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """The address of a JupyterLab that ``course_lib lab`` started with an empty home."""
    environment = {k: v for k, v in os.environ.items() if k != "COURSE_HEADLESS"}
    environment |= {
        "COURSE_HOME": str(tmp_path / "home with ä blank"),
        "PYTHONUNBUFFERED": "1",
        "COURSE_PROFILE": "smoke",
    }
    command = [
        sys.executable,
        "-m",
        "course_lib",
        "lab",
        "--no-browser",
        "--port",
        "0",
        "--ip",
        "127.0.0.1",
    ]
    log = tmp_path / "lab.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        for _ in range(600):
            found = re.search(
                r"http://(?:127\.0\.0\.1|localhost):\d+/\S*token=\w+",
                log.read_text("utf-8", "replace"),
            )
            if found or process.poll() is not None:
                break
            time.sleep(0.2)
        assert found, log.read_text("utf-8", "replace")
        yield found.group()
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture
def page(lab: str) -> Iterator:
    """A browser page that records foreign requests and console errors."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.foreign, page.errors = [], []
        page.on(
            "request",
            lambda request: (
                page.foreign.append(request.url) if FOREIGN.match(request.url) else None
            ),
        )
        page.on(
            "console",
            lambda message: page.errors.append(message.text) if is_error(message) else None,
        )
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(lab)
        yield page
        browser.close()


def is_error(message: object) -> bool:
    """An error of ours. JupyterLab itself asks for `attachment:…` once before it has drawn the attached picture."""
    if message.location.get("url", "").startswith("attachment:"):
        return False
    return message.type == "error" and not HARMLESS.search(message.text)


def run_all_cells(page: object) -> None:
    """Menu *Run*, *Run All Cells*; wait until the kernel has done them.

    On a busy machine JupyterLab may ask which kernel to take: then its own proposal is accepted. Asked
    to run all without a kernel, it asks once a cell, and each answer would start another kernel: so one
    question in a minute is answered and the others are closed, and the menu is used when a kernel is there.
    """
    from playwright.sync_api import TimeoutError

    page.evaluate(WATCH)
    started, clicked, answered = time.monotonic(), -60.0, -60.0
    while (second := time.monotonic() - started) < 240:
        if page.locator(".jp-Dialog").count():
            if second - answered >= 60:
                page.locator(".jp-Dialog .jp-mod-accept").first.click()
                answered = second
            else:
                page.keyboard.press("Escape")
            page.wait_for_timeout(1_000)
            clicked = -60.0
            continue
        ready = second >= 90 or page.evaluate(READY)
        if ready and not page.evaluate("window.__waited") and second - clicked >= 20:
            try:
                page.get_by_role("menuitem", name="Run", exact=True).click(timeout=5_000)
                page.get_by_role("menuitem", name="Run All Cells", exact=True).click(timeout=5_000)
                clicked = second
            except TimeoutError:  # the question has come between the look and the click
                if not page.locator(".jp-Dialog").count():
                    page.keyboard.press("Escape")  # close the menu
        if page.evaluate(DONE):
            return
        page.wait_for_timeout(1_000)
    raise AssertionError(f"the cells were not all run: {page.evaluate(STATE)}")


# Done: the last cell has waited for its turn ([*]), it and all others in sight have their numbers
# again, and the kernel has stayed idle for a while (between two cells it is idle for a moment).
WATCH = """() => {
  window.__waited = false;
  window.__idleTicks = 0;
  setInterval(() => {
    const status = document.querySelector('.jp-NotebookPanel .jp-Notebook-ExecutionIndicator');
    const busy = status && status.getAttribute('data-status') === 'busy';
    window.__idleTicks = busy ? 0 : window.__idleTicks + 1;
  }, 20);
}"""
READY = """() => {
  const status = document.querySelector('.jp-NotebookPanel .jp-Notebook-ExecutionIndicator');
  return status !== null && status.getAttribute('data-status') === 'idle';
}"""
STATE = """() => ({
  waited: window.__waited,
  idleTicks: window.__idleTicks,
  prompts: [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')].map(p => p.textContent),
  status: document.querySelector('.jp-NotebookPanel .jp-Notebook-ExecutionIndicator')?.getAttribute('data-status'),
  dialog: [...document.querySelectorAll('.jp-Dialog')].map(d => d.textContent),
})"""
DONE = """() => {
  const outer = document.querySelector('.jp-WindowedPanel-outer');
  if (outer.scrollTop + outer.clientHeight < outer.scrollHeight - 5) outer.scrollTo(0, outer.scrollHeight);
  const cells = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')];
  const prompts = cells.map(prompt => prompt.textContent);
  const last = prompts.at(-1) || '';
  window.__waited = window.__waited || last.includes('*');
  return window.__waited && /[0-9]/.test(last) && !prompts.some(p => p.includes('*')) && window.__idleTicks > 100;
}"""


def show(page: object, selector: str, has_text: str) -> object:
    """Scroll until a cell is rendered (JupyterLab draws only what is near the window)."""
    scroller = page.locator(".jp-WindowedPanel-outer").first
    for _ in range(120):
        found = page.locator(selector, has_text=has_text)
        if found.count():
            found.first.scroll_into_view_if_needed()
            return found.first
        scroller.evaluate("node => node.scrollBy(0, 500)")
        page.wait_for_timeout(60)
    raise AssertionError(f"nothing in the notebook shows {has_text!r}")


def open_and_run(page: object, name: str) -> None:
    """Open a notebook of the working copy, run all its cells, and go back to its top."""
    page.goto(re.sub(r"/tree/[^?]*", f"/tree/{name}.ipynb", page.url.split("?")[0]))
    ready = ".jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status='idle']"
    page.wait_for_selector(f"{ready}, .jp-Dialog", timeout=60_000)
    run_all_cells(page)
    page.locator(".jp-WindowedPanel-outer").first.evaluate("node => node.scrollTo(0, 0)")


def test_start_here_in_jupyterlab(page: object, tmp_path: Path) -> None:
    open_and_run(page, "00_start_here")
    assert not page.locator(
        ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']"
    ).count()

    folder = tmp_path / "meine Notizen"
    folder.mkdir()
    for number in range(30):
        text = (
            f"Note {number}. The greenhouse in row {number} needs water on day {number % 7}. " * 20
        )
        (folder / f"note {number}.txt").write_text(text, "utf-8")
    (folder / "empty.txt").touch()

    wizard = show(page, ".jp-OutputArea-child", "Use this corpus")
    wizard.locator("select").select_option(label="a folder or file of my own …")
    wizard.get_by_placeholder("folder or file").fill(str(folder))
    wizard.get_by_role("button", name="Use this corpus").click()
    page.get_by_text("From now on every notebook uses").wait_for(timeout=30_000)
    assert page.get_by_text("meine Notizen").first.is_visible()

    quiz = show(page, ".jp-OutputArea-child", "trigram model has just written")
    quiz.locator("summary").nth(1).click()
    page.get_by_text("Right. It has a table of counts").wait_for(timeout=10_000)

    assert not page.foreign
    assert not page.errors


def test_history_in_jupyterlab(page: object) -> None:
    """Play Shannon's game, then talk to ELIZA."""
    open_and_run(page, "01_history")
    game = show(page, ".jp-OutputArea-child", "▯")
    field = game.get_by_placeholder("next letter, _ for a blank")
    for letter in "etaoinshrdlucmfwypvbgkjqxz_":
        field.type(letter)
        page.wait_for_function(
            "field => field.value === ''", arg=field.element_handle(), timeout=10_000
        )
        if game.get_by_text("bits a letter").count():
            break
    assert game.get_by_text("1 letters: between").count()

    chat = show(page, ".jp-OutputArea-child", "WHAT WOULD YOU LIKE TO TALK ABOUT")
    field = chat.get_by_placeholder("say something, then press Enter")
    field.fill("I remember my grandfather's orchard")
    field.press("Enter")
    chat.get_by_text("COME BACK TO YOU OFTEN").wait_for(timeout=10_000)
    assert chat.get_by_text("REMEMBER: rule of line").count()

    assert not page.foreign
    assert not page.errors


def test_labelling_in_jupyterlab(page: object, tmp_path: Path) -> None:
    """The buttons of notebook 04, in a notebook that has only its set-up and them."""
    (work,) = {path.parent for path in tmp_path.rglob("04_data_cleaning.ipynb")}
    notebook = nbformat.read(work / "04_data_cleaning.ipynb", as_version=4)
    setup = next(cell for cell in notebook.cells if "setup" in cell.metadata.get("tags", []))
    asked = nbformat.v4.new_code_cell(
        "from course_lib.cleaning.labels import LabelBook, ask\n"
        'ask(list(course.corpus_of(2_000, "a classifier").sample(60_000))[:8], LabelBook("keep"), preview=2)'
    )
    notebook.cells = [setup, asked]
    nbformat.write(notebook, work / "labels only.ipynb")
    open_and_run(page, "labels%20only")

    shown = show(page, ".jp-OutputArea-child", "labels kept:")
    assert shown.get_by_text("1 of 8 · labels kept: 0").is_visible()
    for button, then in (
        ("Keep", "2 of 8 · labels kept: 1"),
        ("Drop", "3 of 8 · labels kept: 2"),
        ("Skip", "4 of 8 · labels kept: 2"),
        ("Back", "3 of 8 · labels kept: 2"),
        ("Back", "2 of 8 · labels kept: 1"),
    ):
        shown.get_by_role("button", name=button).click()
        shown.get_by_text(then).wait_for(timeout=30_000)
    (book,) = tmp_path.rglob("labels/keep.json")
    assert list(json.loads(book.read_text(encoding="utf-8")).values()) == [True]
    assert not page.foreign
    assert not page.errors
