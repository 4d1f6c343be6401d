"""JupyterLab as a learner sees it, in headless Chromium: run all, then use what can be clicked.

What counts is what the page shows: no error below a cell, no warning, no question to answer, and
that it talks to this machine only. JupyterLab's own console is its own affair: on a slow
machine it tells of requests that it gave up. In CI the test may not be skipped.
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
from types import SimpleNamespace

import nbformat
import pytest

from course_lib.places import REPOSITORY

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)
if CHROMIUM is None and os.environ.get("CI"):
    raise RuntimeError("CI must have Chromium: .ci/run installs it")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: install it for this test"),
    pytest.mark.timeout(900),
]

GENEROUS = 240_000  # milliseconds that anything may take on a busy machine
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
FOREIGN = re.compile(r"(?:https?|wss?|ftp)://(?!127\.0\.0\.1[:/]|localhost[:/])")
TROUBLE = ", ".join(
    f".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.{kind}']"
    for kind in ("error", "stderr")
)
# JupyterLab's own commands behind its menus; each promise is kept when the work is done.
RUN_ALL = """async path => {
  const app = window.jupyterapp;
  await app.restored;
  const panel = await app.commands.execute(
    'docmanager:open', {path, kernel: {name: 'python3'}});
  await panel.sessionContext.ready;
  app.shell.activateById(panel.id);
  await app.commands.execute('notebook:run-all-cells');
}"""
CELLS = [
    'import course_lib\n\ncourse = course_lib.start("00_start_here")',
    "course.choose_corpus()",
    "import ipywidgets\n"
    "from course_lib.workbook.figures import explore\n\n"
    'explore(lambda n: f"{n} squared is {n * n}", n=ipywidgets.IntSlider(3, 0, 9))',
    "from course_lib.history.play import play_shannon\n\nplay_shannon('ab')",
    "from course_lib.history.eliza import Eliza, read_script\n"
    "from course_lib.history.play import chat\n"
    "from course_lib.places import REPOSITORY\n\n"
    "script = (REPOSITORY / 'assets/eliza/listener.txt').read_text('utf-8')\n"
    "chat(Eliza(read_script(script)), [])",
    "from course_lib.cleaning.labels import LabelBook, ask\n\n"
    "ask(list(course.corpus)[:8], LabelBook('keep'), preview=2)",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """A browser page on a JupyterLab that ``course_lib lab`` started with an empty home."""
    from playwright.sync_api import sync_playwright

    root = tmp_path_factory.mktemp("lab")
    settings, config = root / "settings", root / "config"
    # Draw all cells, not only those near the window; let this test reach the commands.
    tracker = settings / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    tracker.parent.mkdir(parents=True)
    tracker.write_text(json.dumps({"windowingMode": "none"}))
    config.mkdir()
    exposed = {"LabApp": {"expose_app_in_browser": True}}
    (config / "jupyter_lab_config.json").write_text(json.dumps(exposed))
    variables = {k: v for k, v in os.environ.items() if k != "COURSE_HEADLESS"} | {
        "COURSE_HOME": str(root / "home with ä blank"),
        "COURSE_PROFILE": "smoke",
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTER_CONFIG_DIR": str(config),
    }
    command = [sys.executable, "-m", "course_lib", "lab", "--no-browser", "--port", "0"]
    command += ["--corpus", "songbook"]
    log = root / "lab.log"
    with log.open("wb") as stream:
        server = subprocess.Popen(
            command, cwd=REPOSITORY, env=variables, stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        while not (found := re.search(r"http://127\.0\.0\.1:\S+token=\w+", log.read_text("utf-8"))):
            assert server.poll() is None, log.read_text("utf-8")
            time.sleep(0.2)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=QUIET, timeout=GENEROUS
            )
            page = browser.new_page(viewport={"width": 1300, "height": 1000})
            page.set_default_timeout(GENEROUS)
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(found.group())
            home = Path(variables["COURSE_HOME"])
            yield SimpleNamespace(page=page, asked=asked, home=home, address=found.group())
            browser.close()
    finally:
        server.terminate()
        server.wait(60)


def run_all(lab: SimpleNamespace, name: str) -> None:
    """Open a notebook of the working copy and run all its cells; nothing in it may be an error."""
    lab.page.wait_for_function("window.jupyterapp")
    lab.page.evaluate(RUN_ALL, name)
    assert lab.page.locator(TROUBLE).all_inner_texts() == []
    assert lab.page.locator(".jp-Dialog").all_inner_texts() == []
    assert [url for url in lab.asked if FOREIGN.match(url)] == []


def test_the_server_has_the_notebooks_and_knows_our_settings(lab: SimpleNamespace) -> None:
    def ask(path: str) -> dict:
        address = lab.address.replace("lab/tree/00_start_here.ipynb", path)
        return lab.page.request.get(address).json()

    names = {entry["name"] for entry in ask("api/contents")["content"]}
    assert names == {path.name for path in REPOSITORY.glob("notebooks/*.ipynb")}
    overrides = REPOSITORY / "course_lib/workbook/labconfig/default_setting_overrides.json"
    for plugin, values in json.loads(overrides.read_text(encoding="utf-8")).items():
        known = ask(f"lab/api/settings/{plugin}")["schema"]["properties"]
        assert {name: known[name]["default"] for name in values} == values, plugin


def test_start_here_opens_and_runs(lab: SimpleNamespace) -> None:
    lab.page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()  # `lab` opened it
    assert lab.page.url.split("?")[0].endswith("/lab/tree/00_start_here.ipynb")
    run_all(lab, "00_start_here.ipynb")
    table = lab.page.locator(".jp-OutputArea-output table").first
    assert "songbook" in table.inner_text()


def test_what_can_be_clicked_answers(lab: SimpleNamespace, tmp_path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbformat.write(notebook, lab.home / "work" / "widgets.ipynb")
    run_all(lab, "widgets.ipynb")
    notebook = lab.page.locator(".jp-NotebookPanel:visible")
    _, wizard, slider, game, chat, labels = (
        notebook.locator(".jp-CodeCell").nth(number) for number in range(len(CELLS))
    )

    folder = tmp_path / "meine Notizen"
    folder.mkdir()
    for number in range(30):
        text = f"Note {number}. Row {number} needs water on day {number % 7}. " * 20
        (folder / f"note {number}.txt").write_text(text, "utf-8")
    (folder / "empty.txt").touch()
    wizard.locator("select").select_option(label="a folder or file of my own …")
    wizard.get_by_placeholder("folder or file").fill(str(folder))
    wizard.get_by_role("button", name="Use this corpus").click()
    wizard.get_by_text("From now on every notebook uses").wait_for()
    assert wizard.get_by_text("meine Notizen").first.is_visible()

    slider.get_by_text("3 squared is 9").first.wait_for()
    handle = slider.get_by_role("slider").first
    handle.focus()
    handle.press("ArrowRight")
    slider.get_by_text("4 squared is 16").first.wait_for()

    field = game.get_by_placeholder("next letter, _ for a blank")
    field.press_sequentially("c")
    game.get_by_text("not: c").wait_for()
    field.press_sequentially("a")
    game.get_by_text("1 letters: between").wait_for()

    field = chat.get_by_placeholder("say something, then press Enter")
    field.fill("I remember my grandfather's orchard")
    field.press("Enter")
    chat.get_by_text("COME BACK TO YOU OFTEN").wait_for()

    labels.get_by_text("1 of 8, labels kept: 0").wait_for()
    for button, then in (
        ("Keep", "2 of 8, labels kept: 1"),
        ("Drop", "3 of 8, labels kept: 2"),
        ("Back", "2 of 8, labels kept: 1"),
    ):
        labels.get_by_role("button", name=button).click()
        labels.get_by_text(then).wait_for()
    assert [url for url in lab.asked if FOREIGN.match(url)] == []
