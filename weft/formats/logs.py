"""Files that are a log of records: TFRecord (event files of TensorBoard) and LevelDB's log (``.wandb``).

Sources: "TFRecord and tf.train.Example" of TensorFlow's guide; "LevelDB log format" (doc/log_format.md of LevelDB), of
which wandb keeps the blocks and uses zlib's CRC-32. Both are read as far as they are whole: a writer may be at it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import IO

from weft.errors import InputError

LARGEST_RECORD = 1 << 30  # bytes
_BLOCK = 32_768
_HEADER = 7
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_WANDB = b":W&B"


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc_table()


def masked_crc(data: bytes) -> int:
    """CRC-32C of ``data``, masked as TFRecord has it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def tfrecords(file: IO[bytes], where: str) -> Iterator[bytes]:
    """Whole records from where ``file`` stands; it is left behind the last of them.

    Raises InputError where the length of a record does not have its checksum: the file is another or damaged.
    """
    while True:
        start = file.tell()
        head = file.read(12)
        if len(head) < 12:
            file.seek(start)
            return
        length, crc = struct.unpack("<QI", head)
        if masked_crc(head[:8]) != crc or length > LARGEST_RECORD:
            raise InputError(
                f"{where} is no file of events, or is damaged, at byte {start:,}.",
                remedy="Name a file that TensorBoard reads.",
                field="path",
            )
        data = file.read(length + 4)
        if len(data) < length + 4:
            file.seek(start)
            return
        yield data[:length]


def wandb_records(file: IO[bytes], where: str) -> Iterator[bytes]:
    """The records of a ``.wandb`` file, as far as they are whole.

    Raises InputError for any other file, or a damaged one.
    """
    head = file.read(_HEADER)
    if head[: len(_WANDB)] != _WANDB[: len(head)] or len(head) < _HEADER:
        raise InputError(
            f"{where} is no file of wandb.", remedy="Name a run folder of wandb or its .wandb file.", field="path"
        )
    parts: list[bytes] = []
    at = _HEADER
    while True:
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:
            at += len(file.read(left))
            left = _BLOCK
        header = file.read(_HEADER)
        if len(header) < _HEADER:
            return
        crc, length, kind = struct.unpack("<IHB", header)
        data = file.read(length)
        at += _HEADER + len(data)
        if len(data) < length:
            return
        if length == kind == crc == 0:
            return  # a block that was made ready and not written
        if length > left - _HEADER or not _FULL <= kind <= _LAST or zlib.crc32(data, zlib.crc32(bytes([kind]))) != crc:
            raise InputError(
                f"{where} is damaged at byte {at - _HEADER - len(data):,}.",
                remedy="What was read before is stored.",
                field="path",
            )
        parts = [data] if kind in (_FULL, _FIRST) else [*parts, data]
        if kind in (_FULL, _LAST):
            yield b"".join(parts)
            parts = []
