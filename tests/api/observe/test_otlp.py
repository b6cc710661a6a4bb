"""`/v1/traces` over a whole platform: what is acknowledged is kept, what is refused says why in OTLP's own terms."""

import asyncio
import base64
import contextlib
import gzip
import hashlib
import http.client
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pilothouse.access import Keys
from pilothouse.api.management import management
from pilothouse.api.observe.inbound import Inbound
from pilothouse.api.observe.one_by_one import OneByOne
from pilothouse.api.observe.otlp import routes
from pilothouse.api.observe.spans import SpanRooms
from pilothouse.errors import NotFound, Overloaded, StorageError
from pilothouse.evals.datasets.experiments import Experiments, external_runs
from pilothouse.observe import Prices
from pilothouse.observe.scores import Scores
from pilothouse.sdk import Embedded
from pilothouse.settings import Settings
from pilothouse.storage import Store

TRACE, SPAN = "ab" * 16, "cd" * 8
START = 1_700_000_000_000_000_000
PROTOBUF, JSON = "application/x-protobuf", "application/json"
ATTRIBUTES = {
    "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 10,
}  # fmt: skip


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    made = Embedded(Settings(home=tmp_path_factory.mktemp("otlp") / "home"))
    yield made
    made.close()


@pytest.fixture
def trace_id(request: pytest.FixtureRequest) -> str:
    """One of its own for each test, since all share the platform."""
    return hashlib.md5(request.node.name.encode()).hexdigest()


def pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    kinds = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}
    return [KeyValue(key=key, value=AnyValue(**{kinds[type(v)]: v})) for key, v in attributes.items()]


def span(trace_id: str = TRACE, **fields: Any) -> Span:
    attributes = fields.pop("attributes", ATTRIBUTES)
    given: dict[str, Any] = {
        "trace_id": bytes.fromhex(trace_id), "span_id": bytes.fromhex(SPAN), "name": "ask",
        "start_time_unix_nano": START, "end_time_unix_nano": START + 5_000_000,
    }  # fmt: skip
    return Span(**{**given, **fields}, attributes=pairs(attributes))


def body(*spans: Span) -> bytes:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend(spans)
    return request.SerializeToString()


