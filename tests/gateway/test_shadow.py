"""Mirrored calls over real sockets: what the candidate is asked, what it is charged to, and that the live call is
untouched by it."""

import asyncio
import textwrap
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from pilothouse.access.shapes import KeySettings
from pilothouse.app import Platform, build
from pilothouse.call import Span
from pilothouse.config import Budget
from pilothouse.gateway.shadow import Mirror, said
from pilothouse.lifecycle.shadow import ShadowReports
from pilothouse.settings import Settings
from pilothouse.testing import Answer, ToolCall
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import Usage

HELLO: list[Any] = [{"role": "user", "content": "How long is a rollback?"}]


@dataclass
class Mirrored:
    platform: Platform
    address: str
    live: OpenAIServer
    candidate: OpenAIServer
    client: AsyncOpenAI
    draws: list[float]

    @property
    def mirror(self) -> Mirror:
        return self.platform.mirror

    async def ask(self, model: str = "m", **more: Any) -> Any:
        answer = await self.client.chat.completions.create(model=model, messages=HELLO, **more)
        if more.get("stream"):
            return [chunk async for chunk in answer]
        return answer.choices[0].message.content

    async def spans(self) -> list[Span]:
        """Of the newest trace, once nothing is mirrored any more."""
        await self.mirror.drain()
        self.platform.drainer.flush()
        (row, *_) = self.platform.traces.list(limit=1).rows
        return self.platform.traces.get(row.trace_id).spans

    async def comparison(self) -> Span:
        return next(span for span in await self.spans() if span.operation == "shadow")

    def client_of(self, **settings: Any) -> AsyncOpenAI:
        key = self.platform.keys.create("k", settings=KeySettings(**settings))[0]
        return self.client.with_options(api_key=key)


@pytest.fixture
async def mirrored(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mirrored]:
    draws = [0.0]
    async with OpenAIServer(Answer(text="Four minutes.", usage=Usage(100, 10))) as live, OpenAIServer() as candidate:
        candidate.default = Answer(text="It takes four minutes.", usage=Usage(90, 20))
        config = tmp_path / "pilothouse.yaml"
        config.write_text(
            textwrap.dedent(f"""
            providers:
              live: {{kind: openai, base_url: "{live.url}/v1", api_key: k}}
              other: {{kind: openai, base_url: "{candidate.url}/v1", api_key: k}}
            models:
              m: {{deployments: [{{provider: live, model: a}}], shadow: {{model: new, share: 0.5, per_minute: 3}},
                   exact_cache: {{ttl: 60}}, resilience: {{retries: 0}}}}
              plain: {{deployments: [{{provider: live, model: a}}]}}
              new: {{deployments: [{{provider: other, model: b}}], shadow: {{model: m, share: 1}},
                     exact_cache: {{ttl: 60}}, resilience: {{retries: 0}}}}
              spoken: {{deployments: [{{provider: live, model: a}}], resilience: {{retries: 0}},
                        shadow: {{model: spoken, system: "Be brief.", share: 1}}}}
              hard: {{strategy: complexity, simple: plain, complex: plain, shadow: {{model: new, share: 1}}}}
            prices:
              - {{provider: live, model: a, input: 1, output: 10}}
              - {{provider: other, model: b, input: 2, output: 20}}
            """)
        )
        with build(Settings(home=tmp_path / "home", config=config, models=models_dir)) as platform:
            monkeypatch.setattr(platform.mirror, "_random", lambda: draws[0])
            async with (
                platform.server("127.0.0.1", 0).running() as address,
                AsyncOpenAI(base_url=f"{address}/v1", api_key=platform.keys.in_process(), max_retries=0) as client,
            ):
                yield Mirrored(platform, address, live, candidate, client, draws)


