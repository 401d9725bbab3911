"""The page of a sweep in Chromium with 10,000 trials, beside plotly.js with the same points and trials read whole.

Weft's first paint runs from the click that opens the page to the table's rows and the chart of the best so far, data
fetched from the server. The charts of parameters have drawn when they stand there, and their lines when the last of
10,000 is; meanwhile one can brush. plotly.js gets a bare page that holds the trials already and draws the chart
alone: server, page and table are spared. Frames are the times between two animation frames while the table scrolls or
the pointer moves over the chart. A change is a trial that ends while the page is open: the time from the commit to
its row. The feed is read by a client of Python's: whole, then what changed since, beside `GET /trials`, which sends
records. Needs Chromium and playwright.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import plotly
from playwright.sync_api import Page, sync_playwright

from benchmarks.charts_page import _FRAMES
from weft import clock, settings, workbench
from weft.records.sweeps import Sweep, TrialStatus
from weft.repositories import Store
from weft.store import open_store, tables

TRIALS = 10_000
ROUNDS = 5
TARGETS = {"first paint": 2000.0, "scroll": 33.0, "hover": 33.0, "parameters": 2000.0, "brush": 50.0, "change": 2000.0}
_CONFIG: dict[str, Any] = {
    "method": "random",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {
        "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1},
        "layers": {"min": 1, "max": 12},
        "optimizer": {"values": ["sgd", "adam", "lamb"]},
        "dropout": {"min": 0.0, "max": 0.5},
        "width": {"values": [64, 128, 256, 512]},
        "decay": {"distribution": "log_uniform_values", "min": 1e-6, "max": 0.01},
    },
}
_INSIDE = 'const host = [...document.querySelectorAll("*")].find((node) => node.shadowRoot?.querySelector(".trials"));'
_SEEN = f"""([wanted]) => {{ {_INSIDE} if (!host) return false; const root = host.shadowRoot;
  const chart = root.querySelector(".plot-host")?.ariaLabel ?? "";
  return root.querySelectorAll(".row[data-trial]").length > 10 && chart.includes(wanted); }}"""
_CHARTED = f"""() => {{ {_INSIDE} const label = host?.shadowRoot.querySelector(".chart-box")?.ariaLabel ?? "";
  return /trials with a result/.test(label) && host.shadowRoot.querySelector(".chart-box canvas").width > 0; }}"""
_ROW = f"([number]) => {{ {_INSIDE} return Boolean(host.shadowRoot.querySelector(`[data-trial='${{number}}']`)); }}"


def main() -> dict[str, float]:
    """Print and return milliseconds, Weft's and the baselines', with the targets."""
    with tempfile.TemporaryDirectory() as folder:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}
        given = settings.load({"dir": Path(folder) / "home", "port": 0, "otlp_port": 0, "quiet": True}, plain)
        store = open_store(given)
        sweep_id, values = _fill(store)
        bare = Path(folder) / "plotly.html"
        shutil.copy(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", bare.parent)
        bare.write_text(_PLOTLY.replace("VALUES", json.dumps(values)), "utf-8")
        with workbench.start_background(given) as served, sync_playwright() as playwright:
            feed = _feed(served.url, sweep_id)
            system = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
            arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(executable_path=system, args=arguments)
            view = {"width": 1440, "height": 900}
            ours = _weft(browser.new_page(viewport=view), served.url, store, sweep_id)  # type: ignore[arg-type]
            theirs = _plotly(browser.new_page(viewport=view), bare)  # type: ignore[arg-type]
            browser.close()
        store.close()
    found = _figures({**ours, **feed[0]}, {**theirs, **feed[1]})
    for name, value in found.items():
        target = TARGETS.get(name.split(";")[0])
        said = f"  (target {target:.0f} ms)" if target is not None and "weft" in name else ""
        print(f"{name:52} {value:8.1f}{'' if name.startswith('ratio') else ' ms'}{said}", flush=True)
    return found


def _figures(ours: dict[str, list[float]], theirs: dict[str, list[float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, times in ours.items():
        found[f"{name}; weft, median"] = statistics.median(times)
        found[f"{name}; weft, p95"] = float(np.quantile(times, 0.95))
        if name in theirs:
            found[f"{name}; baseline, median"] = statistics.median(theirs[name])
            found[f"ratio of the baseline's {name} to weft's"] = statistics.median(theirs[name]) / statistics.median(
                times
            )
    return found


def _fill(store: Store) -> tuple[str, list[float]]:
    """A sweep with trials that have ended, stored in bulk; their values."""
    rng, now = random.Random(1), clock.now_ns() - TRIALS * 10**10
    sweep_id = store.sweeps.create_sweep(Sweep("bench", "many", _CONFIG)).sweep_id
    rows, values = [], []
    for number in range(TRIALS):
        params: dict[str, Any] = {
            "lr": 10 ** rng.uniform(-5, -1),
            "layers": rng.randint(1, 12),
            "dropout": rng.random() / 2,
        }
        params |= {"optimizer": rng.choice(["sgd", "adam", "lamb"]), "width": rng.choice([64, 128, 256, 512])}
        params["decay"] = 10 ** rng.uniform(-6, -2)
        value = abs(np.log10(params["lr"]) + 3) / 4 + params["layers"] / 50 + rng.gauss(0, 0.05)
        values.append(round(float(value), 5))
        row: dict[str, Any] = {
            "sweep_id": sweep_id,
            "number": number,
            "status": "pruned" if number % 3 == 1 else "complete",
        }
        row |= {
            "params": json.dumps(params),
            "results": json.dumps([value]),
            "value": value,
            "run_id": f"run{number:05}",
        }
        row |= {"agent": f"node{number % 16}-1-aabbcc", "host": f"node{number % 16}", "attempts": 1, "attrs": "{}"}
        row |= {"reason": "hyperband at iteration 3" if number % 3 == 1 else None, "known": False}
        row |= {"lease_until_ns": now, "started_ns": now + number * 10**10, "changed_ns": now + number}
        rows.append({**row, "ended_ns": now + number * 10**10 + 9 * 10**9})
    with store.sweeps._database.write() as connection:  # type: ignore[attr-defined]
        connection.execute(tables.trials.insert(), rows)
    return sweep_id, values


def _feed(url: str, sweep_id: str) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Milliseconds to read the trials by the feed of the page, and as records, decoded."""
    path = f"{url}/api/sweeps/{sweep_id}"
    with httpx.Client(timeout=60.0, trust_env=False) as client:
        newest = client.get(f"{path}/columns").json()["newest_ns"]
        whole = _timed(lambda: client.get(f"{path}/columns").json())
        change = _timed(lambda: client.get(f"{path}/columns", params={"changed_after_ns": newest}).json())
        plain = _timed(lambda: client.get(f"{path}/trials").json())
    return {"feed, whole": whole, "feed, a change": change}, {"feed, whole": plain, "feed, a change": plain}


