"""OpenTelemetry's spans and log records as plain values, whatever encoding they came in.

Knows nothing of what attributes mean.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pilothouse.errors import BodyTooLarge

__all__ = ["DEEPEST", "Decoded", "Event", "LogRecord", "Origin", "OtelSpan", "Rejected", "check_count"]

DEEPEST = 32
"""Levels of an attribute's value that are read; what lies deeper is replaced by a note."""
MOST = 10_000


class Rejected(ValueError):
    """One span or record cannot be taken; the others of its request can. The text says why."""


class Event(NamedTuple):
    """Something that happened at one time within a span."""

    name: str
    at_us: int
    attributes: dict[str, Any]


@dataclass(slots=True)
class Origin:
    """Where spans or records come from: their resource's attributes and the name of their scope. Many share one."""

    resource: dict[str, Any] = field(default_factory=dict)
    scope: str = ""
    told: dict[str, Any] | None = None
    """What a span keeps of it, once a reader has worked that out."""


@dataclass(slots=True)
class OtelSpan:
    """Times in UTC microseconds (`end_us` is 0 where there is none), ids in lower-case hex."""

    trace_id: str
    id: str
    parent_id: str | None
    name: str
    start_us: int
    end_us: int
    failed: bool
    message: str
    attributes: dict[str, Any]
    events: list[Event]
    origin: Origin


@dataclass(slots=True)
class LogRecord:
    """One record of the log signal; ids are empty where it belongs to no span."""

    trace_id: str
    span_id: str
    name: str
    at_us: int
    body: Any
    attributes: dict[str, Any]
    origin: Origin


@dataclass(slots=True)
class Decoded:
    """What a request held: `spans` or `records`, and for each thing that was rejected, why."""

    spans: list[OtelSpan] = field(default_factory=list)
    records: list[LogRecord] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)


def check_count(count: int, noun: str) -> None:
    """Raises BodyTooLarge for more things than are taken at once."""
    if count > MOST:
        raise BodyTooLarge(f"{count} {noun} at once are too many; send at most {MOST}.")
