"""Sweeps: which searches there are, how far they are, what they found so far."""

from __future__ import annotations

from weft.review_ui import data, ui
from weft.review_ui.components.sweeps import sweeps_list

_KEYS = {"j k": "next, previous sweep", "enter": "open", "n": "start a sweep"}


def page() -> None:
    """The head; the list the component reads by itself."""
    project = data.project()
    ui.head("Sweeps", project)
    sweeps_list(project)
    ui.keys(_KEYS, line=False)
    ui.python(f'sweeps = weft.Api().store.sweeps.list_sweeps("{project}")')
