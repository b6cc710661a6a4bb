"""Whatever a sender with a key sends, all that reads it goes on: lists, pages, the command line, and other senders."""

import gzip
import http.client
import json
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.traces import traces
from pilothouse.ids import new_id, now_us
from pilothouse.sdk import Embedded
from pilothouse.settings import Settings

HOSTILE = "<script>owned=1</script>\"'><img src=x onerror=owned=1>\x1b[31m\x1b]0;pwn\x07\x9b2J\u202eolleh\0{{7*7}}"
NESTED = "[" * 700 + "]" * 700
BOMB = gzip.compress(bytes(34 * 1024 * 1024), 1)
AT = "2026-11-27T10:00:00.000Z"
PROTOBUF = "application/x-protobuf"
BOARDS = ("cost", "latency", "quality", "errors", "tokens", "usage")
TEXTS = (
    "gen_ai.operation.name", "gen_ai.request.model", "gen_ai.response.model", "gen_ai.provider.name", "user.id",
    "session.id", "pilothouse.feature", "langfuse.environment", "langfuse.release", "langfuse.observation.prompt.name",
    "error.type", "input.value", "output.value", f"langfuse.observation.metadata.{HOSTILE}", HOSTILE,
)  # fmt: skip


class Sender:
    """Speaks plain HTTP with the key of a platform, and to its console as whoever signed in with it."""

    def __init__(self, settings: Settings, platform: Embedded) -> None:
        self.settings, self.platform = settings, platform
        made = platform.client.request("POST", "/api/keys", {"name": "looker", "role": "viewer"})
        body = f"key={made['secret']}".encode()
        form = {"content_type": "application/x-www-form-urlencoded"}
        self.cookie = self.ask("POST", "/console/login", body, **form)[2]["set-cookie"].partition(";")[0]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes, Any]:
        connection = http.client.HTTPConnection(self.platform.address.removeprefix("http://"))
        given = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {self.platform.key}", "content-type": "application/json"}
        connection.request(method, path, given, sent | {name.replace("_", "-"): v for name, v in headers.items()})
        answer = connection.getresponse()
        try:
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def send(self, *spans: dict[str, Any]) -> Any:
        """By OTLP in JSON; what the answer says of those that were rejected."""
        given = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
        status, answer, _ = self.ask("POST", "/v1/traces", given)
        assert status == 200, answer
        return json.loads(answer).get("partialSuccess")

    def get(self, path: str) -> Any:
        status, answer, _ = self.ask("GET", path)
        assert status == 200, (path, answer)
        return json.loads(answer)

    def page(self, path: str) -> str:
        status, answer, headers = self.ask("GET", f"/console{path}", cookie=self.cookie)
        assert status == 200, (path, answer[:200])
        assert "default-src 'self'" in headers["content-security-policy"]
        return answer.decode()


@pytest.fixture(scope="module")
def sender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sender]:
    settings = Settings(home=tmp_path_factory.mktemp("hostile") / "home")
    platform = Embedded(settings)
    yield Sender(settings, platform)
    platform.close()


def span(trace_id: str = "", **fields: Any) -> dict[str, Any]:
    start = now_us() * 1000
    known = {"traceId": trace_id or new_id(), "spanId": os.urandom(8).hex(), "name": "step"}
    return known | {"startTimeUnixNano": str(start), "endTimeUnixNano": str(start + 5_000_000), **fields}


def told(**attributes: Any) -> list[dict[str, Any]]:
    return [{"key": key.replace("__", "."), "value": {"stringValue": value}} for key, value in attributes.items()]


def test_hostile_text_stays_text_wherever_it_is_shown(sender: Sender) -> None:
    trace = new_id()
    attributes = told(**dict.fromkeys(TEXTS, HOSTILE), **{"langfuse.trace.tags": json.dumps([HOSTILE, "javascript:x"])})
    attributes.append({"key": "gen_ai.usage.input_tokens", "value": {"intValue": "3"}})
    attributes += told(langfuse__observation__cost_details='{"total": 1}')
    events = [{"name": HOSTILE, "attributes": told(**{HOSTILE: HOSTILE})}]
    failed = {"code": 2, "message": HOSTILE}
    assert sender.send(span(trace, name=HOSTILE, attributes=attributes, events=events, status=failed)) is None
    score = {"trace_id": trace, "name": HOSTILE, "comment": HOSTILE, "metadata": {HOSTILE: HOSTILE}}
    for value in (0.5, HOSTILE):
        assert sender.ask("POST", "/api/scores", {**score, "value": value})[0] == 200
    session = f"/sessions?id={quote(HOSTILE.replace(chr(0), chr(0xFFFD)))}"
    paths = ["/traces", f"/traces/{trace}", f"/traces/{trace}/explain", "/sessions", session, "/alerts"]
    for path in [*paths, *(f"/dashboards/{board}" for board in BOARDS)]:
        page = sender.page(path)
        assert "owned=1" in page or path == "/alerts", path
        assert len(re.findall("<script", page)) == 1, path
        assert not re.search('<img|\x1b|\x9b|\u202e|javascript:x"', page), path
    shell = Context(sender.settings, build)
    for command in ("list", "list --json", f"show {trace} --payload", f"show {trace} --json", f"explain {trace}"):
        said = CliRunner(env={"COLUMNS": "140"}).invoke(traces, command.split(), obj=shell)
        assert (said.exit_code, "<script>" in said.output) == (0, True), said.output
        assert not re.search("[\x1b\x07\x9b\u202e]", said.output), command


