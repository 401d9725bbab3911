"""The first screen of a trace of 30,000 spans in a browser, beside a plain page that holds a table of all of them.

Weft's time runs from the click on the trace's row in the list to the first rows on the screen, the plain page's from
its request to its last row, laid out. Both in one Chromium; needs Chromium and playwright.
"""

from __future__ import annotations

import html
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from weft import clock, settings, workbench
from weft.records import Span, SpanStatus
from weft.store import open_store
from weft.testing import batch_of

SPANS = 30_000
ROUNDS = 7
_TRACE = "d" * 32
_MS = 1_000_000


def main() -> dict[str, float]:
    """Print and return milliseconds: the first screen cold and warm, a far window, the plain table, and the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        plain = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}
        given = settings.load({"dir": home, "port": 0, "otlp_port": 0, "quiet": True}, plain)
        spans = _spans()
        store = open_store(given)
        for at in range(0, SPANS, 2000):
            store.ingest(batch_of(f"w{at}", *spans[at : at + 2000]))
        store.close()
        table = Path(folder) / "table.html"
        table.write_text(_table(spans), "utf-8")
        with workbench.start_background(given) as served, sync_playwright() as playwright:
            system = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
            arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(executable_path=system, args=arguments)
            found = _measure(browser.new_page(), served.url, table)
            browser.close()
    for name, value in found.items():
        print(f"{name:44} {value:8.1f}{'' if name.startswith('ratio') else ' ms'}", flush=True)
    return found


def _measure(page: Page, url: str, table: Path) -> dict[str, float]:
    cold: list[float] = []
    warm: list[float] = []
    for turn in range(ROUNDS + 1):
        page.goto(f"{url}/traces")
        row = page.get_by_role("link", name="crawl").first
        row.wait_for()
        page.wait_for_timeout(300)  # the page has settled
        began = time.perf_counter()
        row.click()
        page.locator(".row.selected").first.wait_for()
        (warm if turn else cold).append((time.perf_counter() - began) * 1000)
    far = []
    for at in range(1, ROUNDS + 1):
        began = time.perf_counter()
        page.locator(".scroll").evaluate("(node, part) => { node.scrollTop = node.scrollHeight * part }", at / 9)
        page.locator(".row.waiting").first.wait_for(state="detached")
        far.append((time.perf_counter() - began) * 1000)
    naive = []
    for _ in range(3):
        began = time.perf_counter()
        page.goto(table.as_uri())
        page.evaluate("() => document.body.lastElementChild.getBoundingClientRect().height")
        naive.append((time.perf_counter() - began) * 1000)
    middle = statistics.median
    return {
        "first screen after a click, never read before": cold[0],
        "first screen after a click, median": middle(warm),
        "a window elsewhere in the tree, median": middle(far),
        "a plain table of all spans, median": middle(naive),
        "ratio of the plain table to the first screen": middle(naive) / middle(warm),
    }


def _spans() -> list[Span]:
    start = clock.now_ns() - 600_000 * _MS
    return [
        Span(
            "bench", _TRACE, f"{n + 1:016x}", "crawl" if n == 0 else f"page_{n % 40}", start + n * _MS,
            parent_span_id=None if n == 0 else f"{(n - 1) // 8 + 1:016x}", end_ns=start + (n + 40) * _MS,
            kind="llm" if n % 3 else "tool", status=SpanStatus.OK, model="m" if n % 3 else None,
            input_tokens=100, output_tokens=10, cost_usd=0.0001, input={"url": f"page {n}"}, output=f"text {n}",
        )
        for n in range(SPANS)
    ]  # fmt: skip


def _table(spans: list[Span]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(s.name)}<td>{s.kind}<td>{s.status}<td>{s.duration_ns}<td>{s.cost_usd}</tr>"
        for s in spans
    )
    return f"<!doctype html><table>{rows}</table>"


if __name__ == "__main__":
    main()
