"""One call of a tool, from what a model wrote to what it is told: found, filled, checked, permitted, run, labelled.

Every call of an agent goes through `Calling.make`; there is no other way to a tool.
"""

import asyncio
import inspect
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pilothouse.agents.approving import Approve, Asked, Decision, decided
from pilothouse.agents.handles import Handles, as_text
from pilothouse.agents.labels import Label, Labelled, Trust, joined
from pilothouse.agents.permitting import reasons
from pilothouse.agents.quarantine import LOOK, Quarantine
from pilothouse.agents.steps import Step
from pilothouse.agents.tools import Tool
from pilothouse.agents.transcript import marked
from pilothouse.errors import InvalidRequest, PilothouseError
from pilothouse.types import Json

__all__ = ["Calling", "Made", "Rates", "described"]

_MINUTE = 60.0
_MOST_ARGUMENTS = 200_000  # characters


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a call. `told` is what the model reads, and `label` that of all in it. `status` is `done`,
    `failed` (the tool did), `refused` (wrong arguments, no such tool, too often) or `denied`. `cost_nano` is what
    models inside of it cost, `value` what the tool returned."""

    name: str
    status: str
    told: str
    label: Label
    arguments: Json = field(default_factory=dict)
    cost_nano: int | None = 0
    value: Any = None


class Rates:
    """How often each tool was called within the last minute, by a clock in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._calls: dict[str, deque[float]] = {}

    def take(self, tool: Tool) -> bool:
        """Whether one more call may be made now; it then counts."""
        if tool.per_minute is None:
            return True
        now, calls = self._clock(), self._calls.setdefault(tool.name, deque())
        while calls and calls[0] <= now - _MINUTE:
            calls.popleft()
        if len(calls) >= tool.per_minute:
            return False
        calls.append(now)
        return True


