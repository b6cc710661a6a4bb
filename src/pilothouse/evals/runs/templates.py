"""Texts with places for what a case says: `{input}`, `{input.question}`, `{context}`, `{metadata.topic}`. Two braces
are one: `{{`. What does not look like a name, such as JSON, stays as it is.
"""

import difflib
import re
from typing import Any

from pilothouse.evals.shapes import Case
from pilothouse.evals.values import written
from pilothouse.types import Json

__all__ = ["Unfilled", "check_template", "fill", "messages_of"]

_NAMES = ("input", "context", "metadata")
_PLACE = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*(?:\.[\w-]+)*)\}")


class Unfilled(Exception):
    """A case lacks what a template names; the message says so in a sentence."""


def check_template(message: Any) -> str | None:
    """What is wrong with a message of templates, in a sentence; None where nothing is."""
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        return "a message has a 'role' and a 'content'."
    for text in _texts(message):
        for found in _PLACE.finditer(text):
            name = (found[1] or "input").partition(".")[0]
            if name not in _NAMES:
                near = difflib.get_close_matches(name, _NAMES, n=1)
                hint = f" Did you mean '{{{near[0]}}}'?" if near else ""
                return f"there is no {{{found[1]}}}; there are {{input}}, {{context}} and {{metadata.name}}.{hint}"
    return None


def messages_of(case: Case, templates: list[Json] | None) -> list[Json]:
    """The messages to ask with. Without templates, the input itself: messages as they are, else a text of the user.
    Raises Unfilled."""
    if templates is not None:
        return [fill(message, case) for message in templates]
    given = case.input.get("messages") if isinstance(case.input, dict) else case.input
    if isinstance(given, list) and given and all(isinstance(one, dict) and "role" in one for one in given):
        return given
    return [{"role": "user", "content": written(case.input)}]


def fill(value: Any, case: Case) -> Any:
    """`value` with every place in its texts filled. Raises Unfilled."""
    if isinstance(value, str):
        return _PLACE.sub(lambda found: _filled(found, case), value)
    if isinstance(value, dict):
        return {key: fill(item, case) for key, item in value.items()}
    return [fill(item, case) for item in value] if isinstance(value, list) else value


def _filled(found: re.Match[str], case: Case) -> str:
    if found[1] is None:
        return found[0][0]
    name, *steps = found[1].split(".")
    if name == "context" and not steps:
        return "\n\n".join(case.context)
    value: Any = getattr(case, name)
    for step in steps:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list | tuple) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise Unfilled(f"The case has no {found[1]}, which the messages of the task name.")
    return written(value)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in _texts(item)]
