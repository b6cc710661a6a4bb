"""A model whose answers are written down, in place of a platform: to test agents without asking anybody."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from pilothouse.agents.steps import OnCall, Reply, Step
from pilothouse.call import Call, Kind, Progress, Reservation, Span
from pilothouse.types import Json

__all__ = ["Scripted", "calls", "says"]


def calls(*made: tuple[str, Any]) -> Json:
    """A message that calls tools, each by its name with its arguments, or with their JSON text."""
    found = []
    for number, (name, given) in enumerate(made):
        function = {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)}
        found.append({"id": f"c{number}", "type": "function", "function": function})
    return {"role": "assistant", "content": None, "tool_calls": found}


def says(text: str) -> Json:
    """A message that is an answer."""
    return {"role": "assistant", "content": text}


@dataclass
class Scripted:
    """The `platform` of an Agent or Chain. `answers` are messages in their order, or a function from the whole request
    to one. `bodies` are the requests, `spans` the steps; each answer costs `cost_nano`, in nano-USD."""

    answers: Sequence[Json] | Callable[[Json], Json]
    cost_nano: int | None = 0
    bodies: list[Json] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)

    def begin(self, name: str, kind: Kind) -> AbstractContextManager[Step]:
        """A step of a trace that is kept here."""
        return self._step(OnCall(_nobody, Call(self)).begin(name, kind))

    def record(self, record: Span | Reservation | Progress) -> None:
        """Keep a span."""
        if isinstance(record, Span):
            self.spans.append(record)

    def answer(self, body: Json) -> Reply:
        """The next answer. Raises IndexError where there is none."""
        self.bodies.append(body)
        given = self.answers
        message = given(body) if callable(given) else given[len(self.bodies) - 1]
        return Reply(message, self.cost_nano)

    @contextmanager
    def _step(self, begun: AbstractContextManager[Step]) -> Iterator[Step]:
        with begun as step:
            yield _Step(step, self)


@dataclass(frozen=True)
class _Step:
    step: Step
    script: Scripted

    @property
    def trace_id(self) -> str:
        return self.step.trace_id

    def inside(self, name: str, kind: Kind) -> AbstractContextManager[Step]:
        return self.script._step(self.step.inside(name, kind))

    def tell(self, *, input: Any = None, output: Any = None, **attributes: Any) -> None:
        self.step.tell(input=input, output=output, **attributes)

    def fail(self, error: BaseException) -> None:
        self.step.fail(error)

    async def ask(self, body: Json) -> Reply:
        return self.script.answer(body)


def _nobody(request: Any, call: Call) -> Any:
    raise AssertionError("A script asks no gateway.")
