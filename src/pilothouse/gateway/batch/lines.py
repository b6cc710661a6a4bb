"""The lines of a batch's files: a request read and checked, its result written. Plain functions, no I/O.

Written from https://platform.openai.com/docs/guides/batch and its API reference.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import msgspec

from pilothouse.errors import InvalidRequest, PilothouseError, Unsupported
from pilothouse.gateway.dialects.messages import read_request
from pilothouse.gateway.dialects.messages_errors import error_body as messages_error
from pilothouse.gateway.dialects.messages_errors import error_status as messages_status
from pilothouse.gateway.dialects.responses import parse_response_request, response_request
from pilothouse.gateway.http import error_body
from pilothouse.types import ChatRequest, EmbedRequest, Json, ModelRequest, names_prompt, prompt_model

__all__ = [
    "ENDPOINTS", "Checked", "Item", "answer_line", "check_items", "error_line", "is_name", "items_of",
    "refusal_line", "request_of",
]  # fmt: skip

Headers = tuple[tuple[str, str], ...]
ENDPOINTS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/messages")
MOST_ITEMS = 50_000
_MOST_ERRORS = 100
_LONGEST_ID = 512

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Item:
    """One request: `number` counts from 0, over the lines that are not empty."""

    number: int
    custom_id: str
    body: Json


class _Line(msgspec.Struct):
    custom_id: Any = None
    method: Any = None
    url: Any = None
    body: Any = None


_decode = msgspec.json.Decoder(_Line).decode


@dataclass(slots=True)
class Checked:
    """What a file holds: how many requests, for which models or prompts (each with the first line that names it), and
    what is wrong with it."""

    total: int = 0
    models: dict[str, int] = field(default_factory=dict)
    errors: list[Json] = field(default_factory=list)

    def note(self, code: str, message: str, line: int | None = None, param: str | None = None) -> None:
        """Add an error, in the documented shape. No more than the first hundred are kept."""
        if len(self.errors) < _MOST_ERRORS:
            self.errors.append({"code": code, "message": message, "line": line, "param": param})


def check_items(lines: Iterable[bytes], endpoint: str) -> Checked:
    """Check every line of an input file for `endpoint`; the errors have line numbers, from 1."""
    checked, seen = Checked(), set[str]()
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        checked.total += 1
        if checked.total > MOST_ITEMS:
            checked.note("too_many_tasks", f"A batch has at most {MOST_ITEMS} requests.", number)
            break
        try:
            line = _decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            checked.note("invalid_json_line", "This line is not parseable as a JSON object.", number)
            continue
        _check(line, number, endpoint, seen, checked)
    if not checked.total:
        checked.note("empty_file", "The input file has no requests.")
    return checked


def _check(line: _Line, number: int, endpoint: str, seen: set[str], checked: Checked) -> None:
    for name, kind in (("custom_id", str), ("method", str), ("url", str), ("body", dict)):
        if not isinstance(getattr(line, name), kind) or (name == "custom_id" and not line.custom_id):
            message = f"Missing required parameter: '{name}'."
            return checked.note("missing_required_parameter", message, number, name)
    if len(line.custom_id) > _LONGEST_ID:
        message = f"'custom_id' is longer than {_LONGEST_ID} characters."
        return checked.note("invalid_value", message, number, "custom_id")
    if line.custom_id in seen:
        message = "The custom_id of this request is also used by another one."
        return checked.note("duplicate_custom_id", message, number, "custom_id")
    seen.add(line.custom_id)
    if line.method != "POST":
        return checked.note("invalid_method", "The method of a request must be POST.", number, "method")
    if line.url != endpoint:
        message = f"The URL of this request is not the batch's endpoint '{endpoint}'."
        return checked.note("url_mismatch", message, number, "url")
    model = prompt_model(line.body) if names_prompt(line.body) else line.body.get("model")
    if not is_name(model):
        return checked.note("missing_required_parameter", "Missing required parameter: 'model'.", number, "body.model")
    checked.models.setdefault(model, number)
    return None


def is_name(model: object) -> TypeGuard[str]:
    """Whether it can be the name of a model: a text, and one that every database takes."""
    return isinstance(model, str) and model != "" and "\0" not in model


def items_of(lines: Iterable[bytes]) -> Iterable[Item]:
    """The requests of a file that was checked."""
    number = 0
    for raw in lines:
        if raw.strip():
            line = _decode(raw)
            yield Item(number, line.custom_id, line.body)
            number += 1


def request_of(endpoint: str, body: Json, headers: Headers = ()) -> ModelRequest:
    """The request as the gateway takes it, with the headers that belong to it in its dialect.

    Raises InvalidRequest or Unsupported.
    """
    if body.get("stream"):
        raise Unsupported("A request of a batch is not streamed: leave 'stream' out.", param="stream")
    match endpoint:
        case "/v1/embeddings":
            return EmbedRequest.check(body)
        case "/v1/messages":
            return read_request(body, headers)
        case "/v1/responses":
            for name in ("background", "previous_response_id"):
                if body.get(name):
                    raise Unsupported(f"A request of a batch cannot have '{name}'.", param=name)
            return response_request(parse_response_request(_encode(body)))
        case "/v1/completions":
            return ChatRequest.check(body, "text_completion")
        case "/v1/chat/completions":
            return ChatRequest.check(body)
    raise InvalidRequest(f"There are no batches for '{endpoint}'.", param="endpoint")


def answer_line(batch_id: str, item: Item, request_id: str, raw: bytes) -> bytes:
    """The line of the output file for an answer."""
    return _line(batch_id, item, {"status_code": 200, "request_id": request_id, "body": msgspec.Raw(raw)}, None)


def refusal_line(batch_id: str, item: Item, request_id: str, error: PilothouseError, endpoint: str) -> bytes:
    """The line of the error file for a request that was answered with an error, in its endpoint's shape."""
    native = endpoint == "/v1/messages"
    body = (messages_error if native else error_body)(error, request_id)
    status = messages_status(error) if native else error.status
    response = {"status_code": status, "request_id": request_id, "body": msgspec.Raw(body)}
    return _line(batch_id, item, response, None)


def error_line(batch_id: str, item: Item, code: str, message: str) -> bytes:
    """The line of the error file for a request that was not asked at all."""
    return _line(batch_id, item, None, {"code": code, "message": message})


def _line(batch_id: str, item: Item, response: Json | None, error: Json | None) -> bytes:
    identity = f"batch_req_{batch_id.removeprefix('batch_')}_{item.number}"
    return _encode({"id": identity, "custom_id": item.custom_id, "response": response, "error": error})
