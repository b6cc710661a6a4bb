"""What a version of a prompt is: the template and everything that is asked beside it. It never changes.

Knows nothing of how templates are rendered, nor of where versions are kept.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    model_validator,
)

from pilothouse.errors import InvalidRequest
from pilothouse.ids import content_hash
from pilothouse.types import Json

__all__ = [
    "MOST_CONTENT", "MOST_TEMPLATE", "Content", "Example", "Message", "Placeholder", "Variable", "VariableType",
    "content_of", "place_of",
]  # fmt: skip

MOST_TEMPLATE = 256 * 1024
"""Characters of all texts of a template together."""
MOST_CONTENT = 1024 * 1024
"""Bytes of a version as JSON, with its tools, schema and examples."""

VariableType = Literal["string", "number", "integer", "boolean", "list", "object", "messages"]
Name = Annotated[str, StringConstraints(pattern=r"\A[A-Za-z_][A-Za-z0-9_]{0,63}\z", strict=True)]
_Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
_JSON_TYPES: dict[VariableType, str] = {"list": "array", "messages": "array"}
_ELSEWHERE = {
    "model": "'model'", "tools": "'tools'", "response_format": "'response_format'", "messages": "'template'",
    "prompt": "'template'", "input": "'template'", "stream": "the request",
}  # fmt: skip


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Variable(_Frozen):
    """A variable of a template. One without `default` must be given.

    `untrusted` marks what comes from outside (a user's words, a page of the web): it is set apart by delimiters when it
    is rendered, by `spotlight`. `max_chars` bounds a text. `messages` are a list of chat messages, for a placeholder.
    """

    type: VariableType = "string"
    default: Any = None
    description: Annotated[str, Field(max_length=2000)] = ""
    enum: Annotated[list[Any], Field(min_length=1, max_length=500)] | None = None
    untrusted: bool = False
    spotlight: Literal["delimit", "datamark", "encode"] = "delimit"
    max_chars: Annotated[int, Field(ge=1, le=MOST_CONTENT, strict=True)] | None = None

    @property
    def required(self) -> bool:
        """Whether a render without it is an error."""
        return self.default is None

    @property
    def schema_of_value(self) -> Json:
        """The JSON Schema of its values."""
        told: Json = {"type": _JSON_TYPES.get(self.type, self.type)}
        told |= {"items": {"type": "object"}} if self.type == "messages" else {}
        told |= {"description": self.description} if self.description else {}
        told |= {"enum": self.enum} if self.enum is not None else {}
        told |= {"default": self.default} if self.default is not None else {}
        return told | ({"maxLength": self.max_chars} if self.max_chars is not None else {})


class Placeholder(_Frozen):
    """Stands for a list of messages that a variable of this name holds, such as what was said before."""

    placeholder: Name


class Message(BaseModel):
    """A chat message as the wire has it; fields that are unknown here, such as `tool_calls`, stay as they are."""

    model_config = ConfigDict(frozen=True, extra="allow")

    role: _Role
    content: str | list[Json] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.content is None and not self.model_extra:
            raise ValueError("a message needs 'content'")
        return self

    @property
    def texts(self) -> list[str]:
        """The texts in it that are templates, in their order."""
        if isinstance(self.content, str):
            return [self.content]
        return [part["text"] for part in self.content or () if isinstance(part.get("text"), str)]


def _kind(given: Any) -> str:
    holder = "placeholder" in given if isinstance(given, dict) else isinstance(given, Placeholder)
    return "a placeholder" if holder else "a message"


_InChat = Annotated[
    Annotated[Message, Tag("a message")] | Annotated[Placeholder, Tag("a placeholder")], Discriminator(_kind)
]


class Example(_Frozen):
    """An example of a good answer: `input` is the user's text, or the values of variables."""

    input: str | Json
    output: str


class Content(_Frozen):
    """A prompt as it is released: a text, or a list of chat messages, and what goes with it to the model.

    `model` and `params` are those of a call that names none; `guards` names guard policies. `config` is free. Two
    contents are equal exactly where they have one `hash`.
    """

    type: Literal["text", "chat"] = "text"
    template: str | Annotated[list[_InChat], Field(min_length=1, max_length=1000)]
    syntax: Literal["jinja", "mustache", "format"] = "jinja"
    variables: dict[Name, Variable] = Field(default_factory=dict)
    model: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f]*$")] | None = None
    params: Json = Field(default_factory=dict)
    tools: list[Json] = Field(default_factory=list)
    response_format: Json | None = None
    guards: str | Json | list[Any] | None = None
    examples: list[Example] = Field(default_factory=list)
    config: Json = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _of_its_type(cls, given: Any) -> Any:
        """A list of messages is a chat where nothing else is said."""
        if isinstance(given, dict) and "type" not in given and isinstance(given.get("template"), list):
            return {**given, "type": "chat"}
        return given

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        if (self.type == "text") != isinstance(self.template, str):
            wanted = "one text" if self.type == "text" else "a list of messages"
            raise ValueError(f"the template of a {self.type} prompt is {wanted}")
        if (size := sum(map(len, self.texts))) > MOST_TEMPLATE:
            raise ValueError(f"the template has {size:,} characters; the limit is {MOST_TEMPLATE:,}")
        for name in self.params.keys() & _ELSEWHERE.keys():
            raise ValueError(f"params: '{name}' belongs into {_ELSEWHERE[name]}, not here")
        if (size := len(_encoded(self.model_dump()))) > MOST_CONTENT:
            raise ValueError(f"the prompt has {size:,} bytes as JSON; the limit is {MOST_CONTENT:,}")
        return self

    @property
    def texts(self) -> list[str]:
        """Every text that is a template, in its order."""
        if isinstance(self.template, str):
            return [self.template]
        return [text for one in self.template if isinstance(one, Message) for text in one.texts]

    @property
    def policies(self) -> list[str]:
        """The guard policies that hold for its calls: what `guards` names. Anything else in it is kept and shown."""
        named = [self.guards] if isinstance(self.guards, str) else self.guards
        return [one for one in named if isinstance(one, str)] if isinstance(named, list) else []

    @property
    def schema_of_variables(self) -> Json:
        """The JSON Schema of the variables as one object."""
        required = [name for name, variable in self.variables.items() if variable.required]
        each = {name: variable.schema_of_value for name, variable in self.variables.items()}
        told: Json = {"type": "object", "properties": each, "additionalProperties": False}
        return told | ({"required": required} if required else {})

    @cached_property
    def hash(self) -> str:
        """16 hex digits that tell the content. What has its default counts as not said."""
        return content_hash(self.model_dump(mode="json", exclude_defaults=True))

    def to_json(self) -> Json:
        """All fields; `content_of` reads it back."""
        return self.model_dump(mode="json")


