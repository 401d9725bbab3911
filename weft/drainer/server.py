"""A Weft server as the place where records go."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx

from weft.client.blobs import RemoteBlobs
from weft.client.wire import Wire
from weft.drainer.sent import load_sent
from weft.errors import ServerError
from weft.journal import Folder, replace_file
from weft.records import Batch, Deletion
from weft.records.frames import CONTENT_TYPE, encode_batch
from weft.repositories import RETIRED, IngestReport

_BELOW = "-below"  # behind a writer's name: the first of its segments that may not be gone
_WRITERS = 200
_REFUSED = {400, 409, 413, 415, 422}


class RefusedError(Exception):
    """The server cannot take this batch, whoever sends it and when."""


class ServerSink:
    """Posts batches to a Weft server, which acknowledges what it has made durable.

    How far it has sent is kept in the journal's folder; what is sent again after a crash is passed over by the
    server's store, which knows the progress of each sender. ``client`` replaces the HTTP client.
    """

    far = True  # content of versions takes its time: it goes beside the records

    def __init__(self, url: str, api_key: str | None, directory: Path, *, client: httpx.Client | None = None) -> None:
        self._address = f"{url.rstrip('/')}/api/journal"
        headers = {"Content-Type": CONTENT_TYPE}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self._headers = headers
        self._client = client or httpx.Client(timeout=httpx.Timeout(60.0, connect=5.0))
        self._folder = Folder.of(directory)
        self._wire = Wire(url, api_key, 60.0)
        self.blobs = RemoteBlobs(self._wire)
        self._sent: dict[str, int] = load_sent(self._folder).get(self._address, {})

    def progress(self, writer: str, segment: int) -> int:
        """The offset up to which a segment has been acknowledged, to whichever process sent it."""
        self._sent = load_sent(self._folder).get(self._address, {})
        gone = segment < self._sent.get(f"{writer}{_BELOW}", 0)
        return self._sent.get(f"{writer}-{segment}", RETIRED if gone else 0)

    def ingest(self, batch: Batch) -> IngestReport:
        """Send a batch. Raises ServerError where the server is away, RefusedError where it refuses the batch."""
        try:
            response = self._client.post(self._address, content=encode_batch(batch), headers=self._headers)
        except httpx.HTTPError as error:
            raise ServerError(
                f"The Weft server at {self._address} cannot be reached: {error}.",
                remedy="Records stay in the journal until it can; check WEFT_URL.",
            ) from error
        if response.status_code in _REFUSED:
            raise RefusedError(f"the server answered {response.status_code}: {response.text[:500]}")
        if not response.is_success:
            raise ServerError(
                f"The Weft server at {self._address} answered {response.status_code}: {response.text[:500]}.",
                remedy="Records stay in the journal; check WEFT_URL and WEFT_API_KEY.",
                status=response.status_code,
            )
        self._sent[f"{batch.writer}-{batch.segment}"] = batch.end
        self._write()
        return IngestReport(stored=len(batch.entries))

    def retired(self, writer: str, below: int) -> None:
        """Keep one number for all segments of the writer that are gone; of the latest writers only."""
        mark = f"{writer}{_BELOW}"
        for segment in range(self._sent.pop(mark, 0), below):
            self._sent.pop(f"{writer}-{segment}", None)
        self._sent[mark] = below
        marks = [name for name in self._sent if name.endswith(_BELOW)]
        for former in marks[:-_WRITERS]:
            del self._sent[former]
        self._write()

    def maintain(self, forget: Callable[[Deletion], object]) -> bool:
        """Nothing: the server keeps its own house."""
        return False

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._wire.close()

    def _write(self) -> None:
        replace_file(self._folder.sent, json.dumps({**load_sent(self._folder), self._address: self._sent}).encode())
