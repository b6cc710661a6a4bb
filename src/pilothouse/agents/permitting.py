"""Whether a call of a tool may go ahead, or needs a person's word: the one rule that all else rests on.

Plain functions over labels. Knows nothing of models; what a model says of itself plays no part.
"""

from collections.abc import Mapping

from pilothouse.agents.labels import SYSTEM, USER, Label, Trust
from pilothouse.agents.tools import Tool

__all__ = ["reasons"]

_OURS = SYSTEM.origins | USER.origins


def reasons(tool: Tool, arguments: Mapping[str, Label], trigger: Label) -> list[str]:
    """Why a call needs approval, each a sentence; none where it may go ahead.

    `arguments` are the labels of its arguments, `trigger` that of all which the model had read when it asked for the
    call. A text from outside may trigger nothing but a `read`; a value from outside, also a mere number, may not come
    to a sensitive argument; what is destructive waits always.
    """
    found = []
    if tool.severity == "destructive":
        found.append("What it does cannot be undone.")
    if tool.severity != "read" and trigger.trust is Trust.UNTRUSTED:
        found.append(f"The model had read text from outside ({_short(trigger)}) when it asked for this.")
    for name, label in arguments.items():
        if label.outside and tool.is_sensitive(name):
            found.append(f"The argument '{name[:64]}' may come from outside ({_short(label)}).")
    return found


def _short(label: Label) -> str:
    told = ", ".join(sorted(label.origins - _OURS)) or str(label)
    return told if len(told) <= 300 else f"{told[:297]}..."
