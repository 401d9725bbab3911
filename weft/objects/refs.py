"""``weft.publish`` and ``weft.ref``: things of one's own as versions, and back."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from pydantic import BaseModel, ValidationError

from weft import clock, digests, ids, recording, scorers
from weft.errors import InputError
from weft.evals import Dataset
from weft.objects.prompts import Prompt
from weft.records import ArtifactVersion
from weft.scorers.base import Scorer
from weft.tracing import op_versions
from weft.tracing.capture import capture
from weft.tracing.model import Object, StoredObject
from weft.training import Artifact, LoggedArtifact
from weft.training.artifacts import log_artifact

OBJECT = "object"
_URI = re.compile(r"weft:///([^/]+)/([^/]+)")


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to a version: ``name``, ``name:alias`` or ``name:v3`` of a project."""

    project: str
    text: str
    version: ArtifactVersion | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The name without version or alias."""
        return self.text.partition(":")[0]

    @property
    def uri(self) -> str:
        """The reference with its project, as :func:`ref` takes it: ``weft:///project/name:v3``."""
        return f"weft:///{quote(self.project)}/{quote(self.text, safe=':')}"

    def get(self) -> Any:
        """The thing itself: a Dataset, a Prompt, an object of its class, a value, or an artifact's files.

        An object whose class the program does not have comes back as a :class:`weft.Object` with its fields; no code is
        ever loaded because a record names it. Raises NotFoundError.
        """
        recorder = recording.require("ref.get")
        version = recorder.store.artifacts.get_version(self.project, self.text)
        if version.type == "dataset":
            return Dataset.from_artifact(version.ref, self.project)
        if version.type == "prompt":
            return Prompt.of(version)
        if version.type == OBJECT:
            return _revived(version)
        return LoggedArtifact(recorder.store, version)

    def __str__(self) -> str:
        return self.uri


def publish(thing: Any, name: str | None = None, *, aliases: Sequence[str] = ()) -> Ref:
    """Store a thing as a version and return its reference; equal content gives the version that exists.

    A Dataset, Prompt, Artifact, op, an object of a :class:`weft.Object` or pydantic class, or a JSON value. ``name`` is
    its own name, else its class's, unless given. Raises InputError for what has no name or is no JSON, StoreError or
    ServerError where it cannot be stored.
    """
    recorder = recording.require("weft.publish")
    if isinstance(thing, Dataset | Prompt):
        if name is not None:
            thing.name = name
        stored = thing.publish(aliases)
    elif isinstance(thing, Artifact):
        if name is not None:
            thing.name = name
        run_id = recorder.run_id or ""
        return ref(log_artifact(recorder, run_id, thing, aliases).ref)
    elif op_versions.is_op(thing):
        version = op_versions.describe(thing, recorder.project, name=name)
        stored = recorder.store.artifacts.create_version(version, aliases=aliases)
    else:
        version = _as_version(thing, name, recorder)
        stored = recorder.store.artifacts.create_version(version, aliases=aliases)
        if isinstance(thing, Object) and (thing.weft_ref or f"{stored.name}:").startswith(f"{stored.name}:"):
            thing.weft_ref = stored.ref
    return Ref(stored.project, stored.ref, stored)


def ref(text: str) -> Ref:
    """A reference out of ``name``, ``name:alias``, ``name:v3`` or ``weft:///project/name:v3``.

    Nothing is fetched before ``get()``. Raises InputError for an empty text, WeftError without a project.
    """
    if not isinstance(text, str) or not text.partition(":")[0]:
        raise InputError(f"{text!r} is no reference.", remedy="Write name, name:alias or name:v3.", field="ref")
    found = _URI.fullmatch(text)
    if found is not None:
        return Ref(unquote(found[1]), unquote(found[2]))
    if "://" in text:
        raise InputError(f"{text!r} is no reference of Weft.", remedy="Write weft:///project/name:v3.", field="ref")
    return Ref(recording.require("weft.ref").project, text)


def _as_version(thing: Any, name: str | None, recorder: recording.Recorder) -> ArtifactVersion:
    """The version of an object or value. Raises InputError for what has no name or is no JSON."""
    content: dict[str, Any]
    if isinstance(thing, BaseModel):
        kind = type(thing)
        content = {"class": f"{kind.__module__}:{kind.__qualname__}", "value": capture(_dumped(thing))}
        own = getattr(thing, "name", None)
        name = name or (own if isinstance(own, str) and own else kind.__name__)
    else:
        content = {"value": thing}
    if not name or not ids.is_name(name):
        raise InputError(
            f"The name {name!r} cannot stand in an address.",
            remedy=f"Use publish(thing, name='...') with {ids.NAME_RULE}.",
            field="name",
        )
    try:
        digest = digests.of_json({"type": OBJECT, "metadata": content, "files": []})
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name} is no JSON value ({error}).",
            remedy="Publish dicts, lists, texts and numbers, a weft.Object, or files as a weft.Artifact.",
            field="thing",
        ) from None
    content["value"] = capture(content["value"])
    return ArtifactVersion(
        project=recorder.project,
        name=name,
        type=OBJECT,
        version=0,
        digest=digest,
        created_ns=clock.now_ns(),
        description=getattr(thing, "description", None) if isinstance(thing, Object) else None,
        metadata=content,
        run_id=recorder.run_id,
    )


def _dumped(thing: BaseModel) -> Any:
    if isinstance(thing, Scorer):
        return thing.config()
    values = {name: getattr(thing, name) for name, of in type(thing).model_fields.items() if not of.exclude}
    return {name: _json(value) for name, value in values.items()}


def _json(value: Any) -> Any:
    """A field as JSON: objects inside by their own fields, everything else as spans record it."""
    if isinstance(value, BaseModel):
        return _dumped(value)
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    return capture(value)


def _revived(version: ArtifactVersion) -> Any:
    """An object of its class where the program has that class loaded, else its fields; a plain value as it is."""
    value = version.metadata.get("value")
    named = version.metadata.get("class")
    if not isinstance(named, str) or not isinstance(value, dict):
        return value
    kind = _loaded_class(named)
    made: BaseModel | None = None
    if kind is not None:
        try:
            made = kind.model_validate(value)
        except ValidationError:  # the class has other fields by now
            made = None
    if made is None:
        made = StoredObject.model_validate({**value, "class_name": named})
    if isinstance(made, Object):
        made.weft_ref = version.ref
    return made


def _loaded_class(named: str) -> type[BaseModel] | None:
    """A class that the program has loaded; nothing is imported because a record names it."""
    module, _, path = named.partition(":")
    if module.startswith("weft.scorers."):  # of Weft's own the name is enough: they are imported when they are used
        getattr(scorers, path, None)
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None
