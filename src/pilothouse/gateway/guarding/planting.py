"""Canaries at the end of the system prompts of calls in whose answers a guard looks for them.

The word belongs to the session, else to who asks, so that answers of one session can still be shared by the cache. Its
key lives as long as the process: what is looked for in an answer was planted by the same call.
"""

import secrets
from collections.abc import Mapping, Sequence

from pilothouse.gateway.guarding.regions import Region
from pilothouse.gateway.guarding.watch import Watch
from pilothouse.guards.attack.canary import Canary, canary_of, line_of

__all__ = ["planted"]

_KEY = secrets.token_bytes(32)


def planted(watch: Watch, found: Sequence[Region], changed: Mapping[Region, str]) -> dict[Region, str]:
    """The last text of the system with a canary, on top of what is `changed`; the conversation knows it from here on.
    Nothing where no guard looks for one, and where there is no system prompt."""
    system = [one for one in found if one.role == "system" and one.stage == "input"]
    if not system or not any(isinstance(one.guard, Canary) for one in (*watch.at("output"), *watch.at("tool"))):
        return {}
    call = watch.call
    word = canary_of(_KEY, call.project_id, call.session_id or call.user_id or call.key_id or call.request_id)
    watch.conversation.canaries = (word,)
    last = system[-1]
    return {last: f"{changed.get(last, last.text)}\n\n{line_of(word)}"}
