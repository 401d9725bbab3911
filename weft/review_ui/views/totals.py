"""The figures of a stretch of time: summed, by period, by what one asks for; kept for a minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from weft import clock
from weft.records import SpanQuery, Totals
from weft.review_ui import data

HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS
RANGES = {"24h": 24, "7d": 7, "30d": 30}
MODEL_KIND = "llm"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time up to now in whole hours or days (UTC), with the periods that it is drawn in."""

    name: str
    period: str
    start_ns: int
    step_ns: int
    count: int

    @property
    def before_ns(self) -> int:
        """Where the stretch of the same length before it begins."""
        return self.start_ns - self.step_ns * self.count

    def starts(self) -> list[int]:
        """The start of each period, the earliest first."""
        return [self.start_ns + at * self.step_ns for at in range(self.count)]


def stretch(name: str) -> Stretch:
    """The stretch that ends now: 24 hours by hour, 7 or 30 days by day."""
    count = RANGES[name]
    step, period = (HOUR_NS, "hour") if name == "24h" else (DAY_NS, "day")
    now = clock.now_ns()
    return Stretch(name, period, now - now % step - (count - 1) * step, step, count)


@st.cache_data(ttl=60, max_entries=200, show_spinner=False)
def _totals(place: str, query: SpanQuery, by: tuple[str, ...]) -> list[Totals]:
    return data.store().spans.totals_by(query, by)


def totals(query: SpanQuery, by: Sequence[str] = ()) -> list[Totals]:
    """Totals of the spans that match; what is over is read once a minute, what goes on each time it is asked for."""
    if query.start_before_ns is not None or "user_id" in by or "run_id" in by:
        return _totals(data.place(), query, tuple(by))
    return data.store().spans.totals_by(query, by)


def whole(query: SpanQuery) -> Totals:
    """The totals as one group."""
    (only,) = totals(query)
    return only
