"""The code of ops as versions of artifacts of type ``op``: captured once a function and session, through the journal.

The caller needs no store: the version goes as a record, spans carry its digest, and the store gives it a number.
"""

from __future__ import annotations

import inspect
import re
import weakref
from collections.abc import Mapping
from typing import Any

from weft import clock, digests, ids
from weft.errors import InputError
from weft.otlp import names
from weft.recording import Recorder
from weft.records import ArtifactVersion
from weft.tracing import guard
from weft.tracing.source import dependencies_of, source_of, without_secrets

TYPE = "op"
PREFIX = "op."  # ops, prompts and datasets are often called alike, and a name belongs to one type
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9._ -]+")
_MOST = 120
DIGITS = 16  # of the digest that spans carry
_digests: weakref.WeakKeyDictionary[Any, dict[tuple[int, str], str]] = weakref.WeakKeyDictionary()


def is_op(thing: Any) -> bool:
    """Whether a thing is a function that ``@weft.op`` decorates."""
    return callable(thing) and getattr(thing, "weft_op", None) is not None


def artifact_name(op_name: str) -> str:
    """The name of the artifact that holds the versions of an op."""
    plain = _NOT_A_NAME.sub("_", op_name.removeprefix(PREFIX))[:_MOST].strip(". ")
    return f"{PREFIX}{plain or 'op'}"


def stamp(fn: Any, options: Any, recorder: Recorder) -> Mapping[str, Any] | None:
    """Journal the version of an op's code, once a function and session; the attributes that its spans carry.

    Functions made again and again of the same code, as inside another one, are one: that of the first call.
    """
    told: dict[str, Any] = {}
    named = options.habits.get("call_display_name")
    if isinstance(named, str):
        told[names.WEFT_DISPLAY_NAME] = named
    settings = recorder.settings
    if settings.code and settings.capture and options.habits.get("enable_code_capture", True):
        try:
            told[names.WEFT_OP_DIGEST] = _digest(fn, options.name, recorder)
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("op version", error)
    return told or None


def _digest(fn: Any, name: str, recorder: Recorder) -> str:
    code = getattr(inspect.unwrap(fn), "__code__", None)
    key = (id(recorder), name)
    known = None if code is None else _digests.get(code, {}).get(key)
    if known is None:
        version = _of(fn, name, recorder.project, recorder.run_id)
        recorder.record(version)
        known = version.digest[:DIGITS]
        if code is not None:
            _digests.setdefault(code, {})[key] = known
    return known


def describe(fn: Any, project: str, *, name: str | None = None, run_id: str | None = None) -> ArtifactVersion:
    """The version of a decorated function as it is now: its source and what it depends on, without secrets.

    Raises InputError where ``name`` cannot stand in an address.
    """
    if name is not None and not ids.is_name(name):
        raise InputError(f"The op name {name!r} cannot stand in an address.", field="name")
    return _of(fn, name or fn.weft_op.name, project, run_id)


def _of(fn: Any, op_name: str, project: str, run_id: str | None) -> ArtifactVersion:
    inner = inspect.unwrap(fn)
    content = {"source": without_secrets(source_of(inner)), "dependencies": dependencies_of(inner)}
    return ArtifactVersion(
        project=project,
        name=artifact_name(op_name),
        type=TYPE,
        version=0,
        digest=digests.of_json({"type": TYPE, **content}),
        created_ns=clock.now_ns(),
        metadata={
            "op": op_name,
            "module": str(getattr(inner, "__module__", "")),
            "qualname": str(getattr(inner, "__qualname__", "")),
            **content,
        },
        run_id=run_id,
    )
