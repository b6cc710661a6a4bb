from typing import Any

from pilothouse.client import AsyncClient
from pilothouse.guards.looking import Local, Remote
from pilothouse.protocols import Conversation


async def test_a_policy_here_and_one_at_a_server_are_told_in_the_same_words() -> None:
    local = Local.of({"output": [{"use": "words", "words": ["acme"], "action": "redact", "kind": "name"}]})
    assert (local.looks_at("output"), local.looks_at("input")) == (True, False)
    conversation = Conversation(question="Who?", system="Be brief.", passages=["One."])
    asked: list[Any] = []

    class Server(AsyncClient):
        async def request(self, method: str, path: str, body: Any = None, *, timeout: Any = None) -> Any:
            asked.append((method, path, body))
            return await local.look(body["text"], body["stage"], conversation)

    remote = Remote("careful", lambda: Server("http://127.0.0.1:1"))
    told = await remote.look("It is ACME.", "output", conversation)
    assert (told["action"], told["text"]) == ("redact", "It is [name].")
    assert asked == [
        ("POST", "/api/guards/check", {
            "text": "It is ACME.", "stage": "output", "policies": ["careful"], "question": "Who?",
            "system": "Be brief.", "passages": ["One."],
        }),
    ]  # fmt: skip
