"""The `weft` command."""

from weft.cli.main import app, main

__all__ = ["app", "main"]
