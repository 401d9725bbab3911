"""A run as a folder from which it can be run again: code, patch, packages, environment, inputs, and a script."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from weft.errors import InputError
from weft.records import NodeKind, Run
from weft.repositories import Store
from weft.tracing.capture import REDACTED
from weft.training.capture import CODE, FILES, NOTEBOOK, PATCH, REQUIREMENTS

SCRIPT = "reproduce.sh"
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LOCAL = re.compile(r"^# (?P<pinned>\S+) was installed from file://(?P<path>/.+)$", re.MULTILINE)
# What says where a process ran, not how: it would be wrong, or harm, elsewhere.
_OF_PLACE = re.compile(r"RANK|LOCAL_RANK|NODE_RANK|WORLD_SIZE|SLURM_.*|(CUDA|HIP)_VISIBLE_DEVICES")


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What was written: the folder, its files, the command as a line, and what is known to be ``missing``."""

    folder: Path
    files: list[str]
    command: str
    inputs: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def reproduce(store: Store, run_id: str, folder: Path, *, force: bool = False) -> Reproduction:
    """Write into ``folder`` what is needed to run a run again; ``reproduce.sh`` there does it.

    Raises NotFoundError where there is no such run, InputError where the folder holds something already or the run's
    code was not captured whole; with ``force`` the folder is written anew, and what is missing is only named.
    """
    run = store.runs.get_run(run_id)
    files = dict(_files(store, run))
    missing = _missing(run, files)
    if missing and not force:
        raise InputError(
            f"The run {run_id} cannot be reproduced whole: {'; '.join(missing)}.",
            remedy="Write what there is with --force.",
            field="run",
        )
    _make_room(folder, force)
    graph = store.artifacts.lineage(run.project, NodeKind.RUN, run.run_id)
    inputs = sorted({e.source for e in graph.upstream if e.target == run.run_id and e.source_kind is NodeKind.ARTIFACT})
    files["config.json"] = _json(run.config)
    files["run.json"] = _json(_told(run))
    files[SCRIPT] = script(run, files, inputs).encode("utf-8", "surrogateescape")
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (folder / SCRIPT).chmod(0o755)
    return Reproduction(folder, sorted(files), shlex.join(_command(run)), inputs, missing)


def _files(store: Store, run: Run) -> Iterator[tuple[str, bytes]]:
    for summary in store.logged.list_logged(run.run_id, text=FILES, kind="file"):
        path = summary.name.removeprefix(FILES)
        if path not in (PATCH, REQUIREMENTS, NOTEBOOK) and not path.startswith(CODE):
            continue
        # Names come from whoever recorded the run.
        if not _is_inside(path):
            raise InputError(f"The run has a file {path!r}, which would lie outside of the folder.", field="run")
        logged = store.logged.read_logged(run.run_id, summary.name, source=summary.source)
        if logged:
            yield path, store.blobs.get(run.project, str(logged[-1].data.get("digest", "")))


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\0" not in path and "\\" not in path


def _missing(run: Run, files: Mapping[str, bytes]) -> list[str]:
    missing = []
    if not _commit(run) and not any(path.startswith(CODE) for path in files) and NOTEBOOK not in files:
        missing.append("it has no git commit and no saved code (WEFT_SAVE_CODE=1 keeps it)")
    if run.git.get("dirty") and PATCH not in files:
        missing.append("its changes since the commit were not kept")
    if not _command(run):
        missing.append("its command is not known")
    return missing


def _make_room(folder: Path, force: bool) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder} is not a folder.", remedy="Name another with --into.", field="into")
    if folder.is_dir() and any(folder.iterdir()):
        if not force:
            raise InputError(
                f"The folder {folder} is not empty.", remedy="Name another with --into, or use --force.", field="into"
            )
        if not (folder / SCRIPT).is_file():  # only what was written by this command is written over
            raise InputError(f"The folder {folder} holds something else.", remedy="Name another.", field="into")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)


