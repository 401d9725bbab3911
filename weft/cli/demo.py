"""`weft demo`: Weft's main job from end to end on real data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    directory: Annotated[Path | None, typer.Option("--dir", help="Where everything is kept; default WEFT_DIR.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Ask this model (with OPENAI_API_KEY) instead of the one trained here.")
    ] = None,
    examples: Annotated[int, typer.Option(min=20, help="How many test examples to evaluate.")] = 300,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End instead of serving the pages.")] = False,
    port: Annotated[int | None, typer.Option(help="Port of the pages.")] = None,
) -> None:
    """Train a small model, serve it, trace an app that calls it, evaluate it, review it, and show the pages."""
    from weft.demo.story import Options, tell  # noqa: PLC0415 - needs the extras; other commands do not

    tell(Options(directory=directory, model=model, examples=examples, serve=not no_serve, port=port))
