"""Pages that are looked at and clicked only when they show what was asked for last.

Streamlit reruns a page's script at each click and shows old and new elements side by side until it ends. Open every
page of the workbench with ``watched``: each action on a locator and each ``expect`` then waits until the rerun that
was asked for is on the screen. What is no locator (``page.keyboard``, ``page.mouse``, ``locator.count()``, the address,
the store) waits for nothing: call ``settled`` before it, or ``expect`` what it needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

PATIENCE_MS = 60_000  # a bound for a machine with other work, not a measure
_ASKED = 'html[data-asked] [data-testid="stApp"]'  # the page itself: of handlers only what has a size counts
_SCRIPT = Path(__file__).with_name("settling.js").read_text("utf-8")


def watched(browser: Browser, **options: Any) -> Page:
    """A page in a context of its own (``options`` are the context's) that waits for reruns."""
    context = browser.new_context(**options)
    context.add_init_script(_SCRIPT)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.add_locator_handler(page.locator(_ASKED), lambda: None)  # playwright waits until it is gone
    return page


def settled(page: Page) -> None:
    """Wait until the page shows what was asked for last, all of it and nothing older."""
    page.locator("html[data-runs]:not([data-asked])").wait_for(state="attached")
