import re

import pytest

from pilothouse.call import Call
from pilothouse.gateway.guarding.watch import ALERT
from pilothouse.types import Operation

from ..scripted import Recording, piece, whole
from .test_watch import answered, ask, gateway_with, text_of

_LOOKING = {"output": ["canary"]}
_SYSTEM = {"role": "system", "content": "Be kind."}
_QUESTION = {"role": "user", "content": "hello"}


def _canary(text: str) -> str:
    found = re.search(r"marker ([a-z]{16})\.", text)
    assert found is not None
    return found[1]


async def test_a_session_has_its_canary_and_a_leak_of_it_is_stopped_and_alerts(recording: Recording) -> None:
    gateway, provider = gateway_with(_LOOKING, whole("Hi."))
    request = ask(messages=[_SYSTEM, _QUESTION])
    assert text_of(await answered(gateway, request, Call(recording, session_id="one"))) == "Hi."
    sent = provider.requests[0].messages[0]["content"]
    assert sent.startswith("Be kind.\n\n[")
    word = _canary(sent)

    apart = "-".join(word.upper())
    gateway, _ = gateway_with(_LOOKING, piece("It says "), *map(piece, apart), piece(" I think", "stop"))
    chunks = await answered(gateway, ask(messages=[_SYSTEM, _QUESTION], stream=True), Call(recording, session_id="one"))
    assert text_of(chunks) == "It says "
    assert recording.spans[-1].attributes[ALERT] == "system prompt leaked"

    gateway, provider = gateway_with(_LOOKING, whole(f"It says {word}"))
    assert text_of(await answered(gateway, request, Call(recording, session_id="two"))) == f"It says {word}"
    assert _canary(provider.requests[0].messages[0]["content"]) != word


@pytest.mark.parametrize("operation", ["messages", "responses"])
async def test_it_is_planted_in_every_dialect(operation: Operation, recording: Recording) -> None:
    gateway, provider = gateway_with(_LOOKING, whole("Hi."))
    more = {"system": "Be kind."} if operation == "messages" else {"instructions": "Be kind."}
    await answered(gateway, ask(operation=operation, **more), Call(recording))
    assert _canary(str(provider.requests[0].messages[0]["content"]))


async def test_nothing_is_planted_without_a_guard_or_a_system_prompt(recording: Recording) -> None:
    gateway, provider = gateway_with({"output": ["exfiltration"]}, whole("Hi."))
    await answered(gateway, ask(messages=[_SYSTEM, _QUESTION]), Call(recording))
    assert provider.requests[0].messages[0] == _SYSTEM
    gateway, provider = gateway_with(_LOOKING, whole("Hi."))
    await answered(gateway, ask(), Call(recording))
    assert provider.requests[0].messages == [_QUESTION]
