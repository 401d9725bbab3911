"""Commands that are imported when they are called: a command's start costs what it needs, and help needs none of it."""

from __future__ import annotations

import importlib
from typing import Any

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

PACKAGE = "weft.cli"


class Later(TyperCommand):
    """A command as help lists it. ``home`` says where it is: ``module:attribute`` in this package, a function or a
    ``typer.Typer`` of several commands; ``told`` is the first paragraph of its own help."""

    def __init__(self, name: str, home: str, told: str) -> None:
        super().__init__(name, help=told)
        self._home = home

    def load(self) -> Any:
        """Import the command and return it as Typer runs it."""
        module, _, attribute = self._home.partition(":")
        found = getattr(importlib.import_module(f"{PACKAGE}.{module}"), attribute)
        around = typer.Typer(pretty_exceptions_enable=False)
        if isinstance(found, typer.Typer):
            around.add_typer(found, name=self.name)
        else:
            around.command(self.name)(found)
        return typer.main.get_group(around).commands[str(self.name)]


class LaterGroup(TyperGroup):
    """A group of such commands, ``later`` of a class derived from it; they stand before its own."""

    later: tuple[Later, ...] = ()

    def __init__(self, *, commands: Any = None, **given: Any) -> None:
        first: dict[str, Any] = {str(command.name): command for command in self.later}
        super().__init__(commands={**first, **(commands or {})}, **given)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that ``args`` begin with, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, Later) else command, rest
