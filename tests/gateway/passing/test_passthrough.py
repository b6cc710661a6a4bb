"""`/providers/{name}/...` over real sockets: what goes out and comes back, what it counts for, what is refused."""

import asyncio
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import pytest
from aiohttp import web
from openai import AsyncOpenAI
from yarl import URL

from pilothouse.access.shapes import KeySettings
from pilothouse.app import Platform, build
from pilothouse.call import Reservation, Span
from pilothouse.config import Budget, Limits
from pilothouse.errors import StorageError
from pilothouse.settings import Settings
from pilothouse.testing import Answer
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import Usage

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
USAGE = Usage(1000, 500)
COST = 1000 * 150 + 500 * 600  # gpt-4o-mini: USD 0.15 and 0.60 per million tokens
CHAT = {"model": "gpt-4o-mini", "messages": HELLO, "max_tokens": 100}


@dataclass
class Raw:
    """An upstream that answers by a function of the test and keeps what it got."""

    url: str = ""
    requests: list[tuple[web.Request, bytes]] = field(default_factory=list)
    answer: Callable[[web.Request], Any] | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.answer is not None:
            return await self.answer(request)  # type: ignore[no-any-return]
        self.requests.append((request, await request.read()))
        return web.json_response({"ok": True}, headers={"set-cookie": "a=b", "openai-organization": "org-1"})


@asynccontextmanager
async def raw_upstream() -> AsyncIterator[Raw]:
    app, raw = web.Application(client_max_size=2**30), Raw()
    app.router.add_route("*", "/{path:.*}", raw.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.0, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    raw.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield raw
    await runner.cleanup()


@dataclass
class Passing:
    address: str
    platform: Platform
    openai: OpenAIServer
    claude: AnthropicServer
    raw: Raw
    session: aiohttp.ClientSession
    key: str

    def new_key(self, **settings: Any) -> str:
        return self.platform.keys.create("caller", settings=KeySettings(**settings))[0]

    async def send(self, method: str, path: str, key: str | None = None, **more: Any) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {key or self.key}", **more.pop("headers", {})}
        url = URL(self.address + path, encoded=True)
        async with self.session.request(method, url, headers=headers, **more) as response:
            body = await response.read()
            return response.status, (await response.json() if body and "json" in response.content_type else body)

    def spans(self) -> list[Span]:
        self.platform.drainer.flush()
        rows = reversed(self.platform.traces.list(limit=100).rows)
        return [span for row in rows for span in self.platform.traces.get(row.trace_id).spans]


@pytest.fixture
async def passing(tmp_path: Path) -> AsyncIterator[Passing]:
    async with OpenAIServer() as openai, AnthropicServer() as claude, raw_upstream() as raw:
        config = tmp_path / "pilothouse.yaml"
        config.write_text(
            textwrap.dedent(f"""
            providers:
              openai: {{base_url: "{openai.url}/v1", api_key: sk-ours, pass_through: true}}
              anthropic: {{base_url: "{claude.url}", api_key: sk-ant-ours, pass_through: true}}
              raw:
                {{kind: openai, base_url: "{raw.url}/deep/v1", api_key: sk-raw, headers: {{x-own: one}},
                 pass_through: true}}
              bare: {{kind: openai, base_url: "{raw.url}/bare", pass_through: true}}
              shut: {{kind: openai, base_url: "{raw.url}/v1", api_key: sk-raw}}
              gone: {{kind: openai, base_url: "http://127.0.0.1:9/v1", api_key: sk-gone, pass_through: true}}
            models:
              tight:
                deployments:
                  - {{provider: raw, model: tight, name: own, limits: {{requests_per_minute: 2, parallel: 1}}}}
            prices:
              - {{provider: raw, model: tight, input: 1, output: 1}}
              - {{provider: openai, model: gpt-4o-mini, input: 0.15, output: 0.60}}
              - {{provider: anthropic, model: claude-wire, input: 3, output: 15}}
              - {{provider: openai, model: text-embedding-3-small, input: 0.02, output: 0}}
            """)
        )
        with build(Settings(home=tmp_path / "home", config=config)) as platform:
            key = platform.keys.in_process()
            async with platform.server("127.0.0.1", 0).running() as address, aiohttp.ClientSession() as session:
                yield Passing(address, platform, openai, claude, raw, session, key)


async def test_names_and_numbers_that_nobody_can_hold(passing: Passing) -> None:
    for body in ({**CHAT, "model": "\0x\n"}, {**CHAT, "max_tokens": 10**30}, {**CHAT, "n": 10**30}):
        status, answer = await passing.send("POST", "/providers/openai/chat/completions", json=body)
        assert status == 200, answer


async def test_openais_own_client_passes_and_is_priced(passing: Passing) -> None:
    passing.openai.say(Answer(text="Good day", usage=USAGE), Answer(text="one two", usage=USAGE), Answer(usage=USAGE))
    base = f"{passing.address}/providers/openai"
    async with AsyncOpenAI(base_url=base, api_key=passing.key, max_retries=0) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="gpt-4o-mini", messages=HELLO, extra_body={"x_new": 1}
        )
        assert raw.parse().choices[0].message.content == "Good day"
        stream = await client.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        assert "".join([c.choices[0].delta.content or "" async for c in stream if c.choices]) == "one two"
        assert len((await client.embeddings.create(model="text-embedding-3-small", input="x")).data) == 1
    first = passing.openai.requests[0]
    assert first.headers["authorization"] == "Bearer sk-ours"
    assert first.body["x_new"] == 1
    assert raw.headers["x-pilothouse-deployment"] == "openai/gpt-4o-mini"
    chat, streamed, embedded = passing.spans()
    assert (chat.provider, chat.operation, chat.request_model) == ("openai", "pass_through", "openai/gpt-4o-mini")
    assert chat.attributes["http_status"] == 200
    assert chat.endpoint == "/providers/openai"
    assert (chat.usage, chat.cost_nano) == (streamed.usage, streamed.cost_nano) == (USAGE, COST)
    assert (embedded.usage, embedded.cost_nano) == (Usage(1000), 1000 * 20)


