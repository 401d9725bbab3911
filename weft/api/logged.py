"""What a run logged besides numbers, as one reads it from Python: values by step, tables, files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from weft import wandb_names
from weft.api.records import Records
from weft.errors import InputError, NotFoundError
from weft.records import Logged, LoggedSummary, Run
from weft.records.logged import TablePage, TableQuery

if TYPE_CHECKING:
    from weft.repositories import Store
    from weft.training.media import Table

_FILES = "files/"
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file that was kept with a run: saved code, the patch of the working tree, what ``run.save`` was given."""

    name: str
    size: int
    digest: str
    mimetype: str
    _store: Store
    _project: str

    def __getattr__(self, name: str) -> Any:
        told = wandb_names.ABSENT.get(f"file.{name}")
        raise AttributeError(f"A file of a run has no {name!r}." + (f" Instead: {told}." if told else ""))

    def read(self) -> bytes:
        """Its bytes. Raises NotFoundError where they were not kept."""
        return self._store.blobs.get(self._project, self.digest)

    @property
    def url(self) -> str:
        """Where a server gives its bytes: the path of their address."""
        return f"/api/projects/{quote(self._project, safe='')}/blobs/{self.digest}"

    @property
    def md5(self) -> str:
        """The digest of its content, which here is one of BLAKE3."""
        return self.digest

    def download(self, root: str | Path = ".", replace: bool = False, exist_ok: bool = False, api: Any = None) -> Path:
        """Write it below ``root`` and return its path; with ``exist_ok`` one that is there stays as it is.

        Raises InputError where a file is there already, or the name leads out of ``root``.
        """
        parts = PurePosixPath(self.name).parts
        if not parts or PurePosixPath(self.name).is_absolute() or ".." in parts or "\0" in self.name:
            raise InputError(
                f"The file {self.name!r} lies outside of the folder.",
                remedy="Use read() and write it yourself.",
                field="name",
            )
        path = Path(root).joinpath(*parts)
        if path.exists() and exist_ok and not replace:
            return path
        if path.exists() and not replace:
            raise InputError(f"There is a file {str(path)!r}.", remedy="Pass replace=True.", field="root")
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        with part.open("wb") as file:
            for piece in self._store.blobs.pieces(self._project, self.digest):
                file.write(piece)
        part.replace(path)
        return path


class LoggedReading:
    """The part of a stored run that reads what is no number."""

    _store: Store
    record: Run

    def media(self, text: str | None = None, *, kind: str | None = None) -> Records[LoggedSummary]:
        """The names under which it logged images, tables and so on, with kind, number of steps, first and last;
        ``text`` keeps names that contain it."""
        return Records(self._store.logged.list_logged(self.record.run_id, text=text, kind=kind))

    def logged(self, name: str, *, source: str | None = None) -> Records[Logged]:
        """What it logged under a name, by step and source. Bytes are read by :meth:`weft.Api.media`."""
        return Records(self._logged_pages(name, source))

    def _logged_pages(self, name: str, source: str | None) -> Iterator[Logged]:
        first: int | None = None
        seen: set[tuple[int, str]] = set()
        while True:
            page = self._store.logged.read_logged(
                self.record.run_id, name, source=source, first=first, limit=_PAGE + len(seen)
            )
            new = [one for one in page if (one.step, one.source) not in seen]
            yield from new
            if len(page) < _PAGE + len(seen):
                return
            first = page[-1].step
            seen = {(one.step, one.source) for one in page if one.step == first}

    def table(self, name: str, *, step: int | None = None, source: str | None = None) -> Table:
        """A table that it logged, whole: the latest, or the one at ``step``. Media cells are references.

        Raises NotFoundError where there is none.
        """
        from weft.records import tables  # noqa: PLC0415 - numpy, only where it is used
        from weft.training.media import Table  # noqa: PLC0415 - as above

        found = self._store.logged.find_logged(self.record.run_id, name, source=source, step=step)
        told: dict[str, Any] = {} if found is None else found.items[0]
        if found is None or told.get("media_type") != tables.MEDIA_TYPE:
            known = ", ".join(one.name for one in self.media(kind="table")) or "none"
            raise NotFoundError(
                f"The run {self.record.run_id} has no table {name!r}.", remedy=f"It has: {known}.", field="name"
            )
        return Table.of_frame(tables.unpack(self._store.blobs.get(found.project, told["digest"])))

    def table_query(self, name: str, **filters: Any) -> TablePage:
        """A page of a table, by the store: ``filters`` are the fields of :class:`weft.records.logged.TableQuery`
        (``where``, ``order``, ``first``, ``limit``)."""
        return self._store.logged.read_table(TableQuery(self.record.run_id, name, **filters))

    def files(
        self, names: Sequence[str] | None = None, pattern: str | None = None, per_page: int = 50
    ) -> Records[RunFile]:
        """The files that were kept with it, by name: all, those of these ``names``, or those that ``pattern`` fits,
        in which ``%`` stands for any text."""
        kept = {one.name for one in self.media(_FILES, kind="file") if one.name.startswith(_FILES)}
        fits = None if pattern is None else re.compile(".*".join(re.escape(part) for part in pattern.split("%")))
        wanted = [
            name
            for name in sorted(kept)
            if (names is None or name.removeprefix(_FILES) in names)
            and (fits is None or fits.fullmatch(name.removeprefix(_FILES)))
        ]
        found = (self._store.logged.find_logged(self.record.run_id, name) for name in wanted)
        return Records(self._file(one) for one in found if one is not None)

    def file(self, name: str) -> RunFile:
        """One of its files. Raises NotFoundError."""
        found = self._store.logged.find_logged(self.record.run_id, _FILES + name)
        if found is None or found.kind != "file":
            raise NotFoundError(
                f"The run {self.record.run_id} has no file {name!r}.", remedy="files() lists them.", field="name"
            )
        return self._file(found)

    def _file(self, found: Logged) -> RunFile:
        told = found.data
        name = str(told.get("path") or found.name.removeprefix(_FILES))
        return RunFile(
            name, int(told["size_bytes"]), str(told["digest"]), str(told["media_type"]), self._store, found.project
        )
