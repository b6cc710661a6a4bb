from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from pilothouse.call import Call
from pilothouse.config import Config, Lockout
from pilothouse.errors import Blocked, TooManyRequests
from pilothouse.gateway import Gateway
from pilothouse.gateway.dialects.messages import read_request
from pilothouse.gateway.dialects.responses import checked_response, response_request
from pilothouse.gateway.guarding.entering import Said
from pilothouse.gateway.guarding.watch import ANSWERED, HOLD, UNREAD
from pilothouse.observe.prompt_calls import GUARDED
from pilothouse.passages import format_passages
from pilothouse.principal import Policy, Principal
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, Hit, Operation, Usage

from ..conftest import gateway_of
from ..scripted import Recording, Scripted, piece, whole
from .streams import check_stream

ACME: dict[str, Any] = {"use": "words", "words": ["acme"], "kind": "name"}
Make = Callable[..., tuple[Gateway, Scripted]]


def gateway_with(
    policy: dict[str, Any], *steps: Any, models: dict[str, Any] | None = None, provider: Scripted | None = None
) -> tuple[Gateway, Scripted]:  # fmt: skip
    provider = provider or Scripted(*steps)
    config = Config.model_validate({
        "providers": {"a": {"kind": "openai"}},
        "models": {
            "m": {"deployments": [{"provider": "a", "model": "x"}], "resilience": {"retries": 0}, "guards": ["p"]},
            "plain": {"deployments": [{"provider": "a", "model": "x"}]},
            **(models or {}),
        },
        "guards": {"policies": {"p": policy, "q": {"output": [{**ACME, "action": "fallback"}]}}},
    })  # fmt: skip
    return gateway_of(config, {"a": provider}), provider


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
    assert guard.attributes["verdict"] == "block"
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
    check_stream(operation, chunks)
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
    steps = [piece("Ac"), piece("me"), piece(" and so on", "stop")] if stream else [whole("Ask Acme")]
    gateway, provider = gateway_with({"output": [{**ACME, "action": action}], "fallback": "Sorry."}, *steps)
    chunks = await answered(gateway, ask(operation=operation, stream=stream), Call(recording))
    assert text_of(chunks) == said
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason][-1] == finish
    assert not any(b"Acme" in chunk.raw or b'"me"' in chunk.raw for chunk in chunks)
    assert provider.closed == 1
    about = recording.spans[-1].attributes
    assert (about[GUARDED], about[ANSWERED]) == (True, "cut" if action == "block" else "fallback")
    if stream:
        check_stream(operation, chunks)


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


async def test_one_span_tells_of_a_guard_however_many_texts_it_found_something_in(recording: Recording) -> None:
    gateway, _ = gateway_with({"input": [{**ACME, "action": "redact"}]}, whole("hi"))
    said = [{"role": "user", "content": "acme"}, {"role": "assistant", "content": "Acme?"}] * 3
    request = ChatRequest.check({"model": "m", "messages": [*said, {"role": "user", "content": "acme acme"}]})
    await answered(gateway, request, Call(recording))
    (guard,) = [span for span in recording.spans if span.kind == "guard"]
    assert (guard.attributes["guard_findings"], guard.attributes["guard_kinds"]) == (8, ["name"])


