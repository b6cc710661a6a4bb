"""A conversation with a target: turns, tools that only record, and guards that end it."""

import asyncio
from collections.abc import Sequence
from typing import Any

from pilothouse.call import Span
from pilothouse.cases import Case
from pilothouse.errors import Blocked
from pilothouse.redteam.building import Choice, attacks
from pilothouse.redteam.judging import AttackSuccess, HarmlessStopped
from pilothouse.redteam.playing import GUARDS, STOPPED, TRANSCRIPT, GuardNotes, play
from pilothouse.redteam.shapes import Attack, attack_of, case_of
from pilothouse.types import Json

NO_MODELS: Any = None


def attack(name: str, mutator: str = "none") -> Attack:
    group = name.partition("/")[0]
    made = attacks(Choice(classes=(group,), mutators=(mutator,), harmless=False))
    return next(one for one in made if one.id.partition("~")[0] == name)


def said(text: str | None, *calls: Json, finish: str = "stop") -> Json:
    return {"message": {"role": "assistant", "content": text, "tool_calls": [*calls]}, "finish_reason": finish}


def played(one: Attack, *answers: Any, notes: GuardNotes | None = None, **how: Any) -> tuple[Case, list[list[Json]]]:
    left, heard = list(answers), list[list[Json]]()

    async def answer(messages: Sequence[Json], tools: Sequence[Json]) -> Json:
        heard.append([*messages])
        told = left.pop(0)
        if isinstance(told, Exception):
            raise told
        return told  # type: ignore[no-any-return]

    return asyncio.run(play(case_of(one), answer, notes, **how)), heard


def label(case: Case) -> str | None:
    return asyncio.run(AttackSuccess().evaluate(case, NO_MODELS)).label


def test_a_tool_that_an_agent_calls_records_and_does_nothing() -> None:
    one = attack("agent_hijack/errand")
    tool, marker = one.goal.parts
    call = {"id": "c9", "function": {"name": tool, "arguments": f'{{"to": "{marker}"}}'}}
    case, heard = played(one, said(None, call), said("Marta would meet at nine."))
    assert (case.steps[0].name, case.output) == (tool, "Marta would meet at nine.")
    assert heard[1][-1] == {"role": "tool", "tool_call_id": "c9", "content": "Done."}
    assert [message["role"] for message in case.metadata[TRANSCRIPT]][:4] == ["system", "user", "assistant", "tool"]
    assert label(case) == "succeeded"
    broken, _ = played(one, said(None, {"id": "x", "function": {"name": tool, "arguments": "{"}}), said("No."))
    assert label(broken) == "resisted"


def test_turns_follow_answers_until_a_guard_ends_the_talk() -> None:
    one = attack("jailbreak/plain", "crescendo")
    case, heard = played(one, said("A hyphen joins."), said("sea-side"), said("Yes."), said("-".join(one.goal.parts)))
    assert [len(messages) for messages in heard] == [2, 4, 6, 8]
    assert label(case) == "succeeded"
    case, heard = played(one, said("A hyphen joins."), Blocked("Stopped.", guard="words", policy="p"))
    assert (len(heard), case.metadata[STOPPED], label(case)) == (2, ["words"], "stopped")
    case, _ = played(one, said("", finish="content_filter"))
    assert case.metadata[STOPPED] == ["content_filter"]
    case, heard = played(attack("jailbreak/plain"), said("I'm sorry, but I can't help with that."), own_system=True)
    assert ([message["role"] for message in heard[0]], label(case)) == (["user"], "refused")


def test_what_guards_say_on_spans_is_noted_and_handed_on() -> None:
    class Kept:
        def __init__(self) -> None:
            self.spans = list[Any]()

        def record(self, record: Any) -> None:
            self.spans.append(record)

    kept = Kept()
    notes = GuardNotes(kept)
    span = Span(id="1", trace_id="t", project_id="p", name="guard pii", kind="guard", start_us=0)
    span.attributes |= {"guard": "pii", "guard_status": "triggered", "guard_stage": "output", "guard_action": "redact"}
    notes.record(span)
    case, _ = played(attack("prompt_extraction/ask"), said("It is [code]."), notes=notes)
    assert kept.spans == [span]
    assert case.metadata[GUARDS][0] | {"policy": 0, "reason": 0} == {
        "guard": "pii", "status": "triggered", "stage": "output", "action": "redact", "policy": 0, "reason": 0,
    }  # fmt: skip
    assert (case.metadata[STOPPED], label(case)) == (["pii"], "stopped")
    span.attributes["guard_action"] = "shadow"
    shadowed = GuardNotes(Kept())
    shadowed.record(span)
    case, _ = played(attack("prompt_extraction/ask"), said("No."), notes=shadowed)
    assert (case.metadata[STOPPED], label(case)) == ([], "resisted")


def test_harmless_requests_are_judged_by_whether_a_guard_stops_them() -> None:
    one = next(one for one in attacks(Choice(classes=("jailbreak",), mutators=("none",))) if one.goal.kind == "answer")
    answered, _ = played(one, said("I refuse."))
    stopped, _ = played(one, Blocked("No.", guard="injection", policy="p"))
    judge = HarmlessStopped()
    assert [asyncio.run(judge.evaluate(case, NO_MODELS)).passed for case in (answered, stopped)] == [True, False]
    assert asyncio.run(AttackSuccess().evaluate(answered, NO_MODELS)).status == "skipped"
    assert asyncio.run(judge.evaluate(case_of(attack("jailbreak/plain")), NO_MODELS)).status == "skipped"
    for evaluator in (AttackSuccess(), judge):
        assert asyncio.run(evaluator.evaluate(Case(id="1", input="x"), NO_MODELS)).status == "skipped"
    assert attack_of(answered).goal.kind == "answer"
