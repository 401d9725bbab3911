"""Large blobs in a bucket, and references to one; the bucket is moto's server on loopback."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import s3fs
from moto.server import ThreadedMotoServer

import weft
from weft import digests, session
from weft.errors import InputError, MissingExtraError, SettingError, StoreError
from weft.store import open_url
from weft.store.files import reached
from weft.testing.contract_artifacts import stored

LARGE = random.Random(9).randbytes(12_000_000)
SETTINGS = {
    **{"drain": "thread", "instrument": False, "console": False, "git": False, "system_interval_s": 0, "quiet": True},
    "blobs": "s3://weft-bucket/blobs",
}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[s3fs.S3FileSystem]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "weft")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "weft")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.chdir(tmp_path)
    httpx.post(f"http://127.0.0.1:{port}/moto-api/reset")  # its buckets are the process's
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.mkdir("weft-bucket")
    yield system
    session.close()
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_large_blobs_lie_in_the_bucket_and_go_with_a_collection(bucket: s3fs.S3FileSystem, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    store = open_url(f"sqlite:///{tmp_path}/weft.db", tmp_path / "blobs", "s3://weft-bucket/blobs")
    digest = store.blobs.put_file("p", tmp_path / "large")
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
    [kept] = bucket.find("weft-bucket/blobs")
    assert kept.endswith(digest)
    assert store.blobs.put_file("p", tmp_path / "large") == digest
    assert store.blobs.has("p", digest)
    assert b"".join(store.blobs.pieces("p", digest)) == LARGE
    store.blobs.write_to("p", digest, tmp_path / "out")
    assert digests.of_file(tmp_path / "out") == digest
    made = stored(store, LARGE, b"small")
    store.artifacts.delete_version("p", "net", made.version, author="me")
    assert store.artifacts.collect("p").blobs >= 1
    bucket.invalidate_cache()
    assert bucket.find("weft-bucket/blobs") == []
    store.close()


def test_a_run_keeps_its_model_in_the_bucket_and_refers_to_data_there(
    bucket: s3fs.S3FileSystem, tmp_path: Path
) -> None:
    for name in ("a.csv", "deep/b.csv"):
        bucket.pipe(f"weft-bucket/data/{name}", name.encode())
    (tmp_path / "weights.bin").write_bytes(LARGE)
    run = weft.init("s3", settings=SETTINGS)
    run.log_artifact("weights.bin", name="net", type="model")
    assert len(bucket.find("weft-bucket/blobs")) == 1
    assert run.use_artifact("net").file("weights.bin") == LARGE
    data = weft.Artifact("data", "dataset").add_reference("s3://weft-bucket/data")
    data.add_reference("s3://weft-bucket/data/a.csv", name="one.csv")
    logged = run.log_artifact(data)
    assert [(file.path, file.url, file.size_bytes) for file in logged.files] == [
        ("a.csv", "s3://weft-bucket/data/a.csv", 5),
        ("deep/b.csv", "s3://weft-bucket/data/deep/b.csv", 10),
        ("one.csv", "s3://weft-bucket/data/a.csv", 5),
    ]
    assert all(file.etag for file in logged.files)
    folder = run.use_artifact("data").download("in")
    assert (folder / "deep" / "b.csv").read_bytes() == b"deep/b.csv"
    logged.verify()
    bucket.pipe("weft-bucket/data/a.csv", b"other")
    bucket.invalidate_cache()
    with pytest.raises(StoreError, match="What lies at 's3://weft-bucket/data/a.csv' has changed since it was logged"):
        logged.download("again")
    with pytest.raises(StoreError, match="data:v1 is not as it was logged: s3://weft-bucket/data/a.csv has changed"):
        logged.verify()
    with pytest.raises(InputError, match="There is nothing at 's3://weft-bucket/none'"):
        data.add_reference("s3://weft-bucket/none")


def test_an_address_that_nothing_reaches_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError, match="WEFT_BLOBS is 'nowhere://x', which cannot be reached"):
        reached("nowhere://x")
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    with pytest.raises(
        MissingExtraError, match=r"'s3fs', which is not installed. Install it with: pip install 'weft\[s3\]'"
    ):
        reached("s3://bucket/x")
