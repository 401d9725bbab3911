"""The pages of evaluations as a reader uses them: sort, filter, open, compare, rank, send to people."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import review_ui_seeds as seeds
from conftest import Workbench  # type: ignore[attr-defined]
from playwright.sync_api import Dialog, Page, expect

from weft import clock
from weft.records import Failure, RunKind, RunStatus, RunUpdate, Sample, SampleStatus, Score, ScoreSource

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
EVAL = "/evaluation?id=eval-b"


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_samples_are_sorted_filtered_and_searched_and_the_address_holds_it(open_page: Open) -> None:
    page = open_page(EVAL)
    rows = page.locator(".samples tbody tr.link")
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text("▲ error")  # what failed comes first
    page.get_by_title("Sort by judge").click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("judge ↑")
    page.get_by_title("Sort by judge").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("judge ↓")
    assert asked(page)["order"] == ["-judge"]
    expect(page.locator(".samples .found")).to_have_text("60 samples")
    box = page.get_by_role("textbox", name="Filter samples")
    box.fill("exact == 0")
    box.press("Enter")
    expect(page.locator(".samples .found")).to_have_text("6 of 60 samples")
    expect(rows).to_have_count(6)
    page.reload()
    expect(rows).to_have_count(6)
    values = [float(text) for text in page.locator(".samples tbody tr.link td:nth-child(6)").all_text_contents()]
    assert values == sorted(values, reverse=True)
    page.go_back()
    expect(page.locator(".samples .found")).to_have_text("60 samples")
    box.fill("exact == 0 and jugde < 1")
    box.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("column 16: there is no field 'jugde'")
    box.fill("")
    page.get_by_role("searchbox", name="Search samples").fill("question 17?")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(1)


def test_bars_of_a_distribution_and_kinds_of_failures_filter(open_page: Open) -> None:
    page = open_page(EVAL)
    page.get_by_role("group", name="Distribution of exact").locator("a").first.click(force=True)
    expect(page.locator(".samples .found")).to_have_text("6 of 60 samples")
    assert asked(page)["where"] == ["exact == 0"]
    page.get_by_role("group", name="Distribution of exact").locator("a").first.click(force=True)
    expect(page.locator(".samples .found")).to_have_text("60 samples")
    page.get_by_role("button", name="1 missing").first.click()
    expect(page.locator(".samples .found")).to_have_text("1 of 60 samples")


def test_a_sample_opens_with_its_diff_and_leads_to_its_trace(open_page: Open) -> None:
    page = open_page(EVAL + "&where=exact+%3D%3D+0")
    rows = page.locator(".samples tbody tr.link")
    expect(rows).to_have_count(6)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator(".detail .diff .gone")).to_contain_text("answer")
    expect(page.locator(".detail .scores")).to_contain_text("HIDDEN-VERDICT of the judge")
    assert asked(page)["sample"][0].startswith("0.e")
    page.reload()
    expect(page.locator(".detail .diff .come")).to_contain_text("answer")
    page.get_by_role("link", name="Open the trace").click()
    expect(page.locator(".right h1")).to_have_text("target")
    page.go_back()
    expect(page.locator(".detail")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".detail")).to_have_count(0)
    assert urlsplit(page.url).path == "/evaluation"


def test_a_selection_goes_to_a_new_queue(bench: Workbench, open_page: Open) -> None:
    page = open_page(EVAL + "&where=exact+%3D%3D+0")
    expect(page.locator(".samples tbody tr.link")).to_have_count(6)
    boxes = page.get_by_role("checkbox", name="tick", exact=True)
    boxes.nth(0).check()
    boxes.nth(2).check()
    assert len(asked(page)["sel"]) == 1
    page.get_by_role("button", name="Send 2 to review").click()
    page.get_by_label("Queue").select_option(label="a new queue")
    page.get_by_label("Name").fill("by hand")
    page.get_by_label("Question").fill("Is this right?")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".samples [role=status].good")).to_have_text("2 samples wait in by hand.")
    queue = bench.store.reviews.find_queue(seeds.PROJECT, "by hand")
    assert queue is not None
    assert queue.waiting == 2
    assert "Is this right?" in str(queue.rubric)
    page.get_by_role("button", name="Send to review").click()  # nothing is ticked: all that the filter finds
    page.get_by_label("Queue").select_option("by hand")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".samples [role=status].good")).to_contain_text("4 samples wait in by hand; 2 had no answer")
    page.get_by_role("link", name="by hand").click()
    expect(page.get_by_text("Is this right?").first).to_be_visible()


def test_flips_are_shown_side_by_side_what_got_worse_first(open_page: Open) -> None:
    page = open_page("/compare?runs=eval-a,eval-b")
    flips = page.locator(".flip")
    expect(flips).to_have_count(17)
    expect(page.locator(".verdict")).to_contain_text("No difference in exact can be told from chance")
    expect(flips.first.locator(".side-of")).to_have_count(2)
    expect(flips.first).to_contain_text("▼ 0")
    expect(flips.first.locator(".diff .come mark")).to_be_visible()
    expect(flips.last).to_contain_text("▲ 1")
    page.get_by_role("button", name="▲ 12 better").click()
    expect(flips).to_have_count(12)
    assert asked(page)["direction"] == ["better"]
    page.get_by_role("button", name="judge").click()
    expect(page.locator(".verdict")).to_contain_text("judge")
    page.go_back()
    expect(page.locator(".verdict")).to_contain_text("exact")
    table = page.locator(".differences tbody tr")
    expect(table.filter(has_text="exact")).to_contain_text("McNemar, exact")
    page.get_by_role("link", name="The other way round").click()
    expect(page.locator(".side-head").first).to_contain_text("Baseline: answerer b")
    expect(page.get_by_role("button", name="▼ 12 worse")).to_be_visible()


def test_results_over_time_lead_to_results_and_targets_are_ranked(open_page: Open) -> None:
    page = open_page(f"/evaluations?project={seeds.PROJECT}")
    expect(page.locator("figure .dot")).to_have_count(2)
    page.get_by_role("link", name="Leaderboard").click()
    rows = page.locator(".board tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("★ best")
    expect(rows.nth(1)).to_contain_text("≈ not distinguishable from the best")
    rows.nth(1).get_by_role("link", name="−0.119").click()
    expect(page.locator(".flip").first).to_be_visible()
    page = open_page(f"/evaluations?project={seeds.PROJECT}")
    page.locator("figure svg a").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="qa")).to_be_visible()
    assert asked(page)["id"] == ["eval-a"]


def test_hostile_text_stays_text(bench: Workbench, open_page: Open) -> None:
    now = clock.now_ns()
    bad = seeds.HOSTILE
    observations = [
        part
        for run in ("bad-a", "bad-b")
        for part in (
            RunUpdate(run, "hostile", now, kind=RunKind.EVAL, name=bad, status=RunStatus.FINISHED, started_at_ns=now,
                      ended_at_ns=now, config={"evaluation": bad, "target": bad, "dataset": bad,
                                               "scorers": [{"name": bad}]},
                      summary={"samples": 2, "failed": 1, "verdicts": [
                          {"gate": bad, "metric": bad, "outcome": "FAIL", "reason": bad}],
                          "aggregates": {bad: {"n": 1, "missing": 1, "value": 1.0, "low": 0.1, "high": 1.0}}}),
            Sample(run, "hostile", bad[:100], 0, SampleStatus.OK, now, now + 5, input=bad, expected=bad,
                   output=bad + run, tags=[bad], cluster=bad),
            Sample(run, "hostile", "failed", 0, SampleStatus.ERROR, now, now + 5, input={bad: bad},
                   failure=Failure(bad, bad, bad)),
            Score(run + "1", "hostile", bad, now, ScoreSource.CODE, float(run == "bad-a"), run_id=run,
                  example_id=bad[:100], repetition=0, explanation=bad),
        )
    ]  # fmt: skip
    seeds.ingest(bench.store, observations, writer="bad")
    page = open_page("/evaluation?id=bad-b")
    said: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    expect(page.locator(".samples tbody tr.link")).to_have_count(2)
    for name in ("/evaluation?id=bad-b", "/compare?runs=bad-a,bad-b", "/evaluations?project=hostile",
                 "/evaluations?view=leaderboard&project=hostile"):  # fmt: skip
        page.goto(bench.url + name)
        if "evaluation?" in name:
            page.locator(".samples .opener").first.click()
            expect(page.locator(".detail")).to_be_visible()
            page.locator(".samples .opener").nth(1).click()
            expect(page.locator(".detail .diff")).to_be_visible()
        expect(page.get_by_text(re.compile(r"alert\(1\)")).first).to_be_visible()
        assert page.locator("img[src=x]").count() == 0
        assert page.locator("script", has_text="alert(1)").count() == 0
    assert said == []
