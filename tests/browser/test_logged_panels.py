"""Media, histograms and tables of runs as a reader uses them; what runs logged is data, never markup."""

from __future__ import annotations

import re
from collections.abc import Callable

import logged_seeds
import pytest
from conftest import Workbench  # type: ignore[attr-defined]
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


@pytest.fixture(scope="module", autouse=True)
def gallery(bench: Workbench) -> None:
    logged_seeds.fill(bench.store)


@pytest.fixture
def opened(open_page: Open) -> Page:
    page = open_page("/run?id=one")
    page.get_by_role("tab", name="Media and tables").click()
    return page


def panel(page: Page, kind: str, name: str) -> Locator:
    found = page.get_by_role("article", name=f"{kind} {name}", exact=True)
    found.scroll_into_view_if_needed()
    return found


def test_pictures_have_a_slider_boxes_and_masks(opened: Page) -> None:
    picture = panel(opened, "Media", "samples/picture")
    expect(picture.locator("img")).to_be_visible()
    expect(picture.locator("output")).to_have_text("step 20 (3 of 3)")
    expect(picture.locator(".box")).to_have_text("cat 0.800")
    picture.get_by_role("slider", name="Step of samples/picture").press("ArrowLeft")
    expect(picture.locator("figcaption")).to_have_text("after 10 steps")
    picture.get_by_role("button", name="cat").click()
    expect(picture.locator(".box")).to_be_hidden()
    expect(panel(opened, "Media", "samples/batch").locator("img")).to_have_count(6)


def test_html_is_shown_without_script(opened: Page) -> None:
    report = panel(opened, "Media", "report")
    expect(report.frame_locator("iframe").get_by_role("heading", name="Report")).to_be_visible()
    frame = report.locator("iframe")
    assert frame.get_attribute("sandbox") == ""
    assert opened.title() != "stolen"
    expect(panel(opened, "Media", "answer").locator(".said")).to_contain_text("It was <b>not</b> a cat.")


def test_charts_and_figures_are_drawn(opened: Page) -> None:
    confusion = panel(opened, "Media", "confusion")
    expect(confusion.locator(".confusion tr")).to_have_count(4)
    expect(panel(opened, "Media", "roc").get_by_role("img")).to_have_attribute(
        "aria-label", "roc curve of tpr over fpr"
    )
    chart = panel(opened, "Media", "chart")
    assert chart.locator("iframe").get_attribute("sandbox") == "allow-scripts"
    expect(chart.frame_locator("iframe").locator(".main-svg").first).to_be_visible()
    expect(panel(opened, "Media", "cloud").get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("3,000 points")
    )


def test_histograms_over_steps(opened: Page) -> None:
    layer = panel(opened, "Histogram", "gradients/layer1")
    heat = layer.get_by_role("img")
    expect(heat).to_have_attribute("aria-label", re.compile("40 histograms from step 0 to 195"))
    heat.hover(position={"x": 120, "y": 120})
    expect(layer.locator("output")).to_contain_text("from")
    layer.get_by_role("button", name="Ridges").click()
    expect(layer.get_by_role("button", name="Heat")).to_be_visible()


def test_a_table_is_filtered_sorted_and_grouped(opened: Page) -> None:
    table = panel(opened, "Table", "answers")
    expect(table.locator("output")).to_have_text("300 rows")
    expect(table.locator("tbody tr").first).to_contain_text("<script>alert(1)</script>")
    table.get_by_label("Filter rows").fill("score < 1 and id > 100")
    table.get_by_label("Filter rows").press("Enter")
    expect(table.locator("output")).to_have_text("22 of 300 rows")
    table.get_by_title("Sort by id").click()
    expect(table.locator("tbody tr").first).to_contain_text("what is 297?")
    table.get_by_label("Filter rows").fill("scor < 1")
    table.get_by_label("Filter rows").press("Enter")
    expect(table.get_by_role("alert")).to_contain_text("Column 1: there is no column 'scor'")
    table.get_by_label("Filter rows").fill("")
    table.get_by_label("Filter rows").press("Enter")
    table.get_by_label("Group rows by").select_option("right")
    expect(table.locator("tbody tr")).to_have_count(2)
    expect(table.locator("output")).to_have_text("2 groups")


def test_tables_of_runs_are_joined_with_differences_first(open_page: Open) -> None:
    page = open_page("/runs?project=gallery&pane=charts")
    table = panel(page, "Table", "answers")
    expect(table.locator("output")).to_contain_text("300 rows, ")
    expect(table.get_by_label("Join runs by")).to_have_value("id")
    first = table.locator("tbody").nth(1)
    expect(first.locator("tr")).to_have_count(2)
    expect(first.locator(".differs").first).to_be_visible()
    table.get_by_role("button", name="Only differences").click()
    expect(table.locator("output")).to_have_text("55 of 300 rows, 55 differ")
    table.get_by_label("Filter rows").fill("id == 18")
    table.get_by_label("Filter rows").press("Enter")
    expect(first).to_contain_text("answer 18 wrong")
    picture = panel(page, "Media", "samples/picture")
    expect(picture.locator(".run-name")).to_have_count(2)
