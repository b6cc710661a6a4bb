import math
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest

from pilothouse.call import Call
from pilothouse.errors import ConfigError, ProviderTimeout
from pilothouse.guards.remote.llama_guard import LlamaGuard
from pilothouse.protocols import Conversation, Models, Subject
from pilothouse.testing.record import new_call
from pilothouse.types import ChatChunk, ChatRequest


class Answering:
    """A gateway whose model says this."""

    def __init__(self, text: str = "safe", logprobs: Any = None, error: Exception | None = None) -> None:
        self.text, self.logprobs, self.error = text, logprobs, error
        self.asked: list[ChatRequest] = []

    async def __call__(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        self.asked.append(request)
        if self.error is not None:
            raise self.error
        choice = {"message": {"role": "assistant", "content": self.text}, "logprobs": self.logprobs}
        yield ChatChunk(msgspec.json.encode({"choices": [choice]}), self.text)


def about(chat: Answering, text: str = "Tell me.", stage: Any = "input") -> Subject:
    models = Models(make_call=new_call, chat=chat)
    return Subject(text, stage, conversation=Conversation(question="How?", models=models))


@pytest.mark.parametrize(
    ("said", "categories", "status", "reason"),
    [
        ("\n\nsafe", (), "passed", ""),
        ("unsafe\nS2,S10", (), "triggered", "Llama Guard finds it unsafe: S2 (non_violent_crimes), S10 (hate)."),
        ("unsafe\nS2, S10", ("S10",), "triggered", "Llama Guard finds it unsafe: S10 (hate)."),
        ("unsafe\nS2", ("S10",), "passed", ""),
        ("unsafe", ("S10",), "triggered", "Llama Guard finds it unsafe: no category."),
        ("I cannot help with that.", (), "failed", "'guard' says neither safe nor unsafe."),
        ("", (), "failed", "'guard' says neither safe nor unsafe."),
    ],
)
async def test_what_the_model_says_is_read(said: str, categories: tuple[str, ...], status: str, reason: str) -> None:
    result = await LlamaGuard(model="guard", categories=categories).check(about(Answering(said)))
    assert (result.status, result.reason) == (status, reason)


async def test_an_answer_is_judged_with_its_question() -> None:
    chat = Answering()
    await LlamaGuard(model="guard").check(about(chat, "So.", "output"))
    (request,) = chat.asked
    assert request.body["messages"] == [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "So."}]


async def test_a_threshold_looks_at_the_first_word_with_letters() -> None:
    likely = [{"token": "safe", "logprob": math.log(0.6)}, {"token": "un", "logprob": math.log(0.3)}]
    logprobs = {
        "content": [{"token": "\n\n", "logprob": 0.0}, {"token": "safe", "logprob": -0.5, "top_logprobs": likely}]
    }
    chat = Answering("safe", logprobs)
    result = await LlamaGuard(model="guard", threshold=0.3).check(about(chat))
    assert (result.status, result.score) == ("triggered", pytest.approx(1 / 3))
    assert chat.asked[0].body["logprobs"] is True
    assert (await LlamaGuard(model="guard", threshold=0.4).check(about(chat))).status == "passed"
    assert (await LlamaGuard(model="guard", threshold=0.4).check(about(Answering("safe")))).status == "failed"


async def test_a_model_that_cannot_be_asked_is_a_failed_look() -> None:
    result = await LlamaGuard(model="guard").check(about(Answering(error=ProviderTimeout("It is slow."))))
    assert (result.status, result.reason) == ("failed", "'guard' could not be asked: It is slow.")
    assert (await LlamaGuard(model="guard").check(Subject("x", "input"))).status == "skipped"


@pytest.mark.parametrize("options", [{"categories": ("S15",)}, {"threshold": 1.0}], ids=["category", "threshold"])
def test_wrong_options(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=rf"llama_guard\.{next(iter(options))}"):
        LlamaGuard(model="guard", **options)
