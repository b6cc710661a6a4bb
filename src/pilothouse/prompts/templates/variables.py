"""The values of a render: nothing missing, nothing extra, each of its type; what is untrusted is marked as such."""

from collections.abc import Mapping
from typing import Any

from pilothouse.errors import BadVariable, MissingVariable, UnknownVariable
from pilothouse.prompts.content import Variable
from pilothouse.prompts.templates.limits import MAX_VARIABLES, MAX_VARIABLES_BYTES
from pilothouse.prompts.templates.naming import clipped, nearest
from pilothouse.prompts.templates.run import Scope, Use
from pilothouse.prompts.templates.values import cleaned, kind_of, tainted

__all__ = ["LEVEL_OF", "check_defaults", "check_messages", "check_value", "merged", "prepared"]

LEVEL_OF = {"delimit": 1, "datamark": 2, "encode": 3}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "list": (list,),
    "object": (dict,),
    "messages": (list,),
}
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_FROM_OUTSIDE = ("user", "assistant", "tool", "function")


def merged(declared: Mapping[str, Variable], included: Mapping[str, Variable]) -> dict[str, Variable]:
    """The variables of a prompt with those of one that it includes. Its own word counts, but what either calls
    untrusted is."""
    found = dict(declared)
    for name, variable in included.items():
        own = found.get(name)
        if own is None:
            found[name] = variable
        elif variable.untrusted and (not own.untrusted or LEVEL_OF[variable.spotlight] > LEVEL_OF[own.spotlight]):
            found[name] = own.model_copy(update={"untrusted": True, "spotlight": variable.spotlight})
    return found


def check_defaults(declared: Mapping[str, Variable]) -> None:
    """Raises BadVariable for a default that the variable would not take."""
    for name, variable in declared.items():
        if not variable.required:
            try:
                check_value(name, variable, cleaned(name, variable.default)[0])
            except BadVariable as error:
                raise BadVariable(f"The default of a variable is wrong: {error.message}", param=name) from None


def prepared(declared: Mapping[str, Variable], uses: Mapping[str, Use], given: Mapping[str, Any]) -> Scope:
    """What a template sees. Raises MissingVariable, UnknownVariable or BadVariable."""
    if not isinstance(given, Mapping):
        raise BadVariable(f"The variables are an object of names and values, not {kind_of(given)}.", param="variables")
    if len(given) > MAX_VARIABLES:
        raise BadVariable(
            f"There are {len(given):,} variables; at most {MAX_VARIABLES:,} are taken.", param="variables"
        )
    _all_there(declared, uses, given)
    scope, size = Scope(), 0
    for name, value in given.items():
        scope[name], more = cleaned(name, value)
        size += more
        if size > MAX_VARIABLES_BYTES:
            told = f"The variables hold more than {MAX_VARIABLES_BYTES:,} bytes together, with '{name}'."
            raise BadVariable(told, param=name)
    for name, variable in declared.items():
        if name in scope:
            check_value(name, variable, scope[name])
        else:
            scope[name], _ = cleaned(name, variable.default)
        if variable.untrusted and variable.type == "messages":
            _from_outside(name, scope[name])
        elif variable.untrusted:
            scope[name] = tainted(scope[name], LEVEL_OF[variable.spotlight])
    return scope


def _all_there(declared: Mapping[str, Variable], uses: Mapping[str, Use], given: Mapping[str, Any]) -> None:
    known = dict.fromkeys([*declared, *uses])
    for name in given:
        if not isinstance(name, str) or name not in known:
            told = nearest(name, known) if known else " It has no variables."
            raise UnknownVariable(
                f"The prompt has no variable {clipped(name)}.{told}",
                param=str(name)[:100].encode("utf-8", "replace").decode(),
            )
    needed = dict.fromkeys(
        [
            *(name for name, variable in declared.items() if variable.required),
            *(name for name, use in uses.items() if use.required and name not in declared),
        ]
    )
    missing = [name for name in needed if name not in given]
    if missing:
        also = f" ({len(missing)} are: {', '.join(missing[:20])})" if len(missing) > 1 else ""
        raise MissingVariable(f"The variable '{missing[0]}' is missing{also}.", param=missing[0])


def check_value(name: str, variable: Variable, value: Any) -> None:
    """Raises BadVariable where a value is not what the variable takes."""
    number = variable.type in ("number", "integer")
    if not isinstance(value, _TYPES[variable.type]) or (number and isinstance(value, bool)):
        raise BadVariable(f"'{name}' is of type {variable.type}, not {kind_of(value)}.", param=name)
    if variable.enum is not None and not any(type(one) is type(value) and one == value for one in variable.enum):
        there = ", ".join(clipped(one) for one in variable.enum[:20])
        raise BadVariable(f"'{name}' is one of {there}, not {clipped(value)}.", param=name)
    if variable.max_chars is not None and isinstance(value, str) and len(value) > variable.max_chars:
        told = f"'{name}' has {len(value):,} characters; at most {variable.max_chars:,} are allowed."
        raise BadVariable(told, param=name)
    if variable.type == "messages":
        check_messages(name, value)


def check_messages(name: str, value: Any) -> None:
    """Raises BadVariable where a value is no list of chat messages."""
    if not isinstance(value, list):
        raise BadVariable(f"'{name}' is a list of messages, not {kind_of(value)}.", param=name)
    for number, message in enumerate(value):
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            told = f"'{name}[{number}]' is no message: it has a 'role', one of {', '.join(_ROLES)}, and a 'content'."
            raise BadVariable(told, param=name)
        content, alone = message.get("content"), not message.keys() - {"role", "content"}
        if not isinstance(content, str | list) and (content is not None or alone):
            raise BadVariable(f"'{name}[{number}]' needs a 'content', a text or a list of parts.", param=name)


def _from_outside(name: str, value: Any) -> None:
    for number, message in enumerate(value):
        if message["role"] not in _FROM_OUTSIDE:
            told = f"'{name}[{number}]' has the role '{message['role']}', which nobody from outside may speak in."
            raise BadVariable(told, param=name)
