"""The cheap features of a request, one by one."""

from typing import Any

import numpy as np
import pytest

from pilothouse.gateway.routing.difficulty import FEATURES, INPUTS, features, row
from pilothouse.types import ChatRequest


def chat(text: Any, **fields: Any) -> ChatRequest:
    return ChatRequest({"model": "m", "messages": [{"role": "user", "content": text}], **fields})


def of(request: ChatRequest) -> dict[str, float]:
    return dict(zip(FEATURES, features(request), strict=True))


def test_an_empty_message_has_no_features_but_its_turn() -> None:
    values = of(chat(""))
    assert values.pop("turns") == 1
    assert not any(values.values())


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("a b c", "log_words"), ("what?", "questions"), ("One. Two. Three.", "sentences"), ("1234", "digits"),
        ("def f(x): return x", "code"), ("x^2 = 4", "formulas"), ("first do this, then that", "steps"),
        ("it must hold without loss", "constraints"), ("- one\n- two", "listed"), ("explain why", "reasoning"),
        ("write a report", "artefact"),
    ],
)  # fmt: skip
def test_a_text_raises_the_feature_it_is_about(text: str, feature: str) -> None:
    assert of(chat(text))[feature] > of(chat("x"))[feature]


def test_tools_images_and_turns_count() -> None:
    image = [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    body = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    request = ChatRequest({"model": "m", "messages": [*body["messages"], {"role": "user", "content": image}]})
    assert of(request)["images"] == 1
    assert of(request)["turns"] == 2
    assert of(chat("a", tools=[{"type": "function"}]))["tools"] == 1


def test_a_row_is_the_vector_and_the_features() -> None:
    made = row(chat("hello"), np.full(384, 0.5, dtype=np.float32))
    assert made.shape == (len(INPUTS),)
    assert made[0] == 0.5
    assert made[384] == pytest.approx(np.log1p(1))
