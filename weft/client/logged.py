"""What runs of a Weft server log besides numbers."""

from __future__ import annotations

from weft.client.wire import Wire, parse, segment
from weft.records import Logged, LoggedSummary


class RemoteLogged:
    """What runs log besides numbers."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def list_logged(self, run_id: str, *, text: str | None = None, kind: str | None = None) -> list[LoggedSummary]:
        """What a run logged, by name and source."""
        found = self._wire.get(f"/api/runs/{segment(run_id)}/logged", text=text, kind=kind)
        summaries: list[LoggedSummary] = parse(list[LoggedSummary], found)
        return summaries

    def read_logged(
        self,
        run_id: str,
        name: str,
        *,
        source: str | None = None,
        first: int | None = None,
        last: int | None = None,
        limit: int = 1000,
    ) -> list[Logged]:
        """What a run logged under a name, by step and source."""
        query = {"name": name, "source": source, "first": first, "last": last, "limit": limit}
        found = self._wire.get(f"/api/runs/{segment(run_id)}/logged/values", **query)
        logged: list[Logged] = parse(list[Logged], found)
        return logged

    def find_logged(
        self, run_id: str, name: str, *, source: str | None = None, step: int | None = None
    ) -> Logged | None:
        """The latest that a run logged under a name, at or before ``step``."""
        query = {"name": name, "source": source, "step": step}
        found = self._wire.get(f"/api/runs/{segment(run_id)}/logged/latest", **query)
        logged: Logged | None = None if found is None else parse(Logged, found)
        return logged
