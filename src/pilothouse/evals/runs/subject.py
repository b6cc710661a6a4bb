"""What makes the output of a case: a model, a corpus, a Python function, or the data itself. Knows nothing of pace and
memory: the Chat that it is given sees to those.
"""

import asyncio
import importlib
import inspect
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

import msgspec

from pilothouse.call import Call
from pilothouse.errors import ConfigError, InvalidRequest, PilothouseError
from pilothouse.evals.datasets.cases import answer_of
from pilothouse.evals.runs.suite import TaskSpec, nearest
from pilothouse.evals.runs.templates import Unfilled, messages_of
from pilothouse.evals.runs.turns import Turn
from pilothouse.evals.shapes import Case, Step
from pilothouse.evals.values import written
from pilothouse.protocols import Chat
from pilothouse.types import ChatRequest, ChatResponse, Json

__all__ = ["Asking", "Function", "Subject", "TaskFailed", "function_of", "subject_of"]

Function = Callable[..., Any]


class TaskFailed(Exception):
    """The task made nothing of this case; the message says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How a task asks models: `await asking("...")` or with messages, `model=` and further fields of the request. The
    answers are kept and counted as the run's own. Raises what the gateway raises."""

    chat: Chat
    call: Call
    model: str | None = None

    async def __call__(
        self, messages: str | Sequence[Json], *, model: str | None = None, **params: Any
    ) -> ChatResponse:  # fmt: skip
        """The whole answer. `model` is the suite's judge where there is none."""
        name = model or self.model
        if name is None:
            raise InvalidRequest("Say which model to ask: chat(..., model='name').", param="model")
        given = [{"role": "user", "content": messages}] if isinstance(messages, str) else [*messages]
        return await self.send(ChatRequest.check({**params, "model": name, "messages": given}))

    async def send(self, request: ChatRequest) -> ChatResponse:
        """The whole answer to a request as it is."""
        raw = b""
        async with aclosing(self.chat(request, replace(self.call, headers=[]))) as chunks:
            async for chunk in chunks:
                raw = chunk.raw
        return ChatResponse(msgspec.json.decode(raw), self.call.trace_id)


class Subject(Protocol):
    """Makes the output of a case. Raises TaskFailed or PilothouseError where it cannot. `timed` says whether the time
    that it takes is the latency of the output."""

    timed: ClassVar[bool]

    async def run(self, case: Case, asking: Asking, turn: Turn) -> Case: ...


@dataclass(frozen=True, slots=True)
class ModelSubject:
    """Asks a model, or a corpus as `rag:<name>`; the passages that a corpus gave become the context."""

    model: str
    messages: list[Json] | None
    params: Json
    timed: ClassVar[bool] = True

    async def run(self, case: Case, asking: Asking, turn: Turn) -> Case:
        try:
            messages = messages_of(case, self.messages)
        except Unfilled as error:
            raise TaskFailed(str(error)) from None
        answer = await asking(messages, model=self.model, **self.params)
        text, steps = answer_of(answer.data)
        context = case.context if turn.context is None else turn.context
        return msgspec.structs.replace(case, output=text, steps=steps, context=context)

    @property
    def wording(self) -> str:
        """What is asked beside what its requests say."""
        return ""


@dataclass(frozen=True, slots=True)
class FunctionSubject:
    """Calls a function with the case and, where it takes a second argument, an `Asking`. A function that is not async
    runs on a thread of its own and asks without `await`."""

    function: Function
    name: str
    timed: ClassVar[bool] = True

    async def run(self, case: Case, asking: Asking, turn: Turn) -> Case:
        with asking.call.step(self.name, "chain") as (span, inner):
            span.input = {"input": written(case.input)}
            asking = replace(asking, call=replace(inner, depth=0))
            try:
                told = await self._called(case, asking)
            except PilothouseError:
                raise
            except Exception as error:
                raise TaskFailed(f"{self.name} raised {type(error).__name__}: {error}") from error
            made = _taken(case, told, turn)
            span.output = {"output": made.output}
        return made

    async def _called(self, case: Case, asking: Asking) -> Any:
        given: list[Any] = [case]
        if inspect.iscoroutinefunction(self.function):
            given += [asking] if _takes_two(self.function) else []
            return await self.function(*given)
        loop = asyncio.get_running_loop()

        def ask(*args: Any, **params: Any) -> ChatResponse:
            return asyncio.run_coroutine_threadsafe(asking(*args, **params), loop).result()

        given += [ask] if _takes_two(self.function) else []
        told = await asyncio.to_thread(self.function, *given)
        return await told if isinstance(told, Awaitable) else told


@dataclass(frozen=True, slots=True)
class RecordedSubject:
    """The data has the output."""

    timed: ClassVar[bool] = False

    async def run(self, case: Case, asking: Asking, turn: Turn) -> Case:
        if not (case.output or case.steps or "output" in case.metadata):
            raise TaskFailed("The case has no 'output': the data of a recorded task has one for each.")
        return case


def subject_of(task: TaskSpec, function: Function | None = None) -> Subject:
    """What a task names; `function` is that of a Python one. Raises ConfigError."""
    if task.asks is not None:
        return ModelSubject(task.asks, task.messages, task.params)
    if task.recorded:
        return RecordedSubject()
    assert task.python is not None
    return FunctionSubject(function or function_of(task.python, None), task.python)


def function_of(path: str, folder: Path | None) -> Function:
    """The function at `package.module:name`; modules are looked for in `folder`, too. Raises ConfigError."""
    module, _, name = path.partition(":")
    for place in (folder, Path.cwd()):
        if place is not None and str(place.absolute()) not in sys.path:
            sys.path.append(str(place.absolute()))
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"the module '{module}' cannot be imported: {error}.") from None
    except Exception as error:
        raise ConfigError(f"the module '{module}' raises {type(error).__name__} when imported: {error}") from error
    function = getattr(found, name, None)
    if not callable(function):
        names = [one for one, value in vars(found).items() if callable(value) and not one.startswith("_")]
        raise ConfigError(f"'{module}' has no function '{name}'.{nearest(name, names)}")
    return function  # type: ignore[no-any-return]


def _takes_two(function: Function) -> bool:
    """Whether a function takes the case and something to ask with."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    placed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(placed) > 1 and (placed[1].default is inspect.Parameter.empty or placed[1].name == "chat")


def _taken(case: Case, told: Any, turn: Turn) -> Case:
    """The case with what a function returned: a text, a Case, or an object with `output`, `context`, `steps` and
    `metadata`; anything else is written as JSON."""
    if isinstance(told, Case):
        return msgspec.structs.replace(told, id=case.id)
    if isinstance(told, ChatResponse):
        text, steps = answer_of(told.data)
        return msgspec.structs.replace(case, output=text, steps=steps, context=turn.context or case.context)
    if not (isinstance(told, dict) and "output" in told):
        return msgspec.structs.replace(case, output=written(told))
    text, called = answer_of(told["output"])
    fields: Json = {"output": text, "steps": called}
    try:
        if told.get("context") is not None:
            given = told["context"]
            fields["context"] = (given,) if isinstance(given, str) else tuple(map(str, given))
        if told.get("steps") is not None:
            fields["steps"] = tuple(msgspec.convert(told["steps"], list[Step]))
        if told.get("metadata") is not None:
            fields["metadata"] = {**case.metadata, **told["metadata"]}
    except (TypeError, msgspec.ValidationError) as error:
        raise TaskFailed(f"What the function returned cannot be read: {error}.") from None
    return msgspec.structs.replace(case, **fields)
