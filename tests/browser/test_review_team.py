"""Three reviewers who signed in by their links work one queue at once; the admin reads agreement and the figure."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import review_ui_seeds as seeds
from conftest import Workbench  # type: ignore[attr-defined]
from playwright.sync_api import Browser, Page, expect
from settling import watched
from typer.testing import CliRunner

from weft import clock, settings, workbench
from weft.cli.main import app
from weft.records import ItemStatus, LabelQuery, ReviewItem, ReviewTarget, SampleStatus, ScoreQuery
from weft.reviews import Queue, ReviewPolicy, estimate
from weft.store import open_store
from weft.testing.waiting import wait_for

pytestmark = pytest.mark.browser
TEAM = ("ann", "ben", "cem")
RUBRIC = {"question": "Is the answer right?", "fields": [{"name": "right", "type": "binary"}]}
CASE = ".work:not(.waiting) .case"


@pytest.fixture
def office(fresh_home: Path) -> Iterator[Workbench]:
    """A workbench with an evaluation, and a queue of it that two people label and a third one settles."""
    given = settings.load({"port": 0, "otlp_port": 0, "quiet": True})
    store = open_store(given)
    seeds.ingest(store, seeds.evaluation("eval-a", 0.7, clock.now_ns() - 10**12, random.Random(7)))
    Queue.create(
        store, seeds.PROJECT, "team", score_name="right", rubric=RUBRIC, target=ReviewTarget.ADJUDICATED, reviewers=2
    )
    samples = store.evaluations.list_samples("eval-a").items
    scores = store.evaluations.list_scores(ScoreQuery(run_id="eval-a")).items
    answered = [sample for sample in samples if sample.status is SampleStatus.OK][:12]
    ReviewPolicy("team", budget=0.5, audit_floor=0.4).route_samples(store, seeds.PROJECT, answered, scores)
    with workbench.start_background(given) as background:
        yield Workbench(background.url, store)
    store.close()


def signed_in(browser: Browser, url: str, name: str, role: str) -> Page:
    """A browser of their own in which somebody has opened the link that they were sent."""
    told = CliRunner().invoke(app, ["user", "add", name, "--role", role, "--address", url])
    assert told.exit_code == 0, told.output
    page = watched(browser, viewport={"width": 1440, "height": 900})
    page.goto(re.findall(r"http\S+", told.output)[0])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_test_id("stSidebar").get_by_text(f"{name} ·")).to_be_visible()
    return page


def on_screen(page: Page) -> str | None:
    """The question on the page; None where no case is left."""
    page.locator(f"{CASE}, .work:not(.waiting) .done").first.wait_for()
    return page.locator(CASE).locator(".said").first.text_content() if page.locator(CASE).count() else None


def work(pages: dict[str, Page], queue: Queue, right: dict[str, bool]) -> None:
    """In turn, each says whether the case on their screen is right; ann errs on the odd questions."""

    def stored() -> int:
        return sum(1 for _ in queue.labels())

    while queue.progress().labelled < queue.progress().sent:
        busy = {name: question for name, page in pages.items() if (question := on_screen(page)) is not None}
        if not busy:
            for page in pages.values():  # what became disputed since is found by asking again
                page.reload()
            continue
        for name, question in busy.items():
            before = stored()
            errs = name == "ann" and int(question.strip("Question ?")) % 2 == 1
            pages[name].keyboard.press("y" if right[question] != errs else "n")
            wait_for(lambda before=before: stored() == before + 1)  # type: ignore[misc]
            wait_for(lambda name=name, question=question: on_screen(pages[name]) != question)  # type: ignore[misc]
        assert stored() < 80


def test_a_team_of_three_and_the_admin_who_reads_the_outcome(browser: Browser, office: Workbench) -> None:
    admin = signed_in(browser, office.url, "eva", "admin")
    pages = {name: signed_in(browser, office.url, name, "reviewer") for name in TEAM}
    queue = Queue.open(office.store, seeds.PROJECT, "team")
    samples = office.store.evaluations.list_samples("eval-a").items
    right = {str(sample.input["question"]): sample.output == sample.expected for sample in samples}
    assert queue.progress().sent >= 5
    for page in pages.values():
        page.goto(f"{office.url}/quality?project={seeds.PROJECT}&queue=team")  # they get their desk instead
        expect(page.locator(CASE)).to_be_visible()
        assert page.get_by_text("Judge alone").count() == 0
        page.goto(f"{office.url}/review/team?project={seeds.PROJECT}")
    work(pages, queue, right)

    items = office.store.reviews.list_items(queue.record.queue_id, status=ItemStatus.LABELLED).items
    labels = office.store.reviews.list_labels(LabelQuery(queue.record.queue_id)).items
    assert {label.reviewer for label in labels} == set(TEAM)
    assert all(label.counted and label.blind for label in labels)
    for item in items:
        of = [label for label in labels if label.item_id == item.item_id]
        assert len({label.reviewer for label in of}) == len(of) == 2 + any(label.stage == 2 for label in of)
        assert item.label == ("yes" if correct(item, right, of) else "no")
    assert any(label.stage == 2 for label in labels)

    found = estimate(office.store, queue.record)
    assert found.after.labelled == len(items)
    assert found.after.low is not None
    admin.goto(f"{office.url}/quality?project={seeds.PROJECT}&queue=team")
    expect(admin.locator(".w-verdict")).to_contain_text(f"{len(items)} of them labelled by people")
    corrected = admin.get_by_role("row").filter(has_text="Corrected").first
    expect(corrected).to_contain_text(f"[{found.after.low:.2f}, {found.after.high:.2f}]")
    for name in ("right: Krippendorff's alpha", "right: Fleiss' kappa", "ann, ben"):
        expect(admin.get_by_role("row").filter(has_text=name).first).to_be_visible()
    expect(admin.get_by_text("The judge against people")).to_be_visible()
    with admin.expect_download() as download:
        admin.get_by_role("button", name="Labels as JSONL").click()
    assert len(download.value.path().read_text("utf-8").splitlines()) == len(items)
    admin.get_by_role("button", name="Publish as a golden set").click()
    expect(admin.get_by_text(f"team-golden:v1: {len(items)} examples.")).to_be_visible()
    for page in (admin, *pages.values()):
        page.context.close()


def correct(item: ReviewItem, right: dict[str, bool], labels: list[object]) -> bool:
    """What the item must say: the truth, unless ann settled it and erred."""
    question = str(item.shown["input"]["question"])
    last = labels[-1]
    errs = getattr(last, "stage", 1) == 2 and getattr(last, "reviewer", "") == "ann"
    return right[question] != (errs and int(question.strip("Question ?")) % 2 == 1)
