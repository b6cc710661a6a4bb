"""The form that an answer is to have, as a request says it in its dialect: read, and said where a guard asks for it.

Knows nothing of guards but that some have a schema that models are to be told.
"""

from collections.abc import Sequence

from pilothouse.gateway.guarding.regions import read_again
from pilothouse.guards.policy import Placed
from pilothouse.providers.schema import is_strict
from pilothouse.types import ChatRequest, Json

__all__ = ["asked_schema", "with_form"]

_NAME = "answer"


def asked_schema(request: ChatRequest) -> Json | None:
    """The schema that the caller asks for."""
    wanted = request.as_chat.body.get("response_format")
    about = wanted.get("json_schema") if isinstance(wanted, dict) else None
    schema = about.get("schema") if isinstance(about, dict) else None
    return schema if isinstance(schema, dict) else None


def with_form(placed: Sequence[Placed], request: ChatRequest) -> ChatRequest:
    """The request, asking for the form of the first guard that is `native`. One that asks for a form of its own, and a
    text completion, which cannot, stay as they are."""
    schema = next((found for one in placed if (found := getattr(one.guard, "asked", None)) is not None), None)
    if schema is None or request.as_chat.body.get("response_format") is not None:
        return request
    body, form = request.body, {"type": "json_schema", "schema": schema}
    strict = {"strict": True} if is_strict(schema) else {}
    match request.operation:
        case "chat":
            about = {"name": _NAME, "schema": schema, **strict}
            return read_again(request, {**body, "response_format": {"type": "json_schema", "json_schema": about}})
        case "messages":
            return read_again(request, {**body, "output_config": {**(body.get("output_config") or {}), "format": form}})
        case "responses":
            named = {**form, "name": _NAME, **strict}
            return read_again(request, {**body, "text": {**(body.get("text") or {}), "format": named}})
    return request