def send(platform: Embedded, given: bytes, path: str = "/v1/traces", **headers: str) -> tuple[int, bytes, Any]:
    connection = http.client.HTTPConnection(platform.address.removeprefix("http://"))
    sent = {"authorization": f"Bearer {platform.key}", "content-type": PROTOBUF}
    connection.request("POST", path, given, sent | {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    read = answer.read()
    connection.close()
    return answer.status, read, answer.headers


def kept(platform: Embedded, trace_id: str) -> Any:
    return platform.client.request("GET", f"/api/traces/{trace_id}")


def test_protobuf_is_kept_once_it_is_acknowledged_and_counts_once(platform: Embedded, trace_id: str) -> None:
    given = gzip.compress(body(span(trace_id, attributes={**ATTRIBUTES, "pilothouse.project.id": "other"})))
    for _ in range(2):
        status, answer, headers = send(platform, given, content_encoding="gzip")
        assert (status, answer, headers["content-type"]) == (200, b"", PROTOBUF)
    got = kept(platform, trace_id)
    (one,) = got["spans"]
    assert (one["kind"], one["name"], one["duration_us"]) == ("llm", "ask", 5000)
    assert one["attributes"]["gen_ai.usage.input_tokens"] == 1000
    assert one["attributes"]["pilothouse.cost.nano_usd"] > 0
    assert one["attributes"]["pilothouse.project.id"] == "default"
    assert got["totals"]["input_tokens"] == 1000


def test_json_is_answered_in_json(platform: Embedded, trace_id: str) -> None:
    attributes = [{"key": "gen_ai.request.model", "value": {"stringValue": "m"}}]
    good = {
        "traceId": trace_id.upper(), "spanId": SPAN, "name": "ask", "kind": 3, "startTimeUnixNano": str(START),
        "endTimeUnixNano": START + 1000, "attributes": attributes, "unknownField": 1,
    }  # fmt: skip
    spans = [good, {**good, "spanId": "12"}, {**good, "startTimeUnixNano": 0, "endTimeUnixNano": 0}]
    given = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
    status, answer, headers = send(platform, given, content_type="application/json; charset=utf-8")
    assert (status, headers["content-type"]) == (200, JSON)
    told = json.loads(answer)["partialSuccess"]
    assert told["rejectedSpans"] == "2"
    assert "spanId '12' is not 16 hex digits" in told["errorMessage"]
    assert "start and end must be" in told["errorMessage"]
    assert kept(platform, trace_id)["spans"][0]["attributes"]["gen_ai.request.model"] == "m"


def test_a_rejected_span_takes_no_other_along(platform: Embedded, trace_id: str) -> None:
    bad = [span(trace_id, span_id=b"123"), Span(name="empty")]
    status, answer, _ = send(platform, body(*bad, span(trace_id)))
    told = ExportTraceServiceResponse.FromString(answer).partial_success
    assert (status, told.rejected_spans) == (200, 2)
    assert "span 'empty'" in told.error_message
    assert len(kept(platform, trace_id)["spans"]) == 1


@pytest.mark.parametrize("path", ["/v1/traces", "/api/public/otel/v1/traces"])
def test_a_basic_pair_whose_secret_is_a_key(platform: Embedded, trace_id: str, path: str) -> None:
    pair = base64.b64encode(f"any-name:{platform.key}".encode()).decode()
    assert send(platform, body(span(trace_id)), path, authorization=f"Basic {pair}")[0] == 200
    assert kept(platform, trace_id)["spans"]


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer ph-wrong",
        "Basic " + base64.b64encode(b"a:ph-wrong").decode(),
        "Basic %%%",
        "Basic " + "YQ==",
        "Basic",
    ],
)
@pytest.mark.parametrize("media", [PROTOBUF, JSON])
def test_without_a_key_nothing_is_read(platform: Embedded, trace_id: str, authorization: str, media: str) -> None:
    status, answer, headers = send(platform, body(span(trace_id)), authorization=authorization, content_type=media)
    assert (status, headers["content-type"]) == (401, media)
    if media == JSON:
        assert json.loads(answer)["code"] == 16
    else:
        assert ExportTracePartialSuccess.FromString(answer).rejected_spans == 16  # fields as those of a rpc.Status
    with pytest.raises(NotFound):
        kept(platform, trace_id)


def test_a_key_that_may_only_look_sends_nothing(platform: Embedded, trace_id: str) -> None:
    made = platform.client.request("POST", "/api/keys", {"name": "looker", "role": "viewer"})
    assert send(platform, body(span(trace_id)), authorization=f"Bearer {made['secret']}")[0] == 403
    made = platform.client.request("POST", "/api/keys", {"name": "sender", "role": "caller"})
    assert send(platform, body(span(trace_id)), authorization=f"Bearer {made['secret']}")[0] == 200
    assert kept(platform, trace_id)["spans"][0]["attributes"]["pilothouse.key.id"] == made["key"]["id"]


@pytest.mark.parametrize(
    ("given", "headers", "status"),
    [
        (b"\xff\xff", {}, 400),
        (b"{", {"content_type": JSON}, 400),
        (b"[" * 1_000_000, {"content_type": JSON}, 400),
        (b"x", {"content_type": "text/plain"}, 415),
        (b"x", {"content_type": "application/grpc"}, 415),
        (b"no gzip", {"content_encoding": "gzip"}, 400),
        (gzip.compress(b"a" * 1000, mtime=0)[:-9], {"content_encoding": "gzip"}, 400),
        (gzip.compress(bytes(40 * 1024 * 1024), mtime=0), {"content_encoding": "gzip"}, 413),
        (b"x", {"content_encoding": "br"}, 400),
        (bytes(33 * 1024 * 1024), {}, 413),
        (b"\x0a\x02\x12\x00", {}, 200),
        (b"", {}, 200),
    ],
)
def test_hostile_bodies(platform: Embedded, given: bytes, headers: dict[str, str], status: int) -> None:
    got, answer, told = send(platform, given, **headers)
    assert got == status
    if status != 200:
        media = headers.get("content_type") == JSON
        assert told["content-type"] == (JSON if media else PROTOBUF)
        assert json.loads(answer) if media else ExportTracePartialSuccess.FromString(answer)


