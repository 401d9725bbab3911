"""Run a function right after a module has been imported, whenever that happens."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from weft.tracing import guard

Hook = Callable[[ModuleType], None]


class _Finder(MetaPathFinder):
    """Finds nothing itself: it has the others find the module and puts the hook behind its execution."""

    def __init__(self) -> None:
        self.hooks: dict[str, Hook] = {}
        self._looking: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.hooks or fullname in self._looking:
            return None
        self._looking.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._looking.discard(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self.hooks[fullname])
        return spec


class _Loader(Loader):
    def __init__(self, loader: Loader, hook: Hook) -> None:
        self._loader = loader
        self._hook = hook

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader  # from here on the module looks as it always does
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        run(self._hook, module)


def run(hook: Hook, module: ModuleType) -> None:
    """Run a hook; what it raises must not break the user's import."""
    try:
        hook(module)
    except Exception as error:  # noqa: BLE001 - the boundary: an import never breaks because tracing did
        guard.failed("instrument", error)


_finder = _Finder()


def when_imported(name: str, hook: Hook) -> None:
    """Run ``hook(module)`` now where the module is imported, else right after its import."""
    module = sys.modules.get(name)
    if module is not None and not getattr(module.__spec__, "_initializing", False):
        run(hook, module)
        return
    _finder.hooks[name] = hook
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def forget(names: Iterable[str]) -> None:
    """Take back the hooks of modules that have not been imported."""
    for name in names:
        _finder.hooks.pop(name, None)
    if not _finder.hooks and _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
