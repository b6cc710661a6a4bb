import pytest

from pilothouse.errors import ConfigError
from pilothouse.guarding import GuardPolicy
from pilothouse.guards.facts.grounding import Grounding
from pilothouse.guards.policy import Placed
from pilothouse.guards.streaming import Outlet
from pilothouse.protocols import Conversation, Subject

from .conftest import Ask

LOOSE = "Napoleon was crowned emperor at Notre-Dame."


async def test_the_claims_that_no_passage_carries_are_found(answer: Ask) -> None:
    text = f"The pump was built in Leeds. {LOOSE} It holds twelve litres of water."
    result = await Grounding().check(answer(text))
    (found,) = result.findings
    assert text[found.start : found.end] == LOOSE
    assert result.reason == "No passage carries 1 of 3 claims."
    assert result.score is not None
    assert result.score > 0.5


async def test_a_conclusion_in_the_words_of_the_passages_passes_though_it_is_wrong(answer: Ask) -> None:
    """What it cannot see, told in its docstring."""
    result = await Grounding().check(answer("The pump was not built in Leeds in 1987."))
    assert result.status == "passed"


async def test_a_stream_leaves_without_them(answer: Ask) -> None:
    conversation = answer("").conversation
    text = f"The pump was built in Leeds. {LOOSE} " * 12
    placed = Placed(Grounding(), "output", "redact", "allow", "p", GuardPolicy())
    left = []
    for size in (7, len(text)):
        outlet = Outlet([placed], conversation)
        pieces = [await outlet.feed(text[at : at + size]) for at in range(0, len(text), size)]
        left.append("".join(pieces) + await outlet.end())
    assert left[0] == left[1]
    assert "Napoleon" not in left[0]
    assert left[0].count("built in Leeds.") == 12


async def test_without_what_it_needs_it_has_not_looked(answer: Ask) -> None:
    assert (await Grounding().check(answer("The pump leaks.", passages=()))).status == "skipped"
    assert (await Grounding().check(answer("The pump leaks.", passages=(" ",)))).status == "skipped"
    bare = Subject("The pump leaks.", "output", conversation=Conversation(passages=["The pump."]))
    assert (await Grounding().check(bare)).reason == "There is no encoder."
    assert (await Grounding().check(answer("The pump leaks oil. " * 201))).status == "failed"
    assert (await Grounding().check(answer("Yes?"))).status == "passed"


def test_wrong_options() -> None:
    with pytest.raises(ConfigError, match=r"grounding\.threshold"):
        Grounding(threshold=0)
