"""Whom an answer is asked of: any function that answers, of one's own or of an SDK, or a client of Pilothouse; whole or
while it comes. Knows nothing of what the answer is to look like.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from pilothouse.client import AsyncClient, Client
from pilothouse.errors import InvalidRequest, PilothouseError
from pilothouse.types import ChatResponse, Json, text_of

__all__ = ["Asking", "told_in_words"]

_END = object()
_FORMAT = "response_format"


class Asking:
    """`to` is a Client or AsyncClient, or a function, sync or async. One that takes `messages` (or anything by name) is
    called with those, the model and the params; any other with the prompt as one text. `response_format` goes along
    where it can be said; else, and where it is refused or did not help, it is `said` in words."""

    def __init__(
        self, to: Any, model: str | None, params: Mapping[str, Any], response_format: Json | None, said: str
    ) -> None:  # fmt: skip
        if not callable(to) and not isinstance(to, Client | AsyncClient):
            raise InvalidRequest(f"llm_api is a function or a client, not {type(to).__name__}.", param="llm_api")
        self._to, self._params = to, dict(params)
        if model is not None:
            self._params["model"] = model
        self._format, self._said = response_format, said
        self._takes = None if isinstance(to, Client | AsyncClient) else _parameters(to)
        self._natively = response_format is not None and (self._takes is None or _FORMAT in self._takes)
        self._times = 0

    async def whole(self, messages: Sequence[Json]) -> str:
        """The text of an answer. Raises what the function or the client raises."""
        try:
            return await _text(await self._asked(messages, stream=False))
        except PilothouseError as error:
            if not self._refused_format(error):
                raise
            return await _text(await self._asked(messages, stream=False))

    async def pieces(self, messages: Sequence[Json]) -> AsyncIterator[str]:
        """The pieces of an answer, as they come; of a function that does not stream all of it at once."""
        begun = False
        while True:
            try:
                answer = await self._asked(messages, stream=True)
                async for piece in _pieces(answer):
                    begun = True
                    yield piece
                return
            except PilothouseError as error:
                if begun or not self._refused_format(error):
                    raise

    def _refused_format(self, error: PilothouseError) -> bool:
        """Whether the format itself was refused, and is from now on said in words."""
        refused = self._natively and (_FORMAT in error.message or _FORMAT in (error.param or ""))
        self._natively = self._natively and not refused
        return refused

    async def _asked(self, messages: Sequence[Json], *, stream: bool) -> Any:
        given, self._times = dict(self._params), self._times + 1
        if self._natively:
            given[_FORMAT] = self._format
        if self._said and (self._times > 1 or not self._natively):
            messages = told_in_words(messages, self._said)
        to = self._to
        if isinstance(to, AsyncClient):
            return to.stream(messages=[*messages], **given) if stream else await to.chat(messages=[*messages], **given)
        if isinstance(to, Client):
            if stream:
                return to.stream(messages=[*messages], **given)
            return await asyncio.wrap_future(to.begin(lambda client: client.chat(messages=[*messages], **given)))
        return await self._called(messages, given, stream=stream)

    async def _called(self, messages: Sequence[Json], given: Json, *, stream: bool) -> Any:
        takes = self._takes or {}
        anything = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in takes.values())
        given = {name: value for name, value in given.items() if anything or name in takes}
        if stream and "stream" in takes:
            given["stream"] = True
        arguments: tuple[Any, ...] = ()
        if "messages" in takes or (anything and not _takes_one(takes)):
            given["messages"] = [*messages]
        else:
            arguments = (_as_text(messages),)
        call: Callable[..., Any] = self._to
        if inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call):
            answer = call(*arguments, **given)
        else:
            answer = await asyncio.to_thread(call, *arguments, **given)
        return await answer if isinstance(answer, Awaitable) else answer


def told_in_words(messages: Sequence[Json], said: str) -> list[Json]:
    """The messages with a text more in the system message, or as one before them."""
    first = messages[0] if messages else {}
    if first.get("role") == "system":
        return [{**first, "content": f"{text_of(first.get('content'))}\n\n{said}"}, *messages[1:]]
    return [{"role": "system", "content": said}, *messages]


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # a built-in
        return {}


def _takes_one(takes: Mapping[str, inspect.Parameter]) -> bool:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(one.kind in kinds for one in takes.values())


def _as_text(messages: Sequence[Json]) -> str:
    """A conversation as one text: what is said, one after the other."""
    return "\n\n".join(text_of(one.get("content")) for one in messages)


async def _text(answer: Any) -> str:
    """The text of whatever a function answers: a text, a completion as an object or as JSON, or pieces of one."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, ChatResponse):
        return answer.text
    found = _of_choice(answer, "message")
    if found is not None:
        return found
    if hasattr(answer, "__aiter__") or hasattr(answer, "__next__"):
        return "".join([piece async for piece in _pieces(answer)])
    raise InvalidRequest(
        f"llm_api answered a {type(answer).__name__}; a text or a completion is needed.", param="llm_api"
    )


async def _pieces(answer: Any) -> AsyncIterator[str]:
    if hasattr(answer, "__aiter__"):
        async for chunk in answer:
            yield _piece(chunk)
    elif hasattr(answer, "__next__") or (hasattr(answer, "__iter__") and not isinstance(answer, str | Mapping)):
        steps = iter(answer)
        while (chunk := await asyncio.to_thread(next, steps, _END)) is not _END:
            yield _piece(chunk)
    else:
        yield await _text(answer)


def _piece(chunk: Any) -> str:
    if isinstance(chunk, str):
        return chunk
    text = getattr(chunk, "text", None)
    return text if isinstance(text, str) else _of_choice(chunk, "delta") or ""


def _of_choice(answer: Any, part: str) -> str | None:
    """The text of the first choice, of an object or of JSON; None where there is no choice."""
    choices = _get(answer, "choices")
    if not isinstance(choices, Sequence) or isinstance(choices, str):
        return None
    content = _get(_get(choices[0], part), "content") if choices else ""
    return text_of(content) if isinstance(content, str | list) else ""


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
