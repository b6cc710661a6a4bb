"""Both encodings of OTLP say the same, and what is wrong with a request is said of it."""

import json
from types import ModuleType
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from pilothouse.errors import BodyTooLarge, InvalidRequest
from pilothouse.observe.dialects import otlp_json, otlp_protobuf

TRACE, SPAN = bytes.fromhex("ab" * 16), bytes.fromhex("cd" * 8)
START = 1_700_000_000_000_000_000
VALUES = {
    "text": AnyValue(string_value="a"),
    "empty": AnyValue(string_value=""),
    "flag": AnyValue(bool_value=False),
    "whole": AnyValue(int_value=-(2**62)),
    "real": AnyValue(double_value=0.5),
    "bytes": AnyValue(bytes_value=b"\xff\x00"),
    "list": AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1), AnyValue(string_value="b")])),
    "map": AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="k", value=AnyValue(bool_value=True))])),
    "none": AnyValue(),
}
PLAIN: dict[str, Any] = {
    "text": "a", "empty": "", "flag": False, "whole": -(2**62), "real": 0.5, "bytes": "/wA=", "list": [1, "b"],
    "map": {"k": True}, "none": None,
}  # fmt: skip


def pairs(values: dict[str, AnyValue]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value) for key, value in values.items()]


def traces(**fields: Any) -> ExportTraceServiceRequest:
    given: dict[str, Any] = {
        "trace_id": TRACE, "span_id": SPAN, "name": "ask", "start_time_unix_nano": START,
        "end_time_unix_nano": START + 5_000_000, "attributes": pairs(VALUES),
        "events": [Span.Event(name="e", time_unix_nano=START + 1000, attributes=pairs({"a": VALUES["text"]}))],
        "status": Status(code=Status.STATUS_CODE_ERROR, message="no"), "parent_span_id": b"\x01" * 8,
    }  # fmt: skip
    scope = ScopeSpans(spans=[Span(**{**given, **fields})])
    scope.scope.name = "lib"
    resource = Resource(attributes=pairs({"service.name": VALUES["text"]}))
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])])