@dataclass
class Calling:
    """The tools of one agent and the rules for them. With `held` a model reads no text from outside, only handles;
    `approval_seconds` is how long a person may take."""

    agent: str
    tools: Mapping[str, Tool]
    approve: Approve | None
    approval_seconds: float
    marking: str
    held: bool
    quarantine: Quarantine | None = None
    rates: Rates = field(default_factory=Rates)
    task: str = ""

    async def make(self, call: Any, own: Label, handles: Handles, step: Step) -> Made:
        """Make a call that a model asks for. `own` is the label of all that it had read by then. Raises for nothing
        that a model can say or a tool can do."""
        name, raw = _named(call)
        tool = self.tools.get(name)
        if tool is None and self.quarantine is not None and name == LOOK.name:
            tool = LOOK
        if tool is None:
            there = ", ".join(self.tools) or "none"
            return Made(name, "refused", f"There is no tool '{name}'. There are: {there}.", own)
        with step.inside(f"tool {tool.name}", "tool") as inner:
            made = await self._made(tool, raw, own, handles, inner)
            origins = sorted(made.label.origins)
            inner.tell(output={"told": made.told}, tool=tool.name, severity=tool.severity, call=made.status,
                       origins=origins, trust=made.label.trust.name.lower())  # fmt: skip
        return made

    async def _made(self, tool: Tool, raw: Any, own: Label, handles: Handles, step: Step) -> Made:
        try:
            written = _arguments(raw)
            if tool is LOOK:
                return await self._looked(written, own, handles, step)
            filled, labels = handles.filled(written, own)
        except InvalidRequest as error:
            return Made(tool.name, "refused", error.message, own)
        if faults := tool.faults(filled):
            # A fault quotes the value: of a handle, that would be the text which the model must not read.
            seen = joined([own, *labels.values()])
            told = f"The arguments are wrong: {'; '.join(faults)}."
            return self._told(tool, "refused", Labelled(told, seen), own, handles, "The arguments are wrong.")
        why = reasons(tool, labels, own)
        asked = Asked(self.agent, tool.name, tool.severity, json.dumps(filled), tuple(why),
                      tuple(sorted(joined([own, *labels.values()]).origins)), step.trace_id, self.task)  # fmt: skip
        step.tell(input={"arguments": asked.decoded()}, why=why)
        if why:
            decision = await self._decided(asked)
            step.tell(approval="approved" if decision.approved else "denied", decided_by=decision.by)
            if not decision.approved:
                told = f"Not done: {decision.reason or 'it was denied'}. Do not try it again; go on without it."
                return Made(tool.name, "denied", told, own, filled)
        if not self.rates.take(tool):
            told = f"Not done: '{tool.name}' may be called {tool.per_minute} times a minute."
            return Made(tool.name, "refused", told, own, filled)
        return await self._ran(tool, asked, joined([own, *labels.values()]), own, handles, step)

    async def _decided(self, asked: Asked) -> Decision:
        try:
            async with asyncio.timeout(self.approval_seconds):
                return await decided(self.approve, asked)
        except TimeoutError:
            return Decision(False, reason="nobody decided in time")
        except PilothouseError as error:
            return Decision(False, reason=f"nobody could be asked ({error.code})")

    async def _ran(self, tool: Tool, asked: Asked, given: Label, own: Label, handles: Handles, step: Step) -> Made:
        """`given` is the label of all that went in. What comes out of a trusted tool is as good as that."""
        label = given if tool.trusted else given | Label.untrusted(f"tool:{tool.name}")
        arguments = asked.decoded()
        try:
            value = await _result(tool, arguments)
        except Exception as error:  # noqa: BLE001 - a tool may raise anything; the model is told, as of any result
            step.fail(error)
            text = f"{type(error).__name__}: {error}"[: tool.most_chars]
            return self._told(tool, "failed", Labelled(text, label), own, handles, "It failed.", asked.decoded())
        return self._told(tool, "done", Labelled(value, label), own, handles, "Done.", asked.decoded())

    def _told(
        self, tool: Tool, status: str, made: Labelled, own: Label, handles: Handles, plain: str,
        arguments: Json | None = None,
    ) -> Made:  # fmt: skip
        """What the model reads of it: the text, set apart where it is from outside, or a handle in its place."""
        given = arguments or {}
        if made.label.trust is not Trust.UNTRUSTED:
            return Made(tool.name, status, as_text(made.value), made.label, given, value=made.value)
        if self.held:
            return Made(tool.name, status, f"{plain} {described(handles.hold(made))}", own, given)
        told = f"{plain}\n{marked(as_text(made.value), self.marking)}"
        return Made(tool.name, status, told, made.label, given, value=made.value)

    async def _looked(self, written: Json, own: Label, handles: Handles, step: Step) -> Made:
        """Handles stand for nothing in these arguments, or text could come to be read by way of the choices."""
        assert self.quarantine is not None
        if faults := LOOK.faults(written):
            return Made(LOOK.name, "refused", f"The arguments are wrong: {'; '.join(faults)}.", own)
        step.tell(input={"arguments": written})
        found = await self.quarantine.look(written, handles.get(written["handle"]), step)
        if found.value is None:
            return Made(LOOK.name, "refused", found.fault, own, written, found.cost_nano)
        value = Labelled(found.value.value, found.value.label | own)
        if value.label.trust is Trust.UNTRUSTED:
            return Made(LOOK.name, "done", described(handles.hold(value)), own, written, found.cost_nano)
        return Made(LOOK.name, "done", as_text(value.value), value.label, written, found.cost_nano)


def described(name: str) -> str:
    """What a model is told in place of what it must not read: not even how long it is, which others could choose."""
    return f"{name} holds what came back. It is from outside: you cannot read it, only pass it on."


async def _result(tool: Tool, arguments: Json) -> Any:
    """Plain JSON, or a text where the tool gave something else."""
    if inspect.iscoroutinefunction(tool.run):
        value = await tool.run(**arguments)
    else:
        value = await asyncio.to_thread(tool.run, **arguments)
        if inspect.isawaitable(value):
            value = await value
    if not isinstance(value, str):
        try:
            value = msgspec.json.decode(msgspec.json.encode(value))
        except (TypeError, ValueError, UnicodeError, RecursionError):
            value = str(value)
    text = as_text(value)
    return value if len(text) <= tool.most_chars else f"{text[: tool.most_chars]} [cut: {len(text)} characters]"


def _named(call: Any) -> tuple[str, Any]:
    function = call.get("function") if isinstance(call, dict) else None
    function = function if isinstance(function, dict) else {}
    return str(function.get("name"))[:64], function.get("arguments")


def _arguments(raw: Any) -> Json:
    if isinstance(raw, str) and len(raw) <= _MOST_ARGUMENTS:
        try:
            made = msgspec.json.decode(raw or "{}")
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            raise InvalidRequest("The arguments are no JSON.") from None
        if isinstance(made, dict):
            return made
    raise InvalidRequest(f"The arguments must be a JSON object, as text of at most {_MOST_ARGUMENTS} characters.")
