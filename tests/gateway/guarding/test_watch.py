from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from pilothouse.call import Call
from pilothouse.config import Config
from pilothouse.errors import Blocked
from pilothouse.gateway import Gateway
from pilothouse.gateway.dialects.messages import read_request
from pilothouse.gateway.dialects.responses import checked_response, response_request
from pilothouse.guards.policy import Policies
from pilothouse.guards.registry import GROUP, Guards
from pilothouse.guards.text.length import Length
from pilothouse.guards.text.words import Words
from pilothouse.observe.prompt_calls import GUARDED
from pilothouse.plugins import Registry
from pilothouse.types import ChatChunk, ChatRequest, Operation, Usage

from ..conftest import gateway_of
from ..scripted import Recording, Scripted, piece, whole

ACME: dict[str, Any] = {"use": "words", "words": ["acme"], "kind": "name"}
Make = Callable[..., tuple[Gateway, Scripted]]


def gateway_with(policy: dict[str, Any], *steps: Any, models: dict[str, Any] | None = None) -> tuple[Gateway, Scripted]:
    provider = Scripted(*steps)
    config = Config.model_validate({
        "providers": {"a": {"kind": "openai"}},
        "models": {
            "m": {"deployments": [{"provider": "a", "model": "x"}], "resilience": {"retries": 0}, "guards": ["p"]},
            "plain": {"deployments": [{"provider": "a", "model": "x"}]},
            **(models or {}),
        },
        "guards": {"policies": {"p": policy}},
    })  # fmt: skip
    gateway = gateway_of(config, {"a": provider})
    guards = Guards(Registry(GROUP, {"length": Length, "words": Words}))
    gateway.runtime = replace(gateway.runtime, guards=Policies(config.guards, guards))
    return gateway, provider


def ask(text: str = "hello", *, operation: Operation = "chat", stream: bool = False, **more: Any) -> ChatRequest:
    body: dict[str, Any] = {"model": "m", "stream": stream, **more}
    match operation:
        case "messages":
            return read_request({**body, "max_tokens": 9, "messages": [{"role": "user", "content": text}]})
        case "responses":
            return response_request(checked_response({**body, "input": text}))
        case "text_completion":
            return ChatRequest.check({**body, "prompt": text}, "text_completion")
    return ChatRequest.check({"messages": [{"role": "user", "content": text}], **body})


async def answered(gateway: Gateway, request: ChatRequest, call: Call) -> list[ChatChunk]:
    async with aclosing(gateway.chat(request, call)) as chunks:
        return [chunk async for chunk in chunks]