async def test_anthropics_own_client_passes_and_is_priced(passing: Passing) -> None:
    passing.claude.say(Answer(text="Good day", usage=USAGE), Answer(text="one two", usage=USAGE))
    base = f"{passing.address}/providers/anthropic"
    async with anthropic.AsyncAnthropic(base_url=base, api_key=passing.key, max_retries=0) as client:
        asked: Any = {"model": "claude-wire", "max_tokens": 50, "messages": HELLO}
        assert (await client.messages.create(**asked)).content[0].text == "Good day"
        async with client.messages.stream(**asked) as stream:
            assert "".join([text async for text in stream.text_stream]) == "one two"
    assert passing.claude.last.headers["x-api-key"] == "sk-ant-ours"
    assert passing.key not in str(passing.claude.last.headers)
    whole, streamed = passing.spans()
    assert (whole.usage, whole.cost_nano) == (streamed.usage, streamed.cost_nano) == (USAGE, 1000 * 3000 + 500 * 15000)


async def test_a_stream_without_usage_or_cut_by_the_caller_is_estimated(passing: Passing) -> None:
    passing.openai.say(Answer(text="one two three four"), Answer(text="one two", fault="hang_midway"))
    await passing.send("POST", "/providers/openai/chat/completions", json={**CHAT, "stream": True})
    headers = {"authorization": f"Bearer {passing.key}"}
    url = f"{passing.address}/providers/openai/chat/completions"
    async with passing.session.post(url, json={**CHAT, "stream": True}, headers=headers) as response:
        assert b"one" in await response.content.readuntil(b'"one"')
        response.close()
    async with asyncio.timeout(30):
        await asyncio.wrap_future(passing.openai.last.gone)
        while len(spans := passing.spans()) < 2:  # noqa: ASYNC110 - the drainer's work
            await asyncio.sleep(0.01)
    whole, cut = spans
    assert whole.usage is not None
    assert whole.usage.estimated
    assert whole.usage.output_tokens >= 4
    assert whole.cost_nano
    assert (cut.status, cut.usage is not None and cut.usage.estimated) == ("cancelled", True)
    assert cut.cost_nano


async def test_headers_go_and_come_filtered(passing: Passing) -> None:
    given = {
        "x-custom": "kept", "cookie": "session=1", "x-api-key": passing.key, "x-goog-api-key": passing.key,
        "openai-organization": "other", "connection": "x-hop, close", "x-hop": "no", "x-forwarded-for": "1.2.3.4",
        "x-pilothouse-user": "me", "x-own": "two", "x-http-method-override": "PUT",
    }  # fmt: skip
    url = f"{passing.address}/providers/raw/a%2Fb/c?x=1&key={passing.key}&y=%20"
    headers = {"authorization": f"Bearer {passing.key}", **given}
    async with passing.session.post(URL(url, encoded=True), json={"a": 1}, headers=headers) as response:
        assert await response.json() == {"ok": True}
        assert not {"set-cookie", "openai-organization"} & {name.lower() for name in response.headers}
        assert response.headers["x-content-type-options"] == "nosniff"
    ((got, body),) = passing.raw.requests
    assert got.raw_path == "/deep/v1/a%2Fb/c?x=1&y=%20"
    assert body == b'{"a": 1}'
    assert got.headers["authorization"] == "Bearer sk-raw"
    assert (got.headers["x-custom"], got.headers["x-own"]) == ("kept", "one")
    assert passing.key not in str(got.headers)
    names = {name.lower() for name in got.headers}
    assert not names & {"cookie", "x-hop", "x-forwarded-for", "x-pilothouse-user", "openai-organization"}
    assert not names & {"x-api-key", "x-goog-api-key", "x-http-method-override"}


