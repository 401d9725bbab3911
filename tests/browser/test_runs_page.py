"""The page of runs as a reader uses it: filter, group, tick, tag, delete; curves share cursor and zoom, and go on."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import review_ui_seeds as seeds
from conftest import Workbench  # type: ignore[attr-defined]
from playwright.sync_api import Locator, Page, expect

from weft import clock
from weft.records import Metrics, RunKind, RunQuery, RunStatus, RunUpdate
from weft.repositories import Store
from weft.review_ui import style

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
PROJECT = "curves"
RUNS = "/runs?project=curves"
COUNT, STEPS = 12, 300
S = 10**9


@pytest.fixture(scope="module", autouse=True)
def trained(bench: Workbench) -> int:
    """The runs that the tests below share; when the last one began."""
    return train(bench.store, PROJECT, "try")


def train(store: Store, project: str, ids: str) -> int:
    """Twelve runs that differ in two settings, of which the last still runs; when it began."""
    now = clock.now_ns()
    for n in range(COUNT):
        lr, optimizer = 0.001 * (n + 1), "adam" if n % 2 else "sgd"
        start = now - (COUNT - n) * 3600 * S
        live = n == COUNT - 1
        loss = 0.2 + n / 20
        told: dict[str, object] = {
            "name": f"try-{n}",
            "kind": RunKind.TRAIN,
            "started_at_ns": start,
            "tags": ["old"] if n < 2 else [],
        }
        config = {"lr": lr, "optimizer": optimizer, "note": "same"}
        status = RunStatus.RUNNING if live else RunStatus.FAILED if n == 3 else RunStatus.FINISHED
        told |= {"config": config, "summary": {"loss": loss}, "status": status}
        run = RunUpdate(f"{ids}{n}", project, start, **told)  # type: ignore[arg-type]
        points = [
            Metrics(f"{ids}{n}", project, at, start + at * S, {"loss": loss + 1 / (at + 1), "val/accuracy": at / STEPS})
            for at in range(STEPS)
        ]
        seeds.ingest(store, [run, *points], writer=f"{ids}{n}")
    return now - 3600 * S


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def rows(page: Page) -> Locator:
    return page.locator(".runs .row[data-run]")


def panel(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=f"Chart of {name}")


def test_runs_are_sorted_and_filtered_and_the_address_holds_it(open_page: Open) -> None:
    page = open_page(RUNS)
    expect(rows(page)).to_have_count(COUNT)
    expect(rows(page).first).to_contain_text("try-11")
    expect(rows(page).first).to_contain_text("◐ running")
    expect(page.locator(".row", has_text="try-3")).to_contain_text("▲ failed")
    page.get_by_title("Sort by summary.loss").click()
    expect(rows(page).first).to_contain_text("try-0")
    assert asked(page)["order"] == ["summary.loss"]
    box = page.get_by_role("textbox", name="Filter runs")
    box.fill('config.lr > 0.005 and config.optimizer == "sgd"')
    box.press("Enter")
    expect(page.locator(".found")).to_have_text("3 runs")
    page.reload()
    expect(rows(page)).to_have_count(3)
    box.fill("confg.lr > 1")
    box.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Column 1: there is no field 'confg.lr'")
    page.go_back()
    expect(page.locator(".found")).to_have_text("3 runs")


def test_columns_are_chosen_and_groups_have_figures(open_page: Open) -> None:
    page = open_page(RUNS + "&group=config.optimizer")
    groups = page.locator(".row.group")
    expect(groups).to_have_count(2)
    expect(groups.first).to_contain_text("6 runs")
    groups.first.get_by_role("button").click()
    expect(page.locator(".row.inside")).to_have_count(6)
    expect(panel(page, "loss")).to_have_attribute("aria-label", re.compile("2 curves"))
    page.get_by_role("button", name="Columns", exact=True).click()
    page.get_by_label("Find a field").fill("note")
    page.get_by_role("button", name="+ config.note").click()
    expect(page.get_by_role("columnheader", name="note")).to_be_visible()
    assert "config.note" in asked(page)["cols"][0]


def test_what_is_ticked_is_drawn_tagged_archived_deleted(bench: Workbench, open_page: Open) -> None:
    train(bench.store, "changed", "mine")
    page = open_page("/runs?project=changed")
    page.get_by_role("checkbox", name="draw try-4").check()
    page.get_by_role("checkbox", name="draw try-5").check()
    expect(panel(page, "loss")).to_have_attribute("aria-label", re.compile("2 curves, step 0 to 299"))
    row = page.locator(".row", has_text="try-4")
    row.hover()
    page.get_by_role("button", name="Edit tags of try-4").click()
    page.get_by_label("Tags of try-4").fill("paper, good")
    page.get_by_label("Tags of try-4").press("Enter")
    expect(row.locator(".tag")).to_have_text(["paper", "good"])
    assert bench.store.runs.get_run("mine4").tags == ["paper", "good"]
    page.get_by_role("button", name="Archive", exact=True).click()
    page.locator(".form").get_by_role("button", name="Archive").click()
    expect(page.locator(".found")).to_have_text(f"{COUNT - 2} runs")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".found")).to_have_text(f"{COUNT} runs")
    page.get_by_role("checkbox", name="draw try-6").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator(".said-back")).to_have_text('Write "delete" to say that you mean it.')
    page.locator(".form input").fill("delete")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("Deleted 1 run.")).to_be_visible()
    assert bench.store.runs.find_run("mine6") is None
    assert bench.store.runs.count_runs(RunQuery(project="changed")) == COUNT - 1
    page.get_by_role("checkbox", name="draw try-10").check()
    page.get_by_role("checkbox", name="draw try-8").click(modifiers=["Shift"])
    expect(page.locator(".drawn")).to_have_text("3 ticked")
    page.locator(".row", has_text="try-8").hover()
    page.get_by_role("button", name="Rename try-8").click()
    page.get_by_label("Name of the run").fill("the eighth")
    page.get_by_label("Name of the run").press("Enter")
    expect(page.get_by_role("link", name="the eighth")).to_be_visible()
    assert bench.store.runs.get_run("mine8").name == "the eighth"


def test_panels_share_cursor_and_zoom_and_are_pinned(open_page: Open) -> None:
    page = open_page(RUNS)
    loss, other = panel(page, "loss"), panel(page, "val/accuracy")
    expect(other).to_have_attribute("aria-label", re.compile("curves"))
    loss.locator(".plot").hover()
    expect(page.locator(".readout")).to_contain_text("try-11")
    drawn = "node => node.getContext('2d').getImageData(0, 0, node.width, node.height).data.some(part => part)"
    assert other.locator(".over").evaluate(drawn)
    box = loss.locator(".plot").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 50, steps=3)
    page.mouse.up()
    expect(other).not_to_have_attribute("aria-label", re.compile("step 0 to 299"))
    first, last = map(int, asked(page)["zoom"][0].split("~"))
    assert 0 < first < last < STEPS
    page.mouse.dblclick(box["x"] + 100, box["y"] + 50)
    expect(other).to_have_attribute("aria-label", re.compile("step 0 to 299"))
    loss.focus()
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Pinned 1")).to_be_visible()
    with page.expect_download() as download:
        other.get_by_title("What can be done with this chart").click()
        page.get_by_role("menuitem", name="CSV").click()
    assert download.value.suggested_filename == "weft-val-accuracy.csv"
    other.locator(".plot").click()  # holds the point, from which the ways lead to what the run printed and logged then
    expect(page.locator(".readout").get_by_role("button", name="Media")).to_be_visible()
    page.locator(".readout").get_by_role("button", name="Console").click()
    expect(page).to_have_url(re.compile(r"/run\?id=try\d+&tab=console&line=1$"))
    expect(page.get_by_text(re.compile("printed nothing"))).to_be_visible()


def test_new_points_come_while_a_run_goes_on(bench: Workbench, open_page: Open, trained: int) -> None:
    page = open_page(RUNS + "&sel=try11")
    expect(panel(page, "loss")).to_have_attribute("aria-label", re.compile("1 curve, step 0 to 299"))
    more = [Metrics("try11", PROJECT, at, trained + at * S, {"loss": 0.5, "late": 1.0}) for at in range(STEPS, 400)]
    seeds.ingest(bench.store, more, writer="later")
    expect(panel(page, "loss")).to_have_attribute("aria-label", re.compile("to 399"))
    expect(panel(page, "late")).to_have_attribute("aria-label", re.compile("step 300 to 399"))  # began late
    # Panels that stay are not put anew: a drag, the focus and the place of the scroll bar live on while runs change.
    count = "all => all.forEach(one => { node.gone = (node.gone ?? 0) + one.removedNodes.length; })"
    page.locator(".grid").first.evaluate(f"node => new MutationObserver({count}).observe(node, {{ childList: true }})")
    rows(page).nth(1).get_by_role("checkbox").check()
    expect(panel(page, "loss")).to_have_attribute("aria-label", re.compile("2 curves"))
    assert page.locator(".grid").first.evaluate("node => node.gone ?? 0") == 0


def test_a_view_has_an_address(open_page: Open) -> None:
    page = open_page(RUNS + "&order=summary.loss&smooth=0.6")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("menuitem", name="Save this view as…").click()
    page.get_by_label("Name", exact=True).fill("smooth losses")
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_text("Its address can be sent")).to_be_visible()
    assert "order" not in asked(page)
    page = open_page(f"/runs?view={asked(page)['view'][0]}&project={PROJECT}")
    expect(page.get_by_role("button", name="View: smooth losses")).to_be_visible()
    expect(rows(page).first).to_contain_text("try-0")
    expect(page.get_by_label("Smoothing: exponential moving average, debiased")).to_have_value("0.6")


def test_relations_tell_what_matters_and_a_brush_filters(open_page: Open) -> None:
    page = open_page(RUNS + "&tab=relations")
    said = page.locator(".importance .chart-said")
    expect(said).to_contain_text(re.compile(r"^config\.lr explains \d+ % of .* in loss \(more of it, more\)"))
    page.locator(".importance .chart-box").press("ArrowDown")
    expect(page.locator(".chart-readout")).to_contain_text("rank correlation1.000")
    plot = page.locator(".parallel .chart-box")
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 150, steps=3)
    page.mouse.up()
    expect(page.locator(".found")).not_to_have_text(re.compile(r"^(9|1\d) runs"))
    assert asked(page)["where"][0].startswith("(config.lr >= ")
    page.get_by_role("tab", name="Side by side").click()
    expect(page.locator(".configs tbody tr").first).to_contain_text("config.lr")
    expect(page.locator(".configs").get_by_text("config.note")).to_be_hidden()


def test_a_run_has_one_colour_everywhere(open_page: Open) -> None:
    page = open_page(RUNS)
    dot = page.locator(".row", has_text="try-11").locator(".dot")
    wanted = style.SERIES["light"][style.place("try11") % len(style.SERIES["light"])]
    expect(dot).to_have_attribute("style", f"--colour: {wanted};")


def test_keys_of_an_open_list_are_its_own(open_page: Open) -> None:
    page = open_page(RUNS + "&q=try-11")
    expect(rows(page)).to_have_count(1)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys of this page")
    expect(dialog).to_be_visible()
    page.keyboard.press("c")
    expect(page.locator(".form.columns")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("c")
    expect(page.locator(".form.columns")).to_be_visible()


def test_columns_are_dragged_and_made_wider_and_the_file_has_what_they_say(open_page: Open) -> None:
    page = open_page(RUNS + "&q=try-11")
    expect(rows(page)).to_have_count(1)
    heads = page.locator(".runs-head .cell")
    expect(heads.nth(3)).to_contain_text("loss")
    heads.nth(4).drag_to(heads.nth(3))
    expect(heads.nth(4)).to_contain_text("loss")
    before = heads.nth(4).bounding_box()
    edge = heads.nth(4).locator(".edge")
    edge.press("ArrowRight")
    assert before is not None
    expect(heads.nth(4)).to_have_js_property("offsetWidth", before["width"] + 8)
    rows(page).first.locator("input").click()
    with page.expect_download() as caught:
        page.locator(".bulk").get_by_role("button", name="CSV").click()
    lines = caught.value.path().read_text().splitlines()
    assert len(lines) == 2
    told = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    assert (told["run_id"], told["status"], told["summary.loss"]) == ("try11", "running", "0.75")
    assert told["started"].endswith("Z")
