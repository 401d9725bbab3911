"""A real workbench on a free port with a small world in it, and Chromium to look at it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import review_ui_seeds as seeds
from playwright.sync_api import Browser, Page, expect, sync_playwright
from settling import PATIENCE_MS, watched

from weft import settings, workbench
from weft.repositories import Store
from weft.store import open_store

# The first is Chromium without a window: it does the same with half the CPU.
_CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Workbench:
    """A running workbench and the store behind it."""

    url: str
    store: Store


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """One workbench a module: filled by ``review_ui_seeds``."""
    home: Path = tmp_path_factory.mktemp("bench")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}
    given = settings.load({"dir": home, "port": 0, "otlp_port": 0, "quiet": True}, plain)
    store = open_store(given)
    seeds.fill(store)
    with workbench.start_background(given) as background:
        yield Workbench(background.url, store)
    store.close()


@pytest.fixture(scope="module")  # playwright's event loop runs while it is open: the tests of other rooms need theirs
def browser() -> Iterator[Browser]:
    """Chromium: the system's, or the one that playwright brought. CI must have one; elsewhere its lack is said."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        system = next(filter(None, map(shutil.which, _CHROMIUMS)), None)
        if system is None and not Path(playwright.chromium.executable_path).exists() and not os.environ.get("CI"):
            pytest.skip("there is no Chromium: install your system's, or run `playwright install chromium`")
        started = playwright.chromium.launch(
            executable_path=system,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, bench: Workbench) -> Iterator[Callable[..., Page]]:
    """Open an address of the workbench in a browser context of its own, watched as ``settling`` says."""
    pages: list[Page] = []

    def open_it(path: str, *, theme: str = "light", width: int = 1440) -> Page:
        page = watched(browser, viewport={"width": width, "height": 900}, color_scheme=theme)
        pages.append(page)
        page.goto(bench.url + path)
        return page

    yield open_it
    for page in pages:
        page.context.close()
