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

    A mapping ``{"points": array, "boxes": [{"corners": eight points, "label", "color"}]}`` has boxes as well, and
    ``vectors`` (``{"start", "end"}``), which are kept and not drawn. Points that are not finite are left out.
    ``file_type`` is for a file that is open, or bytes. Raises InputError for anything else, NotFoundError where the
    file is not there.
    """

    __slots__ = ("_boxes", "_columns", "_points", "_vectors")

    kind = "object3d"
    _what = "model"
    _argument = "data_or_path"

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        file_type: str | None = None,
        *,
        media_type: str | None = None,
        name: str | None = None,
    ) -> None:
        self._points: int | None = None
        self._columns: int | None = None
        self._boxes: list[dict[str, Any]] = []
        self._vectors: list[dict[str, Any]] = []
        source = _read(data_or_path)
        if file_type is not None and media_type is None:
            media_type = _MODELS.get(f".{file_type.lower().lstrip('.')}")
        if isinstance(source, str | os.PathLike):
            suffix = Path(source).suffix.lower()
            if media_type is None and suffix not in _MODELS:
                raise InputError(
                    f"A file that ends in {suffix!r} is no model that is known.",
                    remedy=f"Use {', '.join(_MODELS)}.",
                    field="data_or_path",
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
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Object3D:
        """A model from a path or an open file."""
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_point_cloud(
        cls,
        points: Any,
        boxes: Any = (),
        vectors: Any = (),
        point_cloud_type: str = "lidar/beta",
        caption: str | None = None,
    ) -> Object3D:
        """Points from an array, with boxes and vectors; ``point_cloud_type`` changes nothing."""
        return cls({"points": points, "boxes": list(boxes), "vectors": list(vectors or ())}, caption)

    def _made(self, source: Any) -> tuple[bytes, str]:
        if isinstance(source, Mapping) and "points" in source:
            self._boxes = [_box(box) for box in _some(source.get("boxes"))[:_MOST_BOXES]]
            self._vectors = [_vector(one) for one in _some(source.get("vectors"))[:_MOST_BOXES]]
            source = source["points"]
        array = to_array(source)
        if array is None and isinstance(source, list | tuple):
            array = _listed(source)
        if array is None or array.ndim != 2 or array.shape[1] not in _COLUMNS or array.dtype.kind not in "fiu":
            shape = "" if array is None else f" of shape {tuple(array.shape)}"
            raise InputError(
                f"A {type(source).__name__}{shape} is no model.",
                remedy="Give a path, or points of shape (n, 3), (n, 4) or (n, 6).",
                field="data_or_path",
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
        yield "vectors", self._vectors or None


def box3d(
    *, center: Any, size: Any, orientation: Any, color: Any, label: str | None = None, score: float | None = None
) -> dict[str, Any]:
    """A box of a point cloud by its center, its size along x, y and z, and how it is turned: a quaternion, the real
    part first (r, i, j, k). ``color`` is red, green and blue from 0 to 1. Raises InputError."""
    try:
        middle, extent = np.asarray(center, np.float64).reshape(3), np.asarray(size, np.float64).reshape(3)
        r, i, j, k = np.asarray(orientation, np.float64).reshape(4) / np.linalg.norm(orientation)
        shade = [round(float(part) * 255) for part in color]
    except (TypeError, ValueError):
        raise InputError(
            "A box needs a center and a size of three numbers, and an orientation of four.",
            remedy="Write box3d(center=(0, 0, 0), size=(1, 1, 1), orientation=(1, 0, 0, 0), color=(1, 0, 0)).",
            field="center",
        ) from None
    turned = np.array(  # the rotation of a unit quaternion
        [
            [1 - 2 * (j * j + k * k), 2 * (i * j - k * r), 2 * (i * k + j * r)],
            [2 * (i * j + k * r), 1 - 2 * (i * i + k * k), 2 * (j * k - i * r)],
            [2 * (i * k - j * r), 2 * (j * k + i * r), 1 - 2 * (i * i + j * j)],
        ]
    )
    signs = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    told: dict[str, Any] = {"corners": (middle + (signs * extent) @ turned.T).tolist(), "color": shade}
    named = [str(label)] if label is not None else []
    if score is not None:
        told["score"] = float(score)
        named.append(f"{float(score):.3g}")
    return {**told, "label": " ".join(named)} if named else told


def _read(source: Any) -> Any:
    """The path or the bytes of an open file; anything else as it is."""
    if not callable(read := getattr(source, "read", None)):
        return source
    name = getattr(source, "name", None)
    if isinstance(name, str) and Path(name).suffix.lower() in _MODELS and Path(name).is_file():
        return name
    data = read()
    return data.encode() if isinstance(data, str) else data


def _some(given: Any) -> list[Any]:
    return [] if given is None else list(given)


def _vector(given: Any) -> dict[str, Any]:
    try:
        ends = {end: np.asarray(given[end], np.float64).reshape(3).tolist() for end in ("start", "end")}
    except (TypeError, KeyError, ValueError):
        raise InputError(
            "A vector has a start and an end of three numbers.",
            remedy='Write {"start": [0, 0, 0], "end": [1, 1, 1]}.',
            field="vectors",
        ) from None
    return ends


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
            told["color"] = [min(max(int(part), 0), 255) for part in box["color"]][:3]
        return told
    except (TypeError, KeyError, ValueError, AttributeError):
        raise InputError(
            "A box of a point cloud has no eight corners.",
            remedy='Write {"corners": [[x, y, z], ... eight of them], "label": "car"}.',
            field="boxes",
        ) from None
