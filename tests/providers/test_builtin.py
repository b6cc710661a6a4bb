import asyncio
import base64
import struct
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from pilothouse.config import ProviderConfig
from pilothouse.errors import InvalidRequest, UnknownModel, Unsupported
from pilothouse.passages import format_passages
from pilothouse.protocols import Provider
from pilothouse.providers.builtin import BuiltinProvider
from pilothouse.providers.extractive import NEEDS_PASSAGES
from pilothouse.testing import ask, chat_request, new_call
from pilothouse.testing.hashing import HashingEncoder
from pilothouse.types import EmbedRequest, EmbedResponse, Hit, Json, Usage


class Encode:
    """Hashed words instead of the real encoder."""

    def __init__(self) -> None:
        self._encoder = HashingEncoder(384)

    async def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encoder.encode(texts)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [self._encoder.count_tokens(text) for text in texts]


@pytest.fixture
def builtin() -> BuiltinProvider:
    return BuiltinProvider("builtin", ProviderConfig(), Encode())


async def embed(provider: BuiltinProvider, **fields: object) -> EmbedResponse:
    return await provider.embed(EmbedRequest.check({"model": "minilm", "input": "a text", **fields}), new_call())


def test_it_is_a_provider(builtin):
    assert isinstance(builtin, Provider)


async def test_models(builtin):
    assert await builtin.models() == ["echo", "extractive", "minilm"]
    await builtin.aclose()


# ---- echo


async def test_a_message_of_blanks_takes_no_time_that_grows_with_its_square(builtin):
    blanks = await ask(builtin, chat_request(f"a{' ' * 1_000_000}", model="echo"))
    assert (blanks.text, blanks.usage) == ("a", Usage(1, 1))


@pytest.mark.parametrize("text", ["Hello there,  you\n\nold 漢字 friend.", "one", "", " led by a space"])
async def test_echo_says_it_again(builtin, text):
    whole = await ask(builtin, chat_request(text, model="echo"))
    streamed = await ask(builtin, chat_request(text, model="echo", stream=True))
    assert whole.text == streamed.text == text
    assert whole.finish_reason == streamed.finish_reason == "stop"
    words = len(text.split())
    assert whole.usage == streamed.usage == Usage(words, words)
    assert len([chunk for chunk in streamed.chunks if chunk.text]) == words


async def test_echo_reads_the_last_user_message_and_counts_all(builtin):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "First."},
        {"role": "user", "content": [{"type": "text", "text": "Second one."}]},
        {"role": "assistant", "content": "Yes?"},
    ]
    got = await ask(builtin, chat_request(model="echo", messages=messages))
    assert (got.text, got.usage) == ("Second one.", Usage(6, 2))


@pytest.mark.parametrize("stream", [False, True])
async def test_echo_stops_at_max_tokens(builtin, stream):
    got = await ask(builtin, chat_request("one two three", model="echo", max_tokens=2, stream=stream))
    assert (got.text, got.finish_reason, got.usage) == ("one two", "length", Usage(3, 2))


async def test_a_long_echo_lets_other_work_run(builtin):
    ran = asyncio.Event()
    asyncio.get_running_loop().call_soon(ran.set)
    await ask(builtin, chat_request("word " * 1000, model="echo", stream=True))
    assert ran.is_set()


# ---- extractive


async def test_extractive_answers_from_the_passages_of_the_prompt(builtin):
    hits = [Hit("1", "Birds sing.", "a.md"), Hit("2", "The default port is 8484.", "b.md")]
    content = f"{format_passages(hits)}\n\nQuestion: What is the default port?"
    whole = await ask(builtin, chat_request(content, model="extractive"))
    streamed = await ask(builtin, chat_request(content, model="extractive", stream=True))
    assert whole.text == streamed.text == "The default port is 8484. [2]"
    assert whole.usage == Usage(len(content.split()), 6)
    assert len(streamed.chunks) > 3


async def test_extractive_without_passages_says_what_it_needs(builtin):
    got = await ask(builtin, chat_request("What is the default port?", model="extractive", max_tokens=500))
    assert got.text == NEEDS_PASSAGES


# ---- minilm


async def test_embeddings_as_floats_and_as_base64(builtin):
    expected = HashingEncoder(384).encode(["a text", "another"])
    floats = msgspec.json.decode((await embed(builtin, input=["a text", "another"])).raw)
    packed = msgspec.json.decode((await embed(builtin, input=["a text", "another"], encoding_format="base64")).raw)
    assert floats["object"] == "list"
    assert floats["model"] == "minilm"
    assert floats["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    for rows in (_rows(floats), [struct.unpack("<384f", base64.b64decode(row)) for row in _rows(packed)]):
        assert np.array_equal(np.array(rows, np.float32), expected)


def _rows(body: Json) -> list:
    assert [row["index"] for row in body["data"]] == list(range(len(body["data"])))
    return [row["embedding"] for row in body["data"]]


async def test_embeddings_are_not_cut_shorter(builtin):
    assert (await embed(builtin, dimensions=384)).usage == Usage(input_tokens=2)
    with pytest.raises(Unsupported, match="384") as caught:
        await embed(builtin, dimensions=128)
    assert caught.value.param == "dimensions"


async def test_embeddings_of_what_cannot_be_read(builtin):
    with pytest.raises(InvalidRequest, match="token ids"):
        await embed(builtin, input=[1, 2, 3])
    with pytest.raises(InvalidRequest, match="2049"):
        await embed(builtin, input=["x"] * 2049)


# ---- wrong models


async def test_unknown_models_are_named_with_those_there_are(builtin):
    with pytest.raises(UnknownModel, match=r"'parrot'.*echo, extractive"):
        await ask(builtin, chat_request(model="parrot"))
    with pytest.raises(UnknownModel, match=r"'minilm'.*echo, extractive"):
        await ask(builtin, chat_request(model="minilm"))
    with pytest.raises(UnknownModel, match=r"'echo'.*minilm"):
        await embed(builtin, model="echo")
