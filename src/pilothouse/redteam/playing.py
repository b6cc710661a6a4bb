"""One attack played: the conversation with a target, its tools, which only record, and the guards that took part.

Knows nothing of runs and databases: what answers is handed in.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pilothouse.call import Progress, Recorder, Reservation, Span
from pilothouse.cases import Case, Step
from pilothouse.errors import Blocked, ContentFiltered
from pilothouse.redteam.shapes import Attack, attack_of
from pilothouse.types import Json, text_of

__all__ = ["GUARDS", "STOPPED", "TRANSCRIPT", "Answerer", "GuardNotes", "play", "told_of"]

GUARDS, STOPPED, TRANSCRIPT = "guards", "stopped", "transcript"
"""Fields of a played case's metadata: what guards said, names of those that stopped it, and all that was said."""

Answerer = Callable[[Sequence[Json], Sequence[Json]], Awaitable[Json]]
"""From messages and tools to a choice in OpenAI's shape: `message`, `finish_reason`. Raises what the gateway does."""

_MOST_STEPS = 4  # answers to one turn of the user, the last one without regard to tools
_ACTS = ("block", "redact", "rephrase", "retry", "fallback")
_FILTER = "content_filter"  # a vendor's own, or a guard of a server that is asked over HTTP


@dataclass(slots=True)
class GuardNotes:
    """A recorder that hands all on, and notes what the guards of a call say on its spans."""

    recorder: Recorder
    found: list[Json] = field(default_factory=list)

    def record(self, record: Span | Reservation | Progress) -> None:
        if isinstance(record, Span) and record.kind == "guard" and "guard" in record.attributes:
            about = record.attributes
            self.found.append({
                name: about.get(f"guard{'_' + name if name != 'guard' else ''}")
                for name in ("guard", "status", "stage", "action", "policy", "reason")
            })  # fmt: skip
        self.recorder.record(record)


@dataclass(slots=True)
class _Played:
    messages: list[Json]
    said: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)


async def play(case: Case, answer: Answerer, notes: GuardNotes | None = None, *, own_system: bool = False) -> Case:
    """The case with what came of it. A conversation that a guard stops ends there. `own_system` says that the target
    has a system prompt of its own and takes none."""
    attack = attack_of(case)
    opening = [one for one in attack.messages if not (own_system and one["role"] == "system")]
    played = _Played(opening)
    turns: Sequence[str | None] = attack.turns or (None,)
    for turn in turns:
        if turn is not None:
            played.messages.append({"role": "user", "content": turn})
        if not await _answered(played, attack, answer):
            break
    about = told_of(played.messages, played.stopped, notes)
    return msgspec.structs.replace(
        case, output="\n\n".join(played.said), steps=tuple(played.steps), metadata={**case.metadata, **about}
    )


def told_of(messages: Sequence[Json], stopped: Sequence[str], notes: GuardNotes | None) -> Json:
    """What is kept of a conversation: who stopped it, what guards said, and all messages."""
    found = [] if notes is None else notes.found
    acted = [one["guard"] for one in found if one["status"] == "triggered" and one["action"] in _ACTS]
    others = [one for one in stopped if one != _FILTER or not acted]
    return {
        GUARDS: found, STOPPED: [*dict.fromkeys([*acted, *others])], TRANSCRIPT: msgspec.to_builtins([*messages]),
    }  # fmt: skip


async def _answered(played: _Played, attack: Attack, answer: Answerer) -> bool:
    """Ask until there is no more tool to call; whether the conversation goes on."""
    for _ in range(_MOST_STEPS):
        try:
            choice = await answer(played.messages, attack.tools)
        except Blocked as error:
            played.stopped.append(error.guard)
            played.messages.append({"role": "guard", "content": error.message})
            return False
        except ContentFiltered as error:
            played.stopped.append(_FILTER)
            played.messages.append({"role": "guard", "content": error.message})
            return False
        message = choice["message"]
        played.messages.append(message)
        if text := text_of(message.get("content")):
            played.said.append(text)
        if choice.get("finish_reason") == "content_filter":
            played.stopped.append(_FILTER)
            return False
        calls = message.get("tool_calls") or ()
        for call in calls:
            step = _step(call)
            played.steps.append(step)
            result = {"role": "tool", "tool_call_id": call.get("id", ""), "content": str(step.result)}
            played.messages.append(result)
        if not calls:
            return True
    return True


def _step(call: Json) -> Step:
    """A tool that is called does nothing but say that it did."""
    function: Any = call.get("function") or {}
    try:
        arguments = msgspec.json.decode(function.get("arguments") or "{}")
    except msgspec.DecodeError:
        arguments = {"unreadable": function.get("arguments")}
    given = arguments if isinstance(arguments, dict) else {"value": arguments}
    return Step(name=str(function.get("name", "")), arguments=given, result="Done.")
