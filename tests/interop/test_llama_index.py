"""`llama-index-llms-openai-like`, unmodified, with a model of every vendor behind the gateway."""

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel

from .conftest import Door

TEXT = "Hello there, this is the answer."


class City(BaseModel):
    """A city."""

    city: str


def weather(city: str) -> str:
    """The weather of a city."""
    return f"12 degrees in {city}"


@pytest.fixture
def llm(door: Door, wire: str) -> OpenAILike:
    return OpenAILike(
        model=wire, api_base=door.v1, api_key=door.key, is_chat_model=True, is_function_calling_model=True,
        should_use_structured_outputs=True, max_retries=0, max_tokens=64,
    )  # fmt: skip


def test_chat(llm: OpenAILike) -> None:
    assert llm.chat([ChatMessage(role="user", content="Hello?")]).message.content == TEXT
    assert llm.complete("Hello?").text == TEXT


def test_stream(llm: OpenAILike) -> None:
    chunks = list(llm.stream_chat([ChatMessage(role="user", content="Hello?")]))
    assert "".join(chunk.delta or "" for chunk in chunks) == TEXT


async def test_async(llm: OpenAILike) -> None:
    assert (await llm.achat([ChatMessage(role="user", content="Hello?")])).message.content == TEXT
    stream = await llm.astream_chat([ChatMessage(role="user", content="Hello?")])
    assert "".join([chunk.delta or "" async for chunk in stream]) == TEXT


def test_tools(llm: OpenAILike) -> None:
    answer = llm.predict_and_call([FunctionTool.from_defaults(weather)], "How warm is it in Oslo?")
    assert answer.response == "12 degrees in Oslo"


def test_structured_output(llm: OpenAILike) -> None:
    assert llm.structured_predict(City, PromptTemplate("Where?")) == City(city="Oslo")