def _timed(ask: Callable[[], object]) -> list[float]:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask()
        times.append((time.perf_counter() - began) * 1000)
    return times


def _visit(page: Page, url: str, path: str) -> float:
    page.goto(f"{url}/artifacts?project=bench")
    page.locator("h1").wait_for()
    page.wait_for_timeout(500)
    began = time.perf_counter()
    page.evaluate("href => { history.pushState({}, '', href); dispatchEvent(new PopStateEvent('popstate')); }", path)
    return began


def _weft(page: Page, url: str, store: Store, sweep_id: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"first paint": [], "parameters": [], "change": []}
    for turn in range(ROUNDS + 1):
        began = _visit(page, url, f"/sweep?id={sweep_id}&project=bench")
        page.wait_for_function(_SEEN, arg=["complete trials"], polling=16)
        if turn:
            found["first paint"].append((time.perf_counter() - began) * 1000)
    found["hover"] = _frames(page, page.locator(".plot-host").bounding_box(), wheel=False)
    found["scroll"] = _frames(page, page.locator(".trials .runs-scroll").bounding_box(), wheel=True)
    page.locator(".trials .runs-scroll").evaluate("node => { node.scrollTop = 0; }")
    for number in range(TRIALS, TRIALS + ROUNDS):
        store.sweeps.claim(sweep_id, "a", number=number, params={"lr": 0.01, "layers": 3})
        store.sweeps.finish_trial(sweep_id, number, "a", TrialStatus.COMPLETE, values=[0.5])
        began = time.perf_counter()
        page.wait_for_function(_ROW, arg=[number], polling=16)
        found["change"].append((time.perf_counter() - began) * 1000)
    for turn in range(3):
        began = _visit(page, url, f"/sweep?id={sweep_id}&project=bench&part=parameters")
        page.wait_for_function(_CHARTED, polling=16)
        if turn:
            found["parameters"].append((time.perf_counter() - began) * 1000)
    page.locator(".parallel .chart-box[data-drawn]").wait_for()
    found["lines, all drawn"] = [(time.perf_counter() - began) * 1000]
    found["brush"] = _brushing(page)
    return found


