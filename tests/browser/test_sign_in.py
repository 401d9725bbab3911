"""A browser signs in, and the pages' socket works behind the gate, without a request to another host."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from weft import settings, workbench

KEY = "a long random key"

pytestmark = [pytest.mark.browser]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_sign_in(browser: Browser, fresh_home: Path, theme: str) -> None:
    given = settings.load({"port": 0, "otlp_port": 0, "quiet": True, "api_key": KEY})
    with workbench.start_background(given) as background:
        context = browser.new_context(color_scheme=theme)  # type: ignore[arg-type]
        page = context.new_page()
        hosts: set[str] = set()
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.goto(f"{background.url}/runs?project=default")
        expect(page.get_by_label("Key")).to_be_focused()
        page.get_by_label("Key").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("That is not the key of this server.")
        page.get_by_label("Key").fill(KEY)
        page.keyboard.press("Enter")
        expect(page.get_by_text("Runs").first).to_be_visible(timeout=30_000)
        assert "/runs" in page.url
        assert hosts == {background.url.removeprefix("http://")}
        context.close()