def test_a_chunked_body_is_bounded_too(platform: Embedded) -> None:
    connection = http.client.HTTPConnection(platform.address.removeprefix("http://"))
    chunks = (bytes(1024 * 1024) for _ in range(40))
    headers = {"authorization": f"Bearer {platform.key}", "content-type": PROTOBUF}
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
        connection.request("POST", "/v1/traces", chunks, headers, encode_chunked=True)
        assert connection.getresponse().status == 413
    connection.close()
    assert send(platform, b"")[0] == 200


def test_ten_megabytes_in_one_span(platform: Embedded, trace_id: str) -> None:
    given = body(span(trace_id, attributes={"input.value": "x" * 10_000_000, "other": "y" * 100_000}))
    assert send(platform, given)[0] == 200
    one = kept(platform, trace_id)["spans"][0]
    assert len(one["input"]["value"]) == 10_000_000
    assert one["attributes"]["other"].endswith("(92000 more)")


def test_five_thousand_spans_of_one_trace(platform: Embedded, trace_id: str) -> None:
    spans = [span(trace_id, span_id=number.to_bytes(8, "big"), attributes={"n": number}) for number in range(1, 5001)]
    assert send(platform, body(*spans))[:2] == (200, b"")
    got = kept(platform, trace_id)
    assert got["truncated"]
    (row,) = [row for row in platform.client.request("GET", "/api/traces")["data"] if row["trace_id"] == trace_id]
    assert row["totals"]["spans"] == 5000


def test_hostile_spans_are_kept_as_well_as_can_be(platform: Embedded, trace_id: str) -> None:
    odd = span(
        trace_id,
        name="<script>alert(1)</script>\0",
        end_time_unix_nano=START - 10**15,
        parent_span_id=b"123",
        kind=99,
        attributes={
            "nan": float("nan"), "inf": float("-inf"), "huge": 2**63 - 1, "nul": "a\0b", "cache": "hit",
            "gen_ai.usage.input_tokens": -1, "gen_ai.usage.output_tokens": 2**62, "gen_ai.operation.name": "\u202e",
        },
    )  # fmt: skip
    assert send(platform, body(odd))[:2] == (200, b"")
    (one,) = kept(platform, trace_id)["spans"]
    assert one["name"] == "<script>alert(1)</script>\ufffd"
    assert (one["duration_us"], one["parent_id"]) == (0, None)
    attributes = one["attributes"]
    assert attributes["pilothouse.end_before_start"] is True
    assert attributes["huge"] == 2**63 - 1
    assert attributes["metadata.cache"] == "hit"
    assert attributes["gen_ai.usage.input_tokens"] == -1
    assert (attributes["nan"], attributes["inf"]) == (None, None)


class Full:
    """A recorder and a drainer, of which one cannot go on."""

    def __init__(self, *, recording: bool = True) -> None:
        self.recording = recording

    def record(self, record: object) -> None:
        if not self.recording:
            raise Overloaded("The spool is full.")

    def flush(self) -> None:
        raise StorageError("The database is locked.")


