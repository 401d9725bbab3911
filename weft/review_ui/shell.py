"""The frame of every page: the style, the sidebar, and the page that the address names."""

from __future__ import annotations

import streamlit as st

from weft.records import Role
from weft.review_ui import addresses, data, people, style, ui
from weft.review_ui.components import frame
from weft.review_ui.views import (
    artifacts,
    compare,
    evaluation,
    evaluations,
    lineage,
    missing,
    overview,
    quality,
    registry,
    review,
    runs,
    single_artifact,
    single_run,
    single_sweep,
    sweeps,
    thread,
    trace,
    traces,
)

_SIDEBAR = 208
_OF_REVIEWERS = "/review"


def main(default: str = "/") -> None:
    """One run of the script: style, sidebar, page; ``default`` is the page at the bare address."""
    st.set_page_config(layout="wide", initial_sidebar_state=_SIDEBAR)
    style.inject()
    entries = [
        ("/", "Overview", overview.page, True),
        ("/traces", "Traces", traces.page, True),
        ("/evaluations", "Evaluations", evaluations.page, True),
        ("/review", "Review", review.page, True),
        ("/runs", "Runs", runs.page, True),
        ("/sweeps", "Sweeps", sweeps.page, True),
        ("/artifacts", "Artifacts", artifacts.page, True),
        ("/registry", "Registry", registry.page, True),
        ("/quality", "Quality", quality.page, False),
        ("/trace", "Trace", trace.page, False),
        ("/thread", "Thread", thread.page, False),
        ("/evaluation", "Evaluation", evaluation.page, False),
        ("/compare", "Compare", compare.page, False),
        ("/run", "Run", single_run.page, False),
        ("/sweep", "Sweep", single_sweep.page, False),
        ("/artifact", "Artifact", single_artifact.page, False),
        ("/lineage", "Lineage", lineage.page, False),
        (addresses.MISSING, "Not found", missing.page, False),
    ]
    role = people.role()
    if role is None:
        ui.note("Ask who runs this server for a new link.", tone="warn", bold="You are signed out.")
        return
    if role is Role.REVIEWER:
        # Every address leads to the queues: one that is not there would stop at a box that says so.
        entries = [(path, "Review", review.page, path == _OF_REVIEWERS) for path, *_ in entries]
    pages = {
        path: st.Page(ui.guarded(show), title=title, url_path=path.strip("/") or "overview", default=path == default)
        for path, title, show, _ in entries
    }
    ui.register(pages)
    current = st.navigation(list(pages.values()), position="hidden")
    with st.sidebar:
        sidebar([(pages[path], title) for path, title, _, visible in entries if visible])
    st.session_state["page_title"] = current.title
    st.session_state["headed"] = False
    of_list = next((addresses.LISTS[path] for path in addresses.LISTS if pages[path] is current), None)
    st.session_state["page_list"] = (pages[of_list].title, of_list) if of_list else None
    if of_list:
        style.point_at(of_list)
    ui.named(current.title)
    st.session_state.pop("keys", None)
    if st.session_state.get("unknown_project"):
        ui.note(
            f"There is no project {st.session_state['unknown_project']!r} (yet): this is {data.project()!r}.",
            tone="warn",
        )
    current.run()
    with st.sidebar:
        account()
        frame(*st.session_state.get("keys", ({}, "")))


def sidebar(links: list[tuple[object, str]]) -> None:
    """The name, the project switcher, the pages."""
    ui.show(ui.element("div", "Weft", class_="w-brand"))
    try:
        project = data.choose_project()
    except Exception as error:  # noqa: BLE001 - the page below reports what is wrong with the store, in full
        project = None
        ui.show(ui.element("div", type(error).__name__, class_="w-keys"))
    for page, title in links:
        st.page_link(page, label=title, query_params={"project": project} if project else None)  # type: ignore[arg-type]


def account() -> None:
    """Who is signed in, and the way out."""
    name = people.signed_in()
    if name is not None:
        way_out = ui.element("a", "Sign out", href="/logout", target="_self", class_="w-leave")
        ui.show(ui.element("div", f"{name} · ", way_out, class_="w-keys"))
