"""Every page in both themes; addresses, keys and hostile text."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import review_ui_seeds as seeds
import trace_seeds as traces
from conftest import Workbench  # type: ignore[attr-defined]
from playwright.sync_api import Page, expect
from settling import settled

from weft.evals import load
from weft.reviews import Choice, ReviewPolicy

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
TRACE = f"{4:032x}"
PAGES = {
    "/": "Overview",
    "/traces": "Traces",
    f"/trace?id={TRACE}": "answer_customer",
    f"/trace?id={traces.RICH}": "support_agent",
    f"/thread?id={traces.THREAD}": "Thread",
    "/evaluations": "Evaluations",
    "/evaluation?id=eval-b": "qa",
    "/compare?runs=eval-a,eval-b": "answerer b against answerer a",
    "/review": "Review",
    "/runs": "Runs",
    "/run?id=train-a": "softmax-1",
    "/artifacts": "Artifacts",
    "/artifact?ref=questions:v1": "questions:v1",
}


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.soak)])
def test_every_page_loads_without_error_and_asks_no_other_host(open_page: Open, theme: str) -> None:
    page = open_page("/", theme=theme)
    origin, wrong, hosts = page.url.rstrip("/"), [], set()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    for path, title in PAGES.items():
        page.goto(origin + path)
        expect(page.locator("h1").first).to_have_text(title)
        settled(page)
        assert page.locator(".w-error, [data-testid=stException]").count() == 0
        dark = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
        assert (dark == "rgb(21, 24, 28)") == (theme == "dark")
    assert wrong == []
    assert hosts <= {"127.0.0.1", None, ""}


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/", "Overview · Weft"),
        ("/runs", "Runs · Weft"),
        ("/run?id=train-a", "Run softmax-1 · Weft"),
        (f"/trace?id={TRACE}", "Trace answer_customer · Weft"),
        ("/artifact?ref=questions:v1", "Artifact questions:v1 · Weft"),
    ],
)
def test_tabs_of_the_browser_name_the_page(open_page: Open, path: str, title: str) -> None:
    expect(open_page(path)).to_have_title(title)


def test_an_address_that_no_page_has_says_so(open_page: Open) -> None:
    page = open_page("/nowhere/at-all")
    expect(page.get_by_text("There is no page '/nowhere/at-all'.")).to_be_visible()
    expect(page.locator('[role="dialog"]')).to_have_count(0)
    expect(page.get_by_role("link", name="Runs").first).to_be_visible()


def test_hostile_text_stays_text(open_page: Open) -> None:
    page = open_page("/traces")
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    expect(page.get_by_role("link", name=seeds.HOSTILE).first).to_be_visible()
    origin = page.url.split("/traces")[0]
    for path in (f"/trace?id={'f' * 32}", "/runs", "/run?id=hostile"):
        page.goto(origin + path)
        expect(page.get_by_text("<script>alert(1)</script>").first).to_be_visible()
        assert page.locator('img[src="x"]').count() == 0


def test_labels_of_a_rubric_stay_text_and_their_keys_work(bench: Workbench, open_page: Open) -> None:
    tricky = [Choice("**yes** :material/delete: $x^2$ <b>", 1.0, "1"), Choice(":red[no]", 0.0, "2")]
    result = load("eval-a", bench.store)
    policy = ReviewPolicy("tricky", budget=0.3, choices=tricky, question=seeds.HOSTILE)
    policy.route_samples(bench.store, seeds.PROJECT, result.samples, result.scores)
    page = open_page(f"/review/tricky?project={seeds.PROJECT}&reviewer=ann")
    for choice in tricky:
        expect(page.get_by_role("button").filter(has_text=choice.label)).to_be_visible()
    expect(page.get_by_text(seeds.HOSTILE)).to_be_visible()
    page.keyboard.press("2")
    expect(page.get_by_text("You said :red[no].")).to_be_visible()


def test_an_objects_own_address_leads_to_its_page(open_page: Open) -> None:
    page = open_page(f"/trace/{TRACE}?span={4:016x}")
    expect(page.locator("h1").nth(1)).to_have_text("chat answerer")
    assert urlsplit(page.url).path == "/trace"


def test_rows_open_by_key_and_click_and_the_back_button_works(open_page: Open) -> None:
    page = open_page("/traces?status=error&q=Where+is+order")
    expect(page.get_by_role("link", name="answer_customer").first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("h1").first).to_have_text("answer_customer")
    assert urlsplit(page.url).path == "/trace"
    page.get_by_text("find_documents").click()
    expect(page.locator("h1").nth(1)).to_have_text("find_documents")
    assert re.search(r"span=0+2", page.url)
    page.go_back()
    expect(page.locator("h1").nth(1)).to_have_text("chat answerer")  # the one that failed
    page.go_back()
    expect(page.locator("h1").first).to_have_text("Traces")
    assert "status=error" in page.url


def test_two_evaluations_are_chosen_and_compared(open_page: Open) -> None:
    page = open_page("/evaluations")
    boxes = page.get_by_role("checkbox", name="choose")
    boxes.nth(0).click()
    expect(page).to_have_url(re.compile("sel=eval-b"))
    boxes.nth(1).click()
    page.get_by_role("link", name="Compare the two").click()
    expect(page.locator("h1").first).to_have_text("answerer b against answerer a")
    assert "runs=eval-a" in page.url


def test_panes_go_under_each_other_on_a_narrow_page(open_page: Open) -> None:
    for width, under in ((800, True), (1440, False)):
        page = open_page(f"/trace?id={TRACE}", width=width)
        tree, detail = page.get_by_text("find_documents"), page.locator("h1").nth(1)
        expect(detail).to_be_visible()
        first, second = tree.bounding_box(), detail.bounding_box()
        assert first is not None
        assert second is not None
        assert (second["y"] > first["y"]) == under


def test_the_keys_of_a_page_are_listed_and_lead_around(open_page: Open) -> None:
    page = open_page(f"/trace?id={TRACE}")
    expect(page.get_by_role("button", name="? Keys")).to_be_visible()
    page.keyboard.press("?")
    listed = page.get_by_role("dialog", name="Keys of this page")
    expect(listed).to_contain_text("next, previous span")
    page.keyboard.press("Escape")
    expect(listed).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("h1").first).to_have_text("Traces")
    search = page.get_by_role("textbox", name="Search")
    expect(search).to_be_visible()
    page.keyboard.press("/")
    expect(search).to_be_focused()
    page.keyboard.type("?")
    expect(listed).to_be_hidden()
    expect(search).to_have_value("?")


def test_an_id_is_copied_by_a_click(open_page: Open) -> None:
    page = open_page(f"/trace?id={TRACE}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(page.get_by_role("button", name="? Keys")).to_be_visible()
    page.locator("button.w-id").first.click()
    expect(page.locator("button.w-id.w-copied")).to_have_text(TRACE)
    assert page.evaluate("navigator.clipboard.readText()") == TRACE


def test_a_table_is_given_as_a_file_with_exact_values(open_page: Open) -> None:
    page = open_page(f"/evaluation?id=eval-b&project={seeds.PROJECT}")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").first.click()
    assert download.value.suggested_filename == "weft-figures.csv"
    head, first, *_ = Path(download.value.path()).read_text("utf-8").splitlines()
    assert head.startswith("Metric,Value and interval,value,low,high,n")
    assert len(first.split(",")[1]) > 6  # not rounded


def test_a_chart_is_read_at_the_cursor(open_page: Open) -> None:
    page = open_page(f"/run?id=train-a&tab=charts&project={seeds.PROJECT}")
    chart, readout = page.locator(".panel .plot").first, page.locator(".readout")
    expect(chart).to_be_visible()
    expect(readout).to_be_hidden()
    chart.hover()
    expect(readout).to_contain_text(re.compile(r"\d"))
    page.locator("h1").first.hover()
    expect(readout).to_be_hidden()


def test_an_address_of_a_project_that_is_not_there_says_so(open_page: Open) -> None:
    page = open_page("/artifacts?project=nowhere")
    expect(page.get_by_text("There is no project 'nowhere' (yet)")).to_be_visible()
    expect(page.locator("h1").first).to_have_text("Artifacts")
