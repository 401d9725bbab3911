"""What an address shows that no page has."""

from __future__ import annotations

from weft.review_ui import ui
from weft.review_ui.addresses import address


def page() -> None:
    """Say that there is no such page, and where to go from here."""
    ui.head("Not found")
    ui.note("It may have been moved, or mistyped.", tone="warn", bold=f"There is no page {ui.parameter('path')!r}.")
    ui.links({title: address(path) for title, path in _PLACES.items()})


_PLACES = {"Overview": "/", "Traces": "/traces", "Evaluations": "/evaluations", "Runs": "/runs"}
