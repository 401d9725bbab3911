"""What has a name has documentation: errors, settings, commands."""

from __future__ import annotations

from pathlib import Path

import typer.main

from weft import errors
from weft.cli import app
from weft.cli.lazy import Later
from weft.settings import SETTINGS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_error_code_has_a_section() -> None:
    text = (DOCS / "errors.md").read_text()
    classes = {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.WeftError)}
    codes = [c.code for c in classes]
    assert len(set(codes)) == len(codes)
    assert [code for code in codes if f"\n## {code}\n" not in text] == []


def test_every_setting_has_its_row() -> None:
    text = (DOCS / "reference" / "settings.md").read_text()
    missing = [s.variable for s in SETTINGS if f"| `{s.variable}` |" not in text or s.help not in text]
    assert missing == []
    assert [other.variable for s in SETTINGS for other in s.also if f"`{other.variable}`" not in text] == []


def test_every_command_has_its_section_and_the_help_that_the_list_shows() -> None:
    text = (DOCS / "reference" / "cli.md").read_text()
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert [name for name in commands if f"\n## `weft {name}" not in text] == []
    later = [command for command in commands.values() if isinstance(command, Later)]
    assert len(later) > 30
    for command in later:
        own = command.load()
        assert own.name == command.name
        assert command.help == " ".join(own.help.split("\n\n")[0].split())
