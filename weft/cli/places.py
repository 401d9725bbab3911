"""Which project a reference is of: what a command says where the project of the settings has none of the name."""

from __future__ import annotations

from weft.api import Api
from weft.errors import NotFoundError


def elsewhere(api: Api, error: NotFoundError, ref: str) -> NotFoundError:
    """The error, with the projects that have an artifact of the name where the one of the settings has none."""
    name = ref.partition(":")[0]
    if api.store.artifacts.list_versions(api.project(), name):
        return error
    known = [one for one in api.projects() if api.store.artifacts.list_versions(one, name)]
    remedy = f"There is one in {' and in '.join(known)}: add --project {known[0]}." if known else error.remedy
    return NotFoundError(error.message, remedy=remedy, field=error.field)
