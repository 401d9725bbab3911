"""Versions as text, and what changed between two of them."""

from __future__ import annotations

import difflib
import json
from typing import Any

from weft.records import ArtifactVersion
from weft.tracing.capture import capture


def text_of(version: ArtifactVersion) -> str:
    """What a version is, as lines: a prompt's template, an op's code and what it depends on, an object's fields."""
    content = version.metadata
    if version.type == "prompt" and "template" in content:
        return listing(content["template"])
    if version.type == "op" and "source" in content:
        depends = json.dumps(content.get("dependencies", {}), indent=2, sort_keys=True, ensure_ascii=False)
        return f"{content['source'].rstrip()}\n\n# depends on\n{depends}"
    shown = {"metadata": content, "files": {file.path: file.digest for file in version.files}}
    return json.dumps(shown if version.files else content, indent=2, sort_keys=True, ensure_ascii=False)


def unified(old: ArtifactVersion, new: ArtifactVersion) -> str:
    """What changed from ``old`` to ``new`` as a unified diff; empty where nothing did."""
    return lines_between(text_of(old), text_of(new), old.ref, new.ref)


def listing(template: Any) -> str:
    """A prompt's template as lines."""
    if isinstance(template, str):
        return template
    parts = []
    for message in template:
        content = message.get("content")
        text = content if isinstance(content, str) else json.dumps(capture(content), indent=2, ensure_ascii=False)
        parts.append(f"[{message.get('role')}]\n{text}")
    return "\n\n".join(parts)


def lines_between(old: str, new: str, old_name: str, new_name: str) -> str:
    """The unified diff of two texts."""
    return "\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), old_name, new_name, lineterm=""))
