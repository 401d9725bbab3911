"""The trace page as a reader uses it: a large tree, keys, search, chat and media, comparison, what one makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import review_ui_seeds as seeds
import trace_seeds as traces
from conftest import Workbench  # type: ignore[attr-defined]
from playwright.sync_api import Page, expect

from weft import clock
from weft.records import ItemStatus, ScoreQuery, SpanQuery
from weft.testing.waiting import wait_for

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
COUNT = 30_000


def rich(number: int, **more: str) -> str:
    parameters = "".join(f"&{name}={value}" for name, value in more.items())
    return f"/trace?id={traces.RICH}&span={number:016x}{parameters}"


def chosen(page: Page) -> str:
    return page.locator(".row.selected .title").inner_text()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


@pytest.fixture(scope="module")
def large(bench: Workbench) -> str:
    """A trace of 30,000 spans in the store; returns its address."""
    if not bench.store.spans.list_traces(SpanQuery(trace_id=traces.LARGE)).items:
        spans = list(traces.large(seeds.PROJECT, clock.now_ns(), COUNT))
        for at in range(0, COUNT, 2000):
            seeds.ingest(bench.store, spans[at : at + 2000], writer=f"large-{at}")
    return f"/trace?id={traces.LARGE}"


def test_of_a_very_large_trace_only_the_rows_in_sight_are_drawn_and_read(large: str, open_page: Open) -> None:
    page = open_page("/traces")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/outline" in request.url else None)
    page.goto(page.url.split("/traces")[0] + large + f"&span={1:016x}")
    expect(page.get_by_text("30,000 spans", exact=True)).to_be_visible()
    expect(page.locator(".row .title").first).to_have_text("crawl")
    assert page.locator(".row").count() < 100
    assert len(asked) == 1
    scroll = page.locator(".scroll")
    scroll.evaluate("node => { node.scrollTop = node.scrollHeight }")
    expect(page.get_by_role("treeitem").last).to_contain_text("page_")
    scroll.evaluate("node => { node.scrollTop = node.scrollHeight / 2 }")
    expect(page.locator(".row.waiting")).to_have_count(0)
    assert page.locator(".row").count() < 100
    assert 2 <= len(asked) <= 8
    press(page, "G")
    expect(page.locator(".right h1")).to_have_text(re.compile("page_"))
    press(page, "g", "ArrowLeft")  # the root is folded: nothing else is left
    expect(page.get_by_role("treeitem")).to_have_count(1)
    expect(page.get_by_role("treeitem")).to_have_attribute("aria-expanded", "false")
    expect(page.get_by_role("treeitem")).to_contain_text("+29,999")
    press(page, "e")  # an error unfolds what hides it
    expect(page.locator(".row.selected.failed")).to_be_visible()


def test_an_address_leads_into_the_middle_of_a_large_trace(large: str, open_page: Open) -> None:
    page = open_page(large + f"&span={20_001:016x}")
    expect(page.locator(".row.selected .title")).to_have_text("page_20000")
    expect(page.locator(".right h1")).to_have_text("page_20000")
    page.keyboard.press("/")
    page.keyboard.type("page_29999")
    expect(page.locator(".found")).to_have_text("1 found")
    page.keyboard.press("Enter")
    expect(page.locator(".row.selected .title")).to_have_text("page_29999")


def test_errors_come_first_and_figures_are_rolled_up(open_page: Open) -> None:
    page = open_page(f"/trace?id={traces.RICH}")
    expect(page.locator(".row.selected .title")).to_have_text("look_up_carrier")
    expect(page.locator(".right .failure")).to_contain_text("ConnectionError")
    page.get_by_text("Stack", exact=True).click()
    expect(page.locator(".right .failure")).to_contain_text("carrier.py")
    root = page.get_by_role("treeitem").first
    expect(root.locator(".tokens")).to_have_text("2,710")
    expect(root.locator(".cost")).to_have_text("$0.0030")
    expect(root.locator(".inside")).to_have_text("▲1")
    expect(page.get_by_role("button", name="▲ 1 error")).to_be_visible()


def test_the_tree_is_walked_by_keys_and_the_way_back_leaves_it(open_page: Open) -> None:
    page = open_page("/traces")
    page.goto(page.url.split("/traces")[0] + rich(1))
    expect(page.locator(".right h1")).to_have_text("support_agent")
    press(page, "j", "j")
    expect(page.locator(".right h1")).to_have_text("look_up_order")
    assert re.search(r"span=0+3$", page.url)
    press(page, "ArrowLeft")  # to the parent
    expect(page.locator(".right h1")).to_have_text("support_agent")
    press(page, "ArrowLeft")
    expect(page.get_by_role("treeitem")).to_have_count(1)
    press(page, "ArrowRight", "ArrowRight")
    expect(page.locator(".right h1")).to_have_text("plan")
    press(page, "G", "k", "e")
    expect(page.locator(".right h1")).to_have_text("look_up_carrier")
    press(page, "z")
    expect(page.locator(".ticks")).to_contain_text("+1.7 s")
    press(page, "Escape")
    expect(page.locator(".ticks")).to_contain_text("4.2 s")
    page.go_back()  # keys left no trace in the history
    expect(page.locator("h1").first).to_have_text("Traces")


def test_a_text_inside_is_found_by_name_and_content(open_page: Open) -> None:
    page = open_page(rich(1))
    expect(page.get_by_role("treeitem")).to_have_count(6)
    press(page, "/")
    page.keyboard.type("warehouse")
    expect(page.locator(".found")).to_have_text(re.compile("2"))
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")  # leaves the field and the search
    expect(page.get_by_label("Search in this trace")).to_have_value("")
    assert urlsplit(page.url).path == "/trace"
    press(page, "/")
    page.keyboard.type("carrier")
    page.keyboard.press("Enter")
    expect(page.locator(".row.selected .title")).to_have_text("look_up_carrier")
    expect(page.locator(".row.hit")).to_have_count(1)


def test_chat_is_read_as_chat_with_reasoning_folded_and_media_shown(open_page: Open) -> None:
    page = open_page("/traces")
    hosts = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.goto(page.url.split("/traces")[0] + rich(2))
    expect(page.get_by_text("Here is what arrived.")).to_be_visible()
    images = page.locator(".media img")
    expect(images).to_have_count(3)  # two inline, one as a blob; none from elsewhere, no SVG, no HTML
    for at in range(3):
        wait_for(lambda at=at: images.nth(at).evaluate("node => node.naturalWidth") > 0)  # type: ignore[misc]
        assert images.nth(at).get_attribute("src").startswith("blob:")  # type: ignore[union-attr]
    expect(page.locator(".media audio")).to_have_count(1)
    expect(page.get_by_text("https://elsewhere.invalid/picture.png")).to_be_visible()
    assert hosts <= {"127.0.0.1", None, ""}
    folded = page.locator("details.reasoning")
    expect(folded).to_have_count(1)
    assert folded.get_attribute("open") is None
    expect(page.get_by_text("REASONED")).to_be_hidden()
    folded.locator("summary").click()
    expect(page.get_by_text("REASONED")).to_be_visible()
    expect(page.locator(".tool.call")).to_contain_text("look_up_order")
    page.locator("summary", has_text="Attributes").click()
    expect(page.locator(".json .number").filter(has_text=str(traces.EXACT))).to_be_visible()  # 64 bits, all digits
    page.locator(".section", has_text="Input").get_by_role("button", name="JSON").click()
    expect(page.locator(".section", has_text="Input").locator(".mono")).to_contain_text('"mime_type": "image/png"')
    press(page, "G", "k")
    expect(page.locator(".right h1")).to_have_text("answer")
    press(page, "j", "k")
    expect(page.locator(".tool.result")).to_have_count(0)  # still as JSON, as was chosen
    page.locator(".section", has_text="Input").get_by_role("button", name="As read").click()
    expect(page.locator(".tool.result")).to_contain_text("look_up_order")  # named after the call it answers


def test_hostile_text_stays_text_wherever_it_is_shown(open_page: Open) -> None:
    page = open_page("/traces")
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    origin = page.url.split("/traces")[0]
    for path in (
        rich(6),
        rich(4),
        rich(2, against=f"{6:016x}"),
        f"/thread?id={traces.THREAD}",
        f"/trace?id={'f' * 32}",
    ):
        page.goto(origin + path)
        expect(page.get_by_text("alert(1)").first.or_(page.locator(".turn").first)).to_be_visible()
        for summary in page.locator("details:not([open]) > summary").all():
            if summary.is_visible():
                summary.click()
        assert page.locator('script:text("alert"), img[src="x"], img[src^="javascript"], svg[onload]').count() == 0
        assert page.locator("a[href^='javascript'], iframe, object, embed").count() == 0


def test_two_spans_are_compared(open_page: Open) -> None:
    page = open_page(rich(2))
    expect(page.locator(".right h1")).to_have_text("plan")
    press(page, "d")
    expect(page.locator(".banner")).to_contain_text("Choose the span to compare")
    press(page, "G", "k")
    expect(page.locator(".right h1")).to_have_text("answer")
    expect(page.locator(".banner")).to_contain_text("Compare with plan?")
    press(page, "d")
    expect(page.locator(".right h1")).to_have_text("plan and answer")
    expect(page.locator(".diff .come").filter(has_text="left the warehouse").first).to_be_visible()
    expect(page.locator("table.compared .differs").first).to_be_visible()
    assert f"against={2:016x}" in page.url
    press(page, "x")
    expect(page.locator(".diff.sideways").first).to_be_visible()
    expect(page.locator(".left")).to_be_hidden()
    page.reload()  # the address holds the comparison
    expect(page.locator(".right h1")).to_have_text("plan and answer")
    press(page, "Escape")
    expect(page.locator(".right h1")).to_have_text("answer")
    assert "against" not in page.url


def test_spans_of_two_traces_are_compared(open_page: Open) -> None:
    page = open_page(f"/trace?id={1:032x}&span={4:016x}")
    expect(page.locator(".right h1")).to_have_text("chat answerer")
    press(page, "d")
    page.goto(page.url.split("/trace")[0] + f"/trace?id={2:032x}&span={4:016x}")
    expect(page.locator(".banner")).to_contain_text("of another trace")
    press(page, "d")
    expect(page.locator(".diff mark").first).to_have_text("0")  # order 1000 against order 1001
    assert f"against_trace={1:032x}" in page.url


def test_a_dataset_takes_the_span_with_the_answer_that_is_written(bench: Workbench, open_page: Open) -> None:
    page = open_page(rich(3))
    expect(page.locator(".right h1")).to_have_text("look_up_order")
    press(page, "t")
    page.get_by_label("Dataset").select_option(label="a new dataset")
    page.get_by_label("Name").fill("orders")
    page.get_by_label("Expected").select_option(label="what I write here")
    page.get_by_label("Answer").fill('{"parcels": 3}')
    page.locator("form").get_by_role("button", name="Add to dataset").click()
    link = page.get_by_role("link", name="orders:v1").first
    expect(link).to_be_visible()
    (example,) = bench.store.artifacts.list_examples(seeds.PROJECT, "orders").items
    assert example.data == {"order": 1007, "expected": {"parcels": 3}, "trace_id": traces.RICH, "span_id": f"{3:016x}"}
    expect(page.locator(".links")).to_contain_text("orders:v1")
    link.click()
    expect(page.locator("h1").first).to_have_text("orders:v1")


def test_a_span_is_sent_to_people(bench: Workbench, open_page: Open) -> None:
    page = open_page(rich(5))
    expect(page.locator(".right h1")).to_have_text("answer")
    press(page, "r")
    page.get_by_label("Reason").fill("it sounds too sure")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="It waits in answers")).to_be_visible()
    queue = bench.store.reviews.find_queue(seeds.PROJECT, seeds.QUEUE)
    assert queue is not None
    items = bench.store.reviews.list_items(queue.queue_id, status=ItemStatus.WAITING).items
    (item,) = [item for item in items if item.trace_id == traces.RICH]
    assert (item.reason, item.span_id, item.p) == ("it sounds too sure", f"{5:016x}", None)
    assert item.shown["output"][0]["role"] == "assistant"


def test_feedback_is_stored_changed_and_taken_back(bench: Workbench, open_page: Open) -> None:
    def stored() -> list[tuple[str, float | None, str | None, str | None, str | None]]:
        query = ScoreQuery(trace_id=traces.RICH, span_id=f"{1:016x}")
        found = bench.store.evaluations.list_scores(query).items
        return sorted((s.name, s.value, s.label, s.explanation, s.author) for s in found)

    page = open_page(rich(1))
    up = page.get_by_role("button", name="Thumbs up")
    up.click()
    expect(up).to_have_attribute("aria-pressed", "true")
    assert stored() == [("thumbs", 1.0, "up", None, "anonymous")]
    page.keyboard.press("-")
    expect(up).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_role("button", name="Thumbs down")).to_have_attribute("aria-pressed", "true")
    assert stored() == [("thumbs", 0.0, "down", None, "anonymous")]
    page.keyboard.press("-")
    expect(page.get_by_text("Taken back.")).to_be_visible()
    assert stored() == []
    page.keyboard.press("a")
    page.keyboard.type(seeds.HOSTILE)
    page.get_by_label("As").fill("ann")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".scores")).to_contain_text("<script>")
    page.keyboard.press("s")
    page.keyboard.type("0,75")
    page.get_by_label("Why").fill("nearly")
    page.locator("form").get_by_role("button", name="Store score").click()
    expect(page.locator(".scores")).to_contain_text("0.75")
    assert stored() == [("note", None, None, seeds.HOSTILE, "ann"), ("quality", 0.75, None, "nearly", "ann")]
    page.keyboard.press("s")
    page.locator("form").get_by_role("button", name="Store score").click()
    expect(page.locator(".said-back.bad")).to_have_text("Give a value, a label or both.")
    page.keyboard.press("Escape")
    expect(page.locator("form")).to_have_count(0)
    assert urlsplit(page.url).path == "/trace"


def test_a_span_leads_to_its_model_thread_and_user(open_page: Open) -> None:
    page = open_page(rich(1))
    links = page.locator(".links")
    expect(links).to_contain_text("answerer:v1")
    expect(links).to_contain_text("softmax-1")
    links.get_by_role("link", name=traces.THREAD).click()
    expect(page.locator("h1").first).to_have_text("Thread")
    expect(page.locator(".turn")).to_have_count(3)
    expect(page.locator(".turn").first).to_contain_text("Hello, are you there?")
    expect(page.locator(".turn").last).to_contain_text("You are welcome.")
    page.locator(".turn").nth(1).get_by_role("link").first.click()
    expect(page.locator("h1").first).to_have_text("support_agent")


def test_who_reviews_sees_no_verdict_and_changes_nothing(open_page: Open) -> None:
    page = open_page(f"/trace?id={1:032x}&blind={seeds.QUEUE}")
    expect(page.get_by_role("treeitem")).to_have_count(4)
    expect(page.locator(".row").filter(has_text="judge")).to_have_count(0)
    expect(page.get_by_role("button", name="Thumbs up")).to_have_count(0)
    press(page, "+", "d", "t")
    expect(page.locator("form, .banner")).to_have_count(0)
    assert "SECRET" not in page.content()
