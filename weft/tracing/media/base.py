"""What is logged or traced as a value of its own: JSON that says what it is, and bytes beside it."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weft import digests
from weft.errors import InputError, NotFoundError
from weft.records.media import MARK, PART_BYTES, UNKNOWN_TYPE, reference, type_of

Source = bytes | Path


class Reference(dict[str, Any]):
    """The JSON of a value whose bytes are not journaled yet: they are, once it is part of what is recorded.

    ``blobs`` are the references in it with their bytes, or the file that holds them.
    """

    __slots__ = ("blobs",)

    def __init__(self, told: dict[str, Any], blobs: list[tuple[dict[str, Any], Source]] | None = None) -> None:
        super().__init__(told)
        self.blobs = blobs or []

    @classmethod
    def of(cls, data: bytes, media_type: str, **more: Any) -> Reference:
        """The reference to bytes."""
        found = cls(reference(data, media_type, **more))
        found.blobs = [(found, data)]
        return found


class Value:
    """A value that knows its own JSON: an image, a table, a histogram. ``kind`` is one of ``weft.records.logged``."""

    __slots__ = ()

    kind = "file"

    def reference(self) -> Reference:
        """What stands for it in a span, a summary or a table's cell."""
        raise TypeError(f"a {type(self).__name__} does not say what it is")  # pragma: no cover - each class says it

    def logged(self) -> Reference:
        """What stands for it where it is logged: as :meth:`reference`, with its ``kind``."""
        found = self.reference()
        found["kind"] = self.kind
        found.setdefault(MARK, self.kind)
        return found


class File(Value):
    """A file for a span or a run: ``return weft.File("report.pdf")``.

    ``source`` is a path or bytes. A file of up to 8 MiB is read now, so that it may change afterwards; a larger one
    when it is recorded. Raises InputError for what is neither, NotFoundError where there is no such file.
    """

    __slots__ = ("_data", "caption", "media_type", "name", "path")

    kind = "file"
    _what = "file"
    _argument = "source"
    _default_type = UNKNOWN_TYPE

    def __init__(
        self, source: Any, *, media_type: str | None = None, name: str | None = None, caption: str | None = None
    ) -> None:
        self.name = name
        self.caption = caption
        self.path: Path | None = None
        self._data: bytes | None = None
        guessed: str | None = None
        if isinstance(source, bytes | bytearray | memoryview):
            self._data = bytes(source)
        elif isinstance(source, str | os.PathLike):
            path = Path(source)
            self.name = name or path.name
            guessed = mimetypes.guess_type(path.name)[0]
            self._read(path)
        else:
            self._data, guessed = self._made(source)
        self.media_type = media_type or type_of(self._head()) or guessed or self._default_type

    def _read(self, path: Path) -> None:
        try:
            if path.stat().st_size > PART_BYTES:
                path.open("rb").close()
                self.path = path
            else:
                self._data = path.read_bytes()
        except OSError as error:
            raise NotFoundError(
                f"The {self._what} {str(path)!r} cannot be read: {error.strerror or error}.",
                remedy="Give the path of a file that exists, or its bytes.",
                field=self._argument,
            ) from None

    def _head(self) -> bytes:
        if self._data is not None:
            return self._data
        assert self.path is not None
        with self.path.open("rb") as file:
            return file.read(4096)

    def _made(self, source: Any) -> tuple[bytes, str]:
        raise InputError(
            f"A {type(source).__name__} is no {self._what}.", remedy="Give a path or bytes.", field=self._argument
        )

    @property
    def data(self) -> bytes:
        """The bytes."""
        if self._data is not None:
            return self._data
        assert self.path is not None
        return self.path.read_bytes()

    @property
    def size_bytes(self) -> int:
        """How many bytes it has."""
        if self._data is not None:
            return len(self._data)
        assert self.path is not None
        return self.path.stat().st_size

    def reference(self) -> Reference:
        """The reference that stands for it in a span."""
        more = {key: value for key, value in self._more() if value is not None}
        if self._data is not None:
            return Reference.of(self._data, self.media_type, name=self.name, **more)
        assert self.path is not None
        told = reference(b"", self.media_type, name=self.name, **more)
        told.update(digest=digests.of_file(self.path), size_bytes=self.path.stat().st_size)
        found = Reference(told)
        found.blobs = [(found, self.path)]
        return found

    def _more(self) -> Iterator[tuple[str, Any]]:
        yield "caption", self.caption

    def __repr__(self) -> str:
        return f"weft.{type(self).__name__}({self.name or self.media_type!r}, {self.size_bytes} bytes)"
