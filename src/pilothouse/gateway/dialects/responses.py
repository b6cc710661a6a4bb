"""OpenAI's Responses requests: checked, and said again as a chat.

Written from https://platform.openai.com/docs/api-reference/responses and the types of the `openai` package. Knows
nothing of which provider answers, nor of HTTP.
"""

from typing import Annotated, Any, Literal

import msgspec

from pilothouse.errors import InvalidRequest, Unsupported
from pilothouse.gateway.dialects.responses_items import as_items, custom_function, messages_of
from pilothouse.providers.content import read
from pilothouse.types import ChatRequest, Json, PromptField, check_body, decode_body, names_prompt, unmarked

__all__ = ["checked_response", "parse_response_request", "response_request"]

_Model = Annotated[str, msgspec.Meta(max_length=512, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]
_Id = Annotated[str, msgspec.Meta(max_length=512)]
_Metadata = Annotated[
    dict[Annotated[str, msgspec.Meta(max_length=64)], Annotated[str, msgspec.Meta(max_length=512)]],
    msgspec.Meta(max_length=16),
]


class _Format(msgspec.Struct):
    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema: Json | None = None


class _Text(msgspec.Struct):
    format: _Format | None = None
    verbosity: str | None = None


class _Reasoning(msgspec.Struct):
    effort: str | None = None
    summary: str | None = None


class _Body(msgspec.Struct):
    """What must hold of a body before it goes anywhere; everything else passes through."""

    model: _Model | None = None
    prompt: PromptField | None = None
    input: str | list[Json] | None = None
    instructions: str | None = None
    previous_response_id: _Id | None = None
    stream: bool | None = None
    store: bool | None = None
    background: bool | None = None
    tools: list[Json] | None = None
    tool_choice: str | Json | None = None
    parallel_tool_calls: bool | None = None
    text: _Text | None = None
    reasoning: _Reasoning | None = None
    max_output_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    metadata: _Metadata | None = None
    include: list[str] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    user: str | None = None
    safety_identifier: str | None = None


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: Json | None = None
    strict: bool | None = None


class _Named(msgspec.Struct):
    name: str


class _Allowed(msgspec.Struct):
    tools: list[Json]
    mode: Literal["auto", "required"] = "auto"


_REFUSED = {
    "conversation": "There are no conversations: chain responses with 'previous_response_id'.",
}
_OWN = frozenset({
    "input", "instructions", "previous_response_id", "store", "background", "background_options", "tools",
    "tool_choice", "parallel_tool_calls", "text", "reasoning", "max_output_tokens", "max_tool_calls", "top_logprobs",
    "metadata", "include", "truncation", "stream_options", "context_management", "moderation", "access_programs",
    "image", "prompt_cache_options",
})  # fmt: skip
"""Fields that a chat lacks or says otherwise. What is not named here is the same in a chat, or a vendor's own."""
_UNSAID = ("context_management", "moderation", "top_logprobs")


def parse_response_request(raw: bytes) -> Json:
    """The body of `POST /v1/responses`, decoded and checked. Raises InvalidRequest or Unsupported naming the field."""
    return checked_response(decode_body(raw))


def checked_response(body: Json) -> Json:
    """The same body, once it is checked. What its prompt says may be away."""
    body = unmarked(body)
    given = check_body(body, _Body)
    for name, why in _REFUSED.items():
        if body.get(name) is not None:
            raise Unsupported(why, param=name)
    if not names_prompt(body):
        _need(given)
    if given.background and given.store is False:
        raise InvalidRequest("A background response is fetched later: it needs 'store'.", param="store")
    return body


def _need(given: _Body) -> None:
    if given.model is None:
        raise InvalidRequest("Object missing required field `model`.", param="model")
    if not given.input and given.previous_response_id is None:
        raise InvalidRequest("'input' is empty: send a text or a list of items.", param="input")


def response_request(body: Json) -> ChatRequest:
    """The request with its translation. `unsaid` are the places that only OpenAI's own endpoint can serve.

    Raises InvalidRequest naming the place for what is malformed.
    """
    unsaid = [name for name in _UNSAID if body.get(name)]
    if "message.output_text.logprobs" in (body.get("include") or ()):
        unsaid.append("include")
    messages, lost = messages_of(as_items(body.get("input")))
    if body.get("instructions"):
        messages.insert(0, {"role": "system", "content": body["instructions"]})
    chat: Json = {name: value for name, value in body.items() if name not in _OWN}
    chat["messages"] = messages
    chat |= _output_of(body)
    tools, unknown = _tools_of(body)
    if tools:
        chat["tools"] = tools
        chat |= {name: body[name] for name in ("parallel_tool_calls",) if body.get(name) is not None}
        choice = _choice_of(body.get("tool_choice"), unknown)
        chat |= {} if choice is None else {"tool_choice": choice}
    return ChatRequest(body, "responses", ChatRequest(chat), (*unsaid, *lost, *unknown))


def _output_of(body: Json) -> Json:
    """What is asked of the answer, in a chat's words."""
    text, reasoning = body.get("text") or {}, body.get("reasoning") or {}
    wanted: Json = {
        # Not max_completion_tokens: servers that only chat know the older name, and OpenAI's own is asked natively.
        "max_tokens": body.get("max_output_tokens"),
        "verbosity": text.get("verbosity"),
        "reasoning_effort": reasoning.get("effort"),
    }
    form = text.get("format") or {}
    if form.get("type") == "json_object":
        wanted["response_format"] = form
    elif form.get("type") == "json_schema":
        schema = {name: value for name, value in form.items() if name != "type" and value is not None}
        wanted["response_format"] = {"type": "json_schema", "json_schema": schema}
    return {name: value for name, value in wanted.items() if value is not None}


def _tools_of(body: Json) -> tuple[list[Json], list[str]]:
    """The functions as a chat has them, and the places of hosted tools."""
    tools: list[Json] = []
    unknown = []
    for i, tool in enumerate(body.get("tools") or ()):
        where = f"tools[{i}]"
        if tool.get("type") == "function":
            given = msgspec.to_builtins(read(tool, _Function, where))
            function = {name: value for name, value in given.items() if value is not None}
            tools.append({"type": "function", "function": function})
        elif tool.get("type") == "custom":
            tools.append(custom_function(tool, where))
        else:
            unknown.append(f"{where} ({str(tool.get('type'))[:64]})")
    return tools, unknown


def _choice_of(choice: Any, unsaid: list[str]) -> Any:
    if choice is None or isinstance(choice, str):
        return choice
    kind = choice.get("type")
    if kind in ("function", "custom"):
        return {"type": "function", "function": {"name": read(choice, _Named, "tool_choice").name}}
    if kind == "allowed_tools":
        allowed = read(choice, _Allowed, "tool_choice")
        names = [read(tool, _Named, "tool_choice.tools").name for tool in allowed.tools if "name" in tool]
        functions = [{"type": "function", "function": {"name": name}} for name in names]
        return {"type": "allowed_tools", "allowed_tools": {"mode": allowed.mode, "tools": functions}}
    unsaid.append("tool_choice")
    return None