def script(run: Run, files: Mapping[str, bytes], inputs: Sequence[str]) -> str:
    """The shell script (POSIX) that gets the code, the packages and the inputs, and runs the command."""
    parts = [
        _head(run),
        _code_part(run, files),
        _packages_part(files),
        _environment_part(run),
        _inputs_part(run, inputs),
        _run_part(run, files),
    ]
    return "\n".join(part for part in parts if part)


def _head(run: Run) -> str:
    python = ".".join(str(run.environment.get("python", "3")).split(".")[:2])
    python = python if re.fullmatch(r"[0-9.]+", python) else "3"
    return f"""#!/bin/sh
# Runs the run {_line(run.name)} ({_line(run.run_id)}) of the project {_line(run.project)} again.
#   sh {SCRIPT}            with the packages it had, in an environment of its own
#   sh {SCRIPT} --here     with the Python at hand (PYTHON=...) and its packages
#   sh {SCRIPT} --inputs   fetches the artifacts that it used into inputs/ first
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
own=1 inputs=0
for option in "$@"; do
  case $option in
    --here) own=0 ;;
    --inputs) inputs=1 ;;
    *) echo "reproduce.sh: no option $option" >&2; exit 2 ;;
  esac
done
if [ -z "${{PYTHON:-}}" ]; then
  PYTHON=python{python}
  command -v "$PYTHON" >/dev/null 2>&1 || PYTHON=python3
fi
"""


def _code_part(run: Run, files: Mapping[str, bytes]) -> str:
    commit = _commit(run)
    lines = ["# Its code"]
    if commit:
        root, remote = str(run.git.get("root", "")), str(run.git.get("remote", ""))
        lines.append('if [ ! -d "$here/source" ]; then')
        local = f"git -C {_quoted(root)} cat-file -e {commit}^{{commit}} 2>/dev/null" if root else "false"
        gone = f"no remote was recorded, and {root or 'its repository'} has no commit {commit} here"
        other = f"from={_quoted(remote)}" if remote else f"echo {_quoted(f'reproduce.sh: {gone}')} >&2; exit 1"
        lines += [f"  if {local}; then", f"    from={_quoted(root)}", "  else", f"    {other}", "  fi"]
        lines.append('  rm -rf "$here/source.part"')
        lines.append('  git clone --quiet --no-checkout -- "$from" "$here/source.part"')
        lines.append(f'  git -C "$here/source.part" checkout --quiet --detach {commit}')
        lines.append('  if [ -f "$here/source.part/.gitmodules" ]; then')
        lines.append('    git -C "$here/source.part" submodule --quiet update --init --recursive')
        lines.append("  fi")
        if PATCH in files:
            lines.append(f'  git -C "$here/source.part" apply --binary --whitespace=nowarn "$here/{PATCH}"')
        lines += ['  mv "$here/source.part" "$here/source"', "fi"]
    else:
        lines.append('mkdir -p "$here/source"')
    if any(path.startswith(CODE) for path in files):
        lines.append(f'cp -R "$here/{CODE}." "$here/source/"')
    return "\n".join([*lines, ""])


def _packages_part(files: Mapping[str, bytes]) -> str:
    if REQUIREMENTS not in files:
        return ""
    text = files[REQUIREMENTS].decode("utf-8", "replace")
    lines = [
        "# Its packages",
        'if [ "$own" = 1 ]; then',
        '  [ -d "$here/env" ] || "$PYTHON" -m venv "$here/env"',
        '  PYTHON="$here/env/bin/python"',
        f'  "$PYTHON" -m pip install --quiet --no-deps -r "$here/{REQUIREMENTS}"',
    ]
    for found in _LOCAL.finditer(text):
        folder = _quoted(found["path"])
        lines.append(f'  [ ! -e {folder} ] || "$PYTHON" -m pip install --quiet --no-deps {folder}')
    return "\n".join([*lines, "fi", ""])


