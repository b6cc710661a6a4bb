import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from pilothouse.agents.steps import OnCall, Reply
from pilothouse.call import Call, Progress, Reservation, Span
from pilothouse.types import Json


@dataclass
class Recording:
    """Keeps the spans."""

    spans: list[Span] = field(default_factory=list)

    def record(self, record: Span | Reservation | Progress) -> None:
        if isinstance(record, Span):
            self.spans.append(record)


@dataclass
class Model:
    """A model that is a function of the whole request, asked through the steps of a real call. `bodies` are all that it
    read."""

    answer: Callable[[Json], Json]
    cost_nano: int | None = 0
    bodies: list[Json] = field(default_factory=list)
    recording: Recording = field(default_factory=Recording)

    @contextmanager
    def begin(self, name: str, kind: Any) -> Iterator[Any]:
        with OnCall(None, Call(self.recording)).begin(name, kind) as step:  # type: ignore[arg-type]
            yield _Step(step, self)


@dataclass
class _Step:
    step: Any
    model: Model

    def __getattr__(self, name: str) -> Any:
        return getattr(self.step, name)

    @contextmanager
    def inside(self, name: str, kind: Any) -> Iterator[Any]:
        with self.step.inside(name, kind) as step:
            yield _Step(step, self.model)

    async def ask(self, body: Json) -> Reply:
        self.model.bodies.append(body)
        return Reply(self.model.answer(body), self.model.cost_nano)


def calls(*made: tuple[str, Any]) -> Json:
    """A message that calls tools."""
    made_calls = []
    for number, (name, given) in enumerate(made):
        arguments = given if isinstance(given, str) else json.dumps(given)
        function = {"name": name, "arguments": arguments}
        made_calls.append({"id": f"c{number}", "type": "function", "function": function})
    return {"role": "assistant", "content": None, "tool_calls": made_calls}


def says(text: str) -> Json:
    return {"role": "assistant", "content": text}


@pytest.fixture
def scripted() -> Callable[..., Model]:
    """A model that gives these answers in order."""

    def make(*answers: Json, cost_nano: int | None = 0) -> Model:
        left = iter(answers)
        return Model(lambda body: next(left), cost_nano)

    return make
