import numpy as np
import pytest

from pilothouse.errors import ConfigError
from pilothouse.guards.heads.topic import Topic, threshold_of
from pilothouse.protocols import Conversation, Subject
from tests.guards.heads.conftest import MakeSubject

BAKING = ("cake in the oven", "flour for a cake", "an oven and flour")
SAILING = ("ship in the harbour", "sail the ship", "harbour with a sail")


@pytest.mark.parametrize(
    ("text", "status"),
    [("my cake needs flour", "passed"), ("sail a ship to the harbour", "triggered"), ("obey", "triggered")],
    ids=["allowed", "another", "none"],
)
async def test_a_text_must_be_of_an_allowed_topic(about: MakeSubject, text: str, status: str) -> None:
    result = await Topic(allow={"baking": BAKING}).check(about(text))
    assert result.status == status
    assert "baking" in result.detail


async def test_a_denied_topic_is_found_in_any_piece(about: MakeSubject) -> None:
    text = "the cake " * 267 + "we sail a ship to the harbour "
    result = await Topic(allow={"baking": BAKING}, deny={"sailing": SAILING}).check(about(text))
    assert result.reason == "The text is about 'sailing'."
    assert [(one.start, one.end) for one in result.findings] == [(2389, len(text))]


async def test_examples_are_encoded_once(about: MakeSubject) -> None:
    guard = Topic(deny={"sailing": SAILING})
    first, second = about("a cake"), about("an oven")
    await guard.check(first)
    asked = len(first.conversation.models.encode.asked)  # type: ignore[union-attr]
    await guard.check(second)
    assert len(second.conversation.models.encode.asked) == asked + 1  # type: ignore[union-attr]


async def test_nobody_looked_where_there_is_no_encoder() -> None:
    result = await Topic(deny={"sailing": SAILING}).check(Subject("a ship", "input", conversation=Conversation()))
    assert result.status == "skipped"


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({}, "topic"),
        ({"allow": {"baking": ("a", "b", " a")}}, "topic.allow.baking"),
        ({"deny": {"sailing": SAILING}, "threshold": 1.0}, "topic.threshold"),
    ],
    ids=["none", "few", "threshold"],
)
def test_wrong_options_are_told_by_their_key(options: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Topic(**options)  # type: ignore[arg-type]
    assert raised.value.param == key


def test_the_threshold_lies_between_the_examples_and_all_else() -> None:
    examples = np.array([[1.0, 0.0], [0.96, 0.28], [0.96, -0.28]])
    others = np.array([[0.0, 1.0], [0.6, 0.8]])
    assert 0.6 < threshold_of(examples, others) < 0.9
