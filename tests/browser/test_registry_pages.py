"""The pages of the registry, of artifacts and of lineage, driven in Chromium."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import registry_seeds
import review_ui_seeds as seeds
from conftest import Workbench  # type: ignore[attr-defined]
from playwright.sync_api import Page, expect
from settling import settled

from weft.records import Promotion
from weft.repositories import Store

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
NAME = registry_seeds.NAME


@pytest.fixture(scope="module")
def store(bench: Workbench) -> Store:
    registry_seeds.fill(bench.store)
    registry_seeds.wide(bench.store)
    return bench.store


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 800)])
def test_every_page_loads_and_hostile_text_stays_text(store: Store, open_page: Open, theme: str, width: int) -> None:
    page = open_page("/registry", theme=theme, width=width)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    origin = page.url.split("/registry")[0]
    for path, title in {
        "/registry": "Registry",
        f"/registry/{NAME}": NAME,
        "/artifacts?type=model": "Artifacts",
        "/artifact/answerer:v3?file=notes.txt": "answerer:v3",
        f"/lineage?node=registry/{NAME}:production": "Lineage",
    }.items():
        page.goto(origin + path)
        expect(page.locator("h1").first).to_have_text(title)
        settled(page)
        assert page.locator(".w-error, [data-testid=stException]").count() == 0
    assert wrong == []


def test_what_is_in_production_is_said_first(store: Store, open_page: Open) -> None:
    page = open_page("/registry")
    row = page.locator("tr", has_text=NAME)
    expect(row).to_contain_text("v1  answerer:v1")
    expect(row).to_contain_text("production v1")
    row.get_by_role("link", name=NAME).click()
    page.wait_for_url(re.compile(rf"/registry\?name={NAME}"))
    card = page.locator(".w-stage", has_text="requires 2")
    for words in ("by ann", "evaluation qa", "latency", "serves in production"):
        expect(card).to_contain_text(words)
    expect(card.get_by_role("link", name="evaluation qa")).to_have_attribute("href", re.compile("id=eval-gated"))


def test_a_promotion_is_refused_passed_over_and_rolled_back(store: Store, open_page: Open) -> None:
    page = open_page(f"/registry?name={NAME}&version=v3&stage=production")
    expect(page.get_by_text("Nobody has recorded the check 'latency' for v3.")).to_be_visible()
    page.get_by_role("button", name="Promote v3 to production").click()
    expect(page.locator(".w-error")).to_contain_text("2 requirements are not met")
    page.get_by_label("Reason", exact=True).fill("the old one is down")
    page.get_by_text("Pass over what is not met").click()
    page.get_by_role("button", name="Promote v3 to production").click()
    expect(page.get_by_text(f"{NAME} v3 is in production now.")).to_be_visible()
    expect(page.locator(".w-stage", has_text="requires 2")).to_contain_text("passed over: evaluation qa")
    [event] = [one for one in store.registry.list_events(NAME, limit=3).items if one.action == "promoted"]
    assert (event.reason, event.overridden) == ("the old one is down", ["evaluation qa", "check latency"])
    page.get_by_label("Reason", exact=True).fill("it was not")
    page.get_by_role("button", name="Roll production back").click()
    expect(page.get_by_text(f"{NAME} v1 is in production again.")).to_be_visible()
    assert store.registry.get_version(f"{NAME}:production").version == 1


def test_a_decision_on_a_page_that_is_out_of_date_is_not_made(store: Store, open_page: Open) -> None:
    page = open_page(f"/registry?name={NAME}&version=v3&stage=staging")
    expect(page.locator(".w-stage", has_text="to be compared")).to_be_visible()
    settled(page)
    store.registry.promote(Promotion(NAME, 2, None, "eve", "it leaks"))
    page.get_by_role("button", name="Promote v3 to staging").click()
    expect(page.locator(".w-stage", has_text="to be compared")).to_have_count(0)
    assert all(one.stage != "staging" for one in store.registry.list_standings(NAME))
    page.get_by_role("button", name="Promote v3 to staging").click()
    expect(page.get_by_text(f"{NAME} v3 is in staging now.")).to_be_visible()


def test_a_page_is_not_settled_from_the_click_to_the_last_element_of_its_rerun(store: Store, open_page: Open) -> None:
    """Of the tests' own ``settling``: the click itself leaves the mark, long before the server answers."""
    page = open_page(f"/registry?name={NAME}&version=v3&stage=production")
    settled(page)
    runs = int(page.evaluate("document.documentElement.dataset.runs"))
    button = page.get_by_role("button", name="Promote v3 to production")
    assert button.evaluate("node => { node.click(); return document.documentElement.hasAttribute('data-asked') }")
    settled(page)
    assert int(page.evaluate("document.documentElement.dataset.runs")) > runs
    assert page.locator('[data-test-script-state="running"], [data-stale="true"]').count() == 0
    assert page.locator(".w-error").count() == 1
    page.evaluate("""() => {
      const asked = () => document.documentElement.hasAttribute("data-asked");
      document.documentElement.toggleAttribute("data-asked", true);
      window.addEventListener("click", () => { window.clickedWhileAsked = asked(); }, { capture: true, once: true });
      setTimeout(() => document.documentElement.toggleAttribute("data-asked", false), 200);
    }""")
    page.get_by_role("button", name="Promote v3 to production").click()
    assert page.evaluate("window.clickedWhileAsked") is False


