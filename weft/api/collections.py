"""Projects, types of artifacts and the names that they have, as W&B's users walk them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from weft.api.records import Records
from weft.api.runs import StoredRun
from weft.api.sweeps import StoredSweep
from weft.errors import InputError, NotFoundError
from weft.records.sweeps import Sweep
from weft.training.artifacts import LoggedArtifact, Place, places_of

if TYPE_CHECKING:
    from weft.api.opened import Opened


class Project(str):
    """The name of a project; what is in it is a call away."""

    __slots__ = ("_api",)

    _api: Opened

    @classmethod
    def of(cls, api: Opened, name: str) -> Project:
        """The project of a name."""
        found = cls(name)
        found._api = api
        return found

    @property
    def name(self) -> str:
        """The name."""
        return str(self)

    id = name

    @property
    def entity(self) -> str:
        """Nobody: a Weft directory or server has one owner."""
        return ""

    @property
    def path(self) -> list[str]:
        """The name, in a list."""
        return [str(self)]

    @property
    def url(self) -> str:
        """The address of its runs."""
        return self._api.address(f"/runs?project={quote(self)}")

    def artifacts_types(self, per_page: int = 50) -> Records[ArtifactType]:
        """The types of its artifacts."""
        return types_of(self._api, str(self))

    def sweeps(self, per_page: int = 50) -> Records[StoredSweep]:
        """Its sweeps, the newest first."""
        return sweeps_of(self._api, str(self))


class ArtifactType:
    """A type of the artifacts of a project."""

    def __init__(self, api: Opened, project: str, name: str) -> None:
        self._api = api
        self.project, self.name = project, name
        self.id = f"{project}/{name}"

    def __repr__(self) -> str:
        return f"<artifact type {self.name!r} of {self.project!r}>"

    def collections(self, per_page: int = 50) -> Records[Collection]:
        """The names of this type."""
        found = self._api.store.artifacts.list_artifacts(self.project, type=self.name)
        return Records(Collection(self._api, self.project, self.name, one.name) for one in found)

    def collection(self, name: str) -> Collection:
        """One name of this type. Raises NotFoundError."""
        for found in self.collections():
            if found.name == name:
                return found
        raise NotFoundError(f"There is no {self.name} {name!r} in project {self.project!r}.", field="name")


class Collection:
    """A name of artifacts with all its versions."""

    def __init__(self, api: Opened, project: str, type: str, name: str) -> None:
        self._api = api
        self.project, self.type, self.name = project, type, name
        self.id = f"{project}/{name}"

    def __repr__(self) -> str:
        return f"<artifacts {self.name!r} ({self.type}) of {self.project!r}>"

    def artifacts(self, per_page: int = 50) -> Records[LoggedArtifact]:
        """Its versions, the newest first."""
        known = self._api.store.artifacts.list_versions(self.project, self.name)
        return Records(version_of(self._api, one.ref, self.project) for one in reversed(known))

    versions = artifacts

    @property
    def aliases(self) -> list[str]:
        """Every alias that one of its versions has."""
        known = self._api.store.artifacts.list_versions(self.project, self.name)
        return sorted({alias for one in known for alias in one.aliases})

    @property
    def tags(self) -> list[str]:
        """Every tag that one of its versions has."""
        known = self._api.store.artifacts.list_versions(self.project, self.name)
        return sorted({tag for one in known for tag in one.tags})

    @property
    def created_at(self) -> Any:
        """When its first version was logged, in UTC."""
        return self.artifacts()[-1].created_at

    def delete(self) -> None:
        """Delete all its versions. Raises ConflictError where one serves or is in the registry."""
        for one in self.artifacts():
            one.delete(delete_aliases=True)


def sweep_of(api: Opened, record: Sweep) -> StoredSweep:
    """A sweep with its runs and their data."""
    store, place = api.store, api.place
    return StoredSweep(store, record, lambda run: StoredRun(store, run, place), place)


def sweeps_of(api: Opened, project: str | None) -> Records[StoredSweep]:
    """The sweeps of a project, or all, the newest first."""
    return Records(sweep_of(api, one) for one in api.store.sweeps.list_sweeps(project))


def types_of(api: Opened, project: str) -> Records[ArtifactType]:
    """The types of a project's artifacts, by name."""
    names = sorted({one.type for one in api.store.artifacts.list_artifacts(project)})
    return Records(ArtifactType(api, project, name) for name in names)


def version_of(api: Opened, name: str, project: str | None, *, type: str | None = None) -> LoggedArtifact:
    """The version that a reference names, its runs with their data. Raises NotFoundError, InputError."""
    store, places = api.store, places_of(name, api.project(project))
    for home, ref in places:
        try:
            version = store.artifacts.get_version(home, ref)
            break
        except NotFoundError:
            if (home, ref) == places[-1]:
                raise
    if type is not None and version.type != type:
        raise InputError(f"{version.ref} is a {version.type}, not a {type}.", field="type")
    found = LoggedArtifact(store, version, Place(api.place))
    found._run_of = lambda run: StoredRun(store, run, api.place)
    return found
