"""A link to another page that a key follows too."""

from __future__ import annotations

from weft.review_ui.components.assets import renderer


def keylink(label: str, href: str, key: str) -> None:
    """Draw a link; pressing ``key`` (one character) anywhere on the page follows it."""
    renderer("keylink")(key=f"keylink-{key}", data={"label": label, "href": href, "key": key}, width="content")
