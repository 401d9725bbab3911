"""Boxes and masks over an image, by who drew them, in the forms that wandb's users know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weft.errors import InputError, MissingExtraError, NotFoundError

ToArray = Callable[[Any], Any]
_MOST_CLASSES = 256  # of a mask: one byte a pixel


def class_names(classes: Sequence[Mapping[str, Any]] | Mapping[int, str] | None) -> dict[int, str]:
    """Names by class id, from ``{0: "cat"}`` or ``[{"id": 0, "name": "cat"}]``. Raises InputError."""
    if classes is None:
        return {}
    try:
        if isinstance(classes, Mapping):
            return {int(number): str(name) for number, name in classes.items()}
        return {int(one["id"]): str(one["name"]) for one in classes}
    except (TypeError, KeyError, ValueError):
        raise InputError(
            "The classes of an image are not names by number.", remedy='Write {0: "cat", 1: "dog"}.', field="classes"
        ) from None


def boxes_of(
    boxes: Mapping[str, Any] | None, size: tuple[int, int] | None, names: Mapping[int, str]
) -> dict[str, list[dict[str, Any]]]:
    """Boxes as they are stored: corners as shares of width and height, class, scores and caption each."""
    found: dict[str, list[dict[str, Any]]] = {}
    for group, given in (boxes or {}).items():
        listed = given.get("box_data", given) if isinstance(given, Mapping) else given
        labels = {**names, **class_names(given.get("class_labels"))} if isinstance(given, Mapping) else dict(names)
        if not isinstance(listed, Sequence) or isinstance(listed, str):
            raise InputError(f"The boxes {group!r} are no list.", remedy='Give {"box_data": [...]}.', field="boxes")
        found[str(group)] = [_box(box, size, labels) for box in listed]
    return found


def _box(box: Any, size: tuple[int, int] | None, names: Mapping[int, str]) -> dict[str, Any]:
    pixels = isinstance(box, Mapping) and box.get("domain") == "pixel"
    if pixels and size is None:
        raise InputError(
            "The size of an image with boxes in pixels is not known.",
            remedy="Give the boxes as shares of width and height, from 0 to 1.",
            field="boxes",
        )
    try:
        x0, y0, x1, y1 = _corners(box["position"])
        if pixels and size is not None:
            x0, x1, y0, y1 = x0 / size[0], x1 / size[0], y0 / size[1], y1 / size[1]
        told: dict[str, Any] = {"corners": [x0, y0, x1, y1]}
        number = box.get("class_id")
        if number is not None:
            told["class"] = names.get(int(number), str(int(number)))
        if box.get("box_caption"):
            told["caption"] = str(box["box_caption"])
        if box.get("scores"):
            told["scores"] = {str(name): float(score) for name, score in box["scores"].items()}
        return told
    except (TypeError, KeyError, ValueError, AttributeError, ZeroDivisionError):
        raise InputError(
            f"A box is {str(box)[:80]!r}.",
            remedy='Write {"position": {"minX": 0.1, "maxX": 0.5, "minY": 0.1, "maxY": 0.4}, "class_id": 0}.',
            field="boxes",
        ) from None


def _corners(position: Any) -> tuple[float, float, float, float]:
    if "middle" in position:
        (x, y), width, height = position["middle"], float(position["width"]), float(position["height"])
        return float(x) - width / 2, float(y) - height / 2, float(x) + width / 2, float(y) + height / 2
    return float(position["minX"]), float(position["minY"]), float(position["maxX"]), float(position["maxY"])


def masks_of(
    masks: Mapping[str, Any] | None, names: Mapping[int, str], to_array: ToArray, to_png: Callable[[Any], bytes]
) -> dict[str, tuple[bytes, dict[str, Any]]]:
    """Masks as they are stored: a grey PNG of class ids, and the names of these. Raises InputError."""
    found: dict[str, tuple[bytes, dict[str, Any]]] = {}
    for group, given in (masks or {}).items():
        array = _mask(given, to_array) if isinstance(given, Mapping) else None
        if array is None or array.ndim != 2 or array.dtype.kind not in "iub":
            raise InputError(
                f"The mask {group!r} is no array of class ids.",
                remedy='Give {"mask_data": an integer array of shape (height, width)}, or {"path": a picture of it}.',
                field="masks",
            )
        if array.size and not 0 <= int(array.min()) <= int(array.max()) < _MOST_CLASSES:
            raise InputError(
                f"The mask {group!r} has class ids beyond 0 to {_MOST_CLASSES - 1}.",
                remedy="Number the classes from 0.",
                field="masks",
            )
        labels = {**names, **class_names(given.get("class_labels"))}
        found[str(group)] = to_png(array), {"classes": {str(number): name for number, name in labels.items()}}
    return found


def _mask(given: Mapping[str, Any], to_array: ToArray) -> Any:
    """Class ids by pixel: an array, floats without a fraction too, or a grey picture. Raises InputError."""
    path = given.get("path")
    if path is None:
        array = to_array(given.get("mask_data"))
        whole = array is not None and array.dtype.kind == "f" and bool((array == array.astype("i8")).all())
        return array.astype("i8") if whole else array
    try:
        import numpy  # noqa: PLC0415 - `import weft` stays light
        from PIL import Image as Pil  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtraError("pillow", install="pillow") from None
    try:
        with Pil.open(path) as opened:
            return numpy.asarray(opened if opened.mode in ("P", "L") else opened.convert("L"))
    except OSError as error:
        raise NotFoundError(
            f"The mask {str(path)!r} cannot be read: {error.strerror or error}.",
            remedy="Give the path of a picture.",
            field="masks",
        ) from None
