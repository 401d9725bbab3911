"""A queue's estimate as key figures."""

from __future__ import annotations

from weft import formatting as fmt
from weft.reviews import QueueEstimate


def outcome(figure: QueueEstimate) -> list[tuple[str, str, str]]:
    """The estimate as key figures."""
    before, after = figure.before, figure.after
    counted = f"{after.labelled:,} labels count" + (f", {figure.simulated:,} simulated" if figure.simulated else "")
    spread = f"[{after.low:.3f}, {after.high:.3f}]" if after.low is not None and after.high is not None else ""
    return [
        ("Machine alone", fmt.MISSING if before.value is None else f"{before.value:.3f}", f"n={before.n:,}"),
        ("With labels", fmt.MISSING if after.value is None else f"{after.value:.3f}", f"{spread} n={after.n:,}"),
        ("Labels", fmt.count(figure.labels), counted),
        ("Unresolved", fmt.count(after.unresolved), "widen the interval" if after.unresolved else ""),
    ]
