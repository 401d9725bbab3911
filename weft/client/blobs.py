"""Blobs of a Weft server: only what it lacks is sent, small ones many at once, large ones in parts that continue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from weft import digests
from weft.client.wire import Wire, segment
from weft.errors import ServerError, StoreError
from weft.records import packs

SMALL_BYTES = 1024 * 1024
_PART_BYTES = 1024 * 1024
_PACK_BYTES = 8 * 1024 * 1024
_ASKED = 5000  # digests of one question
_WORKERS = 4
_OCTETS = "application/octet-stream"


class RemoteBlobs:
    """Content-addressed bytes, scoped by project."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def put(self, project: str, data: bytes) -> str:
        """Store bytes; returns their digest."""
        answer = self._wire.call("POST", _home(project), content=data, content_type=_OCTETS)
        digest: str = answer.json()["digest"]
        return digest

    def put_all(self, project: str, contents: Sequence[bytes]) -> list[str]:
        """Store many contents that the server lacks; returns their digests."""
        named = [digests.of_bytes(data) for data in contents]
        held = dict(zip(named, contents, strict=True))
        missing = sorted(held.keys() - self.known(project, held))
        for some in _packs(missing, {digest: len(data) for digest, data in held.items()}):
            self._pack(project, [(digest, held[digest]) for digest in some])
        return named

    def put_file(self, project: str, path: Path) -> str:
        """Store the bytes of a file; returns their digest. Raises OSError."""
        [(digest, _)] = self.put_files(project, [path])
        return digest

    def put_files(self, project: str, paths: Sequence[Path]) -> list[tuple[str, int]]:
        """Store the bytes of files that the server lacks; returns digest and size of each, in order. Raises OSError.

        What has arrived when the connection breaks is not sent again the next time.
        """
        with ThreadPoolExecutor(_WORKERS, "weft-upload") as pool:
            found = list(pool.map(_seen, paths))
            places = {digest: path for (digest, _), path in zip(found, paths, strict=True)}
            sizes = dict(found)
            missing = sorted(places.keys() - self.known(project, places))
            large = [digest for digest in missing if sizes[digest] > SMALL_BYTES]
            sent = [pool.submit(self._send, project, digest, places[digest], sizes[digest]) for digest in large]
            small = [digest for digest in missing if sizes[digest] <= SMALL_BYTES]
            sent += [pool.submit(self._pack_files, project, some, places) for some in _packs(small, sizes)]
            for one in sent:
                one.result()
        return found

    def known(self, project: str, wanted: Iterable[str]) -> set[str]:
        """Those digests of which the server has a blob."""
        ordered = sorted(set(wanted))
        found: set[str] = set()
        for start in range(0, len(ordered), _ASKED):
            asked = {"digests": ordered[start : start + _ASKED]}
            found.update(self._wire.post(_home(project, "known"), asked)["known"])
        return found

    def has(self, project: str, digest: str) -> bool:
        """Whether there are bytes of a digest."""
        try:
            self._wire.call("HEAD", _home(project, digest))
        except ServerError as error:
            if error.status == 404:
                return False
            raise
        return True

    def get(self, project: str, digest: str) -> bytes:
        """The bytes of a digest."""
        return self._wire.call("GET", _home(project, digest)).content

    def fetch(self, project: str, wanted: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Digest and bytes of many blobs, in no order, checked."""
        ordered = sorted(set(wanted))
        for start in range(0, len(ordered), _ASKED):
            some = ordered[start : start + _ASKED]
            left = set(some)
            pieces = self._wire.stream(_home(project, "fetch"), {"digests": some})
            for digest, data in packs.unpack(pieces, 2**40):
                if digests.of_bytes(data) != digest:
                    raise _damaged(digest)
                left.discard(digest)
                yield digest, data
            if left:
                raise _damaged(min(left))

    def pieces(self, project: str, digest: str) -> Iterator[bytes]:
        """The bytes of a digest piece by piece; where they are damaged or break off, an error is raised at the end.

        A connection that breaks is gone on with where it was, as long as each one brings something.
        """
        home = _home(project, digest)
        first = self._wire.stream(home)

        def checked() -> Iterator[bytes]:
            seen, count, received = digests.running(), 0, first
            while True:
                before = count
                try:
                    for piece in received:
                        seen.update(piece)
                        count += len(piece)
                        yield piece
                    break
                except ServerError:
                    if count == before:
                        raise
                    received = self._wire.stream(home, query={"offset": count})
            if seen.hexdigest() != digest:
                raise _damaged(digest)

        return checked()

    def write_to(self, project: str, digest: str, path: Path) -> None:
        """Write the bytes of a digest into a file, checked. Raises OSError."""
        with path.open("wb") as file:
            file.writelines(self.pieces(project, digest))

    def received(self, project: str, digest: str) -> int:
        """How many bytes of an upload in parts have come."""
        count: int = self._wire.get(_home(project, digest, "received"))["received"]
        return count

    def append(self, project: str, digest: str, offset: int, data: bytes, *, size_bytes: int) -> int:
        """The next part of an upload; returns how many bytes have come."""
        query = {"offset": offset, "size_bytes": size_bytes}
        path = _home(project, digest, "parts")
        answer = self._wire.call("PUT", path, query=query, content=data, content_type=_OCTETS)
        count: int = answer.json()["received"]
        return count

    def _send(self, project: str, digest: str, path: Path, size: int) -> None:
        have = self.received(project, digest)
        with path.open("rb") as file:
            while have < size:
                file.seek(have)
                have = self.append(project, digest, have, file.read(_PART_BYTES), size_bytes=size)

    def _pack_files(self, project: str, some: list[str], places: dict[str, Path]) -> None:
        self._pack(project, [(digest, places[digest].read_bytes()) for digest in some])

    def _pack(self, project: str, contents: Sequence[tuple[str, bytes]]) -> None:
        body = b"".join(packs.pack(digest, data) for digest, data in contents)
        self._wire.call("POST", _home(project, "pack"), content=body, content_type=packs.CONTENT_TYPE)


def _home(project: str, *parts: str) -> str:
    return "/".join(["/api/projects", segment(project), "blobs", *(segment(part) for part in parts)])


def _seen(path: Path) -> tuple[str, int]:
    size = path.stat().st_size
    return (digests.of_bytes(path.read_bytes()) if size <= SMALL_BYTES else digests.of_file(path)), size


def _packs(small: Sequence[str], sizes: dict[str, int]) -> Iterator[list[str]]:
    some: list[str] = []
    held = 0
    for digest in small:
        some.append(digest)
        held += sizes[digest]
        if held > _PACK_BYTES or len(some) >= _ASKED:
            yield some
            some, held = [], 0
    if some:
        yield some


def _damaged(digest: str) -> StoreError:
    return StoreError(f"The blob {digest} is damaged.", remedy="Restore it from a backup.", field="digest")
