"""What belongs to the whole page: its keys, ids to copy, links in text."""

from __future__ import annotations

from collections.abc import Mapping

from weft.review_ui.components.assets import renderer


def frame(keys: Mapping[str, str], back: str) -> None:
    """Mount it once a page: ``keys`` stand in the list that ``?`` opens, ``esc`` leads to ``back`` where it is set."""
    renderer("frame")(key="frame", data={"keys": dict(keys), "back": back})
