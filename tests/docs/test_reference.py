"""What has a name has documentation: errors, settings, commands."""

from __future__ import annotations

from pathlib import Path

import typer.main

from weft import errors
from weft.cli import app
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


def test_every_command_has_its_section() -> None:
    text = (DOCS / "reference" / "cli.md").read_text()
    commands = typer.main.get_command(app)
    assert [name for name in commands.commands if f"\n## `weft {name}" not in text] == []  # type: ignore[attr-defined]
