"""One sweep: what is best so far, why, and what is still tried."""

from __future__ import annotations

from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components.sweeps import sweep_page

_KEYS = {
    "1 … 4": "the tabs",
    "j k": "next, previous trial",
    "x": "choose the trial",
    "u": "choose none",
    "o": "only the chosen ones",
    "enter": "open its run",
    "p": "pause, resume",
    "e": "edit",
    "a": "how agents run it",
}
_EMPTY = "weft sweep sweep.yaml\nweft agent SWEEP"


def page() -> None:
    """The component reads by itself, and goes on reading while the sweep does."""
    sweep_id = ui.parameter("id")
    if not sweep_id:
        ui.empty("No sweep is named in this address.", _EMPTY)
        return
    sweep = data.store().sweeps.get_sweep(sweep_id)
    data.adopt(sweep.project)
    sweep_page(sweep_id)
    ui.keys(_KEYS, back=address("/sweeps", project=sweep.project), line=False)
    ui.python(f'store = weft.Api().store.sweeps\nstore.get_sweep("{sweep_id}"), store.list_trials("{sweep_id}")')
