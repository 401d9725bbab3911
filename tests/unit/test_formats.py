"""Other tools' files: records, messages and events, also of hostile files."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weft.errors import InputError
from weft.formats import events, logs, wandb_log
from weft.formats.messages import build, parse


def tfrecord(data: bytes) -> bytes:
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", logs.masked_crc(head)) + data + struct.pack("<I", logs.masked_crc(data))


def wandb_file(*records: bytes) -> bytes:
    """Records as wandb's writer lays them out in blocks of 32 KiB."""
    out = bytearray(b":W&B\xe1\xbe\x00")
    for record in records:
        first, rest = True, record
        while first or rest:
            left = 32_768 - len(out) % 32_768
            if left < 7:
                out += bytes(left)
                left = 32_768
            piece, rest = rest[: left - 7], rest[left - 7 :]
            kind = (1 if not rest else 2) if first else (4 if not rest else 3)
            out += struct.pack("<IHB", zlib.crc32(piece, zlib.crc32(bytes([kind]))), len(piece), kind) + piece
            first = False
    return bytes(out)


def test_crc_is_the_one_of_tfrecord() -> None:
    # The check value of CRC-32C over "123456789" is E3069283.
    crc = ((logs.masked_crc(b"123456789") - 0xA282EAD8) & 0xFFFFFFFF) & 0xFFFFFFFF
    assert ((crc << 15) | (crc >> 17)) & 0xFFFFFFFF == 0xE3069283


def test_records_are_read_up_to_the_last_whole_one_and_on_from_there() -> None:
    data = tfrecord(b"one") + tfrecord(b"two")
    file = io.BytesIO(data[:-3])
    assert list(logs.tfrecords(file, "f")) == [b"one"]
    assert file.tell() == len(tfrecord(b"one"))
    file.seek(0, io.SEEK_END)
    file.write(data[-3:])
    file.seek(len(tfrecord(b"one")))
    assert list(logs.tfrecords(file, "f")) == [b"two"]


def test_a_length_that_is_none_is_told() -> None:
    with pytest.raises(InputError, match="f is no file of events, or is damaged, at byte 0"):
        list(logs.tfrecords(io.BytesIO(b"x" * 40), "f"))
    huge = struct.pack("<Q", 1 << 40)
    with pytest.raises(InputError, match="at byte 0"):
        list(logs.tfrecords(io.BytesIO(huge + struct.pack("<I", logs.masked_crc(huge))), "f"))


@pytest.mark.parametrize("size", [0, 1, 32_754, 32_755, 32_761, 32_768, 100_000])
def test_wandb_records_of_any_size(size: int) -> None:
    records = [b"a" * size, b"b" * 3, b"c" * size]
    assert list(logs.wandb_records(io.BytesIO(wandb_file(*records)), "f")) == records


def test_wandb_records_end_where_the_file_was_cut() -> None:
    data = wandb_file(b"one", b"two" * 20_000)
    assert list(logs.wandb_records(io.BytesIO(data[:40_000]), "f")) == [b"one"]
    assert list(logs.wandb_records(io.BytesIO(wandb_file(b"one") + bytes(500)), "f")) == [b"one"]


def test_wandb_files_that_are_none_or_damaged_are_told() -> None:
    for bad in (b"", b"PK\x03\x04 something else"):
        with pytest.raises(InputError, match="f is no file of wandb"):
            list(logs.wandb_records(io.BytesIO(bad), "f"))
    data = bytearray(wandb_file(b"one", b"two"))
    data[-1] ^= 1
    with pytest.raises(InputError, match="f is damaged at byte 17"):
        list(logs.wandb_records(io.BytesIO(bytes(data)), "f"))


def test_messages_of_a_table_tell_what_was_set() -> None:
    made = build("weft.test", "Outer: string name=1, *Inner inner=2\nInner: int32 number=1")
    message = made["Outer"](name="a", inner=[{"number": 0}])
    read = parse(made["Outer"], message.SerializeToString(), "f")
    assert (read.name, [one.HasField("number") for one in read.inner]) == ("a", [True])
    with pytest.raises(InputError, match="f is no Outer"):
        parse(made["Outer"], b"\xff\xff\xff", "f")


