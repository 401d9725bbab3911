"""The components of the page of one run: its head, overview, console, files and code. They read from the API by
themselves."""

from __future__ import annotations

from collections.abc import Sequence

from weft.records import Run, dumps
from weft.review_ui.components.assets import renderer

_PARTS = ("values", "actions", "run_part")
_FILES = (*_PARTS, "chart_menu", "patch", "file_view")
_SHOWN = (
    *("run_id", "project", "name", "status", "kind", "config", "summary", "tags", "notes", "group", "job_type"),
    *("git", "environment", "parent_run_id", "started_at_ns", "ended_at_ns", "last_seen_ns"),
    *("exit_code", "failure", "origin"),
)


def run_head(run: Run, tabs: Sequence[tuple[str, str]], tab: str) -> None:
    """Show the name, the state and the tabs of a run, of which ``tab`` is open."""
    data = {"run": _told(run), "tabs": [list(one) for one in tabs], "tab": tab}
    renderer("run_head", *_PARTS)(key=f"head-{run.run_id}", data=data)


def run_overview(run: Run) -> None:
    """Show what a run is, with its settings and results."""
    renderer("run_overview", *_PARTS)(key=f"overview-{run.run_id}", data={"run": _told(run)})


def console(run: Run) -> None:
    """Show what a run prints."""
    renderer("console", *_PARTS, "chart_menu")(key=f"console-{run.run_id}", data={"run": _told(run)})


def run_files(run: Run) -> None:
    """Show the files of a run."""
    renderer("run_files", *_FILES)(key=f"files-{run.run_id}", data={"run": _told(run)})


def run_code(run: Run) -> None:
    """Show the code of a run."""
    renderer("run_code", *_FILES)(key=f"code-{run.run_id}", data={"run": _told(run)})


def _told(run: Run) -> str:
    """The run as JSON, with whole numbers of any size and NaN as the API writes them."""
    return dumps({name: getattr(run, name) for name in _SHOWN}).decode()
