"""Files that a run keeps: what it saves by name, what lies in its folder at its end, and its code."""

from __future__ import annotations

import glob as globs
import inspect
import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from weft.errors import InputError, NotFoundError
from weft.records.logged import Logged
from weft.training.artifacts import Artifact, LoggedArtifact
from weft.training.described import RunDescription
from weft.training.media import log_file
from weft.training.used import RunArtifacts

POLICIES = ("live", "now", "end")
_FILES = "files/"
_CODE = (".py", ".pyi", ".ipynb")
_CODE_NAMES = frozenset({"requirements.txt", "pyproject.toml", "Dockerfile", "Makefile"})
_NOT_CODE = frozenset({"__pycache__", "node_modules", ".git", ".venv", "venv", ".weft", "wandb"})


class RunFiles(RunArtifacts, RunDescription):
    """The methods of a run that keep files with it."""

    def save(
        self,
        glob_str: str | os.PathLike[str] | None = None,
        base_path: str | os.PathLike[str] | None = None,
        policy: str = "live",
        glob: bool = True,
    ) -> list[str]:
        """Keep the files that a path or glob names with the run; returns the names they are kept under.

        A name is the path below ``base_path``, without that the path below :attr:`dir` or the working directory, or the
        file's own name where it lies elsewhere. ``policy``: ``now`` keeps a file as it is, ``live`` once more at the
        end of the run where it has changed by then, ``end`` at the end only. ``glob=False``: the path is one file's,
        whatever stands in it. Without a path nothing is done. Raises InputError for another policy.
        """
        if policy not in POLICIES:
            raise InputError(f"There is no policy {policy!r}.", remedy=f"Use {', '.join(POLICIES)}.", field="policy")
        if self.disabled or glob_str is None:
            return []
        pattern = os.fspath(glob_str) if glob else globs.escape(os.fspath(glob_str))
        bases = [Path(base_path).absolute()] if base_path is not None else [self._folder, Path.cwd()]
        names: list[str] = []
        for found in sorted(globs.glob(pattern, recursive=True)):
            path = Path(found).absolute()
            if not path.is_file():
                continue
            name = next((path.relative_to(base).as_posix() for base in bases if path.is_relative_to(base)), path.name)
            names.append(name)
            if policy != "now":
                self._to_save[name] = path
            if policy != "end":
                self._save_file(name, path)
        return names

    def restore(
        self,
        name: str,
        run_path: str | None = None,
        replace: bool = False,
        root: str | os.PathLike[str] | None = None,
    ) -> IO[str]:
        """A file that this run, or the one at ``run_path`` (its id, or ``project/id``), has kept: written below
        ``root``, without that into :attr:`dir`, and opened for reading.

        A file that is there already stays, unless ``replace``. Disabled, it is an empty one. Raises NotFoundError where
        the run has no such file.
        """
        inside = PurePosixPath(name)
        if not name or inside.is_absolute() or ".." in inside.parts or "\\" in name or "\x00" in name:
            raise InputError(
                f"The name {name!r} leads out of the run's files.", remedy="Use a relative path.", field="name"
            )
        if self.disabled:
            return io.StringIO()
        target = Path(root if root is not None else self.dir, *inside.parts)
        if replace or not target.exists():
            run_id = self.id if run_path is None else run_path.rstrip("/").rpartition("/")[2]
            store = self._recorder.caught_up()
            found = store.logged.find_logged(run_id, _FILES + name)
            if found is None:
                raise NotFoundError(f"The run {run_id!r} has no file {name!r}.", field="name")
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            with part.open("wb") as file:
                file.writelines(store.blobs.pieces(found.project, _digest(found)))
            part.replace(target)
        return target.open(encoding="utf-8", errors="replace")

    def log_code(
        self,
        root: str | os.PathLike[str] | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] | None = None,
        exclude_fn: Callable[..., bool] | None = None,
    ) -> LoggedArtifact | None:
        """Store the code below ``root`` as an artifact of the type ``code``; None where there is none.

        ``include_fn(path)`` or ``include_fn(path, root)`` says which files, without it those of Python with their
        requirements; ``exclude_fn`` which of them not. Folders of environments and caches are left out.
        """
        folder = Path("." if root is None else root).absolute()
        program = Path(sys.argv[0]).stem if sys.argv and sys.argv[0] else "code"
        artifact = Artifact(name or f"source-{self.project}-{program}", "code")
        for path in _code_below(folder):
            wanted = _is_code(path) if include_fn is None else _asked(include_fn, path, folder)
            if wanted and not (exclude_fn is not None and _asked(exclude_fn, path, folder)):
                artifact.add_file(path, path.relative_to(folder).as_posix())
        return self.log_artifact(artifact) if artifact.paths else None

    @property
    def _folder(self) -> Path:
        return Path(self._recorder.directory, "files", self.id)

    def _save_file(self, name: str, path: Path) -> None:
        stamp = path.stat()
        self._saved[name] = hash((stamp.st_mtime_ns, stamp.st_size))
        log_file(self._recorder, self.id, _FILES + name, path, rank=self._source)

    def _save_at_end(self) -> None:
        """Keep what was to be kept at the end, and what lies in the run's folder."""
        folder = self._folder
        below = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        for name, path in {**below, **self._to_save}.items():
            try:
                stamp = path.stat()
                if self._saved.get(name) != hash((stamp.st_mtime_ns, stamp.st_size)):
                    self._save_file(name, path)
            except (OSError, NotFoundError):  # gone by now: the end of a run does not fail for it
                continue


def _digest(logged: Logged) -> str:
    digest = logged.data.get("digest")
    if not isinstance(digest, str):
        raise NotFoundError(f"{logged.name!r} of the run {logged.run_id!r} is no file.", field="name")
    return digest


def _code_below(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _NOT_CODE)
        for name in sorted(files):
            if (path := Path(root, name)).is_file() and not path.is_symlink():
                yield path


def _is_code(path: Path) -> bool:
    return path.suffix in _CODE or path.name in _CODE_NAMES


def _asked(question: Callable[..., Any], path: Path, root: Path) -> bool:
    takes_root = len(inspect.signature(question).parameters) > 1
    return bool(question(str(path), str(root)) if takes_root else question(str(path)))
