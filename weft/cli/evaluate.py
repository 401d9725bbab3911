"""`weft eval FILE.py`: run the evaluations of a file, in CI and by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weft.cli.output import console, print_json
from weft.evals import files


def evaluate(
    file: Annotated[Path, typer.Argument(help="A Python file with evaluations.")],
    project: Annotated[str | None, typer.Option("--project", "-p", help="Record in this project.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run the evaluations of FILE. Exit code 0: every gate passed; 1: a gate failed; 2: it could not be run."""
    import weft  # noqa: PLC0415 - the lazy root; a module-level import would be a cycle in type checkers' eyes

    files.check(file)
    weft.init(project, kind="app", name=file.stem, job_type="eval")
    results = files.run_file(file)
    weft.finish()
    if as_json:
        print_json([result.as_data() for result in results])
    else:
        for result in results:
            console().print(result)
    raise typer.Exit(files.exit_code(results))