def event(value: dict[str, Any], step: int = 3) -> bytes:
    made = events._MESSAGES["Event"](wall_time=10.5, step=step, summary={"value": [{"tag": "t", **value}]})
    return tfrecord(made.SerializeToString())


def read_one(value: dict[str, Any]) -> list[events.Item]:
    return list(events.read_events(io.BytesIO(event(value)), "f"))


@pytest.mark.parametrize(
    ("dtype", "content", "expected"),
    [
        (1, np.array(1.5, "<f4").tobytes(), 1.5),
        (2, np.array(1.5, "<f8").tobytes(), 1.5),
        (9, np.array(-7, "<i8").tobytes(), -7.0),
        (19, np.array(0.5, "<f2").tobytes(), 0.5),
        (14, np.array([0x3FC0], "<u2").tobytes(), 1.5),
    ],
)
def test_tensors_of_one_number_are_scalars(dtype: int, content: bytes, expected: float) -> None:
    (item,) = read_one({"tensor": {"dtype": dtype, "tensor_content": content}})
    assert (item.kind, item.value, item.step, item.time_ns) == ("scalar", expected, 3, 10_500_000_000)


def test_tensors_of_another_size_than_they_say_are_passed_over() -> None:
    shape = {"dim": [{"size": 1 << 40}, {"size": 1 << 40}]}
    assert read_one({"tensor": {"dtype": 1, "tensor_shape": shape, "float_val": [1.0, 2.0]}}) == []
    assert read_one({"tensor": {"dtype": 99}}) == []
    assert read_one({"histo": {"bucket_limit": [1.0], "bucket": [1.0, 2.0]}}) == []


def test_plugins_say_what_tensors_are() -> None:
    def plugin(name: str) -> dict[str, Any]:
        return {"plugin_data": {"plugin_name": name}}

    text = {"dtype": 7, "tensor_shape": {"dim": [{"size": 2}]}, "string_val": [b"a", b"\xff"]}
    assert read_one({"metadata": plugin("text"), "tensor": text})[0].value == ["a", "�"]
    images = {"dtype": 7, "tensor_shape": {"dim": [{"size": 3}]}, "string_val": [b"4", b"4", b"PNG"]}
    assert read_one({"metadata": plugin("images"), "tensor": images})[0].value == [b"PNG"]
    buckets = np.array([[0.0, 1.0, 5.0], [1.0, 3.0, 2.0]], "<f8")
    shape = {"dim": [{"size": 2}, {"size": 3}]}
    tensor = {"dtype": 2, "tensor_shape": shape, "tensor_content": buckets.tobytes()}
    counts, edges = read_one({"metadata": plugin("histograms"), "tensor": tensor})[0].value
    assert (counts.tolist(), edges.tolist()) == ([5, 2], [0, 1, 3])


def test_values_of_wandb_that_json_has_not() -> None:
    record = wandb_log._MESSAGES["HistoryRecord"](
        item=[
            {"key": "a", "value_json": "NaN"},
            {"nested_key": ["b", "c"], "value_json": "[1]"},
            {"key": "d", "value_json": "{broken"},
            {"key": "e", "number": 1.5},
        ]
    )
    found = {".".join(keys): value for keys, value in wandb_log.items_of(record.item)}
    assert str(found.pop("a")) == "nan"
    assert found == {"b.c": [1], "e": 1.5}


def test_a_record_that_is_no_message_is_told(tmp_path: Path) -> None:
    (tmp_path / "run-x.wandb").write_bytes(wandb_file(b"\xff\xff\xff\xff"))
    with pytest.raises(InputError, match="run-x.wandb, record 0 is no Record"):
        list(wandb_log.read_records(tmp_path / "run-x.wandb"))