def as_json(request: Any) -> bytes:
    """The JSON encoding of OTLP: protobuf's, but ids in hex."""

    def mended(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: mended(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [mended(item) for item in value]
        return decode(value) if name in ("traceId", "spanId", "parentSpanId") else value

    def decode(text: str) -> str:
        import base64

        return base64.b64decode(text).hex()

    return json.dumps(mended(MessageToDict(request, use_integers_for_enums=True))).encode()


ENCODINGS = [(otlp_protobuf, lambda request: request.SerializeToString()), (otlp_json, as_json)]


@pytest.mark.parametrize(("encoding", "encode"), ENCODINGS)
def test_a_span_is_read_whole(encoding: ModuleType, encode: Any) -> None:
    found = encoding.read_traces(encode(traces()))
    assert found.rejected == []
    (span,) = found.spans
    assert (span.trace_id, span.id, span.parent_id) == ("ab" * 16, "cd" * 8, "01" * 8)
    assert (span.start_us, span.end_us) == (START // 1000, START // 1000 + 5000)
    assert (span.name, span.failed, span.message, span.origin.scope) == ("ask", True, "no", "lib")
    assert span.attributes == PLAIN
    assert span.origin.resource == {"service.name": "a"}
    assert span.events == [("e", START // 1000 + 1, {"a": "a"})]


@pytest.mark.parametrize(("encoding", "encode"), ENCODINGS)
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"trace_id": b"\xab" * 15}, "trace"),
        ({"trace_id": bytes(16)}, "all zero"),
        ({"trace_id": b""}, "trace"),
        ({"span_id": b"\xab" * 9}, "span"),
        ({"span_id": bytes(8)}, "all zero"),
    ],
)
def test_ids_of_a_wrong_length_reject_that_span_alone(
    encoding: ModuleType, encode: Any, fields: dict[str, Any], said: str
) -> None:
    request = traces(**fields)
    request.resource_spans.extend(traces().resource_spans)
    found = encoding.read_traces(encode(request))
    assert len(found.spans) == 1
    assert len(found.rejected) == 1
    assert said in found.rejected[0]
    assert "'ask'" in found.rejected[0]


@pytest.mark.parametrize(("encoding", "encode"), ENCODINGS)
def test_depth_is_bounded(encoding: ModuleType, encode: Any) -> None:
    value = AnyValue(string_value="bottom")
    for _ in range(40):
        value = AnyValue(array_value=ArrayValue(values=[value]))
    (span,) = encoding.read_traces(encode(traces(attributes=pairs({"deep": value})))).spans
    assert "nested too deeply" in str(span.attributes["deep"])
    assert "bottom" not in str(span.attributes["deep"])


@pytest.mark.parametrize(("encoding", "encode"), ENCODINGS)
def test_more_than_is_taken_at_once(encoding: ModuleType, encode: Any) -> None:
    request = traces()
    request.resource_spans[0].scope_spans[0].spans.extend([Span()] * 10_000)
    with pytest.raises(BodyTooLarge, match="10001 spans"):
        encoding.read_traces(encode(request))


@pytest.mark.parametrize(("encoding", "encode"), ENCODINGS)
def test_log_records(encoding: ModuleType, encode: Any) -> None:
    record = LogRecord(
        trace_id=TRACE, span_id=SPAN, event_name="e", observed_time_unix_nano=START,
        body=AnyValue(kvlist_value=KeyValueList(values=pairs({"a": VALUES["whole"]}))), attributes=pairs(VALUES),
    )  # fmt: skip
    logs = ScopeLogs(log_records=[record, LogRecord(body=VALUES["text"])])
    request = ExportLogsServiceRequest(resource_logs=[ResourceLogs(scope_logs=[logs])])
    first, second = encoding.read_logs(encode(request)).records
    assert (first.trace_id, first.span_id, first.name, first.at_us) == ("ab" * 16, "cd" * 8, "e", START // 1000)
    assert (first.body, first.attributes) == ({"a": -(2**62)}, PLAIN)
    assert (second.trace_id, second.span_id, second.body) == ("", "", "a")


@pytest.mark.parametrize("body", [b"\xff\xff", b"\x0a\xff", b'{"resourceSpans": []}'])
def test_bytes_that_are_no_protobuf(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="protobuf"):
        otlp_protobuf.read_traces(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_text_that_is_no_json_object(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        otlp_json.read_traces(body)


@pytest.mark.parametrize(
    "body",
    [
        {"resourceSpans": 7},
        {"resourceSpans": [7, {"scopeSpans": {"a": 1}}, {"resource": [], "scopeSpans": [{"scope": 1, "spans": "x"}]}]},
    ],
)
def test_json_of_another_shape_holds_no_spans(body: Any) -> None:
    found = otlp_json.read_traces(json.dumps(body).encode())
    assert (found.spans, found.rejected) == ([], [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("startTimeUnixNano", "soon"), ("startTimeUnixNano", -1), ("startTimeUnixNano", 10**400),
        ("endTimeUnixNano", 1e300), ("endTimeUnixNano", [1]), ("traceId", 7), ("traceId", "zz" * 16),
        ("spanId", None), ("startTimeUnixNano", "9" * 5000),
    ],
)  # fmt: skip
def test_json_fields_of_another_kind_reject_the_span(field: str, value: Any) -> None:
    span = {"traceId": "AB" * 16, "spanId": "CD" * 8, "startTimeUnixNano": str(START), field: value}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    found = otlp_json.read_traces(body)
    assert found.spans == []
    assert field in found.rejected[0]


def test_odd_values_in_json_stay_readable() -> None:
    values = [
        {"intValue": "x"}, {"intValue": 1e300}, {"doubleValue": "NaN"}, {"doubleValue": []}, {"arrayValue": 7},
        {"kvlistValue": {"values": 7}}, {"arrayValue": {"values": 7}}, {"stringValue": {}}, {}, 7, None,
        {"unknownValue": 1}, {"intValue": "9" * 5000},
    ]  # fmt: skip
    attributes = [{"key": f"k{i}", "value": value} for i, value in enumerate(values)] + [7, {}]
    span = {"traceId": "ab" * 16, "spanId": "cd" * 8, "attributes": attributes, "status": 7, "events": [1]}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    (read,) = otlp_json.read_traces(body).spans
    assert read.attributes["k0"] == "x"
    assert read.attributes["k3"] == "[]"


def test_answers() -> None:
    read = ExportTraceServiceResponse.FromString(otlp_protobuf.answer_traces(2, "why \ud800"))
    assert (read.partial_success.rejected_spans, read.partial_success.error_message) == (2, "why ?")
    logs = ExportLogsServiceResponse.FromString(otlp_protobuf.answer_logs(1, "why"))
    assert logs.partial_success.rejected_log_records == 1
    assert otlp_protobuf.answer_traces(0, "") == otlp_protobuf.answer_logs(0, "") == b""
    assert otlp_json.answer_traces(0, "") == otlp_json.answer_logs(0, "") == b"{}"
    assert json.loads(otlp_json.answer_traces(2, "why")) == {
        "partialSuccess": {"rejectedSpans": "2", "errorMessage": "why"}
    }
    assert json.loads(otlp_json.answer_logs(2, "why"))["partialSuccess"]["rejectedLogRecords"] == "2"
