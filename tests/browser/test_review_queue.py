"""Two reviewers at one queue, leases, labels by key."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import review_ui_seeds as seeds
from conftest import Workbench  # type: ignore[attr-defined]
from playwright.sync_api import Page, expect

from weft.records import ItemStatus
from weft.repositories import Store
from weft.reviews import Queue, estimate
from weft.testing.waiting import wait_for

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


def address(queue: str, reviewer: str) -> str:
    return f"/review/{queue}?project={seeds.PROJECT}&reviewer={reviewer}"


def on_screen(page: Page) -> str | None:
    """The question on the page; None where no case is shown. Waits until the page has settled."""
    expect(page.locator('[data-testid="stApp"]')).to_have_attribute("data-test-script-state", "notRunning")
    page.locator(".w-case, .w-note").first.wait_for()
    case = page.locator(".w-case")
    return case.first.text_content() if case.count() else None


def held_by(store: Store, queue: Queue) -> dict[str, str]:
    """Question -> who holds it now, from the store."""
    items = store.reviews.list_items(queue.record.queue_id, status=ItemStatus.CLAIMED).items
    return {item.shown["input"]["question"]: item.reviewer or "" for item in items}


def test_two_reviewers_never_get_the_same_case_and_label_by_key(bench: Workbench, open_page: Open) -> None:
    queue = Queue.open(bench.store, seeds.PROJECT, seeds.QUEUE)
    pages = {name: open_page(address(seeds.QUEUE, name)) for name in ("ann", "ben")}
    seen: list[str] = []
    for turn in range(40):
        shown = {name: on_screen(page) for name, page in pages.items()}
        questions = [question for question in shown.values() if question is not None]
        if not questions:
            break
        assert len(set(questions)) == len(questions)
        assert held_by(bench.store, queue) == {q: name for name, q in shown.items() if q is not None}
        name = ("ann", "ben")[turn % 2]
        if shown[name] is None:
            name = next(other for other, question in shown.items() if question is not None)
        seen.append(shown[name] or "")
        before = queue.progress().labelled
        pages[name].keyboard.press("y" if turn % 3 else "n")
        wait_for(lambda before=before: queue.progress().labelled == before + 1)  # type: ignore[misc]
        case = pages[name].locator(".w-case").first
        if queue.progress().waiting or queue.progress().claimed > 1:
            expect(case).not_to_have_text(seen[-1])
        else:
            pages[name].reload()
    progress = queue.progress()
    assert progress.labelled == progress.sent == len(seen) == len(set(seen))
    items = bench.store.reviews.list_items(queue.record.queue_id, status=ItemStatus.LABELLED).items
    assert {item.reviewer for item in items} == {"ann", "ben"}
    assert {item.label for item in items} == {"correct", "incorrect"}
    found = estimate(bench.store, queue.record)
    assert found.after.labelled == progress.labelled
    assert found.after.low is not None


def test_a_lease_that_ends_gives_the_case_back(bench: Workbench, open_page: Open) -> None:
    seeds.route(bench.store, "eval-a", budget=0.05, lease_s=3.0, queue="short")
    queue = Queue.open(bench.store, seeds.PROJECT, "short")
    while queue.progress().sent - queue.progress().labelled > 1:  # leave one
        item = queue.claim("somebody")
        assert item is not None
        queue.label(item.item_id, "somebody", "correct")
    ann = open_page(address("short", "ann"))
    question = on_screen(ann)
    assert question is not None

    ben = open_page(address("short", "ben"))

    def given_back() -> bool:
        ben.reload()
        return on_screen(ben) == question

    wait_for(given_back, timeout_s=30)
    ann.keyboard.press("y")  # too late: it is ben's now
    expect(ann.locator(".w-warn")).to_be_visible()
    assert queue.progress().labelled == queue.progress().sent - 1


def test_the_verdict_is_shown_after_the_label_only(bench: Workbench, open_page: Open) -> None:
    seeds.route(bench.store, "eval-a", budget=0.3, queue="blind")
    page = open_page(address("blind", "ann"))
    assert on_screen(page) is not None
    assert "HIDDEN-VERDICT" not in page.content()
    page.get_by_role("button", name="correct", exact=False).first.click()
    expect(page.get_by_text("HIDDEN-VERDICT")).to_be_visible()


def test_the_trace_is_one_key_away_and_the_way_back_keeps_the_case(bench: Workbench, open_page: Open) -> None:
    seeds.route(bench.store, "eval-a", budget=0.3, queue="ways")
    page = open_page(address("ways", "ann"))
    question = on_screen(page)
    expect(page.get_by_role("link", name="Trace t", exact=True)).to_be_visible()  # its key is heard from then on
    page.keyboard.press("t")
    expect(page.locator("h1").first).to_have_text("target")
    page.get_by_text("Back to the case").click()
    expect(page.locator(".w-case").first).to_have_text(question or "")
