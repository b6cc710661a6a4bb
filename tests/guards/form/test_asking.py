from collections.abc import AsyncIterator
from typing import Any

import pytest

from pilothouse.client import AsyncClient
from pilothouse.errors import InvalidRequest, ProviderUnavailable
from pilothouse.guards.form.asking import Asking, told_in_words
from pilothouse.types import ChatResponse, Json

FORMAT = {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}
ASKED = [{"role": "user", "content": "Who?"}]


class Wire(AsyncClient):
    """A client whose server is a function of the request."""

    def __init__(self, serve: Any) -> None:
        super().__init__("http://127.0.0.1:1")
        self.bodies: list[Json] = []
        self._serve = serve

    async def chat(self, model: Any = None, messages: Any = None, *, prompt: Any = None, **params: Any) -> ChatResponse:
        self.bodies.append({"model": model, "messages": messages, **params})
        return ChatResponse({"choices": [{"message": {"content": self._serve(params)}}]})


async def test_a_client_is_sent_the_format_and_the_words_once_that_did_not_help() -> None:
    client = Wire(lambda params: "{}")
    asking = Asking(client, "m", {"temperature": 0}, FORMAT, "Answer so.")
    assert await asking.whole(ASKED) == "{}"
    assert client.bodies[0] == {"model": "m", "messages": ASKED, "temperature": 0, "response_format": FORMAT}
    await asking.whole(ASKED)
    assert client.bodies[1]["messages"][0] == {"role": "system", "content": "Answer so."}


async def test_a_format_that_is_refused_is_said_in_words() -> None:
    def serve(params: Json) -> str:
        if "response_format" in params:
            raise InvalidRequest("'response_format' is not known here.", param="response_format")
        return "{}"

    client = Wire(serve)
    assert await Asking(client, "m", {}, FORMAT, "Answer so.").whole(ASKED) == "{}"
    assert client.bodies[1] == {"model": "m", "messages": told_in_words(ASKED, "Answer so.")}

    def away(params: Json) -> str:
        raise ProviderUnavailable("Nobody is there.")

    with pytest.raises(ProviderUnavailable):
        await Asking(Wire(away), "m", {}, FORMAT, "").whole(ASKED)


async def test_pieces_come_from_any_kind_of_stream() -> None:
    async def sdk(*, messages: Any, stream: bool = False) -> AsyncIterator[Json]:
        assert stream

        async def chunks() -> AsyncIterator[Json]:
            for text in ("a", None, "b"):
                yield {"choices": [{"delta": {"content": text}}]}
            yield {"choices": []}

        return chunks()

    def plain(prompt: str) -> Any:
        return (text for text in ("a", "b"))

    for to in (sdk, plain, lambda text: "ab"):
        assert "".join([piece async for piece in Asking(to, None, {}, None, "").pieces(ASKED)]) == "ab"
    assert await Asking(plain, None, {}, None, "").whole(ASKED) == "ab"


def test_words_join_the_system_message() -> None:
    asked = [{"role": "system", "content": "Be brief."}, *ASKED]
    assert told_in_words(asked, "So.") == [{"role": "system", "content": "Be brief.\n\nSo."}, *ASKED]
