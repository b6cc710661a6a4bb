"""Reads the messages of an OpenAI chat request for the providers that translate it: parts, media, tool calls, turns.

Whatever is malformed raises InvalidRequest naming the field; what a vendor cannot express raises Unsupported. Knows
nothing of any vendor's format.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from pilothouse.errors import InvalidRequest, Unsupported
from pilothouse.providers.failures import UNREADABLE
from pilothouse.types import Json

__all__ = [
    "CallMade", "Media", "Piece", "add_turn", "calls_of", "content_of", "object_in", "objects_in", "plain_text",
    "read", "tool_names",
]  # fmt: skip

T = TypeVar("T")

_AUDIO_TYPES = {"mp3": "audio/mpeg"}


class _CalledBody(msgspec.Struct):
    name: str
    arguments: str | None = None


class _CallBody(msgspec.Struct):
    function: _CalledBody
    id: str = ""


class _UrlBody(msgspec.Struct):
    url: str


class _AudioBody(msgspec.Struct):
    data: str
    format: str


class _FileBody(msgspec.Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """An image, a sound or a file in a message: its bytes as base64 `data`, or its `url`, or a vendor's `file_id`.

    `where` is its place in the request, for errors. `detail` is OpenAI's word for an image's resolution.
    """

    kind: Literal["image", "audio", "file"]
    where: str
    media_type: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""
    name: str = ""
    detail: str | None = None

    def text(self) -> str:
        """The bytes as UTF-8 text. Raises InvalidRequest where they are none."""
        try:
            return base64.b64decode(self.data).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise InvalidRequest(f"The file at {self.where} is not UTF-8 text in base64.", param=self.where) from None

    def unsupported(self, vendor: str, hint: str) -> Unsupported:
        what = "by its address" if self.url else f"of type '{self.media_type}'" if self.media_type else "like this"
        return Unsupported(f"{vendor} takes no {self.kind} {what} (at {self.where}); {hint}.", param=self.where)


class Piece(NamedTuple):
    """One content part: a text, a Media, or (a dict) a part in the vendor's own shape. `part` is what was sent."""

    value: str | Media | Json
    part: Json

    @property
    def blank(self) -> bool:
        """Whether it is a text of white space alone, which Anthropic and Bedrock refuse."""
        return isinstance(self.value, str) and not self.value.strip()


class CallMade(NamedTuple):
    """A tool call that the assistant made in an earlier turn; `body` is the whole entry of `tool_calls`."""

    id: str
    name: str
    arguments: Json
    body: Json


def read(value: Any, kind: type[T], where: str) -> T:
    """`value` as this type. Raises InvalidRequest naming `where`."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"{where}: {error}.", param=where) from None


def object_in(body: Json, name: str) -> Json:
    """A field that must be an object where it is given; empty where it is not."""
    return read(body.get(name) or {}, Json, name)


def objects_in(body: Json, name: str, where: str = "") -> list[Json]:
    """A field that must be a list of objects where it is given; empty where it is not."""
    return read(body.get(name) or [], list[Json], f"{where}.{name}" if where else name)


def content_of(message: Json, where: str) -> Iterator[Piece]:
    """The parts of a message's content in order; empty texts are left out. `where` is such as `messages[0]`."""
    content = message.get("content")
    if isinstance(content, str):
        if content:
            yield Piece(content, message)
        return
    for i, part in enumerate(content or ()):
        value = _value_of(part, f"{where}.content[{i}]")
        if value != "":
            yield Piece(value, part)


def add_turn(turns: list[Json], role: str, parts: list[Json], key: str = "content") -> None:
    """Add a message's parts to the conversation: to its last turn where that is of the same role.

    Vendors want the roles in turn, and refuse a turn that says nothing: without parts none is added.
    """
    if parts and turns and turns[-1]["role"] == role:
        turns[-1][key] += parts
    elif parts:
        turns.append({"role": role, key: parts})


def plain_text(message: Json, where: str, vendor: str) -> str:
    """The content as text alone. Raises Unsupported for anything else in it."""
    texts = []
    for value, _ in content_of(message, where):
        if isinstance(value, Media):
            raise value.unsupported(vendor, f"a message of the role '{message.get('role')}' holds text alone")
        texts.append(value if isinstance(value, str) else str(value.get("text") or ""))
    return "\n".join(texts)


def calls_of(message: Json, where: str) -> list[CallMade]:
    """The tool calls of an assistant message, their arguments decoded."""
    calls = []
    for i, body in enumerate(objects_in(message, "tool_calls", where)):
        at = f"{where}.tool_calls[{i}]"
        call = read(body, _CallBody, at)
        try:
            arguments = msgspec.json.decode(call.function.arguments or "{}")
        except UNREADABLE as error:
            raise InvalidRequest(f"The arguments at {at} are not JSON: {error}.", param=at) from None
        if not isinstance(arguments, dict):
            raise InvalidRequest(f"The arguments at {at} must be a JSON object.", param=at)
        calls.append(CallMade(call.id, call.function.name, arguments, body))
    return calls


def tool_names(messages: list[Json]) -> dict[str, str]:
    """The function's name of every tool call in the conversation, by its id."""
    return {call.id: call.name for i, message in enumerate(messages) for call in calls_of(message, f"messages[{i}]")}


def _value_of(part: Json, where: str) -> str | Media | Json:
    match part.get("type"):
        case "text" | "refusal" as kind:
            return read(part.get(kind), str, f"{where}.{kind}")
        case "image_url":
            return _image(part.get("image_url"), f"{where}.image_url")
        case "input_audio":
            at = f"{where}.input_audio"
            audio = read(part.get("input_audio"), _AudioBody, at)
            return Media("audio", at, _AUDIO_TYPES.get(audio.format, f"audio/{audio.format}"), audio.data)
        case "file" if "file" in part:
            return _file(read(part["file"], _FileBody, f"{where}.file"), f"{where}.file")
    return part


def _image(image: Any, where: str) -> Media:
    url = image if isinstance(image, str) else read(image, _UrlBody, where).url
    detail = image.get("detail") if isinstance(image, dict) else None
    media_type, data = _data_url(url, where)
    return Media("image", where, media_type, data, url="" if data else url, detail=detail)


def _file(file: _FileBody, where: str) -> Media:
    """A file by data URL, by address, by id, or (as some clients send PDFs) as bare base64."""
    given, name, file_id = file.file_data or "", file.filename or "", file.file_id or ""
    media_type, data = _data_url(given, where)
    if data or not given:
        return Media("file", where, media_type, data, file_id=file_id, name=name)
    if "://" in given:
        return Media("file", where, url=given, name=name)
    return Media("file", where, "application/pdf", given, name=name)


def _data_url(url: str, where: str) -> tuple[str, str]:
    """(media type, base64) of a data URL (RFC 2397), a pair of empty texts for any other."""
    if not url.startswith("data:"):
        return "", ""
    head, comma, data = url[5:].partition(",")
    media_type, _, encoding = head.rpartition(";")
    if not comma or encoding != "base64" or not data:
        raise InvalidRequest(f"The data URL at {where} must be 'data:<type>;base64,<data>'.", param=where)
    return media_type.partition(";")[0] or "application/octet-stream", data
