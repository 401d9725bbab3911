"""Small charts of bars, a bar a period, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from weft.review_ui.components.assets import renderer


@dataclass(frozen=True, slots=True)
class Bar:
    """A period: its label, its value (None where there is none), the part of it in another colour, the words on hover,
    the page behind it."""

    x: str
    y: float | None
    text: str
    part: float | None = None
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A row of bars. ``top`` says what the highest stands for; ``tone`` "bad" draws the parts as failures."""

    title: str
    bars: Sequence[Bar]
    top: str = ""
    tone: str = ""


def bars(charts: Sequence[Chart], *, key: str) -> None:
    """Draw charts side by side."""
    renderer("bars")(key=key, data={"charts": [asdict(chart) for chart in charts]})