def _brushing(page: Page) -> list[float]:
    """Milliseconds between frames for three seconds, while a brush is drawn along the first of the parallel axes."""
    box = page.locator(".parallel .chart-box").bounding_box()
    assert box is not None
    across = box["x"] + float(page.locator(".axis-name").first.evaluate("node => parseFloat(node.style.left)"))
    page.mouse.move(across, box["y"] + 60)
    page.mouse.down()
    page.evaluate(f"window.frames_ = ({_FRAMES})(3)")
    end, step = time.perf_counter() + 3, 0
    while time.perf_counter() < end:
        step += 1
        page.mouse.move(across, box["y"] + 70 + (5 * step) % 200)
        page.wait_for_timeout(15)
    frames = [float(one) for one in page.evaluate("window.frames_")]
    page.mouse.up()
    return frames


def _plotly(page: Page, bare: Path) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"first paint": []}
    for _ in range(3):
        page.goto(bare.as_uri())
        found["first paint"].append(float(page.evaluate("draw()")))
    found["hover"] = _frames(page, page.locator(".chart").bounding_box(), wheel=False)
    return found


def _frames(page: Page, box: object, *, wheel: bool) -> list[float]:
    """Milliseconds between frames for three seconds, while the wheel turns or the pointer moves."""
    assert isinstance(box, dict)
    page.mouse.move(box["x"] + 100, box["y"] + 80)
    page.evaluate(f"window.frames_ = ({_FRAMES})(3)")
    end, step = time.perf_counter() + 3, 0
    while time.perf_counter() < end:
        step += 1
        if wheel:
            page.mouse.wheel(0, 400 if (step // 40) % 2 == 0 else -400)
            page.wait_for_timeout(20)
        else:
            page.mouse.move(box["x"] + 60 + (7 * step) % (box["width"] - 80), box["y"] + 40 + (3 * step) % 180)
    return [float(one) for one in page.evaluate("window.frames_")]


_PLOTLY = """<!doctype html><script src="plotly.min.js"></script>
<style>body{margin:0} .chart{width:640px;height:300px}</style><body><div class="chart"></div><script>
const values = VALUES;
const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
async function draw() {
  const began = performance.now();
  let best = Infinity;
  const line = values.map((value) => (best = Math.min(best, value)));
  await Plotly.newPlot(document.querySelector(".chart"), [
    { y: values, mode: "markers", type: "scatter", marker: { size: 3 } }, { y: line, mode: "lines", type: "scatter" }],
    { showlegend: false, hovermode: "closest", margin: { l: 40, r: 8, t: 8, b: 24 }, width: 640, height: 300 });
  await painted();
  return performance.now() - began;
}
</script>"""


if __name__ == "__main__":
    main()
