from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pilothouse.models import Encoder
from pilothouse.protocols import Conversation, Models, Subject
from pilothouse.testing.record import new_call

PASSAGES = (
    "The pump holds twelve litres of water. It was built in Leeds in 1987.",
    "Close the red valve before the tank is drained. Wear gloves.",
)

Ask = Callable[..., Subject]


class Direct:
    """The encoder itself; `texts` are those that it has read."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder, self.texts = encoder, list[str]()

    async def __call__(self, texts: Sequence[str]) -> Any:
        self.texts += texts
        return self.encoder.encode(texts)


@pytest.fixture
def encode(encoder: Encoder) -> Direct:
    return Direct(encoder)


@pytest.fixture
def answer(encode: Direct) -> Ask:
    """An answer, to a question and over passages."""

    def made(text: str, question: str = "Tell me about the pump.", passages: Sequence[str] = PASSAGES) -> Subject:
        models = Models(make_call=new_call, encode=encode)  # type: ignore[arg-type]
        return Subject(text, "output", "assistant", Conversation(question=question, passages=passages, models=models))

    return made
