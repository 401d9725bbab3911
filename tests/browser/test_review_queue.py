"""Reviewers at the desk: never the same case, labels by key, everything that a rubric asks, drafts, undo, history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import review_ui_seeds as seeds
from conftest import Workbench  # type: ignore[attr-defined]
from playwright.sync_api import Locator, Page, expect

from weft import clock, ids
from weft.records import ItemStatus, LabelQuery, ReviewItem, ReviewLabel, ReviewQueue, ReviewTarget
from weft.repositories import Store
from weft.reviews import Queue, estimate
from weft.store import tables
from weft.testing.waiting import wait_for

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
RUBRIC = {
    "question": "How good is it?",
    "instructions": "Read all of it first.",
    "counting": "grade",
    "fields": [
        {"name": "grade", "type": "scale", "question": "Grade", "low": "useless", "high": "perfect"},
        {
            "name": "faults",
            "type": "multi",
            "question": "Faults",
            "choices": ["rude", "wrong", "long"],
            "required": False,
        },
        {"name": "better", "type": "corrected", "question": "Better", "required": False},
        {"name": "sure", "type": "binary", "question": "Sure?"},
    ],
}


def address(queue: str, reviewer: str) -> str:
    return f"/review/{queue}?project={seeds.PROJECT}&reviewer={reviewer}"


def case(page: Page) -> Locator:
    return page.locator(".work:not(.waiting) .case")


def on_screen(page: Page) -> str | None:
    """The question on the page; None where no case is left."""
    page.locator(".work:not(.waiting) .case, .work:not(.waiting) .done").first.wait_for()
    return case(page).locator(".said").first.text_content() if case(page).count() else None


def make_queue(store: Store, name: str, cases: int = 3, **fields: Any) -> ReviewQueue:
    """A queue with some cases that were sent by hand."""
    queue = store.reviews.create_queue(
        ReviewQueue(ids.new_id(), seeds.PROJECT, name, "good", created_ns=clock.now_ns(), **fields)
    )
    items = [
        ReviewItem(
            f"{name}-{number}", queue.queue_id, seeds.PROJECT, "sent by hand", created_ns=number,
            machine={"name": "judge", "value": 0.25, "explanation": "HIDDEN-VERDICT"},
            shown={"input": f"Question {number}?", "output": f"Answer {number}."},
        )
        for number in range(cases)
    ]  # fmt: skip
    store.reviews.add_items(items)
    return store.reviews.get_queue(queue.queue_id)


def labels(store: Store, queue: ReviewQueue, *, standing: bool = True) -> list[ReviewLabel]:
    return store.reviews.list_labels(LabelQuery(queue.queue_id, standing=standing)).items


def test_three_reviewers_never_get_the_same_case_and_label_by_key(bench: Workbench, open_page: Open) -> None:
    queue = Queue.open(bench.store, seeds.PROJECT, seeds.QUEUE)
    pages = {name: open_page(address(seeds.QUEUE, name)) for name in ("ann", "ben", "cem")}
    seen: list[str] = []
    turn = 0
    while shown := {name: text for name, page in pages.items() if (text := on_screen(page)) is not None}:
        assert len(set(shown.values())) == len(shown)
        name = sorted(shown)[turn % len(shown)]
        before = queue.progress().labelled
        seen.append(shown[name])
        pages[name].keyboard.press("y" if turn % 3 else "n")
        wait_for(lambda before=before: queue.progress().labelled == before + 1)  # type: ignore[misc]
        wait_for(lambda name=name: on_screen(pages[name]) != seen[-1])  # type: ignore[misc]
        turn += 1
        assert turn < 60
    progress = queue.progress()
    assert progress.labelled == progress.sent == len(seen) == len(set(seen))
    items = bench.store.reviews.list_items(queue.record.queue_id, status=ItemStatus.LABELLED).items
    assert {item.reviewer for item in items} == {"ann", "ben", "cem"}
    assert {item.label for item in items} == {"correct", "incorrect"}
    found = estimate(bench.store, queue.record)
    assert found.after.labelled == progress.labelled
    assert found.after.low is not None


def test_a_lease_that_ends_gives_the_case_back(bench: Workbench, open_page: Open) -> None:
    queue = make_queue(bench.store, "short", cases=1)
    ann = open_page(address("short", "ann"))
    question = on_screen(ann)
    assert question is not None
    ann.evaluate("Object.defineProperty(document, 'visibilityState', {value: 'hidden'})")  # she looks elsewhere
    ben = open_page(address("short", "ben"))

    def given_back() -> bool:
        with bench.store.database.write() as connection:  # time passes
            for table in (tables.review_items, tables.review_slots):
                over = table.update().where(table.c.item_id == "short-0", table.c.lease_until_ns.is_not(None))
                connection.execute(over.values(lease_until_ns=1))
        ben.reload()
        return on_screen(ben) == question

    wait_for(given_back)
    ben.keyboard.press("n")
    expect(ben.get_by_role("status")).to_contain_text("You said incorrect.")
    ann.keyboard.press("y")  # too late: it was ben's
    expect(ann.get_by_role("status")).to_contain_text("kept, not counted")
    assert [(label.reviewer, label.why) for label in labels(bench.store, queue, standing=False)] == [
        ("ben", None),
        ("ann", "late"),
    ]


def test_the_verdict_is_shown_after_the_label_only(bench: Workbench, open_page: Open) -> None:
    make_queue(bench.store, "blind")
    page = open_page(address("blind", "ann"))
    told: list[str] = []
    page.on("response", lambda answer: told.append(answer.text()) if answer.url.endswith("/claim") else None)
    page.reload()
    assert on_screen(page) is not None
    assert "HIDDEN-VERDICT" not in page.content()
    page.get_by_role("button", name="correct", exact=False).first.click()
    expect(page.get_by_role("status")).to_contain_text("The judge gave 0.25: HIDDEN-VERDICT")
    assert told
    assert "HIDDEN-VERDICT" not in "".join(told)


def test_a_rubric_of_many_fields_is_answered_from_the_keyboard(bench: Workbench, open_page: Open) -> None:
    queue = make_queue(bench.store, "rubric", rubric=RUBRIC)
    page = open_page(address("rubric", "ann"), width=800)
    assert on_screen(page) == "Question 0?"
    expect(page.get_by_text("Read all of it first.")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Grade: there is no answer yet.")
    page.keyboard.press("4")
    for key in ("1", "3", "ArrowDown"):  # two faults, and on to the better answer
        page.keyboard.press(key)
    page.keyboard.type("A better answer.")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("y")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("You said 4")
    [label] = labels(bench.store, queue)
    assert label.answers == {"grade": 4, "faults": ["rude", "long"], "better": "A better answer.", "sure": "yes"}
    assert (label.value, label.reviewer) == (0.75, "ann")


def test_a_half_filled_form_survives_a_reload(bench: Workbench, open_page: Open) -> None:
    make_queue(bench.store, "draft", rubric=RUBRIC)
    page = open_page(address("draft", "ann"))
    assert on_screen(page) == "Question 0?"
    page.keyboard.press("2")
    page.get_by_label("Comment").fill("not sure yet")
    page.reload()
    assert on_screen(page) == "Question 0?"
    expect(page.get_by_role("button", name="2", exact=False).first).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Comment")).to_have_value("not sure yet")


def test_undo_brings_the_case_back_with_what_was_said(bench: Workbench, open_page: Open) -> None:
    queue = make_queue(bench.store, "undo")
    page = open_page(address("undo", "ann"))
    assert on_screen(page) == "Question 0?"
    page.get_by_label("Comment").fill("hm")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(case(page)).to_contain_text("Question 1?")
    expect(page.get_by_role("status")).to_be_visible()
    page.keyboard.press("u")
    expect(case(page)).to_contain_text("Question 0?")
    expect(page.get_by_label("Comment")).to_have_value("hm")
    page.keyboard.press("y")
    expect(case(page)).to_contain_text("Question 1?")
    wait_for(lambda: [label.label for label in labels(bench.store, queue)] == ["correct"])


def test_own_labels_are_found_again_and_changed(bench: Workbench, open_page: Open) -> None:
    queue = make_queue(bench.store, "history")
    page = open_page(address("history", "ann"))
    assert on_screen(page) == "Question 0?"
    page.keyboard.press("n")
    expect(case(page)).to_contain_text("Question 1?")
    expect(page.get_by_role("status")).to_be_visible()
    page.keyboard.press("h")
    page.locator(".history button").click()
    expect(case(page)).to_contain_text("Question 0?")
    page.keyboard.press("y")
    expect(case(page)).to_contain_text("Question 1?")
    wait_for(lambda: [(one.label, one.version) for one in labels(bench.store, queue)] == [("correct", 2)])


def test_a_case_is_skipped_and_flagged_with_reasons(bench: Workbench, open_page: Open) -> None:
    queue = make_queue(bench.store, "passed", cases=2)
    page = open_page(address("passed", "ann"))
    assert on_screen(page) == "Question 0?"
    page.keyboard.press("f")
    page.keyboard.type("names a person")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Flagged: names a person")).to_be_visible()
    page.keyboard.press("s")
    page.keyboard.type("not my field")
    page.keyboard.press("Enter")
    expect(case(page)).to_contain_text("Question 1?")
    wait_for(lambda: bench.store.reviews.get_item("passed-0").skipped_by == ["ann"])
    assert bench.store.reviews.get_item("passed-0").flagged == "names a person"
    page.keyboard.press("y")
    expect(page.get_by_text("Nothing is left for you here.")).to_be_visible()
    other = open_page(address("passed", "ben"))
    assert on_screen(other) == "Question 0?"
    assert queue.queue_id


def test_a_dispute_goes_to_one_who_decides(bench: Workbench, open_page: Open) -> None:
    queue = make_queue(
        bench.store, "dispute", cases=1, target=ReviewTarget.ADJUDICATED, reviewers=2, adjudicators=["eva"]
    )
    for name, key in (("ann", "y"), ("ben", "n")):
        page = open_page(address("dispute", name))
        assert on_screen(page) == "Question 0?"
        page.keyboard.press(key)
        expect(page.get_by_role("status")).to_contain_text("You said")
    eva = open_page(address("dispute", "eva"))
    assert on_screen(eva) == "Question 0?"
    expect(eva.get_by_text("The reviewers did not agree on this case")).to_be_visible()
    eva.keyboard.press("n")
    expect(eva.get_by_role("status")).to_contain_text("You said incorrect.")
    item = bench.store.reviews.get_item("dispute-0")
    assert (item.status, item.label) == (ItemStatus.LABELLED, "incorrect")
    assert len(labels(bench.store, queue)) == 3


def test_what_a_case_says_is_never_markup(bench: Workbench, open_page: Open) -> None:
    queue = make_queue(bench.store, "hostile", cases=0)
    shown = {
        "input": [{"role": "user", "content": "<img src=x onerror=alert(1)>"}],
        "output": "<script>alert(1)</script>",
    }
    bench.store.reviews.add_items([ReviewItem("hostile-0", queue.queue_id, seeds.PROJECT, "by hand", shown=shown)])
    page = open_page(address("hostile", "ann"))
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    expect(case(page)).to_contain_text("<script>alert(1)</script>")
    assert case(page).locator("img, script").count() == 0


def test_the_trace_is_one_key_away_and_the_way_back_keeps_the_case(bench: Workbench, open_page: Open) -> None:
    seeds.route(bench.store, "eval-a", budget=0.3, queue="ways")
    page = open_page(address("ways", "ann"))
    question = on_screen(page)
    page.keyboard.press("t")
    expect(page.locator("h1").first).to_have_text("target")
    page.get_by_text("Back to the case").click()
    expect(case(page)).to_contain_text(question or "")


def test_the_next_case_is_there_at_once(bench: Workbench, open_page: Open) -> None:
    """The next case is in the browser when a label is given: it shows before the server has answered."""
    make_queue(bench.store, "quick", cases=4)
    page = open_page(address("quick", "ann"))
    assert on_screen(page) == "Question 0?"
    page.route("**/submit", lambda route: (held.append(route), None)[1])
    held: list[Any] = []
    page.keyboard.press("y")
    expect(case(page)).to_contain_text("Question 1?")
    assert len(held) == 1
    held[0].continue_()
    expect(page.get_by_role("status")).to_be_visible()


def test_ticked_cases_are_asked_again_and_narrow_dark_pages_do_not_scroll_sideways(
    bench: Workbench, open_page: Open
) -> None:
    queue = Queue.open(bench.store, seeds.PROJECT, make_queue(bench.store, "ticked", cases=3).name)
    for _ in range(2):
        item = queue.claim("ann")
        assert item is not None
        queue.label(item.item_id, "ann", "correct")
    page = open_page(f"/quality?project={seeds.PROJECT}&queue=ticked&show=cases", theme="dark", width=800)
    page.get_by_role("row").filter(has_text="Question 0?").get_by_role("checkbox").check()
    page.get_by_role("row").filter(has_text="Question 1?").get_by_role("checkbox").check()
    page.get_by_role("button", name="Ask again 2 cases").click()
    expect(page.get_by_text("2 cases asked again.")).to_be_visible()
    assert {bench.store.reviews.get_item(f"ticked-{number}").status for number in (0, 1)} == {ItemStatus.WAITING}
    expect(page.get_by_role("button", name="Assign this % of the open cases")).to_be_visible()
    page.get_by_role("row").filter(has_text="Question 1?").get_by_role("link").click()
    expect(page.get_by_text("stays hidden from you")).to_be_visible()
    wide = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0
