"""``weft.restore``: a file that a run has kept, with a current run or without."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from weft.api.reading import Api
from weft.training.module_level import require
from weft.training.run import at_hand


def restore(
    name: str,
    run_path: str | None = None,
    replace: bool = False,
    root: str | os.PathLike[str] | None = None,
) -> IO[str]:
    """A file that the current run has kept, or the one at ``run_path`` (its id, or ``project/id``): see
    :meth:`weft.Run.restore`. Without a current run it is written below ``root``, by default the working directory.

    Raises WeftError where neither is there, NotFoundError where the run has no such file.
    """
    if run_path is None or at_hand() is not None:
        return require("weft.restore").restore(name, run_path, replace, root)
    with Api() as api:
        path = api.run(run_path).file(name).download(Path(root or "."), replace, exist_ok=True)
    return path.open(encoding="utf-8", errors="replace")
