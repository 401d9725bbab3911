"""The list of traces and the overview as a reader uses them: expressions, chips, spans, news, ranges."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import review_ui_seeds as seeds
from conftest import Workbench  # type: ignore[attr-defined]
from playwright.sync_api import Page, expect

from weft import clock
from weft.records import Span, SpanStatus

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_an_expression_filters_and_a_mistake_is_shown_under_its_column(open_page: Open) -> None:
    page = open_page("/traces")
    expect(page.get_by_role("link", name="support_agent").first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type('kind == "agent" and "late" in name')
    page.keyboard.press("Enter")
    expect(page.get_by_text("No trace fits these filters.")).to_be_visible()
    box = page.get_by_role("textbox", name="Search")
    box.fill('kind == "agent" and usr == "customer-9"')
    box.press("Enter")
    wrong = page.locator(".w-wrong")
    expect(wrong).to_contain_text("there is no field 'usr'")
    lines = wrong.locator("pre").inner_text().splitlines()
    assert lines[1].index("^") == lines[0].index("usr")
    box.fill('kind == "agent" and user == "customer-9"')
    box.press("Enter")
    expect(wrong).to_have_count(0)
    expect(page.get_by_role("link", name="support_agent")).to_have_count(3)
    assert asked(page)["q"] == ['kind == "agent" and user == "customer-9"']
    page.reload()  # the address holds the filter
    expect(page.get_by_role("link", name="support_agent")).to_have_count(3)


def test_chips_add_to_the_expression_and_spans_are_listed_too(open_page: Open) -> None:
    page = open_page("/traces?show=spans")
    page.get_by_role("link", name="tools", exact=True).click()
    expect(page.get_by_role("link", name="look_up_order")).to_be_visible()
    expect(page.locator(".w-chip.w-on")).to_have_count(1)  # else the next click is of the page as it was
    page.get_by_role("link", name="errors", exact=True).click()
    expect(page.get_by_role("link", name="look_up_carrier")).to_be_visible()
    expect(page.get_by_role("link", name="look_up_order")).to_have_count(0)
    assert asked(page)["q"] == ['kind == "tool" and status == "error"']
    assert asked(page)["show"] == ["spans"]
    expect(page.locator(".w-chip.w-on")).to_have_count(2)
    page.get_by_role("link", name="look_up_carrier").click()
    expect(page.locator(".right h1")).to_have_text("look_up_carrier")
    page.go_back()
    page.get_by_role("link", name="tools", exact=True).click()
    expect(page.locator(".w-chip.w-on")).to_have_count(1)
    assert asked(page)["q"] == ['status == "error"']


def test_new_traces_are_told_and_shown_when_asked_for(bench: Workbench, open_page: Open) -> None:
    page = open_page("/traces")
    expect(page.get_by_role("link", name="support_agent").first).to_be_visible()
    now = clock.now_ns() + 10**9
    spans = [
        Span(seeds.PROJECT, f"{n}e" * 16, "1" * 16, "brand_new", now, end_ns=now + 5, status=SpanStatus.OK)
        for n in (1, 2)
    ]
    seeds.ingest(bench.store, spans, writer="news")
    button = page.get_by_role("button", name="2 new")
    expect(button).to_be_visible()
    expect(page.get_by_role("link", name="brand_new")).to_have_count(0)  # nothing moves that was not asked to
    button.click()
    expect(page.get_by_role("link", name="brand_new")).to_have_count(2)


def test_the_overview_leads_from_a_figure_to_its_spans(open_page: Open) -> None:
    page = open_page("/")
    expect(page.get_by_role("link", name="last 24 h", exact=True)).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="last 7 days", exact=True).click()
    expect(page.locator(".chart").first).to_contain_text("by day")
    page.get_by_role("link", name="user", exact=True).click()
    page.get_by_role("link", name="customer-9").click()
    expect(page.locator("h1").first).to_have_text("Traces")
    assert asked(page)["q"] == ['user == "customer-9"']
    assert (asked(page)["show"], asked(page)["since"]) == (["spans"], ["7d"])
    expect(page.get_by_role("link", name="look_up_order")).to_be_visible()
    page.go_back()
    expect(page.locator(".charts svg a").last).to_be_visible()
    page.locator(".charts svg a").last.click()
    expect(page.locator("h1").first).to_have_text("Traces")
    assert re.fullmatch(r'start >= "\S+T00:00:00Z" and start < "\S+T00:00:00Z"', asked(page)["q"][0])
    expect(page.get_by_role("link", name="support_agent").first).to_be_visible()


@pytest.mark.parametrize("width", [1440, 800])
def test_nothing_is_wider_than_the_page(open_page: Open, width: int) -> None:
    for path in ("/", "/traces", "/traces?show=spans"):
        page = open_page(path, width=width)
        expect(page.locator("table").first).to_be_visible()
        inside = page.locator("table").first.evaluate("node => [node.scrollWidth, node.parentElement.clientWidth]")
        assert inside[0] <= inside[1] + 1, path
