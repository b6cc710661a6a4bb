"""Bodies with texts that are no Unicode: what is wrong within a text becomes U+FFFD, all else is read as it stands.

Programs cut texts in the middle of a character, and one such text must not cost the whole batch; nor must NaN, which
Python's own JSON writes. Only what cannot be read as it is comes here. Knows nothing of what the fields mean.
"""

import json
import re
from functools import cache
from typing import Any

import msgspec
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from pilothouse.errors import InvalidRequest

__all__ = ["read_json", "read_protobuf"]

_LARGEST = 4 * 1024 * 1024  # bytes that are mended: it takes five times as long as reading them
_HALVES = re.compile("[\ud800-\udfff]")
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)


def read_json(body: bytes) -> Any:
    """The value. Raises InvalidRequest for what is no JSON."""
    try:
        return msgspec.json.decode(body)
    except _UNREADABLE as error:
        why = error
    try:
        if len(body) <= _LARGEST:
            return _valid(json.loads(body.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        pass
    raise InvalidRequest(f"The request body is not valid JSON: {why}. Nothing of it was kept.")


def read_protobuf(message: Message, body: bytes) -> None:
    """Fill the message. Raises DecodeError for what is none."""
    try:
        message.ParseFromString(body)
    except DecodeError:
        if len(body) > _LARGEST:
            raise
        kind: Any = type(message)
        loose = _with_bytes(kind)()
        loose.ParseFromString(body)
        _mend(loose, message.DESCRIPTOR)
        message.ParseFromString(loose.SerializeToString())


def _valid(value: Any) -> Any:
    if isinstance(value, str):
        return _HALVES.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_valid(name): _valid(item) for name, item in value.items()}
    return [_valid(item) for item in value] if isinstance(value, list) else value


def _mend(loose: Message, meant: Any) -> None:
    for field, value in loose.ListFields():
        kind = meant.fields_by_number[field.number]
        several = not isinstance(value, bytes | Message)
        if kind.type == FieldDescriptorProto.TYPE_STRING:
            if several:
                value[:] = list(map(_utf8, value))
            elif not value.isascii():
                setattr(loose, field.name, _utf8(value))
        elif kind.message_type is not None:
            for inner in value if several else [value]:
                _mend(inner, kind.message_type)


def _utf8(text: bytes) -> bytes:
    return text.decode("utf-8", "replace").encode()


@cache
def _with_bytes(kind: Any) -> type[Message]:
    """The same message, with bytes in the place of texts: on the wire both look the same, but bytes may be any."""
    pool = DescriptorPool()
    _add(pool, kind.DESCRIPTOR.file, set())
    return GetMessageClass(pool.FindMessageTypeByName(kind.DESCRIPTOR.full_name))


def _add(pool: DescriptorPool, file: Any, seen: set[str]) -> None:
    if file.name in seen:
        return
    seen.add(file.name)
    for needed in file.dependencies:
        _add(pool, needed, seen)
    made = FileDescriptorProto()
    file.CopyToProto(made)
    waiting = list(made.message_type)
    while waiting:
        message = waiting.pop()
        waiting += message.nested_type
        for field in message.field:
            if field.type == FieldDescriptorProto.TYPE_STRING:
                field.type = FieldDescriptorProto.TYPE_BYTES
    pool.Add(made)
