"""What differs between two versions of an artifact."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from weft.records import ArtifactVersion


@dataclass(frozen=True, slots=True)
class ArtifactDiff:
    """From ``old`` to ``new``: paths of files, and the metadata that differs, each as a pair of old and new (None where
    it has none). ``size_bytes`` is by how much the files grew."""

    old: str
    new: str
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: int = 0
    size_bytes: int = 0
    metadata: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.metadata)

    def __str__(self) -> str:
        lines = [f"{self.old} -> {self.new}"]
        for mark, paths in (("+", self.added), ("-", self.removed), ("~", self.changed)):
            lines += [f"{mark} {path}" for path in paths]
        lines += [f"{name}: {one!r} -> {other!r}" for name, (one, other) in self.metadata.items()]
        lines.append(f"{self.same} files are the same")
        return "\n".join(lines)


def difference(old: ArtifactVersion, new: ArtifactVersion) -> ArtifactDiff:
    """What differs from one version to another."""
    before = {file.path: file.digest for file in old.files}
    after = {file.path: file.digest for file in new.files}
    both = before.keys() & after.keys()
    names = sorted(old.metadata.keys() | new.metadata.keys())
    return ArtifactDiff(
        old.ref,
        new.ref,
        added=sorted(after.keys() - before.keys()),
        removed=sorted(before.keys() - after.keys()),
        changed=sorted(path for path in both if before[path] != after[path]),
        same=sum(before[path] == after[path] for path in both),
        size_bytes=new.size_bytes - old.size_bytes,
        metadata={
            name: (old.metadata.get(name), new.metadata.get(name))
            for name in names
            if old.metadata.get(name) != new.metadata.get(name)
        },
    )
