"""Figures of matplotlib, kept as pictures, and of plotly, kept as their JSON; never as HTML."""

from __future__ import annotations

import io
from typing import Any

from weft.errors import InputError
from weft.records.media import reference
from weft.tracing import redact
from weft.tracing.media import Reference, Value

PLOTLY = "application/vnd.plotly.v1+json"
_MOST_SVG = 4 * 1024 * 1024
_DPI = 200


class Figure(Value):
    """A figure for a run: of matplotlib (a figure, axes, or ``matplotlib.pyplot``), kept as PNG and SVG as it looks
    now, or of plotly, kept as its JSON. Raises InputError for anything else.
    """

    __slots__ = ("_blobs", "_told", "caption")

    kind = "figure"

    def __init__(self, figure: Any, caption: str | None = None) -> None:
        self.caption = caption
        if callable(to_json := getattr(figure, "to_plotly_json", None)):
            self._of_plotly(figure, to_json)
            return
        drawn = _matplotlib(figure)
        if drawn is None:
            raise InputError(
                f"A {type(figure).__name__} is no figure.", remedy="Give one of matplotlib or plotly.", field="figure"
            )
        picture = _saved(drawn, "png", dpi=_DPI)
        width, height = (round(float(inches) * 100) for inches in drawn.get_size_inches())
        self._told = reference(picture, "image/png", width=width, height=height)
        self._blobs: list[tuple[dict[str, Any] | None, bytes]] = [(None, picture)]
        svg = redact.clean_bytes(_saved(drawn, "svg"))
        if len(svg) <= _MOST_SVG:
            self._told["svg"] = reference(svg, "image/svg+xml")
            self._blobs.append((self._told["svg"], svg))

    def _of_plotly(self, figure: Any, to_json: Any) -> None:
        written = getattr(figure, "to_json", None)
        text = written() if callable(written) else None
        if not isinstance(text, str):
            raise InputError(
                f"A {type(figure).__name__} does not write its JSON.", remedy="Give a plotly Figure.", field="figure"
            )
        data = redact.clean_text(text).encode("utf-8", "surrogatepass")
        self._told = reference(data, PLOTLY)
        self._blobs = [(None, data)]

    def reference(self) -> Reference:
        """What stands for it: a reference to the picture, or to plotly's JSON."""
        found = Reference(dict(self._told))
        if self.caption is not None:
            found["caption"] = self.caption
        found.blobs = [(found if told is None else told, data) for told, data in self._blobs]
        return found

    def __repr__(self) -> str:
        return f"weft.Figure({self._told['media_type']!r}, {self._told['size_bytes']} bytes)"


def is_figure(value: Any) -> bool:
    """Whether it is a figure of plotly or matplotlib."""
    return callable(getattr(value, "to_plotly_json", None)) or _matplotlib(value) is not None


def _matplotlib(value: Any) -> Any:
    """The figure of a figure, of axes, or of the module ``pyplot``."""
    if hasattr(value, "savefig") and hasattr(value, "get_size_inches"):
        return value
    if callable(current := getattr(value, "gcf", None)):
        return current()
    found = getattr(value, "figure", None)
    return found if hasattr(found, "savefig") and hasattr(found, "get_size_inches") else None


def _saved(figure: Any, how: str, **more: Any) -> bytes:
    out = io.BytesIO()
    metadata = {"Date": None} if how == "svg" else {}
    figure.savefig(out, format=how, bbox_inches="tight", metadata=metadata, **more)
    return out.getvalue()