def test_the_card_is_made_of_the_record(store: Store, open_page: Open, tmp_path: Path) -> None:
    page = open_page(f"/registry?name={NAME}&version=v1&stage=staging")
    page.get_by_text("Model card of v1").click()
    expect(page.get_by_role("heading", name=f"{NAME} v1")).to_be_visible()
    expect(page.get_by_text("correct is 0.86 [0.8, 0.91].")).to_be_visible()
    with page.expect_download() as caught:
        # By a key: while the card unfolds, what is below a click's press may not be below its release.
        page.get_by_role("button", name="Download as Markdown").press("Enter")
    caught.value.save_as(tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text().startswith(f"# {NAME} v1\n")


def test_artifacts_are_found_compared_and_looked_into(store: Store, open_page: Open) -> None:
    page = open_page("/artifacts")
    page.get_by_placeholder("Search names, aliases, tags").fill("answ")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("production v1")
    page.get_by_role("link", name="answerer", exact=True).click()
    expect(page.locator("h1").first).to_have_text("answerer:v3")
    page.get_by_role("link", name="words.csv").click()
    expect(page.get_by_role("cell", name="<b>beta</b>")).to_be_visible()
    with page.expect_download() as caught:
        page.get_by_role("link", name="Download, ").click()
    assert (caught.value.suggested_filename, b"<b>beta</b>" in caught.value.path().read_bytes()) == ("words.csv", True)
    page.get_by_role("link", name="plot.png").click()
    expect(page.locator("[data-testid=stImage] img")).to_be_visible()
    origin = page.url.split("/artifact")[0]
    page.goto(origin + "/artifact?ref=answerer:v3&against=v2")
    expect(page.get_by_role("cell", name="plot.png").first).to_be_visible()
    expect(page.locator(".w-facts").last).to_contain_text("Added2")


def test_the_graph_is_walked_both_ways(store: Store, open_page: Open) -> None:
    page = open_page(f"/lineage?node=registry/{NAME}:production")
    nodes = page.locator("g.node")
    expect(nodes).to_have_count(4)  # what led to it: dataset, run, model
    page.locator("g.node", has_text="answerer:v1").last.click()
    expect(page.locator("aside.card h3")).to_have_text("answerer:v1")
    before = nodes.count()
    page.keyboard.press("e")
    expect(page.locator("g.node", has_text="production/answerer:v1")).to_be_visible()
    assert nodes.count() > before
    page.keyboard.press("ArrowUp")  # it is drawn from the top down: across it would be too small to read
    expect(page.locator("aside.card .kind").first).to_have_text("training run")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/run\?id=train-a"))
    page.go_back()
    expect(page.locator("h1").first).to_have_text("Lineage")
    page.locator("g.node", has_text="questions:v1").click()
    page.get_by_role("link", name="Start here").click()
    page.wait_for_url(re.compile(r"/lineage\?node=artifact"))
    assert parse_qs(urlsplit(page.url).query)["node"] == ["artifact:questions:v1"]
    graph = page.get_by_role("group", name="Lineage of questions:v1")  # the former one may still stand beside it
    expect(graph.locator("g.node.start")).to_contain_text("questions:v1")


def test_a_graph_of_five_hundred_nodes_is_drawn(store: Store, open_page: Open) -> None:
    page = open_page(f"/lineage?node=corpus:v1&project={registry_seeds.WIDE}")
    expect(page.locator("g.node")).to_have_count(499)
    page.get_by_role("button", name="The whole graph (0)").click()
    page.get_by_role("button", name="Larger (+)").click()
    expect(page.locator("g.node.chosen")).to_have_count(1)


def test_the_api_tells_the_graph(store: Store, bench: Workbench, open_page: Open) -> None:
    page = open_page("/registry")
    answer = page.request.get(f"{bench.url}/api/projects/{seeds.PROJECT}/lineage/graph?node=answerer:v1&depth=1")
    graph = json.loads(answer.body())
    assert graph["nodes"][0]["title"] == "answerer:v1"
    missing = page.request.get(f"{bench.url}/api/projects/{seeds.PROJECT}/lineage/graph?node=nothing")
    assert missing.status == 404
