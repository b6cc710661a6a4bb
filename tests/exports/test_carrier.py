"""Stored spans reach a collector: each once, whatever it answers, and whoever is restarted."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pilothouse.call import Span
from pilothouse.errors import ConfigError, StorageError
from pilothouse.exports import queue as queue_module
from pilothouse.exports.carrier import Carrier, check_exports
from pilothouse.exports.queue import Queue, Waiting
from pilothouse.ids import now_us
from pilothouse.monitoring import ExportConfig
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.observe.scores import Score, Scores
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store
from pilothouse.storage.turns import Turn

from ..observe.making import full_span, step
from .collector import Collector, collector


class Clock:
    def __init__(self) -> None:
        self.now = now_us()

    def __call__(self) -> int:
        return self.now


@dataclass
class Site:
    """A store whose drainer feeds the queue, and a carrier."""

    store: Store
    home: Path
    clock: Clock = field(default_factory=Clock)
    exports: dict[str, ExportConfig] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.queue = Queue(self.store.observe, lambda: self.exports)
        self.carriers: list[Carrier] = []
        self.carrier = self.another()

    def another(self) -> Carrier:
        turn = Turn(self.store.control, "exports", seconds=30, clock=self.clock)
        env = {"TOKEN": "s3cret"}
        self.carriers.append(Carrier(self.store, self.queue, turn, lambda: self.exports, self.clock, env))
        return self.carriers[-1]

    def write(self, *spans: Span) -> None:
        spool = Spool.open(self.home, 1 << 26)
        drainer = Drainer(spool, self.store, self.home)
        drainer.written.append(self.queue.put)
        for span in spans:
            SpoolRecorder(spool).record(span)
        drainer.stop()
        spool.close()

    async def send(self) -> None:
        for _ in range(50):
            if not await self.carrier.tick():
                return
        pytest.fail("there is no end of what is to be sent")

    def wait(self, seconds: float) -> None:
        self.clock.now += int(seconds * 1e6)


@pytest_asyncio.fixture
async def site(store: Store, settings: Settings) -> AsyncIterator[Site]:
    made = Site(store, settings.home)
    yield made
    for carrier in made.carriers:
        await carrier.aclose()


@pytest.fixture
def there() -> Iterator[Collector]:
    with collector() as made:
        yield made


def _otlp(url: str, **fields: Any) -> ExportConfig:
    return ExportConfig.model_validate({"endpoint": url, **fields})


async def test_spans_arrive_as_protobuf_with_the_names_of_the_conventions(site: Site, there: Collector) -> None:
    site.exports["c"] = _otlp(there.url, headers={"authorization": "Bearer ${TOKEN}"})
    call = full_span(trace_id="a" * 32, id="b" * 16, parent_id="c" * 16, status="error", error_message="No.")
    site.write(call)
    await site.send()
    (span,) = there.spans
    assert (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()) == ("a" * 32, "b" * 16, "c" * 16)
    assert (span.name, span.kind, span.status.code, span.status.message) == ("chat fast", 3, 2, "No.")
    assert span.end_time_unix_nano - span.start_time_unix_nano == 120_000_000
    attributes = {pair.key: pair.value for pair in span.attributes}
    assert attributes["gen_ai.usage.input_tokens"].int_value == 1000
    assert attributes["gen_ai.request.stream"].bool_value is True
    assert [v.string_value for v in attributes["gen_ai.response.finish_reasons"].array_value.values] == ["stop"]
    assert there.headers[0]["authorization"] == "Bearer s3cret"
    assert there.headers[0]["content-type"] == "application/x-protobuf"
    assert site.queue.sizes() == {}


async def test_the_same_as_json(site: Site, there: Collector) -> None:
    site.exports["c"] = _otlp(there.url, protocol="http/json")
    site.write(full_span(trace_id="a" * 32, id="b" * 16), step("odd id", trace_id="odd trace"))
    await site.send()
    (told,) = there.told
    spans = {span["name"]: span for span in told["resourceSpans"][0]["scopeSpans"][0]["spans"]}
    call, odd = spans["chat fast"], spans["odd id"]
    assert call["traceId"] == "a" * 32
    values = {pair["key"]: pair["value"] for pair in call["attributes"]}
    assert values["gen_ai.usage.output_tokens"] == {"intValue": "200"}
    assert int(call["endTimeUnixNano"]) - int(call["startTimeUnixNano"]) == 120_000_000
    assert (len(odd["traceId"]), len(odd["spanId"])) == (32, 16)


async def test_what_does_not_answer_is_asked_again_and_nothing_is_lost(site: Site, there: Collector) -> None:
    site.exports["c"] = _otlp(there.url)
    site.write(*(step(f"s{n}", trace_id=f"t{n}") for n in range(1200)))
    there.answers = [503, 429, 401]
    for pause in (0, 1, 2, 4):
        site.wait(pause)
        await site.send()
    assert sorted(span.name for span in there.spans) == sorted(f"s{n}" for n in range(1200))
    assert site.carrier.sent == 1200
    assert site.carrier.problems == {}


async def test_pauses_grow(site: Site, there: Collector) -> None:
    site.exports["c"] = _otlp(there.url)
    site.write(step("a"))
    there.answers = [500] * 3
    await site.send()
    assert "500" in site.carrier.problems["c"]
    await site.send()
    site.wait(1)
    await site.send()
    site.wait(1.9)
    await site.send()
    assert len(there.answers) == 1
    site.wait(0.2)
    await site.send()
    assert there.answers == []


async def test_a_batch_that_is_refused_as_such_holds_up_no_other(site: Site, there: Collector) -> None:
    site.exports["c"] = _otlp(there.url)
    site.write(step("bad"))
    site.write(step("good", trace_id="t2"))
    there.answers = [400]
    await site.send()
    assert [span.name for span in there.spans] == ["good"]
    assert (site.carrier.sent, site.carrier.refused) == (1, 1)


async def test_a_restart_goes_on_and_two_processes_send_once(site: Site, there: Collector) -> None:
    site.exports["c"] = _otlp(there.url)
    site.write(step("a"))
    there.answers = [503]
    await site.send()
    other = site.another()
    assert not await other.tick()  # it is not its turn
    site.wait(31)
    assert await other.tick()
    assert not await site.carrier.tick()
    assert [span.name for span in there.spans] == ["a"]


async def test_one_that_is_away_holds_up_no_other(site: Site, there: Collector) -> None:
    site.exports |= {"gone": _otlp("http://127.0.0.1:1/v1/traces"), "c": _otlp(there.url)}
    site.write(step("a"))
    await site.send()
    assert [span.name for span in there.spans] == ["a"]
    assert site.queue.sizes() == {"gone": 1}
    del site.exports["gone"]
    await site.send()
    assert site.queue.sizes() == {}


async def test_where_one_cannot_be_noted_the_next_round_waits_for_the_others(
    site: Site, there: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next round would send again what is just being sent."""
    site.exports |= {"broken": _otlp(there.url), "slow": _otlp(there.url)}
    site.write(step("a"))
    failed, send, done = asyncio.Event(), site.carrier._send, site.queue.done
    loop = asyncio.get_running_loop()

    def not_noted(waiting: Waiting) -> None:
        if waiting.export == "broken":
            loop.call_soon_threadsafe(failed.set)
            raise StorageError("away")
        done(waiting)

    async def slowly(name: str, *given: Any) -> None:
        if name == "slow":
            await failed.wait()
        await send(name, *given)

    monkeypatch.setattr(site.queue, "done", not_noted)
    monkeypatch.setattr(site.carrier, "_send", slowly)
    with pytest.raises(StorageError):
        await site.carrier.tick()
    assert site.queue.sizes() == {"broken": 1}


