"""What a browser gets of the bytes that spans hold: shown only where it is harmless."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from weft import settings
from weft.server import create_app
from weft.testing.memory import memory_store

PNG = b"\x89PNG\r\n\x1a\n rest"


@pytest.mark.parametrize(
    ("data", "media_type", "disposition"),
    [
        (PNG, "image/png", "inline"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav", "inline"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "application/octet-stream", "att"),
        (b"<!doctype html><script>alert(1)</script>", "application/octet-stream", "attachment"),
        (b"%PDF-1.7", "application/octet-stream", "attachment"),
    ],
)
def test_media_are_served_safely(data: bytes, media_type: str, disposition: str) -> None:
    store = memory_store()
    digest = store.blobs.put("p", data)
    app = create_app(store, settings.load(), ingest_address="http://127.0.0.1:1")
    with TestClient(app, base_url="http://127.0.0.1:4300") as client:
        answer = client.get(f"/api/projects/p/media/{digest}")
        missing = client.get("/api/projects/p/media/none")
    store.close()
    assert answer.content == data
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"].startswith(disposition)
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert missing.status_code == 404
