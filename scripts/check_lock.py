"""Fail when the lock files no longer follow from pyproject.toml, lack a hash, or hold an address."""

from __future__ import annotations

import re
import sys
import tomllib
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")


def main() -> int:
    """Print what is out of step, a line each; 0 where nothing is."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = settings["project"]
    extras = project["optional-dependencies"]
    mistakes: list[str] = []
    ray = extras.pop("ray")  # heavy, and tested beside
    everything = pins_of("constraints.txt", mistakes)
    demo = pins_of("constraints-demo.txt", mistakes)
    check("constraints.txt", everything, [*project["dependencies"], *chain(*extras.values())], mistakes)
    shipped = chain(*(lines for name, lines in extras.items() if name not in ("test", "check")))
    check("constraints-demo.txt", demo, [*project["dependencies"], *shipped], mistakes)
    clients = pins_of("constraints-clients.txt", mistakes)
    beside = chain(extras["build"], settings["dependency-groups"]["clients"])
    check("constraints-clients.txt", clients, [*project["dependencies"], *beside], mistakes)
    frameworks = pins_of("constraints-frameworks.txt", mistakes)
    beside = chain(extras["build"], ray, settings["dependency-groups"]["frameworks"])
    check("constraints-frameworks.txt", frameworks, [*project["dependencies"], *beside], mistakes)
    pins_of("constraints-frameworks-cuda.txt", mistakes)
    mistakes += [f"constraints-demo.txt: {name} differs" for name in demo if demo[name] != everything.get(name)]
    counts = ", ".join(str(len(pins)) for pins in (demo, everything, clients, frameworks))
    sound = f"the locks are in step with pyproject.toml ({counts} packages)"
    print("\n".join(mistakes) or sound)
    return 1 if mistakes else 0


def pins_of(file: str, mistakes: list[str]) -> dict[str, list[Version]]:
    """The pinned versions of a lock file by package; a package may have one for each platform."""
    text = (ROOT / file).read_text()
    mistakes += [f"{file} holds an address: {line}" for line in text.splitlines() if "://" in line]
    pins: dict[str, list[Version]] = {}
    for block in re.split(r"\n(?=\S)", text.strip()):
        pin = PIN.match(block)
        if pin is None:
            mistakes.append(f"{file}: not a pinned requirement: {block.splitlines()[0]}")
            continue
        pins.setdefault(canonicalize_name(pin[1]), []).append(Version(pin[2]))
        if "--hash=sha256:" not in block:
            mistakes.append(f"{file}: {pin[1]} has no hash")
    return pins


def check(file: str, pins: dict[str, list[Version]], wanted: list[str], mistakes: list[str]) -> None:
    """Note each requirement of pyproject.toml without a bound, or that ``pins`` do not meet."""
    for line in wanted:
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        if name == "weft":
            continue
        if not requirement.specifier:
            mistakes.append(f"pyproject.toml sets no bound for {requirement.name}")
        if not any(requirement.specifier.contains(version, prereleases=True) for version in pins.get(name, [])):
            mistakes.append(f"{file} holds no {requirement}: run `make lock`")


if __name__ == "__main__":
    sys.exit(main())
