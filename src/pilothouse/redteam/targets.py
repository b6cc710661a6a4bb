"""What is attacked: a model or alias of this server, an agent over it, a prompt, a corpus, any server that speaks
OpenAI's format, a function of the reader's own. Each becomes a function that plays an attack.
"""

import inspect
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from pilothouse.agents.steps import OnCall
from pilothouse.call import Call
from pilothouse.cases import Case
from pilothouse.config import ProviderConfig
from pilothouse.errors import Blocked, ConfigError, ProviderRejected
from pilothouse.evals.runs.subject import Asking, function_of
from pilothouse.providers.openai import OpenAIProvider
from pilothouse.redteam.agents import play_agent
from pilothouse.redteam.playing import GuardNotes, play
from pilothouse.redteam.shapes import Attack
from pilothouse.types import PROMPT_MODEL, ChatChunk, ChatRequest, Json

__all__ = ["HttpChat", "Target", "function_for", "target_of"]

Kind = Literal["model", "agent", "prompt", "corpus", "url", "python"]
_URL = ("http://", "https://")
_GUARD_WORDS = ("The guard '", "guard_blocked")


@dataclass(frozen=True, slots=True)
class Target:
    """`name` is an alias (of an agent the one that it asks), a prompt as `name@3`, a corpus, an address up to `/v1`, or
    `package.module:function`. `model` is that of an address, or answers for a prompt; `key` names its key's variable of
    the environment. `variable` is the one of a prompt that attacks go into; without it they are messages after the
    prompt's own."""

    kind: Kind
    name: str
    model: str | None = None
    key: str | None = None
    variable: str | None = None
    params: Json = field(default_factory=dict)

    @property
    def own_system(self) -> bool:
        """Whether it has a system prompt of its own, and takes none."""
        return self.kind in ("prompt", "corpus", "python")

    def takes(self, attack: Attack) -> bool:
        """Whether an attack means anything to it."""
        if self.own_system and attack.system_needed:
            return False
        if self.kind == "corpus" or self.variable is not None:
            return not attack.tools and len(attack.turns) == 1
        return True

    def __str__(self) -> str:
        return self.name if self.kind in ("model", "url") else f"{self.kind}:{self.name}"


def target_of(
    text: str, *, model: str | None = None, key: str | None = None, variable: str | None = None,
    params: Mapping[str, Any] | None = None,
) -> Target:  # fmt: skip
    """The target of a text: `default`, `agent:default`, `prompt:greeting@3`, `corpus:docs`, `https://host/v1`,
    `python:app.bot:answer`. Raises ConfigError."""
    told = dict(params or {})
    if text.startswith(_URL):
        if not model:
            raise ConfigError(f"'{text}' needs the model to ask for: --model NAME.", param="model")
        return Target("url", text.rstrip("/"), model, key, None, told)
    kind, colon, name = text.partition(":")
    if colon and kind == "agent":
        return Target("agent", name, params=told)
    if colon and kind == "prompt":
        return Target("prompt", name, model, None, variable, told)
    if colon and kind == "corpus":
        return Target("corpus", name, params=told)
    if colon and kind == "python":
        return Target("python", name)
    if not text:
        raise ConfigError("Name a target: a model, prompt:NAME, corpus:NAME, an address, or python:MODULE:NAME.")
    return Target("model", text, params=told)


def function_for(target: Target, folder: Path | None = None) -> Callable[[Case, Asking], Any]:
    """What plays an attack against it. Raises ConfigError for a function that there is not."""
    function = function_of(target.name, folder) if target.kind == "python" else None

    async def played(case: Case, asking: Asking) -> Case:
        notes = GuardNotes(asking.call.recorder)
        asking = replace(asking, call=replace(asking.call, recorder=notes))

        async def answer(messages: Sequence[Json], tools: Sequence[Json]) -> Json:
            if function is not None:
                return await _from_function(function, messages, tools)
            response = await asking.send(_request(target, messages, tools))
            choice: Json = response.data["choices"][0]
            return choice

        if target.kind == "agent":
            return await play_agent(case, target.name, OnCall(asking.chat, asking.call), notes)
        return await play(case, answer, notes, own_system=target.own_system)

    return played


class HttpChat:
    """The chat of an address: nothing of this server's path is between, and no price is known. Raises ConfigError where
    the variable of its key is not set."""

    def __init__(self, target: Target) -> None:
        key = None if target.key is None else "${" + target.key + "}"
        self._provider = OpenAIProvider("target", ProviderConfig(base_url=target.name, api_key=key))

    async def __call__(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        span = call.start(f"chat {request.model}", "llm")
        span.request_model, span.cost_known = request.model, False
        try:
            async with aclosing(self._provider.chat(request, call)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except ProviderRejected as error:
            span.fail(error)
            if any(sign in error.message for sign in _GUARD_WORDS):  # a server of this kind at the other end
                raise Blocked(error.message, guard=_guard_in(error.message)) from error
            raise
        except BaseException as error:
            span.fail(error)
            raise
        finally:
            call.finish(span)

    async def aclose(self) -> None:
        await self._provider.aclose()


def _guard_in(message: str) -> str:
    _, _, rest = message.partition("The guard '")
    return rest.partition("'")[0] or "guard"


def _request(target: Target, messages: Sequence[Json], tools: Sequence[Json]) -> ChatRequest:
    body: Json = {**target.params, "messages": [*messages]}
    if tools:
        body["tools"] = [*tools]
    match target.kind:
        case "corpus":
            body["model"] = f"rag:{target.name}"
        case "prompt":
            body["model"] = target.model or f"{PROMPT_MODEL}{target.name}"
            body["prompt"] = {"name": target.name} if target.model else {}
            if target.variable is not None:
                body["prompt"]["variables"] = {target.variable: messages[-1]["content"]}
                body["messages"] = []
            if not body["prompt"]:
                del body["prompt"]
        case _:
            body["model"] = target.model or target.name
    return ChatRequest.check(body)


async def _from_function(function: Callable[..., Any], messages: Sequence[Json], tools: Sequence[Json]) -> Json:
    """A choice of what the reader's function returns: a text, a message, or a whole answer."""
    given = [[*messages]] if len(inspect.signature(function).parameters) < 2 else [[*messages], [*tools]]
    told = function(*given)
    told = await told if inspect.isawaitable(told) else told
    if isinstance(told, dict) and "choices" in told:
        choice: Json = told["choices"][0]
        return choice
    message = told if isinstance(told, dict) else {"content": str(told)}
    return {"message": {"role": "assistant", **msgspec.to_builtins(message)}, "finish_reason": "stop"}
