"""What a container may use: limits of control groups, version 2 or 1, as the kernel's documentation describes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_UNLIMITED = 2**60  # version 1 says so with the largest multiple of a page


@dataclass(frozen=True, slots=True)
class Limits:
    """``cpus`` is a number of cores, perhaps a fraction. None where there is no limit; ``usage`` is a file to read."""

    cpus: float | None = None
    memory_bytes: int | None = None
    usage: Path | None = None
    statistics: Path | None = None

    def memory_used_bytes(self) -> int | None:
        """What counts towards the limit less what the kernel would give back: files that are not in use."""
        if self.usage is None or (used := _number(self.usage)) is None:
            return None
        inactive = 0
        if self.statistics is not None:
            for line in _text(self.statistics).splitlines():
                name, _, number = line.partition(" ")
                if name in ("inactive_file", "total_inactive_file") and number.strip().isdecimal():
                    inactive = int(number)
        return max(0, used - inactive)


def read_limits(root: Path = Path("/sys/fs/cgroup"), groups: Path = Path("/proc/self/cgroup")) -> Limits:
    """The limits of this process: the tightest of its group and those above. Never raises."""
    paths = _paths(_text(groups))
    cpus: list[float] = []
    memory: list[tuple[int, Path, Path]] = []
    for folder in _upwards(root, paths.get("", "/")):
        quota, _, period = _text(folder / "cpu.max").strip().partition(" ")
        if quota.isdecimal() and period.isdecimal() and int(period) > 0:
            cpus.append(int(quota) / int(period))
        if (limit := _number(folder / "memory.max")) is not None:
            memory.append((limit, folder / "memory.current", folder / "memory.stat"))
    for name in ("cpu", "cpu,cpuacct"):
        for folder in _upwards(root / name, paths.get("cpu", "/")):
            given, every = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
            if given is not None and every:
                cpus.append(given / every)
    for folder in _upwards(root / "memory", paths.get("memory", "/")):
        limit = _number(folder / "memory.limit_in_bytes")
        if limit is not None and limit < _UNLIMITED:
            memory.append((limit, folder / "memory.usage_in_bytes", folder / "memory.stat"))
    tightest = min(memory, default=None)
    return Limits(
        cpus=min(cpus, default=None),
        memory_bytes=None if tightest is None else tightest[0],
        usage=None if tightest is None else tightest[1],
        statistics=None if tightest is None else tightest[2],
    )


def _paths(text: str) -> dict[str, str]:
    """The path of this process's group by controller; that of version 2 under the empty name."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for name in controllers.split(","):
            found[name] = path
    return found


def _upwards(root: Path, path: str) -> Iterator[Path]:
    """The folders of a group and those above it; in a container the path may be one of the host, seen from its root."""
    parts = [part for part in path.split("/") if part not in ("", "..", ".")]
    for n in range(len(parts), -1, -1):
        folder = root.joinpath(*parts[:n])
        if folder.is_dir():
            yield folder


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