async def test_the_candidate_is_asked_the_same_and_compared(mirrored: Mirrored) -> None:
    assert await mirrored.ask(temperature=0.3) == "Four minutes."
    root, compared, answered = await mirrored.spans()
    assert mirrored.candidate.last.body == {"model": "b", "messages": HELLO, "stream": False, "temperature": 0.3}
    assert (root.request_model, compared.operation, answered.request_model) == ("m", "shadow", "new")
    assert (compared.parent_id, answered.parent_id) == (root.id, compared.id)
    assert "shadow" not in root.attributes
    assert compared.attributes["shadow"] is answered.attributes["shadow"] is True
    told = compared.attributes
    assert (told["shadow_alias"], told["shadow_model"], told["shadow_agrees"]) == ("m", "new", True)
    assert told["shadow_overlap"] == pytest.approx(2 * 2 / 6, abs=1e-4)
    assert isinstance(told["shadow_cosine"], float)
    assert told["shadow_cosine"] > 0.5
    assert told["shadow_length_ratio"] == pytest.approx(22 / 13, abs=1e-3)
    assert told["shadow_cost_delta_nano"] == (90 * 2000 + 20 * 20000) - (100 * 1000 + 10 * 10000)
    assert told["shadow_latency_delta_us"] == answered.duration_us - root.duration_us


async def test_a_prompt_is_tried_on_the_alias_itself(mirrored: Mirrored) -> None:
    given = [{"role": "system", "content": "Tell all."}, {"role": "developer", "content": "At length."}, *HELLO]
    await mirrored.client.chat.completions.create(model="spoken", messages=given)  # type: ignore[arg-type]
    compared = await mirrored.comparison()
    live, tried = (request.body["messages"] for request in mirrored.live.requests)
    assert live == given
    assert tried == [{"role": "system", "content": "Be brief."}, *HELLO]
    (row,) = ShadowReports(mirrored.platform.store.observe).report(0, "default")
    assert (row.alias, row.model, row.agreed) == ("spoken", compared.attributes["shadow_model"], 1)
    assert row.model.startswith("spoken prompt ")


async def test_a_stream_is_compared_whole_and_asked_for_whole(mirrored: Mirrored) -> None:
    chunks = await mirrored.ask(stream=True, stream_options={"include_usage": True})
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Four minutes."
    told = (await mirrored.comparison()).attributes
    assert told["shadow_length_ratio"] == pytest.approx(22 / 13, abs=1e-3)
    assert "stream_options" not in mirrored.candidate.last.body


async def test_other_dialects_are_mirrored_as_chats(mirrored: Mirrored) -> None:
    key = mirrored.platform.keys.in_process()
    async with AsyncAnthropic(base_url=mirrored.address, api_key=key, max_retries=0) as claude:
        await claude.messages.create(model="m", max_tokens=50, messages=HELLO)
    assert (await mirrored.comparison()).attributes["shadow_agrees"] is True
    assert mirrored.candidate.heard.operation == "chat"


@pytest.mark.parametrize(("draw", "asked"), [(0.49, 1), (0.5, 0)])
async def test_a_share_is_sampled(mirrored: Mirrored, draw: float, asked: int) -> None:
    mirrored.draws[0] = draw
    await mirrored.ask()
    await mirrored.mirror.drain()
    assert len(mirrored.candidate.requests) == asked


async def test_the_cap_per_minute_and_the_bound_of_those_that_run(mirrored: Mirrored) -> None:
    for number in range(5):
        await mirrored.ask(seed=number)
        await mirrored.mirror.drain()
    assert len(mirrored.candidate.requests) == 3


async def test_what_is_too_much_at_once_is_dropped(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirrored.mirror, "_at_once", 1)
    mirrored.candidate.say(Answer(fault="hang"))
    await mirrored.ask(seed=1)
    await mirrored.ask(seed=2)
    assert mirrored.mirror.dropped == 1


async def test_cached_answers_are_not_mirrored_and_no_cache_sees_the_candidates(mirrored: Mirrored) -> None:
    for _ in range(2):
        await mirrored.ask()
        await mirrored.mirror.drain()
    assert (len(mirrored.live.requests), len(mirrored.candidate.requests)) == (1, 1)
    await mirrored.ask("new")
    assert len(mirrored.candidate.requests) == 2


async def test_a_candidate_is_not_mirrored_in_its_turn(mirrored: Mirrored) -> None:
    await mirrored.ask()
    assert len(await mirrored.spans()) == 3
    assert len(mirrored.live.requests) == 1


async def test_an_alias_that_leads_elsewhere_is_mirrored_under_its_own_name(mirrored: Mirrored) -> None:
    await mirrored.ask("hard")
    assert (await mirrored.comparison()).attributes["shadow_alias"] == "hard"