def text_of(chunks: Sequence[ChatChunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


async def test_a_blocked_input_reaches_nobody_and_is_told(recording: Recording) -> None:
    gateway, provider = gateway_with({"input": [ACME]}, whole("hi"))
    with pytest.raises(Blocked, match=r"The guard 'words' of the policy 'p' stopped this.") as caught:
        await answered(gateway, ask("tell me of Acme"), Call(recording))
    assert (caught.value.guard, caught.value.policy) == ("words", "p")
    assert not provider.requests
    guard, span = recording.spans
    assert (guard.kind, guard.parent_id, guard.attributes["guard_action"]) == ("guard", span.id, "block")
    assert span.attributes["guards"] == ["words:block"]
    assert span.attributes[GUARDED] is True
    assert (span.status, span.error_code) == ("error", "guard_blocked")
    assert span.versions["guards"].startswith("p@")


async def test_a_call_without_a_policy_is_not_looked_at(recording: Recording) -> None:
    gateway, _ = gateway_with({"input": [ACME]}, whole("hi"))
    assert text_of(await answered(gateway, ask("Acme", model="plain"), Call(recording))) == "hi"
    assert "guards" not in recording.spans[0].versions


@pytest.mark.parametrize("operation", ["chat", "text_completion", "messages", "responses"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_refusal_answers_in_every_dialect(recording: Recording, operation: Operation, stream: bool) -> None:
    gateway, provider = gateway_with({"input": [ACME], "refusal": "Not here."}, whole("hi"))
    chunks = await answered(gateway, ask("acme", operation=operation, stream=stream), Call(recording))
    assert text_of(chunks) == "Not here."
    assert "content_filter" in [chunk.finish_reason for chunk in chunks]
    assert not provider.requests
    assert recording.spans[-1].cost_nano is None


@pytest.mark.parametrize("operation", ["chat", "text_completion", "messages", "responses"])
async def test_what_is_redacted_is_neither_sent_nor_kept(recording: Recording, operation: Operation) -> None:
    gateway, provider = gateway_with({"input": [{**ACME, "action": "redact"}]}, whole("hi"))
    await answered(gateway, ask("I work at Acme now", operation=operation), Call(recording))
    (sent,) = provider.requests
    assert sent.last_user_text() == "I work at [name] now"
    assert "Acme" not in msgspec.json.encode(recording.spans[-1].input).decode()


@pytest.mark.parametrize("operation", ["chat", "text_completion", "messages", "responses"])
async def test_an_answer_is_redacted_in_every_dialect(recording: Recording, operation: Operation) -> None:
    gateway, _ = gateway_with({"output": [{**ACME, "action": "redact"}]}, whole("Ask Acme."))
    chunks = await answered(gateway, ask(operation=operation), Call(recording))
    assert text_of(chunks) == "Ask [name]."
    assert b"Acme" not in b"".join(chunk.raw for chunk in chunks)
    assert b"[name]" in chunks[-1].raw


@pytest.mark.parametrize("operation", ["chat", "text_completion", "messages", "responses"])
async def test_a_stream_is_redacted_in_every_event_that_tells_its_text(
    recording: Recording, operation: Operation
) -> None:
    gateway, _ = gateway_with(
        {"output": [{**ACME, "action": "redact"}]}, piece("Ask A"), piece("cm"), piece("e now"), piece(finish="stop")
    )
    chunks = await answered(gateway, ask(operation=operation, stream=True), Call(recording))
    assert text_of(chunks) == "Ask [name] now"
    assert b"cme" not in b"".join(chunk.raw for chunk in chunks).lower()
    assert recording.spans[-1].output is not None
    assert "[name]" in msgspec.json.encode(recording.spans[-1].output).decode()


@pytest.mark.parametrize("operation", ["chat", "text_completion", "messages", "responses"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("action", "said", "finish"), [("block", "", "content_filter"), ("fallback", "Sorry.", "stop")]
)
async def test_an_answer_that_is_stopped_never_leaves(
    recording: Recording, operation: Operation, stream: bool, action: str, said: str, finish: str
) -> None:  # fmt: skip
    steps = [piece("Ask Ac"), piece("me"), piece(finish="stop")] if stream else [whole("Ask Acme")]
    gateway, provider = gateway_with({"output": [{**ACME, "action": action}], "fallback": "Sorry."}, *steps)
    chunks = await answered(gateway, ask(operation=operation, stream=stream), Call(recording))
    assert text_of(chunks) == said
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason][-1] == finish
    assert not any(b"Acme" in chunk.raw or b'"me"' in chunk.raw for chunk in chunks)
    assert provider.closed == 1
    assert recording.spans[-1].attributes[GUARDED] is True


async def test_a_model_is_asked_again_with_what_is_to_be_mended(recording: Recording) -> None:
    gateway, provider = gateway_with(
        {"output": [{"use": "length", "at_most": 2, "action": "retry"}], "retries": 2}, whole("far too long an answer")
    )
    chunks = await answered(gateway, ask(), Call(recording))
    assert text_of(chunks) == "I cannot answer that."
    assert len(provider.requests) == 3
    *_, answer, correction = provider.requests[1].messages
    assert answer == {"role": "assistant", "content": "far too long an answer"}
    assert "Write at most 2 tokens." in correction["content"]
    assert recording.spans[-1].attributes["guard_retries"] == 2


async def test_each_answer_is_charged_where_it_was_given(recording: Recording) -> None:
    policy = {"output": [{"use": "length", "at_most": 2, "action": "retry"}]}
    gateway, provider = gateway_with(policy, whole("far too long an answer", Usage(5, 7)))
    await answered(gateway, ask(), Call(recording))
    assert [span.usage for span in recording.spans if span.kind == "llm"] == [Usage(5, 7), Usage(5, 7)]
    gateway, provider = gateway_with({"output": [ACME]}, whole("Acme", Usage(5, 3)))
    await answered(gateway, ask(), Call(recording))
    assert recording.spans[-1].usage == Usage(5, 3)
    assert len(provider.requests) == 1


async def test_a_stream_that_is_cut_off_is_charged_for_what_came(recording: Recording) -> None:
    gateway, _ = gateway_with({"output": [ACME]}, piece("a long way " * 40 + "to Acme"), piece(" and on", "stop"))
    await answered(gateway, ask("hello", stream=True), Call(recording))
    usage = recording.spans[-1].usage
    assert usage is not None
    assert usage.estimated
    assert usage.output_tokens >= 110
    assert usage.input_tokens > 0


async def test_an_input_is_written_anew_and_looked_at_again(recording: Recording) -> None:
    policy = {"input": [{**ACME, "action": "rephrase"}], "rephraser": "plain"}
    gateway, provider = gateway_with(policy, whole("a kind question"))
    await answered(gateway, ask("acme!"), Call(recording))
    assert [one.last_user_text() for one in provider.requests] == ["acme!", "a kind question"]
    gateway, provider = gateway_with(policy, whole("still acme"))
    with pytest.raises(Blocked):
        await answered(gateway, ask("acme!"), Call(recording))
    assert len(provider.requests) == 1


async def test_what_is_only_flagged_changes_nothing(recording: Recording) -> None:
    gateway, _ = gateway_with(
        {"input": [{**ACME, "action": "flag"}], "output": [{**ACME, "action": "shadow"}]}, whole("Acme")
    )
    assert text_of(await answered(gateway, ask("Acme"), Call(recording))) == "Acme"
    assert recording.spans[-1].attributes["guards"] == ["words:flag", "words:shadow"]
