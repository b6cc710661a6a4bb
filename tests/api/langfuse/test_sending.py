"""`/api/public` over a whole platform, as the Langfuse SDK asks it."""

import base64
import gzip
import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from pilothouse.sdk import Embedded
from pilothouse.settings import Settings

AT, LATER = "2023-11-14T22:13:20.000Z", "2023-11-14T22:13:22.000Z"
UUID = "0190b1c4-7b3f-7cc0-8b3c-0123456789ab"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    made = Embedded(Settings(home=tmp_path_factory.mktemp("langfuse") / "home"))
    yield made
    made.close()


class Asks:
    """Speaks with a pair of keys."""

    def __init__(self, platform: Embedded, secret: str | None = None) -> None:
        self.address = platform.address.removeprefix("http://")
        pair = base64.b64encode(f"pk-any:{secret or platform.key}".encode()).decode()
        self.headers = {"authorization": f"Basic {pair}", "content-type": "application/json"}

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.address)
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        asked = urlencode({name: value for name, value in query.items() if value is not None}, doseq=True)
        connection.request(method, f"/api/public{path}?{asked}", sent, self.headers)
        answer = connection.getresponse()
        read = json.loads(answer.read())
        connection.close()
        return answer.status, read


@pytest.fixture
def ask(platform: Embedded) -> Asks:
    return Asks(platform)


def event(kind: str, number: str, **body: Any) -> dict[str, Any]:
    return {"id": number, "type": kind, "timestamp": AT, "body": body}


def test_a_client_finds_out_whether_its_pair_is_right(platform: Embedded, ask: Asks) -> None:
    assert ask("GET", "/health")[1]["status"] == "OK"
    (project,) = ask("GET", "/projects")[1]["data"]
    assert project["id"] == "default"
    assert project["organization"]["id"]
    assert Asks(platform, "ph-wrong")("GET", "/projects")[0] == 401
    made = platform.client.request("POST", "/api/keys", {"name": "app", "role": "caller"})
    caller = Asks(platform, made["secret"])
    assert caller("GET", "/projects")[0] == 200
    assert caller("POST", "/scores", [])[0] == 202
    assert caller("GET", "/v2/observations")[0] == 403


def test_an_older_client_tells_a_trace_in_parts(ask: Asks) -> None:
    first = [
        event("trace-create", "1", id=UUID, name="chat", userId="ada", sessionId="s", metadata={"plan": "pro"}),
        event("generation-create", "2", id="g", traceId=UUID, name="gen", startTime=AT, model="gpt-4o", input="q"),
        event("span-create", "3", id="s", traceId=UUID, parentObservationId="g", name="inner", startTime=AT),
        event("nonsense", "4"),
        event("score-create", "5", traceId=UUID, name="good", value=0.5, dataType="NUMERIC"),
        event("sdk-log", "6", log="x"),
        event("span-create", "7", id="bad", traceId=UUID, startTime="9999-01-01T00:00:00Z"),
        7,
    ]
    status, answer = ask("POST", "/ingestion", {"batch": first, "metadata": {"sdk_name": "python"}})
    assert status == 207
    assert [one["id"] for one in answer["successes"]] == ["1", "2", "3", "5", "6"]
    assert [one["id"] for one in answer["errors"]] == ["4", "7", ""]
    usage = {"prompt_tokens": 100, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 64}}
    then = [event("generation-update", "8", id="g", traceId=UUID, endTime=LATER, output="a", usageDetails=usage)]
    for _ in range(2):
        assert ask("POST", "/ingestion", {"batch": then})[1]["errors"] == []
    found = ask("GET", "/v2/observations", traceId=UUID, fields="basic,io,usage,metrics,trace_context")[1]["data"]
    told = {one["name"]: one for one in found}
    assert set(told) == {"chat", "gen", "inner"}
    gen = told["gen"]
    assert (gen["type"], gen["input"], gen["output"], gen["latency"]) == ("GENERATION", "q", "a", 2.0)
    assert gen["usageDetails"] == {"input": 36, "input_cached_tokens": 64, "output": 9, "total": 109}
    assert gen["totalCost"] > 0
    assert (told["chat"]["latency"], told["chat"]["userId"], gen["traceName"]) == (2.0, "ada", "chat")
    assert told["inner"]["parentObservationId"] == gen["id"]
    assert gen["parentObservationId"] == told["chat"]["id"]
    (score,) = ask("GET", "/v3/scores", traceId=UUID, fields="subject")[1]["data"]
    assert (score["name"], score["value"], score["subject"]["kind"]) == ("good", 0.5, "trace")


