"""The wire server itself, asked with a plain HTTP client."""

import asyncio
import http.client
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from pilothouse.testing import Answer
from pilothouse.testing.openai_server import OpenAIServer

BODY = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
HEADERS = {"authorization": "Bearer k"}


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def client(server: OpenAIServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.url, headers=HEADERS) as client:
        yield client


async def post(client: aiohttp.ClientSession, **fields: object) -> tuple[int, bytes]:
    async with client.post("/v1/chat/completions", json={**BODY, **fields}) as response:
        return response.status, await response.read()


async def test_what_it_answers_and_in_which_order(server, client):
    server.say(Answer(text="first"), Answer(text="second"))
    texts = []
    for model in ("m?text=knob", "m", "m?text=knob", "m"):
        _, raw = await post(client, model=model)
        texts.append(json.loads(raw)["choices"][0]["message"]["content"])
    assert texts == ["first", "second", "knob", Answer().text]


async def test_requests_are_kept(server, client):
    await post(client, model="m", extra=1)
    assert server.last.method == "POST"
    assert server.last.path == "/v1/chat/completions"
    assert server.last.headers["authorization"] == "Bearer k"
    assert server.last.body == {**BODY, "extra": 1}
    assert server.heard.turns[0].text == "Hi"
    assert not server.last.disconnected


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "c"}]}, "preceding message"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tools": [{}]}, "not as the format has it"),
        ({"response_format": "json"}, "not as the format has it"),
        ({"model": None}, "model"),
        ({"model": "m?knob=1"}, "no knob named knob"),
    ],
)
async def test_it_refuses_what_the_format_does_not_allow(server, client, fields, words):
    status, raw = await post(client, **fields)
    assert status == 400
    assert words in json.loads(raw)["error"]["message"]


async def test_it_refuses_strangers_and_unknown_paths(server, client):
    async with client.post("/v1/chat/completions", json=BODY, headers={"authorization": "Bearer "}) as response:
        assert response.status == 401
    async with client.post("/v1/nowhere", json=BODY) as response:
        assert response.status == 404
    async with client.post("/v1/chat/completions", data=b"{") as response:
        assert response.status == 400


async def test_a_client_that_leaves_is_noticed(server, client):
    server.say(Answer(fault="hang_midway"))
    async with client.post("/v1/chat/completions", json={**BODY, "stream": True}) as response:
        assert await response.content.readany()
    await asyncio.wait_for(asyncio.wrap_future(server.last.gone), 30)
    assert server.last.disconnected


async def test_a_stream_breaks_as_told(server, client):
    server.say(Answer(fault="reset_midway"))
    with pytest.raises(aiohttp.ClientError):
        await post(client, stream=True)
    server.say(Answer(fault="half_frame"))
    _, raw = await post(client, stream=True)
    assert not raw.endswith(b"\n\n")
    server.say(Answer(fault="cut"))
    _, raw = await post(client, stream=True)
    assert raw.endswith(b"\n\n")
    assert b"[DONE]" not in raw


def test_on_a_thread_of_its_own():
    with OpenAIServer(Answer(text="From a thread.")) as server:
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
        connection.request("POST", "/v1/chat/completions", json.dumps(BODY), HEADERS)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        assert answer["choices"][0]["message"]["content"] == "From a thread."
        assert len(server.requests) == 1
