"""A browser signs in, and the pages' socket works behind the gate, without a request to another host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from settling import watched
from typer.testing import CliRunner

from weft import settings, workbench
from weft.cli.main import app
from weft.store import open_store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import a_span

KEY = "a long random key"

pytestmark = [pytest.mark.browser]


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.soak)])
def test_sign_in(browser: Browser, fresh_home: Path, theme: str) -> None:
    given = settings.load({"port": 0, "otlp_port": 0, "quiet": True, "api_key": KEY})
    with workbench.start_background(given) as background:
        page = watched(browser, color_scheme=theme)
        hosts: set[str] = set()
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.goto(f"{background.url}/runs?project=default")
        expect(page.get_by_label("Key")).to_be_focused()
        page.get_by_label("Key").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("That is no key of this server.")
        page.get_by_label("Key").fill(KEY)
        page.keyboard.press("Enter")
        expect(page.get_by_text("Runs").first).to_be_visible()
        assert "/runs" in page.url
        assert hosts == {background.url.removeprefix("http://")}
        page.context.close()


def test_a_reviewer_signs_in_with_a_link_sees_queues_only_and_signs_out(browser: Browser, fresh_home: Path) -> None:
    given = settings.load({"port": 0, "otlp_port": 0, "quiet": True})
    store = open_store(given)
    store.ingest(batch_of("w", a_span()))
    store.close()
    with workbench.start_background(given) as background:
        arguments = ["user", "add", "Rea Viewer", "--role", "reviewer", "--address", background.url]
        told = CliRunner().invoke(app, arguments)
        assert told.exit_code == 0, told.output
        [link] = re.findall(r"http\S+", told.output)
        page = watched(browser)
        page.goto(link)
        page.get_by_role("button", name="Sign in").click()
        sidebar = page.get_by_test_id("stSidebar")
        expect(sidebar.get_by_text("Rea Viewer")).to_be_visible()
        expect(sidebar.get_by_role("link", name="Review")).to_be_visible()
        expect(sidebar.get_by_role("link", name="Traces")).to_have_count(0)
        page.goto(f"{background.url}/traces")
        expect(sidebar.get_by_text("Rea Viewer")).to_be_visible()
        expect(page.get_by_role("heading", name="Traces")).to_have_count(0)
        assert page.request.get(f"{background.url}/api/runs").status == 403
        assert CliRunner().invoke(app, ["user", "role", "Rea Viewer", "member"]).exit_code == 0
        page.goto(background.url)
        expect(sidebar.get_by_role("link", name="Traces")).to_be_visible()
        assert CliRunner().invoke(app, ["user", "role", "Rea Viewer", "reviewer"]).exit_code == 0
        sidebar.get_by_role("link", name="Review").click()  # the page that is open learns of it
        expect(sidebar.get_by_role("link", name="Traces")).to_have_count(0)
        page.goto(link)  # it is spent
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("was used, or has expired")
        page.goto(background.url)
        sidebar.get_by_role("link", name="Sign out").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Key")).to_be_visible()
        assert page.request.get(f"{background.url}/api/me").status == 401
        page.context.close()


def test_an_open_page_does_not_outlast_its_person(browser: Browser, fresh_home: Path) -> None:
    given = settings.load({"port": 0, "otlp_port": 0, "quiet": True})
    store = open_store(given)
    store.ingest(batch_of("w", a_span()))
    with workbench.start_background(given) as background:
        told = CliRunner().invoke(app, ["user", "add", "ada", "--address", background.url])
        [link] = re.findall(r"http\S+", told.output)
        page = watched(browser)
        page.goto(link)
        page.get_by_role("button", name="Sign in").click()
        sidebar = page.get_by_test_id("stSidebar")
        expect(sidebar.get_by_text("ada")).to_be_visible()
        store.people.remove_person("ada")
        sidebar.get_by_role("link", name="Traces").click()
        expect(page.get_by_text("You are signed out.")).to_be_visible()
        page.context.close()
    store.close()
