"""Protocol buffers by a short table of their fields, for formats of tools that need not be installed."""

from __future__ import annotations

import re
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from weft.errors import InputError

_FIELD = re.compile(r"(?P<many>\*?)(?P<type>\w+) (?P<name>\w+)=(?P<number>\d+)")
_Proto = descriptor_pb2.FieldDescriptorProto


def build(package: str, table: str) -> dict[str, Any]:
    """Message classes by name. A line of ``table`` is ``Message: type name=number, *Other others=2``: a field's type is
    that of proto2 or another message, a star makes it repeated. Fields that are left out are passed over when read.
    """
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto2")
    for line in table.strip().splitlines():
        name, _, fields = line.partition(":")
        message = file.message_type.add(name=name.strip())
        for field in _FIELD.finditer(fields):
            scalar = getattr(_Proto, f"TYPE_{field['type'].upper()}", None)
            added = message.field.add(
                name=field["name"],
                number=int(field["number"]),
                label=_Proto.LABEL_REPEATED if field["many"] else _Proto.LABEL_OPTIONAL,
                type=_Proto.TYPE_MESSAGE if scalar is None else scalar,
            )
            if scalar is None:
                added.type_name = f".{package}.{field['type']}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = (message.name for message in file.message_type)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in names}


def parse(message: Any, data: bytes, where: str) -> Any:
    """A message of this class. Raises InputError where ``data`` is none; ``where`` names the place."""
    read = message()
    try:
        read.ParseFromString(data)
    except DecodeError as error:
        raise InputError(
            f"{where} is no {message.DESCRIPTOR.name}: {error}.", remedy="The file is damaged.", field="path"
        ) from None
    return read