def test_what_is_nested_too_deeply_is_cut_where_it_is_read(sender: Sender) -> None:
    """700 levels, by each way in; the readers of JSON stop at some 250."""
    chat = b'{"model": "builtin/echo", "messages": [{"role": "user", "content": "x"}], "metadata": {"a": %s}}'
    _, _, headers = sender.ask("POST", "/v1/chat/completions", chat % NESTED.encode())
    observed, batched = span(attributes=told(input__value=NESTED, langfuse__observation__metadata__x=NESTED)), new_id()
    assert sender.send(observed) is None
    event = b'{"id": "1", "type": "span-create", "timestamp": "%s", "body": {"id": "s", "traceId": "%s", "input": %s}}'
    given = b'{"batch": [' + event % (AT.encode(), batched.encode(), NESTED.encode()) + b"]}"
    assert sender.ask("POST", "/api/public/ingestion", given)[0] == 207
    score = b'{"traceId": "%s", "name": "q", "value": 1, "metadata": %s}' % (batched.encode(), NESTED.encode())
    assert sender.ask("POST", "/api/public/scores", score)[0] == 200
    for trace in (headers["x-pilothouse-trace-id"], observed["traceId"], batched):
        assert "nested too deeply" in json.dumps(sender.get(f"/api/traces/{trace}"))
        sender.page(f"/traces/{trace}")
    assert sender.get("/api/public/v2/observations?fields=io,metadata")["data"]
    assert sender.get("/api/public/v3/scores?fields=details")["data"]


def test_scores_that_no_sum_or_calendar_holds(sender: Sender) -> None:
    score = {"traceId": new_id(), "name": "q", "value": 1}
    bad: list[dict[str, Any]] = [{"value": value} for value in (10**400, 1e308, -(2**70))]
    bad += [{"timestamp": at} for at in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "x", 5)]
    bad += [{"dataType": ["x"]}, {"value": float("nan")}, {"name": ["x"]}]
    status, answer, _ = sender.ask("POST", "/api/public/scores", [{**score, **one} for one in bad] + [score])
    assert (status, json.loads(answer)["accepted"], len(json.loads(answer)["errors"])) == (207, 1, len(bad))
    events = [{"type": "score-create", "timestamp": one.get("timestamp", AT), "body": {**score, **one}} for one in bad]
    status, answer, _ = sender.ask("POST", "/api/public/ingestion", {"batch": events})
    assert (status, len(json.loads(answer)["errors"])) == (207, len(bad))
    for value in (1e308, 2**60):
        assert sender.ask("POST", "/api/scores", {"trace_id": score["traceId"], "name": "q", "value": value})[0] == 400
    assert sender.get("/api/public/v3/scores?fields=details,subject,annotation")["data"]


def test_a_broken_span_takes_no_good_one_along(sender: Sender) -> None:
    """Also where its texts are no Unicode; what is refused is counted, and the first reasons are told."""
    good = span(name="good")
    bad = [span(startTimeUnixNano=at) for at in ("-5", str(2**63), str(2**64), "abc", [1], "9" * 5000)]
    bad += [span(spanId="12"), span(traceId=7), span(traceId="0" * 32), span(endTimeUnixNano=str(2**63))]
    rejected = sender.send(*bad, good)
    assert (rejected["rejectedSpans"], "no count of nanoseconds since 1970" in rejected["errorMessage"]) == ("10", True)
    assert sender.get(f"/api/traces/{good['traceId']}")["spans"][0]["name"] == "good"

    cut, whole = span(name="cut here"), span(name="whole")
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [cut, whole]}]}]}).encode()
    body = gzip.compress(body.replace(b"cut here", b"cut \\ud83d\xc3"))
    assert sender.ask("POST", "/v1/traces", body, content_encoding="gzip")[:2] == (200, b"{}")
    request = ExportTraceServiceRequest()
    for one in (cut, whole):
        request.resource_spans.add().scope_spans.add().spans.add(
            trace_id=bytes.fromhex(one["traceId"]), span_id=os.urandom(8), name=one["name"],
            start_time_unix_nano=now_us() * 1000,
        )  # fmt: skip
    body = request.SerializeToString().replace(b"cut here", b"cut he\xc3\xff")
    assert sender.ask("POST", "/v1/traces", body, content_type=PROTOBUF)[:2] == (200, b"")
    names = {one["name"] for one in sender.get(f"/api/traces/{cut['traceId']}")["spans"]}
    assert names == {"cut \ufffd\ufffd", "cut he\ufffd\ufffd"}
    assert len(sender.get(f"/api/traces/{whole['traceId']}")["spans"]) == 2


