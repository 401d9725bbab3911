"""What a page shows, saved under a name."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SavedView:
    """A page's choices (columns, filter, order, charts) under a name, of one project; ``/PAGE?view=ID`` opens it.

    ``content`` holds what differs from the usual by the names of the parameters in the page's address. A new view has
    no ``view_id``; the store gives it one.
    """

    project: str
    page: str
    name: str
    content: dict[str, str] = field(default_factory=dict)
    view_id: str = ""
    author: str | None = None
    updated_ns: int = 0
