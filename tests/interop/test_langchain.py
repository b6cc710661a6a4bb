"""`langchain-openai`, unmodified, with a model of every vendor behind the gateway."""

from typing import Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel, SecretStr

from .conftest import Door

TEXT = "Hello there, this is the answer."


class City(BaseModel):
    """A city."""

    city: str


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"12 degrees in {city}"


@pytest.fixture(params=[False, True], ids=["chat", "responses"])
def model(request: pytest.FixtureRequest, door: Door, wire: str) -> ChatOpenAI:
    """Over /v1/chat/completions and over /v1/responses."""
    return ChatOpenAI(
        model=wire, base_url=door.v1, api_key=SecretStr(door.key), max_retries=0, max_completion_tokens=64,
        use_responses_api=request.param,
    )  # fmt: skip


def test_invoke(model: ChatOpenAI) -> None:
    answer = model.invoke("Hello?")
    assert answer.text == TEXT
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] == 18


def test_stream(model: ChatOpenAI) -> None:
    assert "".join(chunk.text for chunk in model.stream("Hello?")) == TEXT


async def test_async_stream_and_batch(model: ChatOpenAI) -> None:
    assert "".join([chunk.text async for chunk in model.astream("Hello?")]) == TEXT
    assert [answer.text for answer in await model.abatch(["Hello?", "You?"])] == [TEXT, TEXT]


def test_tools_there_and_back(model: ChatOpenAI) -> None:
    able = model.bind_tools([weather])
    asked: list[Any] = [HumanMessage("How warm is it in Oslo?")]
    answer = able.invoke(asked)
    (call,) = answer.tool_calls
    assert (call["name"], call["args"]) == ("weather", {"city": "Oslo"})
    asked += [answer, ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])]
    assert able.invoke(asked).text == "The tool says: 12 degrees in Oslo"


def test_structured_output(model: ChatOpenAI) -> None:
    assert model.with_structured_output(City).invoke("Where?") == City(city="Oslo")


def test_embeddings(door: Door, wire: str) -> None:
    if wire == "anthropic":
        pytest.skip("Anthropic has no embeddings")
    embeddings = OpenAIEmbeddings(
        model=f"{wire}-embed", base_url=door.v1, api_key=SecretStr(door.key), check_embedding_ctx_length=False
    )
    one, two = embeddings.embed_documents(["a", "b"])
    assert len(one) == len(two) == len(embeddings.embed_query("a"))
