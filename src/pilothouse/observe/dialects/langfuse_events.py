"""The events of Langfuse's older `/api/public/ingestion`: a trace or an observation is told of in parts, by id.

A trace becomes the span above its observations: it begins with the first and ends with the last of them.
https://api.reference.langfuse.com
"""

from collections.abc import Callable
from typing import Any

from pilothouse.errors import InvalidRequest
from pilothouse.observe import names
from pilothouse.observe.arrival.revisions import Part
from pilothouse.observe.dialects.langfuse_ids import span_id_of, trace_id_of
from pilothouse.observe.dialects.messages import body_of
from pilothouse.observe.dialects.tokens import cost_of, usage_of
from pilothouse.observe.dialects.values import money, scalar, structured, when_us
from pilothouse.types import Json

__all__ = ["camel", "parts_of", "root_of"]

_TEXTS = {
    "name": "name", "userId": "user_id", "sessionId": "session_id", "release": "release", "environment": "environment",
    "model": "request_model",
}  # fmt: skip
_ROOT = "trace:"
_LATEST_US = 2**53


def root_of(trace: str) -> str:
    """The id of the span that stands for a trace of this (Langfuse's) id."""
    return span_id_of(_ROOT + trace)


def parts_of(event: Json) -> list[Part]:
    """What an event tells of spans; nothing for a log of the SDK. Raises InvalidRequest where it tells of none."""
    kind, body = event.get("type"), event.get("body")
    if kind == "sdk-log":
        return []
    if not isinstance(kind, str) or (read := _READERS.get(kind)) is None:
        raise InvalidRequest(f"There are no events of the type '{str(kind)[:40]}'.", param="type")
    if not isinstance(body, dict):
        raise InvalidRequest("The event has no `body`.", param="body")
    at = _time(event, "timestamp")
    if at is None:
        raise InvalidRequest("The event has no `timestamp`.", param="timestamp")
    return read(camel(body), at, kind)


def camel(body: Json) -> Json:
    """A body with the names of the wire: some versions of the SDK send those of Python."""
    made = {}
    for name, value in body.items():
        first, *others = name.split("_")
        made[first + "".join(map(str.capitalize, others))] = value
    return made


def _trace(body: Json, at: int, _: str) -> list[Part]:
    trace = _id(body, "id")
    fields = {"start_us": _time(body, "timestamp") or at, **_fields(body)}
    attributes = _attributes(body, names.LANGFUSE_METADATA[1])
    return [Part(trace_id_of(trace), root_of(trace), fields, at, attributes)]


def _observation(body: Json, at: int, event: str) -> list[Part]:
    trace, own = body.get("traceId"), _id(body, "id")
    trace = trace if isinstance(trace, str) and trace else own  # an observation alone is a trace of its own
    trace_id, noun = trace_id_of(trace), event.partition("-")[0]
    told = body.get("type") if noun == "observation" else noun
    parent = body.get("parentObservationId")
    start, end, first = (_time(body, name) for name in ("startTime", "endTime", "completionStartTime"))
    fields: dict[str, Any] = {
        **_fields(body),
        "parent_id": span_id_of(parent) if isinstance(parent, str) and parent else root_of(trace),
        "kind": names.KINDS.get(str(told).lower(), "chain"),
        "usage": usage_of(body.get("usageDetails")) or usage_of(body.get("usage")),
        "cost_nano": cost_of(body.get("costDetails")) or _cost(body.get("usage")),
        "ttft_us": first - start if first is not None and start is not None and first >= start else None,
        "prompt": _prompt(body),
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    if start is not None or not event.endswith("-update"):
        fields["start_us"] = start or at
    if end is not None:
        fields["end_us"] = end
    if body.get("level") == "ERROR":
        fields |= {"status": "error", "error_code": "error"}
    if body.get("statusMessage"):
        fields["error_message"] = str(body["statusMessage"])
    attributes = _attributes(body, names.LANGFUSE_METADATA[0])
    if str(told).lower() == "event":
        attributes[names.LANGFUSE_TYPE] = "event"
    made = [Part(trace_id, span_id_of(own), fields, at, attributes)]
    if parent is None and (end or start) is not None:
        around = {"end_us": end or start, "start_us": start or end}
        made.append(Part(trace_id, root_of(trace), around, at, only_known=True))
    return made


_Reader = Callable[[Json, int, str], list[Part]]
_OBSERVATIONS = ("span", "generation", "event", "observation")
_READERS: dict[str, _Reader] = {
    "trace-create": _trace,
    **{f"{noun}-{verb}": _observation for noun in _OBSERVATIONS for verb in ("create", "update")},
}


def _fields(body: Json) -> dict[str, Any]:
    fields: dict[str, Any] = {ours: str(body[theirs]) for theirs, ours in _TEXTS.items() if body.get(theirs)}
    tags = body.get("tags")
    if isinstance(tags, list):
        fields["tags"] = [str(tag) for tag in tags]
    if (given := body_of(structured(body.get("input")))) is not None:
        fields["input"] = given
    if (answered := body_of(structured(body.get("output")), answer=True)) is not None:
        fields["output"] = answered
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("feature"), str):
        fields["feature"] = metadata["feature"]
    return fields


def _attributes(body: Json, prefix: str) -> dict[str, Any]:
    metadata = body.get("metadata")
    made = {}
    if isinstance(metadata, dict):
        made = {f"{prefix}.{name}": scalar(structured(value)) for name, value in list(metadata.items())[:256]}
    elif metadata is not None:
        made = {prefix: scalar(metadata)}
    for theirs, ours in (
        ("version", names.LANGFUSE_VERSION),
        ("modelParameters", names.LANGFUSE_PARAMETERS),
    ):
        if body.get(theirs) is not None:
            made[ours] = scalar(body[theirs])
    if body.get("level") not in (None, "DEFAULT", "ERROR"):
        made[names.LANGFUSE_LEVEL] = str(body["level"])
    return made


def _cost(usage: Any) -> int | None:
    """From the older `usage`, which holds both."""
    if not isinstance(usage, dict):
        return None
    total = money(usage.get("totalCost"))
    parts = [nano for name in ("inputCost", "outputCost") if (nano := money(usage.get(name))) is not None]
    return total if total is not None else sum(parts) if parts else None


def _prompt(body: Json) -> str | None:
    name, version = body.get("promptName"), body.get("promptVersion")
    return None if not name else str(name) if version is None else f"{name}@{version}"


def _time(body: Json, name: str) -> int | None:
    if not body.get(name):
        return None
    at = when_us(body[name])
    if at is None or not 0 < at < _LATEST_US:
        raise InvalidRequest(f"`{name}` is no ISO 8601 time between 1970 and 2255.", param=name)
    return at


def _id(body: Json, name: str) -> str:
    given = body.get(name)
    if not isinstance(given, str) or not given:
        raise InvalidRequest(f"`{name}` must be a text.", param=name)
    return given
