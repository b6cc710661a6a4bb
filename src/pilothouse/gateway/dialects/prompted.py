"""A prompt of the registry put into the request that names it, in the request's own dialect.

The messages of the prompt come first, then the caller's. Of everything else the caller's own fields win over what the
prompt says. A text prompt alone is the user's message, and the system message where the caller sends messages, too.
Plain functions over JSON; knows nothing of where prompts come from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from pilothouse.errors import InvalidRequest, Unsupported
from pilothouse.gateway.dialects.messages import read_request
from pilothouse.gateway.dialects.responses import checked_response, response_request
from pilothouse.gateway.dialects.responses_prompt import as_response
from pilothouse.prompts.content import Content
from pilothouse.prompts.versions import Reference, reference_of
from pilothouse.providers.anthropic_wire import to_messages
from pilothouse.types import PROMPT_MODEL, ChatRequest, Json, PromptField, check_body

__all__ = ["Asked", "asked_of", "filled"]

_LIMITS = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: which prompt, with which variables, of which `model` where it names one itself. `param`
    is the field that names the prompt."""

    reference: Reference
    variables: Json
    model: str | None
    param: str


def asked_of(request: ChatRequest) -> Asked:
    """What a request asks for that names a prompt (`types.names_prompt`). Raises InvalidRequest naming the field."""
    body = request.body
    if request.operation == "text_completion":
        why = (
            "Text completions have no prompts of the registry: ask /v1/chat/completions, /v1/responses or /v1/messages."
        )
        raise Unsupported(why, param="model")
    field, model = body.get("prompt"), body.get("model")
    given = PromptField() if field is None else check_body({"prompt": field}, _Prompted).prompt
    variables = given.variables or {}
    if request.operation == "responses":
        variables = {name: _text_of(name, value) for name, value in variables.items()}
    if isinstance(model, str) and model.startswith(PROMPT_MODEL):
        if any(one is not None for one in (given.name, given.id, given.version, given.label)):
            why = "The model names the prompt: beside it, 'prompt' may have 'variables' alone."
            raise InvalidRequest(why, param="prompt")
        return Asked(_reference(model.removeprefix(PROMPT_MODEL), "model"), variables, None, "model")
    name = given.name if given.name is not None else given.id
    if not name or (given.name is not None and given.id is not None):
        raise InvalidRequest("'prompt' names a prompt: as 'name', or as 'id'.", param="prompt.name")
    reference = _reference(name, "prompt.name")
    if given.version is not None or given.label is not None:
        if given.version is not None and given.label is not None:
            raise InvalidRequest("A prompt is asked for by 'version' or by 'label', not by both.", param="prompt.label")
        if reference.version is not None or reference.label is not None:
            why = f"'{name}' says which version itself: leave 'version' and 'label' out."
            raise InvalidRequest(why, param="prompt.name")
        reference = _reference(f"{name}{_mark(given)}", "prompt.version" if given.label is None else "prompt.label")
    return Asked(reference, variables, model, "prompt")


def filled(
    request: ChatRequest, content: Content, messages: Sequence[Json], model: str | None, *, counting: bool = False
) -> ChatRequest:
    """The whole request: that of the caller with the prompt's rendered `messages` and all that `content` says, for this
    model. `counting` is for a count of tokens. Raises InvalidRequest or Unsupported naming the field."""
    own = {name: value for name, value in request.body.items() if name != "prompt" and value is not None}
    own |= {"model": model}
    if content.type == "text" and (own.get("messages") or own.get("input")):
        messages = [{"role": "system", "content": messages[0]["content"]}, *messages[1:]]
    asked: Json = dict(content.params)
    asked |= {"tools": content.tools} if content.tools else {}
    asked |= {} if content.response_format is None else {"response_format": content.response_format}
    match request.operation:
        case "messages":
            return read_request(_as_message(asked, own, messages), request.headers, counting=counting)
        case "responses":
            return response_request(checked_response(as_response(asked, own, messages)))
    if any(name in own for name in _LIMITS):
        asked = {name: value for name, value in asked.items() if name not in _LIMITS}
    return ChatRequest.check({**asked, **own, "messages": [*messages, *own.get("messages", ())]})


class _Prompted(msgspec.Struct):
    prompt: PromptField


@lru_cache(1024)
def _reference(text: str, param: str) -> Reference:
    try:
        return reference_of(text)
    except InvalidRequest as error:
        raise InvalidRequest(error.message, param=param) from None


def _mark(given: PromptField) -> str:
    """OpenAI's versions are texts; one that is no number is a label."""
    if given.label is not None:
        return f"#{given.label}"
    version = str(given.version)
    return f"@{version}" if isinstance(given.version, int) or version.isdecimal() else f"#{version}"


def _text_of(name: str, value: Any) -> Any:
    """A variable in OpenAI's words: an item of the type input_text is its text."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "input_text" and isinstance(value.get("text"), str):
        return value["text"]
    if kind in ("input_image", "input_file", "input_audio"):
        where = f"prompt.variables.{name}"
        raise Unsupported(f"{where}: a variable is text or JSON; send images and files in 'input'.", param=where)
    return value


def _as_message(asked: Json, own: Json, messages: Sequence[Json]) -> Json:
    """The body in Anthropic's dialect; its translation of a chat is that of the provider."""
    chat: Json = {**asked, "model": own["model"], "messages": [*messages]}
    made = to_messages(ChatRequest(chat), 1)
    if not any(asked.get(name) for name in _LIMITS):
        made.pop("max_tokens", None)
    body: Json = {**made, **own}
    body["messages"] = [*made.get("messages", ()), *own.get("messages", ())]
    system = [*_blocks(made.get("system")), *_blocks(own.get("system"))]
    if system:
        body["system"] = system
    return body


def _blocks(system: Any) -> Sequence[Mapping[str, Any]]:
    if isinstance(system, str):
        return [{"type": "text", "text": system}] if system else []
    return system or []
