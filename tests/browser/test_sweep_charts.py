"""The charts of a sweep over a model made up here: what one brushes, clicks or types is chosen; what they say is so."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
import sweep_harness as harness
from playwright.sync_api import Browser, Locator, Page, Route, expect

from weft.sweeps.pareto import front

pytestmark = pytest.mark.browser
Show = Callable[..., Page]
EXPLAINED = {
    "target": "val/loss",
    "runs": 93,
    "fewest": 10,
    "quality": 0.9,
    "clipped": 2,
    "fields": [
        {"name": "optim.lr", "importance": 0.71, "low": 0.6, "high": 0.8, "together": 0.8, "correlation": -0.4},
        {"name": "optimizer", "importance": 0.06, "low": 0.0, "high": 0.1, "together": 0.1, "correlation": None},
        {"name": "depth", "importance": 0.01, "low": 0.0, "high": 0.02, "together": 0.02, "correlation": 0.1},
    ],
}
UNKNOWN = {**EXPLAINED, "runs": 4, "quality": None, "fields": [], "clipped": 0}


@pytest.fixture
def show(browser: Browser) -> Iterator[Show]:
    """Open a page of nothing but charts."""
    pages: list[Page] = []

    def open_it(model: dict[str, Any], *, explained: Any = None, parts: list[str] | None = None) -> Page:
        page = browser.new_page(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
        pages.append(page)
        page.on("pageerror", lambda error: problems.append(str(error)))

        def answer(route: Route) -> None:
            if "/api/" in route.request.url:
                page.evaluate("url => (window.asks ??= []).push(url)", route.request.url)
                route.fulfill(status=200, content_type="application/json", body=json.dumps(explained or EXPLAINED))
            else:
                route.fulfill(status=200, content_type="text/html", body=harness.html(model, parts=parts))

        page.route("http://charts.test/**", answer)
        page.goto("http://charts.test/sweep?id=s1")
        return page

    problems: list[str] = []
    yield open_it
    for page in pages:
        page.close()
    assert problems == []


def chosen(page: Page) -> list[int]:
    found: list[int] = page.evaluate("[...model.chosen].sort((a, b) => a - b)")
    return found


def heads(page: Page) -> Locator:
    return page.locator(".axis-name")


def lines_drawn(page: Page) -> Locator:
    return page.locator(".parallel .chart-box[data-drawn]")


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=3)
    page.mouse.up()


def test_brushes_on_axes_choose_trials_that_fit_all_of_them(show: Show) -> None:
    model = harness.model(90)
    page = show(model, parts=["parallel"])
    expect(lines_drawn(page)).to_have_attribute("data-drawn", "84")  # of 90 three run and three failed
    said = page.locator(".parallel .chart-said")
    expect(said).to_have_text("84 trials with a result of 90; the best, trial 62, has val/loss 0.1843.")
    box = lines_drawn(page).bounding_box()
    assert box is not None
    middle, foot = box["y"] + box["height"] / 2, box["y"] + box["height"]
    places = [float(node.evaluate("node => parseFloat(node.style.left)")) + box["x"] for node in heads(page).all()]
    drag(page, (places[0], middle), (places[0], foot))  # the lower half of a logarithmic axis
    low = chosen(page)
    params, status = model["trials"]["params"], model["trials"]["status"]
    ended = [at for at in range(90) if status[at] in ("complete", "pruned")]
    assert low == [at for at in ended if params["optim.lr"][at] <= 1e-3]
    drag(page, (places[4], foot - 12), (places[4], foot - 20))  # where momentum is absent
    both = chosen(page)
    assert both == [at for at in low if params["momentum"][at] is None]
    expect(said).to_contain_text(f"{len(both)} chosen by optim.lr 1e-5 to 0.001 and momentum absent.")
    page.mouse.click(places[0], middle)  # a click on an axis takes its brush away
    assert len(chosen(page)) > len(both)
    lines_drawn(page).focus()
    page.keyboard.press("Escape")
    assert chosen(page) == []


def test_axes_are_chosen_moved_and_brushed_by_keys_and_the_address_holds_them(show: Show) -> None:
    page = show(harness.model(60, objectives=2), parts=["parallel"])
    names = ["lr (log)", "depth", "dropout", "optimizer", "momentum", "val/loss ↓", "latency_ms ↓"]
    expect(heads(page)).to_have_text(names)
    heads(page).nth(1).press("ArrowRight")
    expect(heads(page)).to_have_text([*names[:1], "dropout", "depth", *names[3:]])
    expect(heads(page).nth(2)).to_be_focused()
    heads(page).nth(2).press("ArrowUp")
    label = "Axis depth, 3 of 7, chosen 7 to 8. Left and right move it, up and down choose, delete takes it away."
    expect(heads(page).nth(2)).to_have_attribute("aria-label", label)
    upper = len(chosen(page))
    assert upper > 0
    page.keyboard.press("Shift+ArrowDown")
    assert len(chosen(page)) <= upper
    page.keyboard.press("Delete")
    expect(heads(page)).to_have_count(6)
    assert json.loads(parse_qs(urlsplit(page.url).query)["axes"][0])[1] == "dropout"
    page.get_by_label("Add an axis").select_option("depth")
    expect(heads(page).last).to_have_text("depth")
    heads(page).last.drag_to(heads(page).first)
    expect(heads(page).first).to_have_text("depth")
    heads(page).first.click()
    page.get_by_role("menuitem", name="Move to the right").click()
    expect(heads(page).nth(1)).to_have_text("depth")
    page.get_by_role("button", name="All axes as they were").click()
    expect(heads(page)).to_have_text(names)


def test_importance_says_what_explains_and_when_it_does_not_know(show: Show) -> None:
    page = show(harness.model(40, objectives=2), parts=["importance", "contours"])
    said = page.locator(".importance .chart-said")
    expect(said).to_have_text(
        "optim.lr explains 71 % of the differences in val/loss (more of it, less), optimizer 6 %. From 93 trials; "
        "the model behind it predicts 90 % of unseen ones; 2 far out counted as less far."
    )
    expect(page.get_by_label("Parameter upwards")).to_have_value("optimizer")  # the two that explain most
    page.locator(".importance .chart-box").press("ArrowDown")
    expect(page.locator(".importance .chart-readout")).to_contain_text("60.0 % to 80.0 %")
    page.get_by_label("Objective of the charts").select_option("latency_ms")
    page.wait_for_function("window.asks.length == 2")
    assert page.evaluate("asks.at(-1)").endswith("/api/sweeps/s1/importance?objective=1")
    page = show(harness.model(6), explained=UNKNOWN, parts=["importance"])
    expect(page.locator(".importance .chart-said")).to_have_text(
        "Too few trials to say: 4 of at least 10 have a result."
    )
    page = show(harness.model(40), explained={**EXPLAINED, "quality": -0.2}, parts=["importance"])
    expect(page.locator(".importance .chart-said")).to_contain_text("so trust none of this")


def test_slices_are_walked_along_by_keys_and_a_frame_chooses(show: Show) -> None:
    model = harness.model(60)
    page = show(model, parts=["slices"])
    slices = page.locator(".slice .chart-box")
    expect(slices).to_have_count(5)
    label = "val/loss over momentum, 55 trials; the best trial has momentum absent; absent in 34. "
    expect(slices.nth(4)).to_have_attribute("aria-label", label + "Arrows walk along the trials, enter chooses one.")
    slices.first.press("b")
    best = page.evaluate("model.pointed")
    values = model["trials"]["values"][0]
    ended = [at for at in range(60) if model["trials"]["status"][at] == "complete"]
    assert best == min(ended, key=lambda at: values[at])
    expect(page.locator(".slice .chart-readout")).to_contain_text(f"Trial {best} · complete")
    page.keyboard.press("Enter")
    assert chosen(page) == [best]
    page.keyboard.press("ArrowLeft")
    rates = model["trials"]["params"]["optim.lr"]
    assert rates[page.evaluate("model.pointed")] < rates[best]
    box = slices.first.bounding_box()
    assert box is not None
    drag(page, (box["x"] + 30, box["y"] + 2), (box["x"] + box["width"] - 2, box["y"] + box["height"] - 2))
    assert len(chosen(page)) == 55
    slices.first.press("Escape")
    assert chosen(page) == []


def test_contours_tell_how_much_two_parameters_say(show: Show) -> None:
    page = show(harness.model(200), parts=["contours"])
    said = page.locator(".contours .chart-said")
    expect(said).to_contain_text("Mean of 151 trials, nearby ones (")
    expect(said).to_contain_text(re.compile(r"these two alone tell 8\d % of the differences in val/loss"))
    page.get_by_label("Parameter upwards").select_option("optimizer")
    expect(said).to_contain_text("The best trial has optim.lr")
    page.get_by_label("Parameter to the right").select_option("momentum")
    expect(said).to_contain_text("tell next to nothing of val/loss")
    assert parse_qs(urlsplit(page.url).query) == {"id": ["s1"], "cx": ["momentum"], "cy": ["optimizer"]}
    page = show(harness.model(2), parts=["contours"])
    expect(page.locator(".contours .chart-said")).to_contain_text("too few for a surface")


def test_a_surface_is_the_mean_nearby_and_ends_where_the_trials_do(show: Show) -> None:
    page = show(harness.model(3), parts=["contours"])
    told = page.evaluate(
        """() => {
          const at = Array.from({ length: 400 }, (_, n) => [0.2 + 0.03 * (n % 20), 0.2 + 0.03 * Math.floor(n / 20)]);
          const of = (side) => Float64Array.from(at, (one) => one[side]);
          const plane = surfaceOf(of(0), of(1), Float64Array.from(at, ([x, y]) => x + y), [0, 0]);
          const cell = (x, y) => plane.cells[Math.floor(x * plane.wide) + plane.wide * Math.floor(y * plane.tall)];
          const words = surfaceOf(Float64Array.of(.25, .25, .75), Float64Array.of(.25, .25, .75), Float64Array.of(0, 1, 4), [2, 2]);
          return { middle: cell(0.5, 0.5), outside: [cell(0.05, 0.5), cell(0.5, 0.95)].map(Number.isNaN), quality: plane.quality,
            hull: plane.hull.length, words: [...words.cells].map((one) => (Number.isNaN(one) ? null : one)) };
        }"""  # noqa: E501 - a script
    )
    assert told["middle"] == pytest.approx(1.0, abs=0.03)
    assert told["outside"] == [True, True]
    assert told["quality"] > 0.95
    assert told["hull"] == 4
    assert told["words"] == [0.5, None, None, 4]


def test_the_front_is_what_nothing_beats_and_a_click_chooses(show: Show) -> None:
    model = harness.model(120, objectives=3)
    page = show(model, parts=["front"])
    trials = model["trials"]
    done = [at for at in range(120) if trials["status"][at] == "complete"]
    expected = {}
    for x, y in ((0, 1), (0, 2), (1, 2)):
        goals = [model["objectives"][axis]["goal"] for axis in (x, y)]
        kept = front([[trials["values"][axis][at] for axis in (x, y)] for at in done], goals)
        expected[x, y] = [at for at, inside in zip(done, kept, strict=True) if inside]
    said = page.locator(".front .chart-said")
    expect(said).to_contain_text(f"{len(expected[0, 1])} of {len(done)} complete trials are on the front")
    found = "[...charts.charts[0].inFront].sort((a, b) => a - b)"
    assert page.evaluate(found) == expected[0, 1]
    page.get_by_label("Objective upwards").select_option("accuracy")
    assert page.evaluate(found) == expected[0, 2]
    page.get_by_label("Objective to the right").select_option("latency_ms")
    assert page.evaluate(found) == expected[1, 2]
    drawn = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    page.evaluate(drawn)
    place = page.evaluate("(() => { const c = charts.charts[0]; return [c.px[3], c.py[3], c.rowsDrawn[3]]; })()")
    page.locator(".front .chart-box").click(position={"x": place[0], "y": place[1]})
    assert chosen(page) == [place[2]]
    expect(page.locator(".front .chart-readout")).to_contain_text(f"Trial {place[2]} · complete")
    page = show(harness.model(20), parts=["front"])
    expect(page.locator(".front")).to_be_hidden()


def test_charts_are_saved_and_names_stay_text(show: Show) -> None:
    model = harness.model(30)
    hostile = "<img src=x onerror=alert(1)>"
    model["parameters"][1]["path"] = hostile
    model["trials"]["params"][hostile] = model["trials"]["params"].pop("depth")
    model["trials"]["params"]["optimizer"] = ["<b>adam</b>"] * 30
    page = show(model)
    files = {}
    for part in ("parallel", "importance", "contours"):
        for kind in ("PNG", "SVG", "CSV"):
            page.locator(f".{part} .chart-head").get_by_title("What can be done with this chart").click()
            with page.expect_download() as download:
                page.get_by_role("menuitem", name=kind).click()
            files[part, kind] = download.value.path().read_bytes()
    assert page.locator(".root img, .root b").count() == 0
    for part in ("parallel", "importance", "contours"):
        assert files[part, "PNG"].startswith(b"\x89PNG")
        texts = [node.text for node in ElementTree.fromstring(files[part, "SVG"]).iter() if node.tag.endswith("text")]
        assert texts
    rows = files["parallel", "CSV"].decode().splitlines()
    assert rows[0] == f"trial,status,optim.lr,{hostile},dropout,optimizer,momentum,val/loss"
    assert len(rows) == 1 + page.evaluate("charts.charts[0].rows.length")
    assert files["importance", "CSV"].decode().splitlines()[1] == "optim.lr,0.71,0.6,0.8,0.8,-0.4"


def test_a_sweep_without_results_says_so(show: Show) -> None:
    model = harness.model(0)
    page = show(model, explained=UNKNOWN)
    expect(page.locator(".parallel .chart-said")).to_have_text("No trial has a result yet.")
    expect(page.locator(".slices-part .chart-said")).to_have_text("No trial has a result yet.")
    page.evaluate("given => { Object.assign(model, given); charts.update(); }", harness.model(30))
    expect(page.locator(".parallel .chart-said")).to_contain_text("26 trials")
    expect(page.locator(".slice")).to_have_count(5)
