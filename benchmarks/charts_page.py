"""The page of runs in Chromium: 100 runs by 20 panels of 10,000 points each, beside the same curves drawn by plotly.js.

Weft's first paint runs from the click that opens the page to all curves in the panels in sight, data fetched from the
server; its zoom from the end of the drag to finer data on the screen. plotly.js gets a bare page that holds the buckets
already, and draws only the panels that are in sight: server, page and the panels below it is spared. Frames are
the times between two animation frames while the pointer moves or the page scrolls. Needs Chromium and playwright.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import plotly
from playwright.sync_api import Page, sync_playwright

from weft import clock, settings, workbench
from weft.records import Metrics, RunKind, RunStatus, RunUpdate
from weft.store import open_store
from weft.testing import batch_of

RUNS, METRICS, POINTS = 100, 20, 10_000
BUCKETS = 200
ROUNDS = 5
IN_SIGHT = 10  # panels of a window of 1440 by 900
TARGETS = {
    "first panel": 1000.0,
    "first paint": 2000.0,
    "zoom": 1000.0,
    "zoom, coarse": 100.0,
    "cursor": 33.0,
    "scroll": 33.0,
}
_ALL = "/runs?project=bench&pane=charts&first=100"
_SEEN = """([zoomed, least]) => {
  const all = [...document.querySelectorAll("*")].filter((node) => node.shadowRoot);
  const panels = all.flatMap((node) => [...node.shadowRoot.querySelectorAll(".panel")]);
  const seen = panels.map((node) => [node, node.getBoundingClientRect()])
    .filter(([, box]) => box.top < innerHeight && box.bottom > 0).map(([node]) => node.dataset.drawn || "");
  const done = seen.filter((drawn) => /^100 /.test(drawn) && drawn.includes("~") === zoomed);
  return seen.length > 3 && done.length >= (least || seen.length); }"""
_COARSE = """async () => {
  const host = [...document.querySelectorAll("*")].find((node) => node.shadowRoot?.querySelector(".panel"));
  const panel = host.shadowRoot.querySelector(".panel"), before = panel.ariaLabel;
  window.coarse = new Promise((done) => window.addEventListener("pointerup", async () => {
    const began = performance.now();
    while (panel.ariaLabel === before) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame); done(performance.now() - began); }, { capture: true, once: true })); }"""
_FRAMES = """async (seconds) => { const times = []; let last = performance.now(), end = last + 1000 * seconds;
  while (last < end) { await new Promise(requestAnimationFrame); const at = performance.now(); times.push(at - last);
    last = at; }
  return times.slice(1); }"""


def main() -> dict[str, float]:
    """Print and return milliseconds, Weft's and plotly's, with the targets."""
    with tempfile.TemporaryDirectory() as folder:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}
        given = settings.load({"dir": Path(folder) / "home", "port": 0, "otlp_port": 0, "quiet": True}, plain)
        _fill(given)
        bare = Path(folder) / "plotly.html"
        shutil.copy(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", bare.parent)
        bare.write_text(_PLOTLY.replace("CURVES", json.dumps(_curves(IN_SIGHT))), "utf-8")
        with workbench.start_background(given) as served, sync_playwright() as playwright:
            system = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
            arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(executable_path=system, args=arguments)
            view = {"width": 1440, "height": 900}
            ours = _weft(browser.new_page(viewport=view), served.url)  # type: ignore[arg-type]
            theirs = _plotly(browser.new_page(viewport=view), bare)  # type: ignore[arg-type]
            browser.close()
    found: dict[str, float] = {}
    for name, values in ours.items():
        if name not in theirs:  # what plotly.js has no like of
            found[f"{name}; weft, median"] = statistics.median(values)
            continue
        for who, times in (("weft", values), ("plotly", theirs[name])):
            found[f"{name}; {who}, median"] = statistics.median(times)
            found[f"{name}; {who}, p95"] = float(np.quantile(times, 0.95))
        found[f"ratio of plotly's {name} to weft's"] = statistics.median(theirs[name]) / statistics.median(values)
    for name, value in found.items():
        target = TARGETS.get(name.split(";")[0])
        said = f"  (target {target:.0f} ms)" if target is not None and "weft" in name else ""
        print(f"{name:44} {value:8.1f}{'' if name.startswith('ratio') else ' ms'}{said}", flush=True)
    return found


def _drawn(page: Page, zoomed: bool = False, least: int = 0) -> None:
    """Wait until every panel in sight (or ``least`` of them) has all curves, of the zoom where there is one."""
    page.wait_for_function(_SEEN, arg=[zoomed, least], polling=16)


def _weft(page: Page, url: str) -> dict[str, list[float]]:
    names = ("first panel", "first paint", "zoom, coarse", "zoom", "cursor", "scroll")
    found: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(ROUNDS + 1):
        page.goto(f"{url}/artifacts?project=bench")
        page.locator("h1").wait_for()
        page.wait_for_timeout(500)
        began = time.perf_counter()
        page.evaluate(
            "href => { history.pushState({}, '', href); dispatchEvent(new PopStateEvent('popstate')); }", _ALL
        )
        _drawn(page, least=1)
        first = (time.perf_counter() - began) * 1000
        _drawn(page)
        if turn:
            found["first panel"].append(first)
            found["first paint"].append((time.perf_counter() - began) * 1000)
    plot = page.locator(".panel .plot").nth(1)
    for turn in range(ROUNDS):
        box = plot.bounding_box()
        assert box is not None
        at = box["x"] + 80 + 10 * turn
        page.mouse.move(at, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(at + 90, box["y"] + 60, steps=4)
        page.evaluate(f"({_COARSE})()")
        began = time.perf_counter()
        page.mouse.up()
        _drawn(page, zoomed=True)
        found["zoom, coarse"].append(float(page.evaluate("window.coarse")))
        found["zoom"].append((time.perf_counter() - began) * 1000)
        page.mouse.dblclick(at, box["y"] + 60)
        _drawn(page)
    found["cursor"] = _moving(page, plot.bounding_box())
    found["scroll"] = _scrolling(page, plot.bounding_box())
    return found


def _plotly(page: Page, bare: Path) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"first paint": [], "zoom": [], "cursor": [], "scroll": []}
    for _ in range(2):
        page.goto(bare.as_uri())
        found["first paint"].append(float(page.evaluate("draw()")))
    found["zoom"] += [float(page.evaluate(f"zoom({2000 + 100 * turn})")) for turn in range(3)]
    box = page.locator(".chart").nth(1).bounding_box()
    found["cursor"] = _moving(page, box)
    found["scroll"] = _scrolling(page, box)
    return found


def _moving(page: Page, box: object) -> list[float]:
    assert isinstance(box, dict)
    page.evaluate(f"window.frames_ = ({_FRAMES})(3)")
    end = time.perf_counter() + 3
    step = 0
    while time.perf_counter() < end:
        step += 1
        page.mouse.move(box["x"] + 60 + (7 * step) % (box["width"] - 80), box["y"] + 40 + (3 * step) % 120)
    return [float(one) for one in page.evaluate("window.frames_")]


def _scrolling(page: Page, box: object) -> list[float]:
    assert isinstance(box, dict)
    page.mouse.move(box["x"] + 100, box["y"] + 80)
    page.evaluate(f"window.frames_ = ({_FRAMES})(3)")
    end = time.perf_counter() + 3
    step = 0
    while time.perf_counter() < end:
        step += 1
        page.mouse.wheel(0, 60 if (step // 20) % 2 == 0 else -60)
        page.wait_for_timeout(20)
    return [float(one) for one in page.evaluate("window.frames_")]


def _values(run: int) -> np.ndarray:
    """Loss-like values (POINTS, METRICS) of a run, with a spike."""
    rng = np.random.default_rng(run)
    steps = np.arange(POINTS)[:, None] / POINTS
    values = np.exp(-steps * (2 + np.arange(METRICS) / 4)) + rng.normal(0, 0.02, (POINTS, METRICS)) + run / 200
    values[(37 * run) % POINTS] += 0.5
    return values


def _fill(given: settings.Settings) -> None:
    store = open_store(given)
    start = clock.now_ns() - POINTS * 10**9
    names = [f"{'train' if n < METRICS // 2 else 'val'}/metric_{n:02}" for n in range(METRICS)]
    for run in range(RUNS):
        run_id = f"run{run:03}"
        told = {
            "name": f"bench {run}",
            "kind": RunKind.TRAIN,
            "status": RunStatus.FINISHED,
            "started_at_ns": start + run,
        }
        begun = RunUpdate(run_id, "bench", start, config={"lr": run / 1000}, **told)  # type: ignore[arg-type]
        store.ingest(batch_of(f"r{run}", begun))
        rows = _values(run).tolist()
        records = [
            Metrics(run_id, "bench", step, start + step * 10**9, dict(zip(names, row, strict=True)))
            for step, row in enumerate(rows)
        ]
        for at in range(0, POINTS, 2500):
            store.ingest(batch_of(f"m{run}-{at}", *records[at : at + 2500]))
    store.close()


def _curves(panels: int) -> list[list[list[list[float]]]]:
    """For each panel and run: x and mean of buckets, as the server would send them."""
    runs = [_values(run).reshape(BUCKETS, POINTS // BUCKETS, METRICS) for run in range(RUNS)]
    x = np.linspace(0, POINTS - 1, BUCKETS).tolist()
    return [
        [[x, np.round(values[:, :, panel].mean(axis=1), 5).tolist()] for values in runs]
        for panel in range(panels)
    ]  # fmt: skip


_PLOTLY = """<!doctype html><script src="plotly.min.js"></script>
<style>body{margin:0;height:3000px} .chart{display:inline-block;width:380px;height:226px}</style><body><script>
const curves = CURVES;
const charts = curves.map(() => {
  const node = document.createElement("div");
  node.className = "chart";
  document.body.append(node);
  return node;
});
const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
async function draw() {
  const began = performance.now();
  for (const [at, lines] of curves.entries()) {
    const traces = lines.map(([x, y]) => ({ x, y, mode: "lines", line: { width: 1 } }));
    await Plotly.newPlot(charts[at], traces, {
      showlegend: false, hovermode: "x", margin: { l: 40, r: 8, t: 8, b: 24 }, width: 380, height: 226 });
  }
  await painted();
  return performance.now() - began;
}
async function zoom(first) {
  const began = performance.now();
  await Promise.all(charts.map((chart) => Plotly.relayout(chart, { "xaxis.range": [first, first + 2500] })));
  await painted();
  return performance.now() - began;
}
</script>"""


if __name__ == "__main__":
    main()