def test_scores_come_as_a_list_of_which_the_good_ones_are_kept(ask: Asks) -> None:
    good = {"name": "a", "value": 1, "traceId": "11" * 16}
    assert ask("POST", "/scores", [good, {**good, "name": "b"}]) == (202, {"message": "Accepted"})
    status, told = ask("POST", "/scores", [good, {"name": "c"}, 7])
    assert (status, told["accepted"], told["rejected"]) == (207, 1, 2)
    assert "score 1" in told["errors"][0]["message"]
    status, told = ask("POST", "/scores", {**good, "id": "mine", "name": "d"})
    assert (status, told) == (200, {"id": "mine"})
    assert ask("POST", "/scores", {"name": "c"})[0] == 400
    assert {one["name"] for one in ask("GET", "/v3/scores", traceId="11" * 16)[1]["data"]} == {"a", "b", "d"}


def test_scores_are_read_in_pages(ask: Asks) -> None:
    many = [{"id": f"p{n}", "name": "page", "value": n, "traceId": "22" * 16} for n in range(5)]
    assert ask("POST", "/scores", many)[0] == 202
    found, cursor = [], None
    while True:
        _, page = ask("GET", "/v3/scores", limit=2, name="page", cursor=cursor)
        found += [one["id"] for one in page["data"]]
        cursor = page["meta"].get("cursor")
        if cursor is None:
            break
    assert sorted(found) == ["p0", "p1", "p2", "p3", "p4"]
    asked = ask("GET", "/v3/scores", name="page", dataType="numeric", valueMin=1, valueMax=3)
    assert {one["value"] for one in asked[1]["data"]} == {1, 2, 3}
    asked = ask("GET", "/v3/scores", name="page", dataType="NUMERIC", value="1,4", source="api")
    assert {one["value"] for one in asked[1]["data"]} == {1, 4}


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/v2/observations", {"fields": "core,new"}, 400),
        ("/v2/observations", {"limit": 0}, 400),
        ("/v2/observations", {"limit": 1001}, 400),
        ("/v2/observations", {"cursor": "x"}, 400),
        ("/v2/observations", {"level": "LOUD"}, 400),
        ("/v2/observations", {"type": "NEW"}, 400),
        ("/v2/observations", {"filter": "[]"}, 400),
        ("/v2/observations", {"parseIoAsJson": "true"}, 400),
        ("/v2/observations", {"fromStartTime": "soon"}, 400),
        ("/v2/observations", {"traceId": "a\0", "type": "EVENT", "level": "DEFAULT"}, 200),
        ("/v2/observations", {"environment": ["default", "prod"], "parentObservationId": ""}, 200),
        ("/v3/scores", {"fields": "core"}, 400),
        ("/v3/scores", {"limit": 101}, 400),
        ("/v3/scores", {"cursor": "x"}, 400),
        ("/v3/scores", {"observationId": "a"}, 400),
        ("/v3/scores", {"valueMin": 1}, 400),
        ("/v3/scores", {"value": "1"}, 400),
        ("/v3/scores", {"value": "x", "dataType": "NUMERIC"}, 400),
        ("/v3/scores", {"value": "true", "dataType": "BOOLEAN"}, 200),
        ("/v3/scores", {"value": "a", "dataType": "CATEGORICAL"}, 200),
        ("/no-such", {}, 404),
    ],
)
def test_questions(ask: Asks, path: str, query: dict[str, Any], status: int) -> None:
    assert ask("GET", path, **query)[0] == status


@pytest.mark.parametrize("path", ["/scores", "/ingestion"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'{"a": "\\ud800"}', 400),
        (b"7", 400),
        (b"{}", 400),
        (b'{"batch": 7}', 400),
        (b"[" + b"1," * 10_000 + b"1]", 400),
        (b'{"batch": [' + b"1," * 10_000 + b"1]}", 400),
        (bytes(33 * 1024 * 1024), 413),
    ],
)
def test_hostile_bodies(ask: Asks, path: str, body: bytes, status: int) -> None:
    assert ask("POST", path, body)[0] == status


def test_what_a_body_holds_cannot_break_a_batch(ask: Asks) -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = [deep]
    odd = {"input": deep, "metadata": {f"k{n}": n for n in range(1000)}, "tags": [{"a": 1}], "name": "n\0" * 400}
    batch = [event("span-create", "1", id="o", traceId="odd", usage=7, level=[1], **odd)]
    ask.headers["content-encoding"] = "gzip"
    assert ask("POST", "/ingestion", gzip.compress(json.dumps({"batch": batch}).encode()))[1]["errors"] == []
