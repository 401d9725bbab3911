"""Small things that scripts of other trackers' users take from there."""

from __future__ import annotations

from weft import ids


def generate_id() -> str:
    """A new id, as ``weft.init(id=...)`` takes it."""
    return ids.new_id()


__all__ = ["generate_id"]
