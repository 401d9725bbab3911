"""Molecules as the files that describe them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weft.errors import InputError
from weft.tracing.media import File

_FORMATS = ("pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf")


class Molecule(File):
    """A molecule for a run: a path to a ``.pdb``, ``.cif``, ``.sdf``, ``.mol2``, ... file, an open file, or text with
    its ``file_type``. It is kept as a file, to be downloaded; the pages do not draw it. Raises InputError for another
    format, NotFoundError where the file is not there.
    """

    __slots__ = ()

    _what = "molecule"
    _argument = "data_or_path"
    _default_type = "text/plain"

    def __init__(self, data_or_path: Any, caption: str | None = None, file_type: str | None = None) -> None:
        source = data_or_path
        named = getattr(source, "name", source)
        name = Path(named).name if isinstance(named, str | Path) and not file_type else f"molecule.{file_type}"
        if callable(read := getattr(source, "read", None)):
            data = read()
            source = data.encode() if isinstance(data, str) else data
        elif file_type is not None and isinstance(source, str) and not Path(source).is_file():
            source = source.encode()
        if Path(name).suffix.lower().lstrip(".") not in _FORMATS:
            raise InputError(
                f"{name!r} is no molecule that is known.",
                remedy=f"Use one of {', '.join(_FORMATS)}.",
                field="file_type",
            )
        super().__init__(source, media_type="text/plain", name=name, caption=caption)