def test_shapes_that_nobody_expects(sender: Sender) -> None:
    """Cycles, the same id twice, an end before the start, all of 1970; a hundred thousand attributes; odd types."""
    trace, ids = new_id(), [os.urandom(8).hex() for _ in range(3)]
    ring = [span(trace, spanId=own, parentSpanId=ids[n - 1]) for n, own in enumerate(ids)]
    assert sender.send(*ring, ring[0], {**ring[0], "name": "other"}) is None
    assert len(sender.get(f"/api/traces/{trace}")["spans"]) == 3
    odd = [
        span(startTimeUnixNano="1000", endTimeUnixNano=str(2**62)), span(endTimeUnixNano="1000"), span(parentSpanId=7),
        span(name=["n"] * 1000, kind="zzz", status="x", events=[1, {"name": 5}, {"attributes": 3}]),
        span(attributes=[{"key": f"k{n}", "value": {"stringValue": "v"}} for n in range(100_000)]),
        span(attributes=[1, None, "x", {"key": 5, "value": "s"}, {"key": "n", "value": {"intValue": "x"}}]),
        span(status={"code": 2, "message": "m" * 1_000_000}),
        span(attributes=told(langfuse__trace__tags=json.dumps(["t" * 1000] * 10_000), input__value='{"messages": 5}')),
        span(attributes=told(gen_ai__input__messages='[5, {"role": 5, "parts": [{"type": ["x"]}, null]}]')),
        span(attributes=told(langfuse__observation__cost_details='{"total": 1e300}', output__value='{"choices": [5]}')),
    ]  # fmt: skip
    assert sender.send(*odd) is None
    for one in odd:
        read, page = sender.get(f"/api/traces/{one['traceId']}"), sender.page(f"/traces/{one['traceId']}")
        assert len(json.dumps(read)) < 100_000
        assert len(page) < 200_000
    sender.page("/traces")


def test_costs_that_no_sum_holds(sender: Sender) -> None:
    """Of those that are taken it needs a million to fill 64 bits; of more than that each is refused."""
    dear = told(gen_ai__request__model="dear", langfuse__observation__cost_details='{"total": 10001}')
    honest = told(gen_ai__request__model="dear", langfuse__observation__cost_details='{"total": 10000}')
    rejected = sender.send(*(span(attributes=dear) for _ in range(3)), *(span(attributes=honest) for _ in range(1000)))
    assert (rejected["rejectedSpans"], "beyond 10,000 USD" in rejected["errorMessage"]) == ("3", True)
    assert "$10,000,000" in sender.page("/dashboards/cost")


def test_five_thousand_steps_in_a_chain(sender: Sender) -> None:
    trace = new_id()
    chain = [span(trace, spanId=f"{n:016x}", parentSpanId=f"{n - 1:016x}") for n in range(1, 5001)]
    assert sender.send(*chain) is None
    for path in (f"/traces/{trace}", f"/traces/{trace}?span={5000:016x}", f"/traces/{trace}/explain"):
        assert len(sender.page(path)) < 2_000_000, path


@pytest.mark.parametrize("path", ["/v1/traces", "/api/public/otel/v1/traces", "/api/public/ingestion", "/api/spans"])
def test_ten_megabytes_and_bombs(sender: Sender, path: str) -> None:
    """What packs badly is taken up to the limit; what unpacks to more than that is not unpacked."""
    assert sender.ask("POST", path, BOMB, content_encoding="gzip")[0] == 413
    for headers in ({"authorization": ""}, {"authorization": "Bearer ph-wrong"}, {"authorization": "Basic %%"}):
        assert sender.ask("POST", path, b"{}", **headers)[0] == 401
    if path == "/api/public/ingestion":
        trace, text = new_id(), os.urandom(5_000_000).hex()
        body = {"id": "s", "traceId": trace, "name": "big", "input": text}
        status, answer, _ = sender.ask(
            "POST", path, {"batch": [{"id": "1", "type": "span-create", "timestamp": AT, "body": body}]}
        )
        assert (status, json.loads(answer)["errors"]) == (207, [])
        (kept,) = [one for one in sender.get(f"/api/traces/{trace}")["spans"] if one["name"] == "big"]
        assert kept["input"] == {"value": text}
        assert len(sender.page(f"/traces/{trace}")) < 200_000
