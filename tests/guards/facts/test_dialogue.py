from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.guards.facts.dialogue import Dialogue
from pilothouse.protocols import Conversation, Models, Subject
from pilothouse.testing.record import new_call

from .conftest import Direct

INTENTS = {
    "order": ("I would like to order a pizza", "Can I order two pizzas please?"),
    "pay": ("I want to pay now", "Charge my credit card"),
    "cancel": ("Cancel my order", "I do not want the order any more"),
}
FLOWS = {"start": ("order",), "order": ("order", "pay", "cancel"), "pay": ()}


def asked(encode: Direct, *said: str) -> Subject:
    """The last of these, after the others."""
    messages = [{"role": "user", "content": text} for text in said]
    models = Models(make_call=new_call, encode=encode)  # type: ignore[arg-type]
    return Subject(said[-1], "input", conversation=Conversation(question=said[-1], messages=messages, models=models))


@pytest.mark.parametrize(
    ("said", "state", "intent", "status"),
    [
        (("I'd like to order a pizza",), "start", "order", "passed"),
        (("I want to pay with my credit card now",), "start", "pay", "triggered"),
        (("I'd like to order a pizza", "I want to pay with my card now"), "order", "pay", "passed"),
        (("I'd like to order a pizza", "What is the weather on Mars?", "I want to pay now"), "order", "pay", "passed"),
        (("I want to pay now", "Cancel my order, please"), "pay", "cancel", "triggered"),
        (("Cancel my order", "I want to pay now"), "cancel", "pay", "passed"),
    ],
    ids=["first", "not first", "next", "past what is unknown", "nothing may follow", "anything may follow"],
)
async def test_what_may_come_next(
    encode: Direct, said: tuple[str, ...], state: str, intent: str, status: str
) -> None:  # fmt: skip
    result = await Dialogue(intents=INTENTS, flows=FLOWS).check(asked(encode, *said))
    assert (result.status, result.detail) == (status, {"state": state, "intent": intent})


@pytest.mark.parametrize(("unknown", "status"), [("allow", "passed"), ("stop", "triggered")])
async def test_what_is_like_no_example(encode: Direct, unknown: Any, status: str) -> None:
    guard = Dialogue(intents=INTENTS, flows=FLOWS, unknown=unknown)
    assert (await guard.check(asked(encode, "What is the weather on Mars?"))).status == status


async def test_what_is_as_near_to_two_has_no_intent(encode: Direct) -> None:
    guard = Dialogue(intents={**INTENTS, "again": ("I want to pay now",)}, flows=FLOWS)
    result = await guard.check(asked(encode, "I want to pay now"))
    assert result.detail == {"state": "start", "intent": None}


async def test_examples_are_encoded_once(encode: Direct) -> None:
    guard = Dialogue(intents=INTENTS, flows=FLOWS)
    for _ in range(2):
        await guard.check(asked(encode, "I want to pay now"))
    assert encode.texts.count("Charge my credit card") == 1


async def test_only_the_last_word_of_a_person_is_judged(encode: Direct) -> None:
    guard, subject = Dialogue(intents=INTENTS, flows=FLOWS), asked(encode, "I want to pay now")
    assert (await guard.check(Subject("Pay!", "input", "system", subject.conversation))).status == "skipped"
    assert (await guard.check(Subject("Pay!", "input", "user", subject.conversation))).status == "skipped"


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"intents": {"start": ("x",)}}, "intents.start"),
        ({"intents": {"order": ()}}, "intents.order"),
        ({"flows": {"order": ("dance",)}}, "flows.order"),
        ({"flows": {"order": ("start",)}}, "flows.order"),
        ({"margin": 2}, "margin"),
    ],
    ids=["start", "no example", "no intent", "back to start", "margin"],
)
def test_wrong_options(options: dict[str, Any], param: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        Dialogue(**{"intents": INTENTS, "flows": FLOWS, **options})
    assert wrong.value.param == f"dialogue.{param}"
