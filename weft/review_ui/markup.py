"""HTML from data: every text is escaped in the one function that builds elements."""

from __future__ import annotations

import html
from collections.abc import Iterable


class Markup(str):
    """Text that is HTML already; only :func:`element` and :func:`join` make it."""

    __slots__ = ()


def element(tag: str, *children: str | None, **attributes: str | None) -> Markup:
    """An element; children that are not Markup and all attribute values are escaped. ``class_`` is ``class``.

    Text shown this way is inert: no Markdown, LaTeX, icon name or tag in it is read.
    """
    pairs = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(value, quote=True)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{pairs}>{join(children)}</{tag}>")


def join(children: Iterable[str | None]) -> Markup:
    """Children one behind the other, escaped where they are not Markup."""
    return Markup("".join(c if isinstance(c, Markup) else html.escape(c or "", quote=True) for c in children))
