"""The page of one run as a reader uses it: tabs with addresses, a console that goes on, files, the patch, words edited
in place."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import review_ui_seeds as seeds
from conftest import Workbench  # type: ignore[attr-defined]
from playwright.sync_api import Page, expect

from weft import clock
from weft.records import Alert, ConsoleLines, Logged, Metrics, RunKind, RunStatus, RunUpdate
from weft.repositories import Store

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
PROJECT, RUN, LIVE = "workshop", "long", "live"
S = 10**9
LINES = 3000
PATCH = """diff --git a/train.py b/train.py
index 1111111..2222222 100644
--- a/train.py
+++ b/train.py
@@ -1,3 +1,3 @@
 import weft
-LR = 0.1
+LR = 0.03  # <b>smaller</b>
 train()
diff --git a/old.py b/old.py
deleted file mode 100644
index 3333333..0000000
--- a/old.py
+++ /dev/null
@@ -1 +0,0 @@
--- a line that looks like a head
"""


@pytest.fixture(scope="module", autouse=True)
def trained(bench: Workbench) -> int:
    """A run that failed, with all that a page can show, and one that goes on; when they began."""
    now = clock.now_ns() - 3600 * S
    git = {"commit": "ab" * 20, "branch": "main", "dirty": True, "remote": "https://github.com/acme/digits.git"}
    where = {"host": "node7", "python": "3.12.1", "command": ["python", "train.py", "--lr", "0.03"], "gpus": ["H100"]}
    config = {"lr": 0.03, "model": {"name": "vit", "layers": 12}, "note": seeds.HOSTILE}
    told = [
        RunUpdate(RUN, PROJECT, now, kind=RunKind.TRAIN, name="long one", status=RunStatus.FAILED, config=config,
                  summary={"loss": 0.25}, tags=["old"], git=git, environment=where, started_at_ns=now,
                  ended_at_ns=now + 90 * S, failure={"type": "RuntimeError", "message": "out of memory"}),
        RunUpdate("child", PROJECT, now + S, kind=RunKind.EVAL, name="a child", status=RunStatus.FINISHED,
                  parent_run_id=RUN, started_at_ns=now + S),
        RunUpdate(LIVE, PROJECT, now, kind=RunKind.TRAIN, name="goes on", status=RunStatus.RUNNING, started_at_ns=now),
        Metrics(LIVE, PROJECT, 0, now, {"loss": 1.0}),
        ConsoleLines(LIVE, PROJECT, now, 0, "stdout", ["hello"]),
        Alert("a1", RUN, PROJECT, now, "Loss rose", "by a factor of two"),
    ]  # fmt: skip
    told += [ConsoleLines(RUN, PROJECT, now + n, n, "stdout", [f"step {n} of many"]) for n in range(LINES)]
    told.append(ConsoleLines(RUN, PROJECT, now + LINES, 0, "stderr", [seeds.HOSTILE], "rank1"))
    seeds.ingest(bench.store, told, writer="workshop")
    keep(bench.store, now, "changes.patch", PATCH.encode())
    keep(bench.store, now, "report/notes.txt", seeds.HOSTILE.encode())
    return now


def keep(store: Store, now: int, path: str, content: bytes) -> None:
    """A file of the run."""
    digest = store.blobs.put(PROJECT, content)
    data = {"kind": "file", "_weft": "media", "digest": digest, "size_bytes": len(content), "path": path}
    seeds.ingest(store, [Logged(RUN, PROJECT, f"files/{path}", 0, now, "file", data)], writer=path)


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_the_overview_says_what_it_is_and_finds_settings(open_page: Open) -> None:
    page = open_page(f"/run/{RUN}")
    expect(page.get_by_text("▲ failed").first).to_be_visible()
    expect(page.get_by_text("RuntimeError")).to_be_visible()
    expect(page.get_by_text("Loss rose")).to_be_visible()
    expect(page.get_by_text("python train.py --lr 0.03")).to_be_visible()
    expect(page.get_by_text("with changes that were not committed")).to_be_visible()
    expect(page.get_by_role("link", name="a child")).to_be_visible()
    expect(page.get_by_text(f"weft reproduce {RUN}")).to_be_visible()
    expect(page.get_by_text(seeds.HOSTILE)).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("layers")
    expect(page.locator(".json").first).to_have_text(re.compile(r"layers:?\s*12"))
    expect(page.locator(".json").get_by_text("vit")).to_be_hidden()
    assert asked(page)["find"] == ["layers"]


def test_words_are_edited_in_place(bench: Workbench, open_page: Open) -> None:
    page = open_page(f"/run/{RUN}")
    page.get_by_role("button", name="Edit tags").click()
    page.get_by_label("Tags").fill("paper, good")
    page.get_by_label("Tags").press("Enter")
    expect(page.locator(".tag")).to_have_text(["paper", "good"])
    page.get_by_role("button", name="Edit notes").click()
    page.get_by_label("Notes").fill("It **failed**.")
    page.get_by_label("Notes").press("Control+Enter")
    expect(page.locator(".run-notes")).to_contain_text("It **failed**.")
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Name").fill("renamed")
    page.get_by_label("Name").press("Enter")
    expect(page.locator("h1")).to_have_text("renamed")
    run = bench.store.runs.get_run(RUN)
    assert (run.name, run.tags, run.notes) == ("renamed", ["paper", "good"], "It **failed**.")


def test_tabs_have_addresses_and_keys(open_page: Open) -> None:
    page = open_page(f"/run/{RUN}?tab=files")
    expect(page.get_by_role("tab", name="Files")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Console").click()
    expect(page.get_by_role("region", name="What the run printed")).to_be_visible()
    assert asked(page)["tab"] == ["console"]
    page.keyboard.press("1")
    expect(page.get_by_role("tab", name="Overview")).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect(page.get_by_role("region", name="What the run printed")).to_be_visible()
    page.reload()
    expect(page.get_by_role("region", name="What the run printed")).to_be_visible()


def test_the_console_is_searched_and_a_line_has_an_address(open_page: Open) -> None:
    page = open_page(f"/run/{RUN}?tab=console")
    lines = page.locator(".said-line")
    expect(page.locator(".found")).to_have_text("3,001 lines")
    expect(lines.last).to_contain_text(seeds.HOSTILE)  # the end, printed by another rank on the other stream
    expect(lines.last).to_contain_text("rank1")
    assert lines.count() < 200
    page.keyboard.press("g")
    expect(lines.first).to_contain_text("step 0 of many")
    page.keyboard.press("/")
    page.keyboard.type("STEP 1234")
    expect(page.locator(".found")).to_have_text("1 of 3,001 lines")
    expect(lines.locator("mark")).to_have_text("step 1234")
    lines.get_by_role("link", name="1235").click()
    expect(page.locator(".said-line.here")).to_contain_text("step 1234 of many")
    expect(lines.filter(has_text="step 1236 of many")).to_be_visible()
    assert asked(page)["line"] == ["1235"]
    page.get_by_label("Rank").select_option("rank1")
    expect(page.locator(".found")).to_have_text("1 of 3,001 lines")
    page.get_by_label("Rank").select_option("")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.path().read_text("utf-8").count("\n") == LINES + 1


def test_lines_points_and_the_state_come_while_it_goes_on(bench: Workbench, open_page: Open, trained: int) -> None:
    page = open_page(f"/run/{LIVE}?tab=console")
    expect(page.locator(".said-line")).to_have_text(re.compile("hello"))
    bar = ConsoleLines(LIVE, PROJECT, trained + S, 1, "stderr", ["50 %"])
    seeds.ingest(bench.store, [bar], writer="more")
    expect(page.locator(".said-line").last).to_contain_text("50 %")
    done = ConsoleLines(LIVE, PROJECT, trained + S, 1, "stderr", ["100 %"])
    seeds.ingest(bench.store, [done], writer="again")
    expect(page.locator(".said-line").last).to_contain_text("100 %")
    page.get_by_role("tab", name="Charts").click()
    chart = page.get_by_role("article", name="Chart of loss")
    expect(chart).to_be_visible()
    points = [Metrics(LIVE, PROJECT, step, trained + step * S, {"loss": 1 / step}) for step in range(1, 50)]
    seeds.ingest(bench.store, points, writer="points")
    expect(chart).to_have_attribute("aria-label", re.compile("to 49"))
    expect(page.get_by_text("◐ running")).to_be_visible()
    ended = RunUpdate(LIVE, PROJECT, trained + 99 * S, status=RunStatus.FINISHED, ended_at_ns=trained + 99 * S)
    seeds.ingest(bench.store, [ended], writer="ended")
    expect(page.get_by_text("● finished")).to_be_visible()


def test_files_and_the_patch_are_read_as_text(open_page: Open) -> None:
    page = open_page(f"/run/{RUN}?tab=files")
    page.get_by_role("option", name="report/notes.txt").click()
    expect(page.locator(".file-text")).to_have_text(seeds.HOSTILE)
    assert asked(page)["file"] == ["report/notes.txt"]
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "notes.txt"
    page.get_by_role("tab", name="Code").click()
    expect(page.get_by_text("2 files changed,")).to_be_visible()
    expect(page.locator(".diff-row.come .diff-text")).to_have_text(["LR = 0.03  # <b>smaller</b>"])
    expect(page.locator(".diff-row.gone .diff-text")).to_have_text(["LR = 0.1", "-- a line that looks like a head"])
    expect(page.get_by_role("link", name="ab" * 20)).to_have_attribute(
        "href", "https://github.com/acme/digits/commit/" + "ab" * 20
    )


@pytest.mark.parametrize(
    ("tab", "words", "code"),
    [
        ("console", "The run printed nothing", "weft.init"),
        ("files", "This run kept no files.", "run.save"),
        ("code", "No code is known of this run", "run.log_code"),
    ],
)
def test_what_is_empty_says_how_to_fill_it(open_page: Open, tab: str, words: str, code: str) -> None:
    page = open_page(f"/run/child?tab={tab}")
    expect(page.get_by_text(words)).to_be_visible()
    expect(page.locator(".nothing pre")).to_contain_text(code)