async def test_filters(site: Site, there: Collector) -> None:
    site.exports["c"] = _otlp(there.url, kinds=["llm"], statuses=["error"], sources=["gateway"], projects=["default"])
    site.write(
        step("yes", kind="llm", status="error"), step("kind", status="error"), step("status", kind="llm"),
        step("source", kind="llm", status="error", source="otlp"),
        step("project", kind="llm", status="error", project_id="shop"),
    )  # fmt: skip
    await site.send()
    assert [span.name for span in there.spans] == ["yes"]


async def test_without_exports_nothing_is_queued(site: Site) -> None:
    site.write(step("a"))
    assert site.queue.sizes() == {}
    assert not await site.carrier.tick()


async def test_the_queue_is_bounded_and_says_what_it_gave_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "MOST_BATCHES", 3)
    monkeypatch.setattr(queue_module, "_CHECKED", 2)
    site.exports["c"] = _otlp("http://127.0.0.1:1/")
    for n in range(9):
        site.write(step(f"s{n}", trace_id=f"t{n}"))
    assert site.queue.sizes()["c"] <= 4
    assert site.queue.dropped >= 5


async def test_a_webhook_is_told_of_each_trace(site: Site, there: Collector) -> None:
    site.exports["hook"] = _otlp(there.url, kind="webhook", secret="key", statuses=["error"])
    root = full_span(trace_id="a" * 32, id="root", status="error", error_code="provider_timeout")
    site.write(root, step("inner", "root", trace_id="a" * 32, status="error"), step("fine", trace_id="t2"))
    await site.send()
    (told,) = there.told
    assert (told["type"], told["about"]) == ("trace.finished", "a" * 32)
    assert told["data"]["error_code"] == "provider_timeout"
    assert told["data"]["cost_nano"] == 4_500_000
    headers = there.headers[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + there.bodies[0]
    expected = base64.b64encode(hmac.new(b"key", signed, sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"].endswith("-root")
    json.dumps(told)


async def test_a_webhook_is_told_of_scores_that_are_too_low(site: Site, there: Collector) -> None:
    site.exports["low"] = _otlp(there.url, kind="webhook", below={"helpful": 0.5})
    site.write(step("a", trace_id="t1"))
    assert site.queue.sizes() == {}
    scores = Scores(site.store, site.queue.put_scores)
    given = {"low": ("helpful", 0.2), "high": ("helpful", 0.5), "other": ("rude", 0.1)}
    scores.put("default", [Score(id=n, name=name, value=value, trace_id="t1") for n, (name, value) in given.items()])
    scores.put("default", [Score(id="words", name="helpful", label="good", kind="categorical")])
    await site.send()
    (told,) = there.told
    assert (told["type"], told["about"], told["text"]) == ("score.below", "t1", "helpful: 0.2, below 0.5.")
    assert (told["data"]["score_id"], told["data"]["limit"]) == ("low", 0.5)


async def test_a_message_that_is_refused_for_good_holds_up_no_other(site: Site, there: Collector) -> None:
    site.exports["hook"] = _otlp(there.url, kind="webhook")
    site.write(step("a", trace_id="t1"))
    site.write(step("b", trace_id="t2"))
    there.answers = [422]
    await site.send()
    assert [told["about"] for told in there.told] == ["t2"]
    assert (site.carrier.sent, site.carrier.refused) == (1, 1)


def test_a_collector_takes_no_scores() -> None:
    with pytest.raises(ValueError, match="is for webhooks"):
        _otlp("http://c.example.com", below={"helpful": 0.5})


def test_secrets_that_are_not_there_are_named() -> None:
    with pytest.raises(ConfigError, match=r"exports\.c\.headers\.authorization: the environment variable NOT_SET"):
        check_exports({"c": _otlp("http://c.example.com", headers={"authorization": "${NOT_SET}"})}, {})
