"""Things in space: models from files, points from arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from weft.errors import InputError
from weft.tracing.media import File, to_array

POINTS = "application/x-weft-points3d"
_MODELS = {".glb": "model/gltf-binary", ".gltf": "model/gltf+json", ".obj": "model/obj", ".stl": "model/stl"}
_COLUMNS = (3, 4, 6)  # x y z; and a class; or red, green, blue from 0 to 255
_MOST_BOXES = 10_000


class Object3D(File):
    """A model or points for a run: a path to a ``.glb``, ``.gltf``, ``.obj`` or ``.stl`` file, or an array of shape
    (n, 3), (n, 4) with a class, or (n, 6) with red, green, blue from 0 to 255.

    A mapping ``{"points": array, "boxes": [{"corners": eight points, "label", "color"}]}`` has boxes as well. Points
    that are not finite are left out. Raises InputError for anything else, NotFoundError where the file is not there.
    """

    __slots__ = ("_boxes", "_columns", "_points")

    kind = "object3d"
    _what = "model"

    def __init__(
        self, source: Any, caption: str | None = None, *, media_type: str | None = None, name: str | None = None
    ) -> None:
        self._points: int | None = None
        self._columns: int | None = None
        self._boxes: list[dict[str, Any]] = []
        if isinstance(source, str | os.PathLike):
            suffix = Path(source).suffix.lower()
            if media_type is None and suffix not in _MODELS:
                raise InputError(
                    f"A file that ends in {suffix!r} is no model that is known.",
                    remedy=f"Use {', '.join(_MODELS)}.",
                    field="source",
                )
            media_type = media_type or _MODELS[suffix]
        elif isinstance(source, bytes) and media_type is None:
            media_type = "model/gltf-binary" if source[:4] == b"glTF" else None
        super().__init__(source, media_type=media_type, name=name, caption=caption)

    @classmethod
    def from_numpy(cls, points: Any, caption: str | None = None) -> Object3D:
        """Points from an array."""
        return cls(points, caption)

    @classmethod
    def from_point_cloud(cls, points: Any, boxes: Any = (), caption: str | None = None) -> Object3D:
        """Points from an array, with boxes."""
        return cls({"points": points, "boxes": list(boxes)}, caption)

    def _made(self, source: Any) -> tuple[bytes, str]:
        if isinstance(source, Mapping) and "points" in source:
            self._boxes = [_box(box) for box in list(source.get("boxes") or ())[:_MOST_BOXES]]
            source = source["points"]
        array = to_array(source)
        if array is None and isinstance(source, list | tuple):
            array = _listed(source)
        if array is None or array.ndim != 2 or array.shape[1] not in _COLUMNS or array.dtype.kind not in "fiu":
            shape = "" if array is None else f" of shape {tuple(array.shape)}"
            raise InputError(
                f"A {type(source).__name__}{shape} is no model.",
                remedy="Give a path, or points of shape (n, 3), (n, 4) or (n, 6).",
                field="source",
            )
        points = np.asarray(array, np.float64)
        points = points[np.isfinite(points).all(axis=1)].astype("<f4")
        self._points, self._columns = (int(size) for size in points.shape)
        return points.tobytes(), POINTS

    def _more(self) -> Iterator[tuple[str, Any]]:
        yield from super()._more()
        yield "points", self._points
        yield "columns", self._columns
        yield "boxes", self._boxes or None


def _listed(source: Any) -> Any:
    try:
        return np.asarray(source, np.float64)
    except (TypeError, ValueError):
        return None


def _box(box: Any) -> dict[str, Any]:
    try:
        corners = np.asarray(box["corners"], np.float64)
        if corners.shape != (8, 3) or not np.isfinite(corners).all():
            raise ValueError("eight corners")
        told: dict[str, Any] = {"corners": corners.tolist()}
        if box.get("label") is not None:
            told["label"] = str(box["label"])
        if box.get("color") is not None:
            told["color"] = [int(part) for part in box["color"]][:3]
        return told
    except (TypeError, KeyError, ValueError, AttributeError):
        raise InputError(
            "A box of a point cloud has no eight corners.",
            remedy='Write {"corners": [[x, y, z], ... eight of them], "label": "car"}.',
            field="boxes",
        ) from None
