"""Answers that are to have a form, on their way through the gateway: mended, asked for again, given up."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from pilothouse.call import Call
from pilothouse.gateway.guarding.forms import asked_schema, with_form
from pilothouse.gateway.guarding.regions import read_again
from pilothouse.types import ChatChunk, ChatRequest, Operation

from ..scripted import Recording, Scripted, piece, whole
from .test_watch import answered, ask, gateway_with, text_of

SCHEMA: dict[str, Any] = {
    "type": "object", "required": ["age"], "properties": {"age": {"type": "integer"}}, "additionalProperties": False,
}  # fmt: skip
FORM = {"output": [{"use": "json_schema", "schema": SCHEMA}], "fallback": "Sorry.", "retries": 2}
BROKEN, BAD, GOOD = "Sure:\n```json\n{'age': 36,}\n```", '{"age": "old"}', '{"age": 36}'


class Telling(Scripted):
    """Answers each request with the next of its texts, whole or in pieces."""

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self._texts = [*texts]

    async def chat(self, request: ChatRequest, call: Call) -> AsyncIterator[ChatChunk]:
        self.requests.append(request)
        text = self._texts.pop(0)
        if not request.stream:
            yield whole(text)
            return
        for at in range(0, len(text), 4):
            yield piece(text[at : at + 4])
        yield piece(finish="stop")


def told(policy: dict[str, Any], *texts: str) -> tuple[Any, Telling]:
    provider = Telling(*texts)
    gateway, _ = gateway_with(policy, provider=provider)
    return gateway, provider


@pytest.mark.parametrize("operation", ["chat", "messages", "responses"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_what_can_be_mended_leaves_mended_and_nobody_is_asked_again(
    recording: Recording, operation: Operation, stream: bool
) -> None:
    gateway, provider = told(FORM, BROKEN)
    answer = await answered(gateway, ask(operation=operation, stream=stream), Call(recording))
    assert text_of(answer) == GOOD
    assert len(provider.requests) == 1
    assert recording.spans[-1].attributes["guards"] == ["json_schema:repair"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_what_cannot_is_asked_for_again_with_the_exact_error(recording: Recording, stream: bool) -> None:
    gateway, provider = told(FORM, BAD, GOOD)
    assert text_of(await answered(gateway, ask(stream=stream), Call(recording))) == GOOD
    before, said = provider.requests[1].messages[-2:]
    assert before == {"role": "assistant", "content": BAD}
    assert '- /age: expected integer, but it is "old"' in said["content"]
    span = next(one for one in recording.spans if one.attributes.get("guard_retries"))
    assert span.attributes["guards"] == ["json_schema:retry"]


async def test_asking_again_ends_with_the_fallback(recording: Recording) -> None:
    gateway, provider = told(FORM, BAD, BAD, BAD)
    assert text_of(await answered(gateway, ask(), Call(recording))) == "Sorry."
    assert len(provider.requests) == 3


@pytest.mark.parametrize("operation", ["chat", "messages", "responses"])
async def test_the_schema_of_the_request_holds_where_the_guard_has_none(
    recording: Recording, operation: Operation
) -> None:
    form: dict[str, Any] = {
        "chat": {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}},
        "messages": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        "responses": {"text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}}},
    }[operation]
    gateway, provider = told({"output": ["json_schema"]}, BAD, GOOD, "As you like.")
    asked = read_again(request := ask(operation=operation), {**request.body, **form})
    assert text_of(await answered(gateway, asked, Call(recording))) == GOOD
    assert text_of(await answered(gateway, ask(operation=operation), Call(recording))) == "As you like."
    assert len(provider.requests) == 3


async def test_a_blocking_guard_takes_only_what_came_in_its_form(recording: Recording) -> None:
    gateway, _ = told({"output": [{"use": "json_schema", "schema": SCHEMA, "action": "block"}]}, BROKEN)
    (answer,) = await answered(gateway, ask(), Call(recording))
    assert (answer.text, answer.finish_reason) == ("", "content_filter")
    assert msgspec.json.decode(answer.raw)["choices"][0]["finish_reason"] == "content_filter"


@pytest.mark.parametrize("operation", ["chat", "messages", "responses"])
async def test_a_native_guard_has_the_model_asked_for_its_schema(recording: Recording, operation: Operation) -> None:
    gateway, provider = told({"output": [{"use": "json_schema", "schema": SCHEMA, "native": True}]}, GOOD, GOOD)
    await answered(gateway, request := ask(operation=operation), Call(recording))
    assert asked_schema(provider.requests[0]) == SCHEMA
    own = with_form(gateway.runtime.guards.of(["p"]).at("output"), request)
    assert with_form(gateway.runtime.guards.of(["p"]).at("output"), own) is own
    text = ask(operation="text_completion")
    assert with_form(gateway.runtime.guards.of(["p"]).at("output"), text) is text