@pytest.mark.parametrize("recording", [True, False])
@pytest.mark.parametrize("media", [PROTOBUF, JSON])
def test_a_sender_is_put_off_while_nothing_can_be_kept(store: Store, recording: bool, media: str) -> None:
    keys, full = Keys(store.control), Full(recording=recording)
    rooms = SpanRooms.over(full, full, Prices(), 10_000)
    experiments = Experiments(store, external_runs(store))
    app = management([routes(rooms, Scores(store), OneByOne(), experiments)], keys, 10_000)
    given = body(span())
    if media == JSON:
        one = {"traceId": TRACE, "spanId": SPAN, "startTimeUnixNano": START}
        given = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}).encode()
    with TestClient(app, headers={"authorization": f"Bearer {keys.in_process()}"}) as client:
        answer = client.post("/v1/traces", content=given, headers={"content-type": media})
    assert (answer.status_code, answer.headers["content-type"]) == (503, media)
    assert int(answer.headers["retry-after"]) > 0
    if media == JSON:
        assert answer.json()["code"] == 14


def test_too_much_at_once_is_put_off(store: Store) -> None:
    """Half of a body is there for each of many senders, and none of them ends."""
    inbound = Inbound(1000)

    async def held(count: int) -> list[str]:
        async with AsyncExitStack() as stack:
            for _ in range(count):
                await stack.enter_async_context(inbound.body(request(bytes(1000))))
        return []

    asyncio.run(held(4))
    with pytest.raises(Overloaded):
        asyncio.run(held(5))
    asyncio.run(held(4))


def request(given: bytes) -> Request:
    async def receive() -> Any:
        return {"type": "http.request", "body": given, "more_body": False}

    return Request({"type": "http", "headers": []}, receive)


def test_events_of_genai_come_as_log_records(platform: Embedded, trace_id: str) -> None:
    def told(name: str, body: dict[str, Any] | None = None, **attributes: Any) -> LogRecord:
        made = LogRecord(
            trace_id=bytes.fromhex(trace_id), span_id=bytes.fromhex(SPAN), event_name=name, time_unix_nano=START,
            attributes=pairs(attributes),
        )  # fmt: skip
        if body is not None:
            made.body.kvlist_value.values.extend(pairs(body))
        return made

    verdict = {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.5}
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.extend(
        [told("gen_ai.user.message", {"content": "Hi"}), told("gen_ai.evaluation.result", **verdict), told("other")]
    )
    assert send(platform, body(span(trace_id)))[0] == 200
    for _ in range(2):
        status, answer, _ = send(platform, request.SerializeToString(), "/v1/logs")
        partial = ExportLogsServiceResponse.FromString(answer).partial_success
        assert (status, partial.rejected_log_records) == (200, 1)
        assert "'other': it is no event of GenAI" in partial.error_message
    found = {one["name"]: one for one in kept(platform, trace_id)["spans"]}
    assert set(found) == {"ask", "messages"}
    assert found["messages"]["parent_id"] == SPAN
    assert found["messages"]["input"] == {"messages": [{"role": "user", "content": "Hi"}]}
    (score,) = platform.client.request("GET", f"/api/public/v3/scores?traceId={trace_id}")["data"]
    assert (score["name"], score["value"], score["source"]) == ("relevance", 0.5, "EVAL")
    assert send(platform, b"{}", "/v1/logs", content_type=JSON)[:2] == (200, b"{}")
    assert send(platform, b"\xff", "/v1/logs")[0] == 400


def test_a_key_of_another_project_sends_into_that_one(platform: Embedded, trace_id: str) -> None:
    platform.client.request("POST", "/api/projects", {"id": "shop", "name": "Shop"})
    made = platform.client.request("POST", "/api/keys", {"name": "app", "role": "caller", "project_id": "shop"})
    theirs = span(trace_id, name="theirs", attributes={"pilothouse.project.id": "default", "project_id": "default"})
    assert send(platform, body(theirs), authorization=f"Bearer {made['secret']}")[0] == 200
    with pytest.raises(NotFound):
        kept(platform, trace_id)
    assert send(platform, body(span(trace_id)))[0] == 200
    assert [one["name"] for one in kept(platform, trace_id)["spans"]] == ["ask"]
    there = platform.client.request("GET", f"/api/traces/{trace_id}?project_id=shop")
    assert [one["name"] for one in there["spans"]] == ["theirs"]
