"""Prompts of the registry as callers name them: in each dialect, with rights, errors and a record."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from sqlalchemy import event, select

from pilothouse.access.audit import SYSTEM
from pilothouse.access.shapes import KeySettings
from pilothouse.app import Platform, build
from pilothouse.call import Call, Span
from pilothouse.client import AsyncClient
from pilothouse.errors import StorageError
from pilothouse.observe.prompt_calls import COLUMNS
from pilothouse.prompts.content import content_of
from pilothouse.prompts.experiments.shape import Experiment
from pilothouse.prompts.registry import Prompts
from pilothouse.settings import Settings
from pilothouse.storage.tables import prompt_calls
from pilothouse.testing import Answer
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import MADE_FROM, ChatRequest, Json

pytestmark = pytest.mark.asyncio(loop_scope="module")

RAG: Json = {
    "template": [
        {"role": "system", "content": "Answer in {{ language }}. {% include 'tone' %}"},
        {"role": "user", "content": "{{ question }}"},
    ],
    "variables": {"language": {"default": "English"}, "question": {}},
    "model": "chat",
    "params": {"temperature": 0.25, "max_tokens": 77},
}
SYSTEM_TEXT = "Answer in English. Be kind."
MESSAGES = [{"role": "system", "content": SYSTEM_TEXT}, {"role": "user", "content": "Why?"}]
WHY = {"question": "Why?"}
FRESH = {"cache-control": "no-store"}


@dataclass
class Told:
    status: int
    headers: Any
    body: Any


@dataclass
class House:
    platform: Platform
    address: str
    key: str
    upstream: OpenAIServer
    claude: AnthropicServer

    @property
    def registry(self) -> Prompts:
        return self.platform.prompts.prompts

    def add(self, name: str, content: Json, *labels: str) -> int:
        return self.registry.create("default", name, content_of(content), by=SYSTEM, labels=labels).number

    async def post(self, path: str, body: Json, key: str | None = None, **headers: str) -> Told:
        sent = {"authorization": f"Bearer {key or self.key}", **headers}
        async with aiohttp.ClientSession() as http, http.post(self.address + path, json=body, headers=sent) as answer:
            raw = await answer.read()
            return Told(answer.status, answer.headers, msgspec.json.decode(raw) if raw[:1] == b"{" else raw)

    async def chat(self, body: Json, key: str | None = None, **headers: str) -> Told:
        return await self.post("/v1/chat/completions", body, key, **headers)

    def span(self, told: Told) -> Span:
        self.platform.drainer.flush()
        return self.platform.traces.get(told.headers["x-pilothouse-trace-id"]).spans[0]

    def row(self, told: Told) -> Json | None:
        self.platform.drainer.flush()
        mine = select(prompt_calls).where(prompt_calls.c.trace_id == told.headers["x-pilothouse-trace-id"])
        with self.platform.store.observe.connect() as connection:
            found = connection.execute(mine).all()
        assert len(found) <= 1
        return dict(zip(COLUMNS, found[0], strict=True)) if found else None

    def limited(self, *models: str) -> str:
        return self.platform.keys.create("app", settings=KeySettings.model_validate({"policy": {"models": models}}))[0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, models_dir: Any) -> AsyncIterator[House]:
    home = tmp_path_factory.mktemp("prompting")
    async with OpenAIServer() as upstream, AnthropicServer() as claude:
        config: Json = {
            "providers": {
                "wire": {
                    "kind": "openai",
                    "base_url": f"{upstream.url}/v1",
                    "api_key": "k",
                    "options": {"responses": True},
                },
                "claude": {"kind": "anthropic", "base_url": claude.url, "api_key": "k"},
            },
            "models": {
                "chat": {"deployments": [{"provider": "wire", "model": "wire-model"}], "exact_cache": {"ttl": 60}},
                "other": {"deployments": [{"provider": "wire", "model": "other-model"}]},
                "claude": {"deployments": [{"provider": "claude", "model": "claude-wire"}]},
            },
        }
        path = home / "pilothouse.yaml"
        path.write_text(msgspec.json.encode(config).decode())
        with build(Settings(home=home / "home", config=path, models=models_dir)) as platform:
            async with platform.server("127.0.0.1", 0).running() as address:
                made = House(platform, address, platform.keys.in_process(), upstream, claude)
                made.add("tone", {"template": "Be kind."}, "production")
                made.add("rag", RAG, "production")
                made.add("plain", {"template": "Say {{ word }}.", "model": "chat"}, "production")
                yield made


@pytest.fixture(autouse=True)
def _fresh(house: House) -> None:
    for server in (house.upstream, house.claude):
        server.requests.clear()


@pytest.mark.parametrize(
    "named",
    [
        {"prompt": {"name": "rag", "variables": WHY}},
        {"prompt": {"name": "rag", "label": "production", "variables": WHY}},
        {"prompt": {"name": "rag@1", "variables": WHY}},
        {"prompt": {"id": "rag", "version": "1", "variables": WHY}},
        {"prompt": {"id": "rag", "version": "latest", "variables": WHY}},
        {"model": "prompt:rag", "prompt": {"variables": WHY}},
        {"model": "prompt:rag#latest", "prompt": {"variables": WHY}, "messages": []},
    ],
    ids=range(7),
)
async def test_a_prompt_makes_the_request(house: House, named: Json) -> None:
    told = await house.chat(named, **FRESH)
    assert told.status == 200, told.body
    assert told.headers["x-pilothouse-prompt"] == "rag@1"
    sent = house.upstream.last.body
    assert sent["messages"] == MESSAGES
    assert (sent["model"], sent["temperature"], sent["max_tokens"]) == ("wire-model", 0.25, 77)
    assert "prompt" not in sent


async def test_the_callers_own_fields_win_and_its_messages_follow(house: House) -> None:
    more = {"role": "user", "content": "And then?"}
    asked = {"prompt": {"name": "rag", "variables": WHY}, "model": "other", "messages": [more]}
    await house.chat({**asked, "temperature": 0, "max_completion_tokens": 5, "stop": None})
    sent = house.upstream.last.body
    assert (sent["model"], sent["temperature"], sent["max_completion_tokens"]) == ("other-model", 0, 5)
    assert "max_tokens" not in sent
    assert "stop" not in sent
    assert sent["messages"] == [*MESSAGES, more]
    await house.chat({"prompt": {"name": "plain", "variables": {"word": "no"}}})
    assert house.upstream.last.body["messages"] == [{"role": "user", "content": "Say no."}]
    await house.chat({"prompt": {"name": "plain", "variables": {"word": "no"}}, "messages": [more]})
    assert house.upstream.last.body["messages"] == [{"role": "system", "content": "Say no."}, more]


async def test_the_record_says_what_was_resolved_and_nobody_resolves_it_again(house: House) -> None:
    asked = {"prompt": {"name": "rag", "variables": WHY}, "user": "ada"}
    told = await house.chat(asked, **FRESH)
    span = house.span(told)
    assert (span.name, span.request_model, span.prompt) == ("chat chat", "chat", "rag@1")
    assert span.attributes["prompt_reference"] == "rag#production"
    assert span.attributes["prompt_label"] == "production"
    assert span.input is not None
    assert span.input["messages"] == MESSAGES
    assert span.input[MADE_FROM] == {"name": "rag", "version": 1, "label": "production", "variables": WHY}
    assert "prompt" not in span.input
    again = await house.chat(span.input)
    assert again.status == 200
    assert MADE_FROM not in house.upstream.last.body
    assert house.span(again).prompt is None
    assert ChatRequest.check(span.input).messages == MESSAGES
    versions = {**house.platform.traces.get(span.trace_id).spans[0].versions}
    assert (versions["prompt"], versions["prompt_parts"]) == ("rag@1", "tone@1")
    row = house.row(told)
    assert row is not None
    assert (row["prompt"], row["version"], row["label"], row["error"], row["refused"]) == ("rag", 1, "production", 0, 0)
    assert house.row(again) is None


async def test_the_cache_sees_what_was_resolved(house: House) -> None:
    """Other variables are another question, however the version was found."""
    first = await house.chat({"prompt": {"name": "plain", "variables": {"word": "cached"}}})
    same = await house.chat({"prompt": {"name": "plain@1", "variables": {"word": "cached"}}})
    other = await house.chat({"prompt": {"name": "plain", "variables": {"word": "another"}}})
    assert [told.headers.get("x-pilothouse-cache") for told in (first, same, other)] == [None, "exact", None]
    row = house.row(same)
    assert row is not None
    assert (row["cached"], row["cost_nano"]) == (1, 0)


async def test_the_official_clients_in_every_dialect_streamed_and_whole(house: House) -> None:
    prompt: Any = {"id": "rag", "version": "1", "variables": {"question": {"type": "input_text", "text": "Why?"}}}
    async with AsyncOpenAI(base_url=f"{house.address}/v1", api_key=house.key) as client:
        response = await client.responses.create(prompt=prompt, input="And then?")
        assert response.output_text == Answer().text
        assert response.prompt is not None
        assert response.prompt.id == "rag"
        sent = house.upstream.last.body
        assert sent["input"] == [
            {"type": "message", "role": "system", "content": SYSTEM_TEXT},
            {"type": "message", "role": "user", "content": "Why?"},
            {"type": "message", "role": "user", "content": "And then?"},
        ]
        assert (sent["max_output_tokens"], sent["temperature"]) == (77, 0.25)
        on = await client.responses.create(prompt=prompt, previous_response_id=response.id, stream=True)
        events = [event.type async for event in on]
        assert events[-1] == "response.completed"
        kinds = [item.get("role") for item in house.upstream.last.body["input"]]
        assert kinds == ["system", "user", "user", "assistant"]
        chat: Any = await client.chat.completions.create(
            model="prompt:rag", messages=[], stream=True, extra_body={"prompt": {"variables": WHY}}
        )
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in chat]) == Answer().text
    more: Any = {"prompt": {"variables": WHY}}
    async with AsyncAnthropic(base_url=house.address, api_key=house.key) as client:
        message = await client.messages.create(model="prompt:rag", messages=[], max_tokens=9, extra_body=more)
        assert message.content[0].type == "text"
        assert house.upstream.last.body["messages"] == MESSAGES
        assert house.upstream.last.body["max_tokens"] == 9
        system: Any = [{"type": "text", "text": "Be quick."}]
        body: Any = {"prompt": {"name": "rag", "variables": WHY}}
        async with client.messages.stream(
            model="claude",
            messages=[{"role": "assistant", "content": "Well,"}],
            max_tokens=9,
            system=system,
            extra_body=body,
        ) as stream:
            assert await stream.get_final_text() == Answer().text
        sent = house.claude.last.body
        assert [block["text"] for block in sent["system"]] == [SYSTEM_TEXT, "Be quick."]
        assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant"]
        counted = await client.messages.count_tokens(model="prompt:rag", messages=[], extra_body=more)
        assert counted.input_tokens > 10


async def test_in_the_background_and_through_our_own_client(house: House) -> None:
    prompt = {"name": "rag", "variables": WHY}
    wrong = await house.post("/v1/responses", {"prompt": {"id": "nothing"}, "background": True})
    assert (wrong.status, wrong.body["error"]["param"]) == (404, "prompt.name")
    begun = await house.post("/v1/responses", {"prompt": prompt, "background": True, "stream": True})
    assert b"response.completed" in begun.body
    assert house.upstream.last.body["input"][0]["content"] == SYSTEM_TEXT
    async with AsyncClient(house.address, house.key) as client:
        answer = await client.chat(prompt=prompt)
        assert answer.text == Answer().text
        assert "".join([chunk.text async for chunk in client.stream(prompt=prompt)]) == Answer().text
        outcomes = await client.parallel([{"prompt": prompt}, {"prompt": {"name": "nothing"}}])
        assert [isinstance(outcome, Exception) for outcome in outcomes] == [False, True]


@pytest.mark.parametrize(
    ("named", "status", "says", "param"),
    [
        ({"prompt": {"name": "nothing"}}, 404, "There are: plain, rag, tone", "prompt.name"),
        ({"model": "prompt:nothing"}, 404, "no prompt 'nothing'", "model"),
        ({"prompt": {"name": "rag", "label": "staging"}}, 404, "production (1), latest (1)", "prompt.label"),
        ({"prompt": {"name": "rag", "version": 9}}, 404, "newest is 1", "prompt.version"),
        ({"prompt": {"name": "rag"}}, 400, "question", "question"),
        ({"prompt": {"name": "rag", "variables": {**WHY, "extra": 1}}}, 400, "extra", "extra"),
        ({"prompt": {"name": "rag", "variables": {"question": ["a"]}}}, 400, "question", "question"),
        ({"prompt": {"name": "rag", "variables": [1]}}, 400, "object", "prompt.variables"),
        ({"prompt": {"name": "rag", "version": 1, "label": "latest"}}, 400, "not by both", "prompt.label"),
        ({"prompt": {"name": "rag@1", "version": 1}}, 400, "itself", "prompt.name"),
        ({"prompt": {"name": "rag", "id": "rag"}}, 400, "names a prompt", "prompt.name"),
        ({"prompt": {}}, 400, "names a prompt", "prompt.name"),
        ({"prompt": {"name": 3}}, 400, "str", "prompt.name"),
        ({"prompt": {"name": "rag", "varibles": {}}}, 400, "varibles", "prompt"),
        ({"prompt": {"name": "rag", "version": -1}}, 400, "number", "prompt.version"),
        ({"prompt": {"name": "rag", "version": 10**12}}, 400, "number", "prompt.version"),
        ({"prompt": {"name": "rag", "label": "Ü"}}, 400, "label", "prompt.label"),
        ({"prompt": {"name": "a\nb"}}, 400, "str", "prompt.name"),
        ({"prompt": {"name": "x" * 600}}, 400, "512", "prompt.name"),
        ({"prompt": {"name": "x" * 300}}, 400, "256", "prompt.name"),
        ({"model": "prompt:"}, 400, "1 to 256", "model"),
        ({"model": "prompt:rag@x"}, 400, "number of a version", "model"),
        ({"model": "prompt:rag", "prompt": {"name": "rag"}}, 400, "variables", "prompt"),
        ({"prompt": "rag", "model": "chat"}, 400, "'prompt' is an object here", "prompt"),
        ({"prompt": {"name": "rag", "variables": WHY}, "messages": 3}, 400, "array", "messages"),
        ({"prompt": {"name": "tone"}}, 400, "names no model", "model"),
    ],
    ids=range(26),
)
async def test_what_is_wrong_is_said_and_where(
    house: House, named: Json, status: int, says: str, param: str | None
) -> None:
    told = await house.chat(named)
    error = told.body["error"]
    assert told.status == status, error
    assert says in error["message"]
    assert error["param"] == param
    assert not house.upstream.requests


async def test_an_error_is_recorded_with_its_version_and_told_in_each_dialect(house: House) -> None:
    missing = await house.chat({"prompt": {"name": "rag"}})
    span, row = house.span(missing), house.row(missing)
    assert (span.status, span.error_code, span.prompt) == ("error", "missing_variable", "rag@1")
    assert span.input == {MADE_FROM: {"name": "rag", "version": 1, "label": "production", "variables": {}}}
    assert row is not None
    assert row["error"] == 1
    nothing = await house.chat({"prompt": {"name": "nothing", "version": 2}})
    assert house.span(nothing).attributes["prompt_reference"] == "nothing@2"
    assert house.row(nothing) is None
    native = await house.post("/v1/messages", {"model": "prompt:nothing", "messages": [], "max_tokens": 5})
    assert (native.status, native.body["error"]["type"]) == (404, "not_found_error")
    unknown = await house.post("/v1/responses", {"prompt": {"id": "nothing", "version": "2"}})
    assert (unknown.status, unknown.body["error"]["code"]) == (404, "not_found")
    image = {"question": {"type": "input_image", "image_url": "https://x/y.png"}}
    refused = await house.post("/v1/responses", {"prompt": {"id": "rag", "variables": image}})
    assert (refused.status, refused.body["error"]["param"]) == (400, "prompt.variables.question")
    legacy = await house.post("/v1/completions", {"model": "prompt:rag", "prompt": "x"})
    assert (legacy.status, legacy.body["error"]["code"]) == (400, "unsupported")


async def test_a_key_may_use_the_prompt_or_else_its_model(house: House) -> None:
    named: Json = {"prompt": {"name": "rag", "variables": WHY}}
    assert (await house.chat(named, house.limited("prompt:rag"))).status == 200
    assert (await house.chat(named, house.limited("prompt:*"))).status == 200
    assert (await house.chat(named, house.limited("chat"))).status == 200
    neither = await house.chat(named, house.limited("other", "prompt:tone"))
    assert (neither.status, neither.body["error"]["code"]) == (403, "permission_denied")
    assert "neither 'prompt:rag' nor 'chat'" in neither.body["error"]["message"]
    # What a caller names itself needs a right of its own.
    for own in ({"model": "other"}, {"models": ["other"]}, {"MODEL": "other"}):
        assert (await house.chat({**named, **own}, house.limited("prompt:rag"))).status == 403
    assert (
        await house.chat({"model": "prompt:rag@1", "prompt": {"variables": WHY}}, house.limited("prompt:rag"))
    ).status == 200
    hidden = await house.chat({"prompt": {"name": "nothing"}}, house.limited("other"))
    assert (hidden.status, "rag" in hidden.body["error"]["message"]) == (404, False)
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {house.limited('prompt:p*')}"}) as http:
        listed = await (await http.get(f"{house.address}/v1/models")).json()
    assert [row["id"] for row in listed["data"]] == ["prompt:plain"]


async def test_a_moved_label_counts_with_the_next_call_also_one_inside(house: House) -> None:
    house.add("mood", {"template": "Be calm."}, "production")
    house.add("moved", {"template": "One. {% include 'mood' %}", "model": "chat"}, "production")
    asked: Json = {"model": "prompt:moved"}
    elsewhere = Prompts(house.platform.store.control)  # as another process would
    for text in ("One. Be calm.", "One. Be loud.", "Two."):
        told = await house.chat(asked, **FRESH)
        assert house.upstream.last.body["messages"][0]["content"] == text
        if text.endswith("calm."):
            house.add("mood", {"template": "Be loud."})
            elsewhere.promote("default", "mood", 2, by=SYSTEM)
        else:
            house.add("moved", {"template": "Two.", "model": "chat"}, "production")
    assert told.headers["x-pilothouse-prompt"] == "moved@2"
    pinned = await house.chat({"model": "prompt:moved@1"}, **FRESH)
    assert house.upstream.last.body["messages"][0]["content"] == "One. Be loud."
    assert house.span(pinned).versions["prompt_parts"] == "mood@2"


@contextmanager
def _away(house: House) -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise StorageError("the database is away")

    engine = house.platform.store.control
    event.listen(engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", refuse)


async def test_a_database_that_is_away_leaves_what_is_in_memory(house: House) -> None:
    named: Json = {"prompt": {"name": "rag", "variables": WHY}}
    assert (await house.chat(named)).status == 200
    book = house.platform.prompts.book
    with _away(house):
        book.drop()
        assert (await house.chat(named)).status == 200
        assert (await house.chat({"model": "chat", "messages": MESSAGES})).status == 200
        unknown = await house.chat({"prompt": {"name": "never-asked"}})
        assert (unknown.status, unknown.body["error"]["code"]) == (503, "storage_unavailable")
    book._rest_until = 0.0  # the tests that follow need not wait until it is asked again
    assert (await house.chat(named)).status == 200


async def test_many_at_once_while_the_label_moves(house: House) -> None:
    house.add("busy", {"template": "v1 {{ n }}", "model": "other"}, "production")
    house.add("busy", {"template": "v2 {{ n }}", "model": "other"})

    async def move() -> None:
        for version in (2, 1) * 5:
            await asyncio.to_thread(house.registry.promote, "default", "busy", version, by=SYSTEM)

    asked = [house.chat({"prompt": {"name": "busy", "variables": {"n": str(n)}}}) for n in range(40)]
    answers = (await asyncio.gather(move(), *asked))[1:]
    assert {told.status for told in answers} == {200}
    said = {request.body["messages"][0]["content"] for request in house.upstream.requests}
    assert {text[3:] for text in said} == {str(n) for n in range(40)}
    for told in answers[:5]:
        span = house.span(told)
        assert span.input is not None
        assert span.prompt == f"busy@{span.input['messages'][0]['content'][1]}"


async def test_a_refusal_is_told_on_the_span(house: House) -> None:
    named: Json = {"prompt": {"name": "plain", "variables": {"word": "bad"}}}
    for answer in (
        Answer(text="I'm sorry, but I can't help with that."),
        Answer(text="", finish_reason="content_filter"),
    ):
        for stream in (False, True):
            house.upstream.say(answer)
            row = house.row(await house.chat({**named, "stream": stream}, **FRESH))
            assert row is not None
            assert row["refused"] == 1
    house.upstream.say(Answer(text="I'm sorry, but I can't help with that."))
    plain = await house.chat({"model": "other", "messages": MESSAGES})
    assert "refused" not in house.span(plain).attributes


async def test_what_evaluation_asks_is_no_traffic_of_the_prompt(house: House) -> None:
    platform = house.platform
    call = Call(platform.recorder, endpoint="evals")
    body = {"prompt": {"name": "rag", "version": 1, "variables": WHY}, "model": "other", "temperature": 1}
    said = [chunk.text async for chunk in platform.gateway.chat(ChatRequest.check(body), call)]
    assert said == [Answer().text]
    told = Told(200, {"x-pilothouse-trace-id": call.trace_id}, None)
    assert (house.span(told).prompt, house.row(told)) == ("rag@1", None)


@contextmanager
def _running(house: House, *designs: Json) -> Iterator[None]:
    """These experiments run in the project, half of the users in each arm."""
    rest: Json = {
        "status": "running",
        "unit": "user",
        "primary": "cost",
        "ranges": [(0, 10_000)],
        "project_id": "default",
    }
    made = [Experiment.model_validate({**rest, "name": design["id"], **design}) for design in designs]
    book = house.platform.prompts.book
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book, "_read_running", lambda project: made if project == "default" else ())
        book.drop()
        yield
    book.drop()


async def test_an_experiment_on_a_label_chooses_the_version(house: House) -> None:
    house.add("split", {"template": "old", "model": "other"}, "production")
    house.add("split", {"template": "new", "model": "other"})
    target = {"prompt": "split", "label": "production"}
    arms = [{"name": "control"}, {"name": "new", "version": 2, "model": "chat"}]
    asked: Json = {"model": "prompt:split"}
    with _running(house, {"id": "e1", "target": target, "arms": arms, "versions": {"control": 1, "new": 2}}):
        seen: dict[str, tuple[str, str, str]] = {}
        for user in [f"user-{n}" for n in range(12)] * 2:
            told = await house.chat({**asked, "user": user}, **FRESH)
            sent = house.upstream.last.body
            got = (told.headers["x-pilothouse-experiment"], told.headers["x-pilothouse-prompt"], sent["model"])
            assert seen.setdefault(user, got) == got
        assert {*seen.values()} == {("e1/control", "split@1", "other-model"), ("e1/new", "split@2", "wire-model")}
        row, span = house.row(told), house.span(told)
        assert row is not None
        assert (row["experiment_id"], row["arm"], row["unit"], row["label"]) == (
            "e1", span.attributes["arm"], "user-11", "production",
        )  # fmt: skip
        # Whoever has no unit, names a version, or chooses the model itself where the arm is one, is in no experiment.
        # Neither is a key that may not use each arm's model, whichever arm its user would be in.
        new, old = (next(user for user, got in seen.items() if got[1] == f"split@{version}") for version in (2, 1))
        limited = house.limited("other")
        for more, key in (
            ({}, None),
            ({"model": "prompt:split@1", "user": new}, None),
            *(({"model": "other", "prompt": {"name": "split"}, "user": user}, None) for user in (new, old)),
            *(({"model": None, "prompt": {"name": "split"}, "user": user}, limited) for user in (new, old)),
        ):
            told = await house.chat({**asked, **more}, key, **FRESH)
            assert told.status == 200, told.body
            assert (told.headers["x-pilothouse-prompt"], house.upstream.last.body["model"]) == (
                "split@1",
                "other-model",
            )
            assert "x-pilothouse-experiment" not in told.headers
            row = house.row(told)
            assert row is not None
            assert row["experiment_id"] is None
        for key in (house.limited("other", "chat"), house.limited("prompt:split")):
            told = await house.chat({"prompt": {"name": "split"}, "user": new}, key, **FRESH)
            assert told.headers["x-pilothouse-experiment"] == "e1/new"


async def test_an_experiment_on_a_model_chooses_the_model(house: House) -> None:
    arms = [{"name": "now", "model": "other"}, {"name": "new", "model": "chat"}]
    plain: Json = {"model": "other", "messages": MESSAGES}
    prompted: Json = {"prompt": {"name": "rag", "variables": WHY}, "model": "other"}
    key, limited = house.limited("other", "chat", "prompt:rag"), house.limited("other")
    with _running(house, {"id": "e2", "target": {"model": "other"}, "arms": arms}):
        for body in (plain, prompted):
            seen = set()
            for n in range(12):
                told = await house.chat({**body, "user": f"user-{n}"}, key, **FRESH)
                seen.add((told.headers["x-pilothouse-experiment"], house.upstream.last.body["model"]))
            assert seen == {("e2/now", "other-model"), ("e2/new", "wire-model")}
        row, span = house.row(told), house.span(told)
        for n in range(6):  # a key that may not use the model of one arm is in none
            left = await house.chat({**plain, "user": f"user-{n}"}, limited, **FRESH)
            assert (house.upstream.last.body["model"], house.row(left)) == ("other-model", None)
        assert row is not None
        assert (row["prompt"], row["experiment_id"], span.request_model) == ("rag", "e2", "other")
        call = Call(house.platform.recorder, endpoint="evals", user_id="user-1")
        assert [chunk async for chunk in house.platform.gateway.chat(ChatRequest.check(plain), call)]
        told = Told(200, {"x-pilothouse-trace-id": call.trace_id}, None)
        assert house.row(told) is None
    with _running(house, {"id": "e3", "target": {"model": "other"}, "arms": arms, "status": "decided", "outcome": {
        "kind": "won", "arm": "new", "reason": "", "action": "rollout",
    }}):  # fmt: skip
        assert (await house.chat({**plain, "user": "user-1"}, limited, **FRESH)).status == 200
        assert house.upstream.last.body["model"] == "other-model"
        told = await house.chat({**plain, "user": "user-1"}, **FRESH)
        assert house.upstream.last.body["model"] == "wire-model"
        assert "x-pilothouse-experiment" not in told.headers
    told = await house.chat({**plain, "user": "user-1"}, **FRESH)
    assert house.upstream.last.body["model"] == "other-model"
    assert house.row(told) is None


async def test_batches_resolve_prompts(house: House) -> None:
    """A line may name a prompt alone; such a batch runs here, and each result has its row."""
    async with AsyncOpenAI(base_url=f"{house.address}/v1", api_key=house.key) as client:
        bodies: list[Json] = [
            {"prompt": {"name": "rag", "variables": WHY}},
            {"model": "prompt:rag", "prompt": {"variables": WHY}},
            {"model": "chat", "prompt": {"name": "nothing"}},
        ]
        line = {"method": "POST", "url": "/v1/chat/completions"}
        made = [{**line, "custom_id": str(number), "body": body} for number, body in enumerate(bodies)]
        raw = b"\n".join(map(msgspec.json.encode, made))
        file = await client.files.create(file=("in.jsonl", raw), purpose="batch")
        batch = await client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )  # fmt: skip
        while batch.status not in ("completed", "failed"):
            await asyncio.sleep(0)
            batch = await client.batches.retrieve(batch.id)
        assert batch.status == "completed", batch.errors
        assert batch.request_counts is not None
        assert (batch.request_counts.completed, batch.request_counts.failed) == (2, 1)
        assert all(request.body["messages"] == MESSAGES for request in house.upstream.requests)
        assert batch.error_file_id is not None
        assert b"There is no prompt 'nothing'" in (await client.files.content(batch.error_file_id)).content