async def test_a_failing_candidate_hurts_nobody_and_is_recorded(mirrored: Mirrored) -> None:
    mirrored.candidate.say(Answer(fault="bad_request"))
    assert await mirrored.ask() == "Four minutes."
    span = await mirrored.comparison()
    assert (span.status, "shadow_agrees" in span.attributes) == ("error", False)


async def test_the_live_call_does_not_wait(mirrored: Mirrored) -> None:
    mirrored.candidate.say(Answer(fault="hang"))
    async with asyncio.timeout(30):
        assert await mirrored.ask() == "Four minutes."
        while not mirrored.candidate.requests:  # noqa: ASYNC110 - what another server hears
            await asyncio.sleep(0.01)
    await mirrored.mirror.aclose()
    assert (await mirrored.comparison()).status == "cancelled"


async def test_it_is_charged_to_the_project_and_not_to_key_team_or_user(mirrored: Mirrored) -> None:
    client = mirrored.client_of(budgets=(Budget(usd=Decimal("0.05")),))
    await client.chat.completions.create(model="m", messages=HELLO, max_tokens=100, user="u1")
    live, _, shadow = await mirrored.spans()
    days = (0, 2**31)
    spent = {row.account: row.nano for row in mirrored.platform.ledger.accounts(*days, "default", above=True)}
    assert live.cost_nano == 200_000
    assert shadow.cost_nano == 580_000
    mine = {"key", "user"}
    assert {nano for name, nano in spent.items() if name.partition(":")[0] in mine} == {200_000}
    assert {nano for name, nano in spent.items() if name.partition(":")[0] in ("org", "project")} == {780_000}
    assert spent["model:default/new"] == 580_000
    assert (shadow.key_id, shadow.user_id, shadow.team_id) == (None, None, None)


async def test_without_the_encoder_words_decide(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirrored.mirror, "_encode", None)
    await mirrored.ask()
    told = (await mirrored.comparison()).attributes
    assert (told["shadow_cosine"], told["shadow_agrees"]) == (None, True)
    mirrored.candidate.say(Answer(text="Nobody knows."))
    await mirrored.ask(seed=2)
    assert (await mirrored.comparison()).attributes["shadow_agrees"] is False


async def test_the_report(mirrored: Mirrored) -> None:
    other = Answer(text="Nobody knows.", usage=Usage(90, 20))
    mirrored.candidate.say(Answer(text="Four minutes.", usage=Usage(90, 20)), other, Answer(fault="bad_request"))
    for number in range(3):
        await mirrored.ask(seed=number)
        await mirrored.mirror.drain()
    mirrored.platform.drainer.flush()
    reports = ShadowReports(mirrored.platform.store.observe)
    (row,) = reports.report(0, alias="m")
    assert (row.alias, row.model, row.calls, row.failed, row.agreed, row.agreement) == ("m", "new", 3, 1, 1, 0.5)
    assert row.agreement_interval == pytest.approx((0.0126, 0.9874), abs=1e-3)
    assert row.cost_nano is not None
    assert (row.cost_nano.count, row.cost_nano.mean, row.cost_nano.interval) == (2, 380_000, (380_000, 380_000))
    assert row.latency_us is not None
    assert reports.report(0, alias="plain") == reports.report(2**62) == reports.report(0, "elsewhere") == []
    answer = await mirrored.client.get("/../api/shadow", cast_to=object)
    assert isinstance(answer, list)
    assert (answer[0]["alias"], answer[0]["cost_nano"]["mean"]) == ("m", 380_000)


def test_what_an_answer_says() -> None:
    call = {"function": {"name": "look", "arguments": "{}"}}
    assert said({"choices": [{"message": {"content": "hi", "tool_calls": [call]}}]}) == "hi\nlook({})"
    assert said({"choices": [{"text": "done"}]}) == "done"
    assert said({"choices": []}) == said({}) == ""


async def test_tool_calls_are_compared_too(mirrored: Mirrored) -> None:
    call = ToolCall("1", "look", {"q": "fox"})
    for server in (mirrored.live, mirrored.candidate):
        server.say(Answer(text="", tool_calls=(call,), finish_reason="tool_calls"))
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    await mirrored.ask(tools=[tool])
    assert (await mirrored.comparison()).attributes["shadow_agrees"] is True