@pytest.mark.parametrize(
    "path",
    ["../secret", "a/../../secret", "a/%2e%2e/%2e%2e/secret", "a%2f..%2f..%2fsecret", "%252e%252e/secret",
     "..%5csecret", "..;/secret", "./x", "a/%0d%0ax"],
)  # fmt: skip
async def test_no_path_leads_out(passing: Passing, path: str) -> None:
    status, answer = await passing.send("GET", f"/providers/raw/{path}")
    assert status in (400, 404), answer
    assert not passing.raw.requests


@pytest.mark.parametrize("path", ["/evil.example/x", "http://evil.example/x", "@evil.example/x", ":80/x", "//x"])
async def test_every_address_is_below_the_providers(passing: Passing, path: str) -> None:
    await passing.send("GET", f"/providers/raw/{path}")
    for got, _ in passing.raw.requests:
        assert got.raw_path.startswith("/deep/v1/")
    assert len(passing.raw.requests) == 1


@pytest.mark.parametrize("name", ["nowhere", "builtin", "rag", "shut", "raw%2f..%2fopenai"])
async def test_only_open_providers_with_an_address(passing: Passing, name: str) -> None:
    status, _ = await passing.send("GET", f"/providers/{name}/models")
    assert status in (400, 404)


async def test_a_provider_without_a_key_does_not_get_the_callers(passing: Passing) -> None:
    await passing.send("GET", "/providers/bare/models", headers={"x-goog-api-key": "mine"})
    ((got, _),) = passing.raw.requests
    assert not {"authorization", "x-goog-api-key"} & {name.lower() for name in got.headers}


async def test_without_a_key_nothing_passes(passing: Passing) -> None:
    status, _ = await passing.send("GET", "/providers/raw/models", key="ph-wrong")
    assert status == 401
    assert not passing.raw.requests


async def test_policies_name_paths_and_models(passing: Passing) -> None:
    key = passing.new_key(policy={"endpoints": ["/providers/raw/files*"]})
    assert (await passing.send("GET", "/providers/raw/files/f1", key))[0] == 200
    assert (await passing.send("GET", "/providers/raw/models", key))[0] == 403
    assert (await passing.send("GET", "/providers/openai/files", key))[0] == 403
    inside = passing.new_key(policy={"endpoints": ["/v1/*"]})
    assert (await passing.send("GET", "/providers/raw/files/f1", inside))[0] == 403
    mini = passing.new_key(policy={"models": ["raw/mini"]})
    assert (await passing.send("POST", "/providers/raw/chat", mini, json={"model": "mini"}))[0] == 200
    for body in ({"model": "large"}, {}, {"model": 3}):
        assert (await passing.send("POST", "/providers/raw/chat", mini, json=body))[0] == 403
    twice = b'{"model": "large", "model": "mini"}'
    await passing.send("POST", "/providers/raw/chat", mini, data=twice, headers={"content-type": "application/json"})
    assert passing.raw.requests[-1][1] == b'{"model":"mini"}'
    assert (await passing.send("POST", "/providers/raw/chat", mini, data=b"multipart"))[0] == 403
    assert (await passing.send("POST", "/providers/raw/models/large:go", mini, json={"model": "mini"}))[0] == 403


async def test_the_limits_of_a_models_deployment_hold_here_too(passing: Passing) -> None:
    async def asked() -> tuple[int, Any]:
        return await passing.send("POST", "/providers/raw/chat", json={"model": "tight"})

    assert [(await asked())[0] for _ in range(2)] == [200, 200]
    status, refused = await asked()
    assert status == 429
    assert "'own' has no room" in refused["error"]["message"]
    assert len(passing.raw.requests) == 2
    assert [span.deployment for span in passing.spans()] == ["own"] * 3
    assert passing.spans()[0].request_model == "raw/tight"


async def test_limits_and_budgets_hold_here_too(passing: Passing) -> None:
    once = passing.new_key(limits=Limits(requests_per_minute=1))
    assert (await passing.send("GET", "/providers/raw/models", once))[0] == 200
    assert (await passing.send("GET", "/providers/raw/models", once))[0] == 429
    passing.openai.say(*[Answer(usage=Usage(100, 1_000_000))] * 3)
    poor = passing.new_key(budgets=(Budget(usd=Decimal("0.50")),))
    assert (await passing.send("POST", "/providers/openai/chat/completions", poor, json=CHAT))[0] == 200
    status, refused = await passing.send("POST", "/providers/openai/chat/completions", poor, json=CHAT)
    assert (status, refused["error"]["code"]) == (429, "insufficient_quota")
    assert (await passing.send("GET", "/providers/raw/models", poor))[0] == 200  # reading costs nothing


