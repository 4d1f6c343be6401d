"""The chat page in headless Chromium: by keyboard alone, and talking to its own server only."""

import shutil
import time

import pytest
from playwright.sync_api import expect, sync_playwright
from tiny_assistant import tiny_assistant

from course_lib.serving.engine import Engine
from course_lib.serving.server import create_app, serve

expect.set_options(timeout=60_000)
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)
KEY = "k-0123456789abcdef"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: install it for this test")
def test_a_talk_by_keyboard() -> None:
    asked: list[str] = []
    with (
        Engine(*tiny_assistant(length=1024)) as engine,
        serve(create_app(engine, "tiny", keys=[KEY])) as address,
        sync_playwright() as playwright,
    ):
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        page, trouble = browser.new_page(), []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(address)
        expect(page.get_by_label("Your message")).to_be_focused()
        page.keyboard.type("Hello")
        page.keyboard.press("Enter")
        expect(state := page.get_by_role("status")).to_contain_text("Give a key")
        expect(answers := page.locator(".turn.assistant")).to_have_count(0)
        page.get_by_text("Key and length").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type(KEY)
        page.keyboard.press("Tab")
        page.keyboard.type("\b\b\b\b12")
        page.get_by_label("Your message").focus()
        for turn in (1, 2):
            page.keyboard.type(f"<b>{turn}</b>")
            page.keyboard.press("Shift+Enter")
            page.keyboard.press("Enter")
            expect(answers).to_have_count(turn)
            expect(state).to_have_text("The answer is complete.")
        assert page.locator(".user").all_inner_texts()[-1].endswith("<b>2</b>")  # text, not marks
        assert len(page.locator(".assistant span").last.inner_text()) > 0
        quick, engine.ends = engine.step, set()  # now an answer of 500 tokens takes half a minute
        engine.step = lambda: time.sleep(0.05) or quick()
        page.locator("#most").fill("500")
        page.locator("#text").fill("Go on")
        page.keyboard.press("Enter")
        expect(answers).to_have_count(3)
        page.keyboard.press("Tab")  # from the box to Stop: Send is off meanwhile
        page.keyboard.press("Enter")
        expect(state).to_have_text("Stopped.")
        expect(page.locator("#send")).to_be_enabled()
        browser.close()
    assert not trouble and all(url.startswith(address) for url in asked), (trouble, asked)
