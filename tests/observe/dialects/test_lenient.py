"""One broken text costs itself, not what came with it."""

import math
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pilothouse.errors import InvalidRequest
from pilothouse.observe.dialects import lenient
from pilothouse.observe.dialects.lenient import read_json, read_protobuf

ODD = "\N{REPLACEMENT CHARACTER}"


def test_texts_of_protobuf_that_are_no_utf8() -> None:
    given = ExportTraceServiceRequest()
    group = given.resource_spans.add()
    group.resource.entity_refs.add().id_keys.extend(["plain", "listed"])
    for name in ("grün", "broken"):
        span = group.scope_spans.add().spans.add(name=name, trace_id=b"\xff\xfe" * 8, span_id=b"\xc3" * 8)
        span.attributes.add(key="said").value.string_value = f"{name} said"
    body = given.SerializeToString().replace(b"broken", b"brok\xc3\xff").replace(b"listed", b"list\xf0\x9f")
    read = ExportTraceServiceRequest()
    read_protobuf(read, body)
    good, bad = (part.spans[0] for part in read.resource_spans[0].scope_spans)
    assert (good.name, good.trace_id, good.attributes[0].value.string_value) == ("grün", b"\xff\xfe" * 8, "grün said")
    assert (bad.name, bad.span_id) == (f"brok{ODD}{ODD}", b"\xc3" * 8)
    assert bad.attributes[0].value.string_value == f"brok{ODD}{ODD} said"
    assert read.resource_spans[0].resource.entity_refs[0].id_keys == ["plain", f"list{ODD}"]


def test_other_messages_and_what_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    logs = ExportLogsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add(event_name="name")
    body = logs.SerializeToString().replace(b"name", b"na\xff\xff")
    read_protobuf(logs, body)
    assert logs.resource_logs[0].scope_logs[0].log_records[0].event_name == f"na{ODD}{ODD}"
    with pytest.raises(DecodeError):
        read_protobuf(logs, body[:-1])
    monkeypatch.setattr(lenient, "_LARGEST", len(body) - 1)
    with pytest.raises(DecodeError):
        read_protobuf(logs, body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": "x\xff", "b\xc3": ["\xf0\x9f"], "c": 1}', {"a": f"x{ODD}", f"b{ODD}": [ODD], "c": 1}),
        (b'{"a": "\\ud83d", "b": "\\ud83d\\ude00", "\\ude00": null}', {"a": ODD, "b": "\U0001f600", ODD: None}),
    ],
)
def test_texts_of_json_that_are_no_unicode(body: bytes, value: Any) -> None:
    assert read_json(body) == value


def test_numbers_that_are_none() -> None:
    assert math.isnan(read_json(b'{"a": NaN}')["a"])
    assert read_json(b'{"a": [1e400, -Infinity]}') == {"a": [math.inf, -math.inf]}


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"{", b'{"a": \xff}', b"[" * 100_000, b'{"\xff": ' + b"9" * 5000 + b"}"]
)
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="not valid JSON"):
        read_json(body)
