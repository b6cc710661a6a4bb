"""Anthropic's Messages dialect, requests: checked, and said again as an OpenAI chat.

    system, messages            messages (see messages_content.py)
    tools, tool_choice          tools, tool_choice, parallel_tool_calls
    max_tokens, temperature,    the same names; stop_sequences is `stop`, metadata.user_id is `user`
      top_p, top_k, stream
    thinking, output_config     reasoning_effort, response_format

What a chat cannot say is named in `ChatRequest.unsaid`. Hints whose loss leaves the answer what it is are dropped:
`cache_control` (kept where a provider reads it), `service_tier`, `speed`, `context_management`, `diagnostics`, and
whatever a later version of the API adds. Source: platform.claude.com/docs/en/api/messages. Knows nothing of answers.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Literal

import msgspec

from pilothouse.errors import InvalidRequest
from pilothouse.gateway.dialects.messages_content import Turns, marks, short_name
from pilothouse.providers.schema import is_strict
from pilothouse.types import ChatRequest, Json, ModelName, PromptField, check_body, names_prompt, unmarked

__all__ = ["read_request", "to_chat"]

_LONGEST_USER = 64  # OpenAI refuses a longer `user`; Claude Code's user_id has more than 100 characters
_HINTED_GEO = (None, "", "global")
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_EFFORTS = ((4096, "low"), (8192, "medium"))  # the budgets below which providers/claude.py chooses these, and above


class _Message(msgspec.Struct):
    role: Literal["user", "assistant", "system"]
    content: str | list[Json]


class _System(msgspec.Struct):
    type: Literal["text"]
    text: str


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class _Thinking(msgspec.Struct):
    type: str
    budget_tokens: int | None = None


class _Format(msgspec.Struct):
    type: Literal["json_schema"]
    schema: Json


class _OutputConfig(msgspec.Struct):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: _Format | None = None


class _Tool(msgspec.Struct):
    """`name` is empty for those of Anthropic's own that have none."""

    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: Json | None = None
    strict: bool | None = None


class _Choice(msgspec.Struct):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Body(msgspec.Struct):
    """What must hold of a body before it goes anywhere; everything else passes through to Anthropic."""

    model: ModelName | None = None
    messages: list[_Message] | None = None
    prompt: PromptField | None = None
    max_tokens: int | None = None
    system: str | list[_System] | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: _Choice | None = None
    metadata: _Metadata | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None
    output_format: _Format | None = None


def read_request(body: Json, headers: Sequence[tuple[str, str]] = (), *, counting: bool = False) -> ChatRequest:
    """The request of a body, its translation beside it. `counting` is for count_tokens, which wants no `max_tokens`.

    Raises InvalidRequest with `param` naming the field.
    """
    body = unmarked(body)
    given = check_body(body, _Body)
    if names_prompt(body):  # the gateway makes the whole of it, and reads that again
        return ChatRequest(body, "messages", ChatRequest(_as_far(body, given)), (), tuple(headers))
    if given.model is None:
        raise InvalidRequest("Object missing required field `model`.", param="model")
    if not given.messages:
        raise InvalidRequest("messages: at least one message is required.", param="messages")
    if given.max_tokens is None and not counting:
        raise InvalidRequest("max_tokens: Field required. Say how long the answer may be.", param="max_tokens")
    chat, unsaid = to_chat(body, given)
    return ChatRequest(body, "messages", ChatRequest(chat), tuple(unsaid), tuple(headers))


def _as_far(body: Json, given: _Body) -> Json:
    """What is known of a chat before its prompt is there."""
    return {**body, "user": _user(given.metadata), "messages": []}


def to_chat(body: Json, given: _Body) -> tuple[Json, list[str]]:
    """(the body of a chat, the fields that it cannot express)."""
    turns = Turns()
    if body.get("system"):
        turns.system(body["system"], "system")
    for i, message in enumerate(body["messages"]):
        turns.add(message, f"messages[{i}]")
    chat: Json = {
        "model": given.model,
        "messages": turns.messages,
        "max_tokens": given.max_tokens,
        "stream": given.stream,
        "temperature": given.temperature,
        "top_p": given.top_p,
        "top_k": given.top_k,
        "stop": given.stop_sequences,
        "user": _user(given.metadata),
        "reasoning_effort": _effort(given),
        "response_format": _response_format(given),
        **_tools(body, given, turns.unsaid),
    }
    _note_unsaid(body, turns.unsaid)
    return {name: value for name, value in chat.items() if value not in (None, [])}, turns.unsaid


def _tools(body: Json, given: _Body, unsaid: list[str]) -> Json:
    """`tools` and the choice among them. Anthropic's own tools run on its servers or are known to its models alone."""
    tools: list[Json] = []
    for i, tool in enumerate(given.tools or ()):
        if tool.type not in (None, "custom"):
            unsaid.append(f"tools[{i}].type")
            continue
        if tool.input_schema is None:
            raise InvalidRequest(f"tools[{i}].input_schema: Field required.", param=f"tools[{i}].input_schema")
        function: Json = {"name": short_name(tool.name), "parameters": tool.input_schema}
        if tool.description is not None:
            function["description"] = tool.description
        if tool.strict is not None:
            function["strict"] = tool.strict
        tools.append({"type": "function", "function": function, **marks(body["tools"][i])})
    choice = given.tool_choice
    if not tools or choice is None:
        return {"tools": tools}
    if choice.type == "tool":
        if not choice.name:
            raise InvalidRequest("tool_choice.name: Field required.", param="tool_choice.name")
        wanted: Any = {"type": "function", "function": {"name": short_name(choice.name)}}
    else:
        wanted = _CHOICES[choice.type]
    parallel = False if choice.disable_parallel_tool_use else None
    return {"tools": tools, "tool_choice": wanted, "parallel_tool_calls": parallel}


def _user(metadata: _Metadata | None) -> str | None:
    """The end user: one that is too long for OpenAI becomes its SHA-256, which tells users apart just as well."""
    user = metadata.user_id if metadata else None
    return sha256(user.encode()).hexdigest() if user and len(user) > _LONGEST_USER else user


def _effort(given: _Body) -> str | None:
    """The effort asked for, or that of a thinking budget. A model that may think or not is left to itself."""
    thinking = given.thinking
    if thinking is not None and thinking.type == "disabled":
        return None
    if given.output_config is not None and given.output_config.effort is not None:
        return given.output_config.effort
    if thinking is None or thinking.budget_tokens is None:
        return None
    budget = thinking.budget_tokens
    return next((effort for below, effort in _EFFORTS if budget < below), "high")


def _response_format(given: _Body) -> Json | None:
    wanted = (given.output_config.format if given.output_config else None) or given.output_format
    if wanted is None:
        return None
    schema: Json = {"name": "answer", "schema": wanted.schema}
    if is_strict(wanted.schema):
        schema["strict"] = True
    return {"type": "json_schema", "json_schema": schema}


def _note_unsaid(body: Json, unsaid: list[str]) -> None:
    """Top-level fields that would change the answer, or break a promise about where it is made."""
    unsaid += [name for name in ("container", "mcp_servers", "thread") if body.get(name)]
    if body.get("inference_geo") not in _HINTED_GEO:
        unsaid.append("inference_geo")
