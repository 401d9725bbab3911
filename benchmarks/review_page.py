"""From a label to the next case on the reviewer's screen, over 50 cases in a browser.

The desk claims the next case while this one is read and shows it before the server has answered; the baseline, in the
same Chromium and run, is the desk without it: the next case is fetched once the label is stored. Both on this machine's
own link and on one whose round trips take 100 ms. Needs Chromium and playwright.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Request, Route, sync_playwright

from weft import clock, settings, workbench
from weft.records import ReviewItem, ReviewQueue
from weft.repositories import Store
from weft.store import open_store
from weft.testing.waiting import wait_for

CASES = 50
TARGET_MS = 300
_READING_MS = 400  # far less than a person takes: the next case has less time to come
_LINK_MS = 100
_PROJECT = "bench"
_TEXT = "The order left the warehouse this morning and is on its way to the customer. " * 12

# A label by its key, until the next case is painted: milliseconds.
_LABEL = """async () => {
  const find = (root, name) => {
    for (const node of root.querySelectorAll('*')) {
      if (node.matches(name)) return node;
      const inner = node.shadowRoot && find(node.shadowRoot, name);
      if (inner) return inner;
    }
    return null;
  };
  const said = () => { const node = find(document, '.work:not(.waiting) .case'); return node && node.textContent; };
  const before = said(), began = performance.now();
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'y', bubbles: true, composed: true }));
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  while (said() === before || said() === null) await frame();
  await frame();
  await frame();
  return performance.now() - began;
}"""


@dataclass(frozen=True)
class _Way:
    """How a queue is worked: with the next case at hand or not, on which link."""

    name: str
    ahead: bool
    link_ms: int


_WAYS = (
    _Way("next case at hand", True, 0),
    _Way("next case fetched after the answer", False, 0),
    _Way("next case at hand, slow link", True, _LINK_MS),
    _Way("next case fetched after the answer, slow link", False, _LINK_MS),
)


def main() -> dict[str, float]:
    """Print and return milliseconds, median and 95th percentile of each way, and the ratios of the medians."""
    with tempfile.TemporaryDirectory() as folder:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}
        given = settings.load({"dir": Path(folder), "port": 0, "otlp_port": 0, "quiet": True}, plain)
        store = open_store(given)
        for number, _ in enumerate(_WAYS):
            _fill(store, f"queue-{number}")
        found: dict[str, float] = {}
        with workbench.start_background(given) as served, sync_playwright() as playwright:
            system = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
            arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(executable_path=system, args=arguments)
            for number, way in enumerate(_WAYS):
                times = sorted(_measure(browser, f"{served.url}/review/queue-{number}?project={_PROJECT}", way))
                wait_for(lambda number=number: _labelled(store, f"queue-{number}") == CASES)  # type: ignore[misc]
                found[f"{way.name}, median"] = statistics.median(times)
                found[f"{way.name}, p95"] = times[round(0.95 * (len(times) - 1))]
            browser.close()
        store.close()
    for ending in ("", ", slow link"):
        late, ready = (found[f"{_WAYS[at].name}{ending}, median"] for at in (1, 0))
        found[f"ratio of the medians{ending}"] = late / ready
    found["ratio of the target to the median at hand"] = TARGET_MS / found[f"{_WAYS[0].name}, median"]
    for name, value in found.items():
        print(f"{name:56} {value:8.1f}{'' if name.startswith('ratio') else ' ms'}", flush=True)
    return found


def _measure(browser: Browser, address: str, way: _Way) -> list[float]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()

    def claim(route: Route, request: Request) -> None:
        body = json.loads(request.post_data or "{}")
        route.continue_(post_data=json.dumps(body if way.ahead else {**body, "ahead": 0}))

    page.route("**/claim", claim)  # both ways take this detour
    page.goto(f"{address}&reviewer=ann")
    page.locator(".case").wait_for()
    if way.link_ms:
        wire = context.new_cdp_session(page)
        wire.send("Network.enable")
        limits = {"offline": False, "latency": way.link_ms, "downloadThroughput": -1, "uploadThroughput": -1}
        wire.send("Network.emulateNetworkConditions", limits)
    times = []
    for _ in range(CASES):
        page.wait_for_timeout(_READING_MS)
        times.append(float(page.evaluate(_LABEL)))
    context.close()
    return times


def _labelled(store: Store, name: str) -> int:
    return store.reviews.get_queue(name).labelled


def _fill(store: Store, name: str) -> None:
    queue = store.reviews.create_queue(
        ReviewQueue(name, _PROJECT, name, "correct", {"question": "Is it correct?"}, created_ns=clock.now_ns())
    )
    items = [
        ReviewItem(f"{name}-{number}", queue.queue_id, _PROJECT, "by hand", created_ns=number,
                   shown={"input": f"Question {number}? {_TEXT}", "output": f"Answer {number}. {_TEXT}"})
        for number in range(CASES + 5)
    ]  # fmt: skip
    store.reviews.add_items(items)


if __name__ == "__main__":
    main()