@pytest.mark.parametrize("body", [{"json": {"model": "unheard-of"}}, {"json": {"x": 1}}, {"data": b"opaque"}])
async def test_what_cannot_be_priced_is_refused_under_a_budget_in_usd(passing: Passing, body: dict[str, Any]) -> None:
    poor = passing.new_key(budgets=(Budget(usd=Decimal(5)),))
    status, answer = await passing.send("POST", "/providers/raw/audio", poor, **body)
    assert (status, answer["error"]["code"]) == (400, "invalid_config")
    assert not passing.raw.requests
    status, _ = await passing.send("POST", "/providers/raw/audio", **body)
    assert status == 200
    passed = passing.spans()[-1]
    assert (passed.usage is None) == (passed.request_model is None)  # no tokens are made up for an upload


async def test_an_answer_that_tells_no_usage_is_charged_its_bound(passing: Passing) -> None:
    async def queued(request: web.Request) -> web.Response:
        return web.json_response({"id": "resp_1", "status": "queued", "usage": None})

    passing.raw.answer = queued
    await passing.send(
        "POST", "/providers/raw/responses", json={"model": "m", "max_output_tokens": 70, "background": True}
    )
    (span,) = passing.spans()
    assert span.attributes["charged"] == "bound"
    assert span.usage is not None
    assert span.usage.output_tokens == 70


async def test_a_reservation_that_cannot_be_noted_holds_nothing(
    passing: Passing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object, record: object) -> None:
        if isinstance(record, Reservation):
            raise StorageError("the disk fails")

    secret, key = passing.platform.keys.create(
        "caller", settings=KeySettings(budgets=(Budget(usd=Decimal(1), period="total"),))
    )
    monkeypatch.setattr(type(passing.platform.recorder), "record", refuse)
    assert (await passing.send("POST", "/providers/openai/chat/completions", secret, json=CHAT))[0] == 503
    (standing,) = await passing.platform.counters.standings([f"key:{key.key_id}|total"])
    assert standing is not None
    assert standing.held_nano == 0


async def test_failures_of_the_provider(passing: Passing) -> None:
    passing.openai.say(Answer(fault="rate_limit", retry_after=7), Answer(fault="auth"))
    status, answer = await passing.send("POST", "/providers/openai/chat/completions", json=CHAT)
    assert (status, answer["error"]["code"]) == (429, "rate_limit_exceeded")
    status, answer = await passing.send("POST", "/providers/openai/chat/completions", json=CHAT)
    assert (status, answer["error"]["code"]) == (502, "provider_auth")  # our key, not the caller's
    status, answer = await passing.send("POST", "/providers/gone/chat/completions", json=CHAT)
    assert (status, answer["error"]["code"]) == (503, "provider_unavailable")

    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"location": "http://evil.example"})

    passing.raw.answer = elsewhere
    status, answer = await passing.send("GET", "/providers/raw/x")
    assert (status, answer["error"]["code"]) == (502, "provider_protocol_error")
    assert [span.error_code for span in passing.spans()] == [
        "rate_limit_exceeded", "provider_auth", "provider_unavailable", "provider_protocol_error",
    ]  # fmt: skip
    assert all(span.usage is None and span.cost_nano is None for span in passing.spans())


async def test_bodies_stream_both_ways(passing: Passing) -> None:
    """Each side waits for a piece of the other's before it sends more, so neither body can have been gathered."""
    seen, go_on = asyncio.Event(), asyncio.Event()

    async def echo(request: web.Request) -> web.StreamResponse:
        first = await request.content.readany()
        seen.set()
        response = web.StreamResponse(headers={"content-type": "application/octet-stream"})
        await response.prepare(request)
        await response.write(first)
        await go_on.wait()
        await response.write(await request.content.read())
        return response

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await seen.wait()
        await go_on.wait()
        yield b"x" * 3_000_000

    passing.raw.answer = echo
    headers = {"authorization": f"Bearer {passing.key}", "content-type": "application/octet-stream"}
    async with (
        asyncio.timeout(20),
        passing.session.post(f"{passing.address}/providers/raw/upload", data=pieces(), headers=headers) as response,
    ):
        assert await response.content.readexactly(5) == b"first"
        go_on.set()
        assert len(await response.content.read()) == 3_000_000


async def test_an_answer_that_breaks_off_breaks_off_for_the_caller(passing: Passing) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "application/json", "content-length": "1000"})
        await response.prepare(request)
        await response.write(b'{"a": ')
        assert request.transport is not None
        request.transport.close()
        return response

    passing.raw.answer = broken
    with pytest.raises(aiohttp.ClientPayloadError):
        await passing.send("GET", "/providers/raw/x")
    assert passing.spans()[0].status == "error"