async def test_what_no_guard_looks_at_is_named(recording: Recording) -> None:
    gateway, _ = gateway_with({"input": [ACME]}, whole("hi"))
    parts = [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    await answered(gateway, ChatRequest.check({"model": "m", "messages": [{"role": "user", "content": parts}]}),
                   Call(recording))  # fmt: skip
    await gateway.embed(EmbedRequest.check({"model": "m", "input": "acme"}), Call(recording))
    assert [span.attributes[UNREAD] for span in recording.spans] == [["image_url"], ["embeddings"]]


async def test_only_what_passed_is_stored_and_for_its_own_policy_alone(recording: Recording) -> None:
    cached = {"deployments": [{"provider": "a", "model": "x"}], "exact_cache": {}}
    models = {"m": {**cached, "guards": ["p"]}, "plain": cached}
    gateway, provider = gateway_with({"output": [{**ACME, "action": "redact"}]}, whole("Ask Acme"), models=models)
    strict = Principal("default", "k", "caller", policy=Policy(guards=("q",)))

    async def said(**more: Any) -> str:
        return text_of(await answered(gateway, ask(), Call(recording, key_id="k", **more)))

    assert [await said(), await said(), await said(principal=strict), await said()] == [
        "Ask [name]", "Ask [name]", "I cannot answer that.", "Ask [name]",
    ]  # fmt: skip
    assert len(provider.requests) == 2
    assert await said(principal=strict) == "I cannot answer that."  # what was stopped is not kept
    assert len(provider.requests) == 3


async def test_a_preview_withholds_what_would_be_changed_and_records_what_is_blocked(recording: Recording) -> None:
    gateway, provider = gateway_with({"input": [{**ACME, "action": "redact"}]}, whole("hi"))
    made = await gateway.preview(ask("acme!"), Call(recording))
    assert isinstance(made, ChatRequest)
    assert made.last_user_text() == "[name]!"
    assert recording.spans == []
    gateway, _ = gateway_with({"input": [ACME]}, whole("hi"))
    with pytest.raises(Blocked):
        await gateway.preview(ask("acme!"), Call(recording))
    assert [(span.kind, span.error_code) for span in recording.spans] == [("guard", None), ("chain", "guard_blocked")]
    gateway, _ = gateway_with({"input": [ACME], "refusal": "No."}, whole("hi"))
    assert await gateway.preview(ask("acme!"), Call(recording)) == Said("No.", "content_filter", "refusal")
    assert not provider.requests


async def test_calls_inside_know_the_policies_and_the_passages_of_those_around_them(recording: Recording) -> None:
    """As the answerer of a corpus does: it finds passages and asks a model of its own."""
    gateway, provider = gateway_with({"retrieval": [ACME]}, whole("hi"))
    outer = Call(recording)
    await answered(gateway, ask(), outer)
    passages = format_passages([Hit("1", "of Acme", "a.md"), Hit("2", "of others", "b.md")])
    inner = outer.child(recording.spans[-1])
    await answered(gateway, ask(f"{passages}\n\nQuestion: what?", model="plain"), inner)
    assert "Acme" not in provider.requests[-1].last_user_text()
    assert [one.strip() for one in outer.passages] == ["of others"]


async def test_a_stream_that_is_only_watched_leaves_as_it_came(recording: Recording) -> None:
    steps = [piece("Ask Ac"), piece("me", "stop")]
    gateway, _ = gateway_with({"output": [{**ACME, "action": "flag"}]}, *steps)
    assert await answered(gateway, ask(stream=True), Call(recording)) == steps
    assert recording.spans[-1].attributes["guards"] == ["words:flag"]
    assert recording.spans[-1].attributes[HOLD] == 0


async def test_a_user_whose_calls_are_blocked_is_locked_out(recording: Recording) -> None:
    gateway, provider = gateway_with({"input": [ACME]}, whole("hi"))
    config = gateway.runtime.snapshot.config
    users = config.users.model_copy(update={"lockout": Lockout(triggers=2)})
    snapshot = replace(gateway.runtime.snapshot, config=config.model_copy(update={"users": users}))
    gateway.runtime = replace(gateway.runtime, snapshot=snapshot)
    for text, error in (("acme", Blocked), ("hello", None), ("acme", Blocked), ("hello", TooManyRequests)):
        if error is None:
            await answered(gateway, ask(text), Call(recording, user_id="eve"))
            continue
        with pytest.raises(error):
            await answered(gateway, ask(text), Call(recording, user_id="eve"))
    assert recording.spans[-1].error_code == "rate_limit_exceeded"
    await answered(gateway, ask("hello"), Call(recording, user_id="ada"))
    assert len(provider.requests) == 2