def content_of(given: object) -> Content:
    """The content that this JSON says. Raises InvalidRequest, naming the field."""
    try:
        return Content.model_validate(given)
    except ValidationError as error:
        faults = _faults(error, given)
        told = "; ".join(f"{'.'.join(map(str, place))}: {what}" if place else what for place, what in faults[:5])
        raise InvalidRequest(f"{told}.", param=".".join(map(str, faults[0][0])) or None) from None
    except RecursionError:
        raise InvalidRequest("The prompt is nested too deeply.") from None


def place_of(steps: Sequence[str | int], given: Any) -> list[str | int]:
    """The steps of a problem of pydantic's, without the names of alternatives, which are no keys of what was given."""
    place = list[str | int]()
    for number, step in enumerate(steps, 1):
        last = number == len(steps) and isinstance(step, str) and step.isidentifier() and step != "str"
        if isinstance(given, dict) and (step in given or last):
            place.append(step)
            given = given.get(step)
        elif isinstance(given, list) and isinstance(step, int):
            place.append(step)
            given = given[step]
    return place


def _faults(error: ValidationError, given: object) -> list[tuple[list[str | int], str]]:
    """What is wrong, by its place. Of alternatives that failed, the one that came farthest was meant, and one that
    fails for more than its type."""
    fields = dict[str | int, list[tuple[list[str | int], str, bool]]]()
    for problem in error.errors():
        place = place_of(problem["loc"], given)
        fault = (place, problem["msg"].removeprefix("Value error, "), problem["type"].endswith("_type"))
        fields.setdefault(place[0] if place else "", []).append(fault)
    found = []
    for faults in fields.values():
        farthest = max((place for place, _, _ in faults), key=len)
        here = [(what, of_type) for place, what, of_type in faults if place == farthest]
        kept = [what for what, of_type in here if not of_type] or [what for what, _ in here]
        found.append((farthest, ", or: ".join(dict.fromkeys(kept))))
    return found


def _encoded(body: Json) -> bytes:
    """As JSON. Raises ValueError for what a database or a model cannot take: NUL, half a character, NaN."""
    left: list[Any] = [body]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            left += one
        elif isinstance(one, str):
            if "\0" in one:
                raise ValueError("a text holds NUL, which no model can read")
            if not one.isascii() and any("\ud800" <= character <= "\udfff" for character in one):
                raise ValueError("a text holds half of a surrogate pair, which is no character")
        elif isinstance(one, float) and not math.isfinite(one):
            raise ValueError(f"{one} is no number of JSON")
        elif isinstance(one, int) and not -(2**63) <= one < 2**63:
            raise ValueError("a whole number has more than 64 bits")
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"this is not JSON: {error}") from None
