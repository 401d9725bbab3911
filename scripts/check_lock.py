"""Fail when constraints.txt no longer follows from pyproject.toml, lacks a hash, or holds an address."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")


def main() -> int:
    """Print what is out of step, a line each; 0 where nothing is."""
    text = (ROOT / "constraints.txt").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    mistakes = [f"constraints.txt holds an address: {line}" for line in text.splitlines() if "://" in line]
    pins: dict[str, list[Version]] = {}
    for block in re.split(r"\n(?=\S)", text.strip()):
        pin = PIN.match(block)
        if pin is None:
            mistakes.append(f"not a pinned requirement: {block.splitlines()[0]}")
            continue
        pins.setdefault(canonicalize_name(pin[1]), []).append(Version(pin[2]))
        if "--hash=sha256:" not in block:
            mistakes.append(f"{pin[1]} has no hash")
    wanted = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        wanted.extend(extra)
    for line in wanted:
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        if name == "weft":
            continue
        if not requirement.specifier:
            mistakes.append(f"pyproject.toml sets no bound for {requirement.name}")
        if not any(requirement.specifier.contains(version, prereleases=True) for version in pins.get(name, [])):
            mistakes.append(f"constraints.txt holds no {requirement}: run `make lock`")
    print("\n".join(mistakes) or f"constraints.txt is in step with pyproject.toml ({len(pins)} packages)")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