def _environment_part(run: Run) -> str:
    lines = []
    for name, value in sorted((run.environment.get("variables") or {}).items()):
        if not _VARIABLE.fullmatch(name):
            continue
        if value == REDACTED:
            lines.append(f': "${{{name}:?it was set and is a secret: set it}}"')
        elif _OF_PLACE.fullmatch(name):
            lines.append(f"# {name} was {_line(str(value))}")
        else:
            lines.append(f"export {name}={_quoted(str(value))}")
    return "\n".join(["# Its environment", *lines, ""]) if lines else ""


def _inputs_part(run: Run, inputs: Sequence[str]) -> str:
    if not inputs:
        return ""
    fetch = "import sys, weft; weft.Api().artifact(sys.argv[2], sys.argv[1]).download(sys.argv[3])"
    lines = ["# The artifacts that it used", 'if [ "$inputs" = 1 ]; then']
    for ref in inputs:
        folder = f'"$here"/inputs/{_quoted(re.sub(r"[^A-Za-z0-9._-]", "_", ref).lstrip("."))}'
        lines.append(f'  "$PYTHON" -c {_quoted(fetch)} {_quoted(run.project)} {_quoted(ref)} {folder}')
    return "\n".join([*lines, "fi", ""])


def _run_part(run: Run, files: Mapping[str, bytes]) -> str:
    lines = ["# Its command"]
    prefix = str(run.git.get("prefix", ""))
    where = f"/{prefix}" if prefix and _is_inside(prefix) else ""
    lines.append(f'cd "$here/source"{_quoted(where) if where else ""}')
    command = _command(run)
    if NOTEBOOK in files and any("ipykernel" in word for word in command[:4]):
        convert = "-m jupyter nbconvert --to notebook --execute --output notebook.run.ipynb"
        lines.append(f'exec "$PYTHON" {convert} --output-dir "$here" "$here/{NOTEBOOK}"')
        return "\n".join([*lines, ""])
    words: list[str] = []
    secrets = 0
    for word in command[1:]:
        if REDACTED in word:
            secrets += 1
            before = word.partition(REDACTED)[0]
            asked = f'"${{SECRET_{secrets}:?it was on the command line and is a secret: set it}}"'
            words.append((_quoted(before) if before else "") + asked)
        else:
            words.append(_quoted(_relative(word, run)))
    lines.append(" ".join(['exec "$PYTHON"', *words]))
    return "\n".join([*lines, ""])


def _command(run: Run) -> list[str]:
    command = run.environment.get("command")
    if isinstance(command, list) and command:
        return [str(word) for word in command]
    argv = run.environment.get("argv")  # of a run that an older version recorded
    return ["python", *map(str, argv)] if isinstance(argv, list) and argv else []


def _relative(word: str, run: Run) -> str:
    """A path of the working tree as it is seen from the folder of the command."""
    root = str(run.git.get("root", ""))
    if not root:  # the code lies as it did beside the program
        return os.path.basename(word) if word and word == run.environment.get("program") else word
    if not word.startswith(root.rstrip("/") + "/"):
        return word
    return os.path.relpath(word, os.path.join(root, str(run.git.get("prefix", ""))))


def _commit(run: Run) -> str:
    commit = str(run.git.get("commit", ""))
    return commit if _COMMIT.fullmatch(commit) else ""


def _told(run: Run) -> dict[str, Any]:
    surroundings = {key: value for key, value in run.environment.items() if key != "packages"}
    return {
        "run_id": run.run_id,
        "project": run.project,
        "name": run.name,
        "status": str(run.status),
        "config": run.config,
        "summary": run.summary,
        "git": run.git,
        "environment": surroundings,
    }


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, default=str) + "\n").encode("ascii")


def _quoted(text: str) -> str:
    return shlex.quote(text.replace("\0", ""))


def _line(text: str) -> str:
    """Text for a comment: whatever it holds, it stays one line."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
