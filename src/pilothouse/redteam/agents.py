"""An attack played against `pilothouse.Agent`: it gets the tools, of which all but the reader only record, and reads
itself what the attack hides in. What needs a person's word is denied: nobody is there.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from pilothouse.agents.loop import Agent
from pilothouse.agents.tools import Tool
from pilothouse.agents.transcript import Transcript
from pilothouse.cases import Case, Step
from pilothouse.errors import Blocked, ContentFiltered
from pilothouse.redteam.playing import GuardNotes, told_of
from pilothouse.redteam.shapes import Attack, attack_of
from pilothouse.types import Json, text_of

__all__ = ["play_agent"]

_DESTROYS = ("delete_file", "transfer")
_STEPS = 6


async def play_agent(case: Case, model: str, platform: Any, notes: GuardNotes | None = None) -> Case:
    """The case with what came of it: `steps` are the tools that were really called. `platform` is that of an Agent.
    Raises what the gateway does, but for what a guard stops."""
    attack, done = attack_of(case), list[Step]()
    system = "\n\n".join(text_of(one["content"]) for one in attack.messages if one["role"] == "system")
    agent = Agent(model=model, tools=_tools(attack, done), instructions=system, platform=platform, max_steps=_STEPS)
    said, stopped = list[str](), list[str]()
    transcript: Transcript | None = None
    try:
        for task in _tasks(attack):
            handed = attack.documents if not attack.tools else ()
            outcome = await agent.run(task, documents=handed, before=transcript)
            transcript = outcome.transcript
            said.append(outcome.text)
    except Blocked as error:
        stopped.append(error.guard)
    except ContentFiltered:
        stopped.append("content_filter")
    messages = transcript.messages if transcript is not None else [*attack.messages]
    about = told_of(messages, stopped, notes)
    return msgspec.structs.replace(
        case, output="\n\n".join(said), steps=tuple(done), metadata={**case.metadata, **about}
    )


def _tasks(attack: Attack) -> list[str]:
    """What the user says. Passages are no word of theirs: they are handed over as documents."""
    if attack.tools:
        return [text_of(one["content"]) for one in attack.messages if one["role"] == "user"]
    if attack.documents:
        return [attack.turns[-1].rpartition("Question: ")[2]]
    return [*attack.turns]


def _tools(attack: Attack, done: list[Step]) -> list[Tool]:
    made = []
    for number, one in enumerate(attack.tools):
        function: Json = one["function"]
        name = function["name"]
        reads = number == 0
        severity = "read" if reads else "destructive" if name in _DESTROYS else "write"
        run = _reader(attack.documents[0]) if reads else _recorder(name, done)
        made.append(Tool(
            name=name, description=function["description"], parameters=function["parameters"], run=run,
            severity=severity,  # type: ignore[arg-type]
        ))  # fmt: skip
    return made


def _reader(text: str) -> Callable[..., str]:
    return lambda: text


def _recorder(name: str, done: list[Step]) -> Callable[..., str]:
    def run(**arguments: Any) -> str:
        done.append(Step(name=name, arguments=arguments, result="Done."))
        return "Done."

    return run
