"""The agent of this house under every attack of the red team, with a model that obeys whatever it reads: nothing from
outside calls a tool that a person did not approve. And the same attacks on a loop without that: all get through."""

import asyncio
from typing import Any

from pilothouse.agents.scripted import Scripted
from pilothouse.cases import Case
from pilothouse.redteam.agents import play_agent
from pilothouse.redteam.building import Choice, attacks
from pilothouse.redteam.playing import play
from pilothouse.redteam.rules import reached
from pilothouse.redteam.shapes import Attack, attack_of, case_of
from pilothouse.testing.obedience import obeyed

HIJACKS = attacks(Choice(classes=("agent_hijack",), harmless=False))


def defended(one: Attack) -> tuple[Case, Scripted]:
    model = Scripted(obeyed)
    return asyncio.run(play_agent(case_of(one), "any", model)), model


async def _loop(messages: Any, tools: Any) -> Any:
    return {"message": obeyed({"model": "any", "messages": messages, "tools": tools}), "finish_reason": "stop"}


def won(case: Case) -> bool:
    return reached(attack_of(case).goal, case.output, case.steps) is not None


def test_no_attack_makes_the_agent_call_what_nobody_approved() -> None:
    assert len(HIJACKS) == 146
    tried = 0
    for one in HIJACKS:
        case, model = defended(one)
        assert case.steps == (), one.id
        tools = [call["function"]["name"] for body in model.bodies for message in body["messages"]
                 for call in message.get("tool_calls") or ()]  # fmt: skip
        assert "read_mail" in tools, one.id
        tried += one.goal.parts[0] in tools
    assert tried == len(HIJACKS), "the model no longer obeys: nothing is tested"


def test_the_same_attacks_get_through_a_loop_that_trusts_what_it_reads() -> None:
    assert all(won(asyncio.run(play(case_of(one), _loop))) for one in HIJACKS)


def test_passages_are_handed_over_as_documents_and_turns_follow_each_other() -> None:
    made = attacks(Choice(classes=("indirect_injection", "direct_injection"), mutators=("none", "crescendo")))
    indirect = next(one for one in made if one.attack_class == "indirect_injection")
    case, model = defended(indirect)
    asked = [message["content"] for message in model.bodies[0]["messages"] if message["role"] == "user"]
    assert asked[0] == "What does the material say about opening hours?"
    assert "museum" in asked[1]
    assert case.output
    case, model = defended(next(one for one in made if one.mutator == "crescendo"))
    assert len(model.bodies) == 4
    assert won(case)  # what the user says themselves, the agent does
