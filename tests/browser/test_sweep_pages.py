"""The pages of sweeps as a reader uses them: begin one, watch it, pause and edit it, find the best, see what was pruned
and why; ten thousand trials."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import review_ui_seeds as seeds
import sweep_seeds
from conftest import Workbench  # type: ignore[attr-defined]
from playwright.sync_api import Locator, Page, expect

from weft.records.sweeps import Sweep, SweepStatus, TrialStatus

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
MANY = 10_000


@pytest.fixture(scope="module")
def small(bench: Workbench) -> str:
    """A sweep that runs."""
    return sweep_seeds.small(bench.store)


def rows(page: Page) -> Locator:
    return page.locator(".trials .row[data-trial]")


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_the_list_tells_how_each_sweep_stands(open_page: Open, small: str) -> None:
    page = open_page(f"/sweeps?project={sweep_seeds.PROJECT}")
    row = page.locator(".sweeps-table tbody tr", has_text="tune")
    expect(row).to_contain_text("◐ running")
    expect(row).to_contain_text("loss ↓")
    expect(row).to_contain_text("0.2000 trial 5")
    expect(row.get_by_role("img")).to_have_attribute(
        "aria-label", "8 complete, 2 running, 3 pruned, 1 failed of 20"
    )  # fmt: skip
    expect(row).to_contain_text("14 of 20")
    row.get_by_role("link", name="tune").click()
    expect(page.get_by_role("heading", name="tune")).to_be_visible()
    assert asked(page)["id"] == [small]


def test_a_first_sweep_is_begun_with_its_mistakes_told_as_it_is_written(bench: Workbench, open_page: Open) -> None:
    page = open_page(f"/sweeps?project={seeds.PROJECT}")
    expect(page.get_by_text("No sweep has begun in this project yet.")).to_be_visible()
    expect(page.get_by_text("weft agent SWEEP")).to_be_visible()
    page.get_by_role("button", name="Start a sweep").click()
    text = page.get_by_label("Configuration of the sweep, YAML")
    expect(page.get_by_text("Nothing to mend")).to_be_visible()
    text.fill("program: train.py\nmethod: grid\nparameters:\n  lr: {min: 0.5, max: 0.1}\n")
    expect(page.locator(".mistakes li")).to_have_text(["▲ parameters.lr min 0.5 is not less than max 0.1"])
    page.get_by_role("button", name="Begin the sweep").click()
    expect(page.get_by_text("Mend the mistakes first.")).to_be_visible()
    config = b"program: train.py\nmethod: grid\nparameters:\n  lr: {values: [0.1, 0.01]}\n"
    page.get_by_label("Read a file").set_input_files({"name": "s.yaml", "mimeType": "text/yaml", "buffer": config})
    expect(page.get_by_text("0.100, 0.0100")).to_be_visible()
    text.press("Escape")  # leaves the text, not the form
    page.get_by_label("Name of the sweep").fill("by hand")
    page.get_by_role("button", name="Begin the sweep").click()
    line = page.locator(".agent-lines pre").first
    expect(line).to_contain_text("weft agent ")
    (made,) = bench.store.sweeps.list_sweeps(seeds.PROJECT)
    expect(line).to_contain_text(made.sweep_id)
    assert made.name == "by hand"
    assert made.config["parameters"] == {"lr": {"values": [0.1, 0.01]}}


def test_trials_are_sorted_filtered_chosen_and_their_reasons_are_texts(open_page: Open, small: str) -> None:
    page = open_page(f"/sweep/{small}")
    expect(rows(page)).to_have_count(14)
    expect(rows(page).first).to_have_attribute("data-trial", "13")
    page.get_by_role("button", name="loss", exact=True).click()
    expect(rows(page).first).to_have_attribute("data-trial", "5")
    expect(rows(page).first).to_contain_text("★")
    assert asked(page)["sort"] == ["value.loss"]
    page.get_by_label("Status of trials").select_option("failed")
    expect(rows(page)).to_have_count(1)
    expect(rows(page).locator(".status")).to_have_text("▲ failed")
    assert rows(page).locator(".cell").nth(1).get_attribute("title") == seeds.HOSTILE
    page.get_by_label("Status of trials").select_option("")
    page.get_by_label("Find in trials").fill("iteration 3")
    expect(page.locator(".found")).to_have_text("3 of 14 trials")
    page.get_by_label("Find in trials").fill("")
    expect(rows(page)).to_have_count(14)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator(".bulk")).to_contain_text("1 chosen")
    page.keyboard.press("o")
    expect(rows(page)).to_have_count(1)


def test_the_best_trial_and_who_is_at_work(open_page: Open, small: str) -> None:
    page = open_page(f"/sweep?id={small}")
    expect(page.get_by_role("img", name="Best so far: loss of 8 complete trials, best 0.2000")).to_be_visible()
    winner = page.locator(".winner")
    expect(winner).to_contain_text("the first trial had 0.3000")
    expect(winner.get_by_text(re.compile(r"^python train.py --lr="))).to_be_visible()
    expect(page.get_by_role("heading", name="At work: 2 agents")).to_be_visible()
    winner.get_by_role("link", name="its run").click()
    expect(page.get_by_role("heading", name="trial-5")).to_be_visible()
    page.get_by_role("link", name="trial 5", exact=True).click()
    expect(page.locator(".bulk")).to_contain_text("1 chosen")


def test_what_was_pruned_and_why_and_the_space(open_page: Open, small: str) -> None:
    page = open_page(f"/sweep?id={small}&part=progress")
    chart = page.get_by_role("img", name=re.compile("Intermediate values of loss: 13 curves, 3 of them pruned"))
    expect(chart).to_have_attribute("aria-label", re.compile("bands at iteration 3, 9$"))
    expect(page.get_by_role("heading", name="Pruned: 3 (3 at iteration 3)")).to_be_visible()
    page.keyboard.press("4")
    expect(page.get_by_text("1e-5 to 0.1, uniform in its logarithm")).to_be_visible()
    expect(page.get_by_text("only where optimizer is sgd")).to_be_visible()
    assert asked(page)["part"] == ["space"]


def test_a_sweep_is_steered(bench: Workbench, open_page: Open, small: str) -> None:
    sweep_id = sweep_seeds.small(bench.store, "steered")
    page = open_page(f"/sweep?id={sweep_id}")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".run-title")).to_contain_text("‖ paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".run-title")).to_contain_text("◐ running")
    page.get_by_label("Status of trials").select_option("running")
    rows(page).first.click()
    page.get_by_role("button", name="Cancel 1").click()
    page.get_by_role("button", name="Cancel for good").click()
    expect(rows(page)).to_have_count(1)
    assert bench.store.sweeps.get_trial(sweep_id, 13).status is TrialStatus.CANCELED
    page.get_by_label("Status of trials").select_option("failed")
    rows(page).first.click()
    page.get_by_role("button", name="Try again 2").click()
    expect(page.get_by_text("The next agents try them again.")).to_be_visible()
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_text("1e-5 to 0.1, uniform in its logarithm")).to_be_visible()  # 1.0e-05 in the text
    text = page.get_by_label("Configuration of the sweep, YAML")
    text.fill(text.input_value().replace("run_cap: 20", "run_cap: 30"))
    page.get_by_role("button", name="Store", exact=True).click()
    expect(page.get_by_text("14 of 30 trials")).to_be_visible()
    page.get_by_role("button", name="change the cap").click()
    page.get_by_label("Run cap").fill("40")
    page.get_by_role("button", name="Store", exact=True).click()
    expect(page.get_by_text("14 of 40 trials")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".run-title")).to_contain_text("■ stopped")
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("button", name="Cancel for good").click()
    expect(page.locator(".run-title")).to_contain_text("⊘ canceled")
    assert bench.store.sweeps.get_sweep(sweep_id).status is SweepStatus.CANCELED
    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Write delete").fill("delete")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("heading", name="Sweeps")).to_be_visible()
    expect(page.locator(".sweeps-table")).not_to_contain_text("steered")


def test_the_runs_of_a_sweep_are_a_group_that_leads_to_it(open_page: Open, small: str) -> None:
    page = open_page(f"/runs?project={sweep_seeds.PROJECT}&kind=trial&group=group")
    group = page.locator(".row.group").filter(has=page.get_by_role("button", name="▸ tune", exact=True))
    group.get_by_role("link", name="The page of the sweep tune").click()
    expect(page.get_by_role("heading", name="tune")).to_be_visible()
    expect(page.locator(".run-title")).to_contain_text(small)


def test_what_changes_is_seen_at_once(bench: Workbench, open_page: Open) -> None:
    begun = Sweep("nothing-run-yet", "live", sweep_seeds.CONFIG)  # a project of its own
    sweep_id = bench.store.sweeps.create_sweep(begun).sweep_id
    page = open_page(f"/sweep?id={sweep_id}")
    expect(page.get_by_text("No trial has begun: the line below runs them.")).to_be_visible()
    for number, value in enumerate([0.5, 0.4]):
        bench.store.sweeps.claim(sweep_id, "a", number=number, params={"lr": 0.01, "layers": 2, "optimizer": "adam"})
        bench.store.sweeps.finish_trial(sweep_id, number, "a", TrialStatus.COMPLETE, values=[value])
        expect(rows(page)).to_have_count(number + 1)
    expect(page.locator(".run-line")).to_contain_text("0.4000 (trial 1)")


def test_of_several_objectives_the_front_is_starred(bench: Workbench, open_page: Open) -> None:
    metrics = [{"name": "loss"}, {"name": "speed", "goal": "maximize"}]
    sweep_id = sweep_seeds.begin(bench.store, "front", metric=None, metrics=metrics, early_terminate=None)
    for number, values in enumerate([[0.5, 3.0], [0.4, 2.0], [0.6, 2.5], [0.3, 2.0]]):
        bench.store.sweeps.claim(sweep_id, "a", number=number, params={"lr": 0.01, "layers": 2, "optimizer": "adam"})
        bench.store.sweeps.finish_trial(sweep_id, number, "a", TrialStatus.COMPLETE, values=values)
    page = open_page(f"/sweep?id={sweep_id}&objective=speed")
    expect(page.get_by_role("heading", name="Best trial in speed")).to_be_visible()
    expect(page.get_by_text("2 trials are on the Pareto front")).to_be_visible()
    page.get_by_role("button", name="Choose them").click()
    page.keyboard.press("o")
    expect(rows(page)).to_have_count(2)
    expect(rows(page).locator(".star")).to_have_count(2)
    expect(page.locator(".winner-values")).to_contain_text("3")


def test_ten_thousand_trials_scroll_and_sort(bench: Workbench, open_page: Open) -> None:
    page = open_page(f"/sweep?id={sweep_seeds.large(bench.store, MANY)}")
    expect(page.locator(".found")).to_have_text("10,000 trials")
    expect(rows(page).first).to_have_attribute("data-trial", str(MANY - 1))
    assert rows(page).count() < 60
    page.locator(".trials .runs-scroll").evaluate("node => { node.scrollTop = 200000; }")
    expect(page.locator('.row[data-trial="3749"]')).to_be_visible()
    assert rows(page).count() < 60
    page.get_by_role("button", name="loss", exact=True).click()
    page.locator(".trials .runs-scroll").evaluate("node => { node.scrollTop = 0; }")
    expect(page.locator('.row[data-trial="4321"]')).to_contain_text("★")
    expect(page.get_by_role("img", name=re.compile("Best so far: loss of 6,487 complete trials"))).to_be_visible()
