"""Where the pages read: the store that the settings name, opened once a process, and the project in the address."""

from __future__ import annotations

import time
from collections.abc import Iterable

import streamlit as st

from weft import formatting as fmt
from weft import settings as weft_settings
from weft.api import Api
from weft.records import ItemStatus, LabelQuery, ReviewQueue, RunQuery
from weft.repositories import Store
from weft.settings import Settings

_FRESH_S = 0.5


class _Place:
    """An open store, brought up to date at most every half second however often a page asks."""

    def __init__(self, settings: Settings) -> None:
        self._api = Api(dir=settings.dir, url=settings.url, db=settings.db, api_key=settings.api_key)
        self._store: Store | None = None
        self._fresh_until = 0.0

    def store(self) -> Store:
        """The store."""
        now = time.monotonic()
        if self._store is None or now > self._fresh_until:
            self._store = self._api.store
            self._fresh_until = time.monotonic() + _FRESH_S
        return self._store


@st.cache_resource(show_spinner=False)
def _open(settings: Settings) -> _Place:
    return _Place(settings)


def settings() -> Settings:
    """The settings in force."""
    return weft_settings.load()


def store() -> Store:
    """The store, with what this machine recorded so far in it."""
    return _open(settings()).store()


def choose_project() -> str | None:
    """The project switcher; the choice lives in the address. None where nothing was recorded yet."""
    known = store().runs.list_projects()
    wished = st.query_params.get("project") or st.session_state.get("project") or settings().project
    current = wished if wished in known or not known else known[0]
    st.session_state["project"] = current
    # Told on the page: without it, things of another project would look like those that were asked for.
    asked = st.query_params.get("project")
    st.session_state["unknown_project"] = asked if known and asked and asked not in known else None
    if not known:
        return None
    st.session_state["switch"] = current
    st.selectbox("Project", known, key="switch", label_visibility="collapsed", on_change=_switched)
    return current


def _switched() -> None:
    st.query_params.clear()
    st.query_params["project"] = st.session_state["switch"]


def project() -> str:
    """The project whose things the page shows."""
    chosen: str = st.session_state.get("project") or settings().project
    return chosen


def adopt(project: str) -> None:
    """Make the project of the object on this page the chosen one, where an address led here from elsewhere."""
    if st.session_state.get("project") != project and st.query_params.get("project") != project:
        st.query_params["project"] = project
        st.rerun()


@st.cache_data(ttl=60, show_spinner=False)
def simulated(project: str, queue_id: str, place: str) -> int:
    """How many labels of a queue no person gave; counted once a minute. ``place`` tells stores apart."""
    count, cursor = 0, None
    while True:
        page = store().reviews.list_items(queue_id, status=ItemStatus.LABELLED, cursor=cursor)
        count += sum(item.simulated for item in page.items)
        cursor = page.cursor
        if cursor is None:
            return count


@st.cache_data(ttl=60, show_spinner=False)
def reviewers(queue_id: str, place: str) -> set[str]:
    """Who labelled last in a queue; read once a minute. ``place`` tells stores apart."""
    query = LabelQuery(queue_id, newest_first=True)
    return {label.reviewer for label in store().reviews.list_labels(query).items}


def labelled(queue: ReviewQueue, count: int | None = None) -> str:
    """``162 labelled, 100 of them simulated``: how many cases have labels (``count``, where it is known better)."""
    number = queue.labelled if count is None else count
    fake = simulated(queue.project, queue.queue_id, place()) if number else 0
    kind = "" if not fake else ", all of them simulated" if fake >= number else f", {fmt.count(fake)} of them simulated"
    return f"{fmt.count(number)} labelled{kind}"


def run_names(run_ids: Iterable[str | None]) -> dict[str, str]:
    """The names of runs by their ids; a run that is gone has none."""
    wanted = sorted({run_id for run_id in run_ids if run_id})
    if not wanted:
        return {}
    found = store().runs.list_runs(RunQuery(run_ids=wanted, limit=len(wanted))).items
    return {run.run_id: run.name for run in found}


def place() -> str:
    """The store that the settings name, in a word, as a key of caches."""
    return f"{settings().dir} {settings().db} {settings().url}"
