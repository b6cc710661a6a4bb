"""What a model has read in a conversation, message by message, each with the label of what is in it.

Knows nothing of tools and models.
"""

import secrets
from collections.abc import Sequence
from typing import Any

from pilothouse.agents.handles import Handles
from pilothouse.agents.labels import SYSTEM, USER, Label, joined
from pilothouse.prompts.templates.spotlight import apart
from pilothouse.prompts.templates.values import Datamarked, Encoded, Untrusted
from pilothouse.types import Json

__all__ = ["MARKING", "Transcript", "label_of", "marked"]

MARKING: dict[str, type[Untrusted]] = {"delimited": Untrusted, "datamarked": Datamarked, "encoded": Encoded}
"""How text from outside is set apart: see prompts.templates.spotlight."""
_ROLES = {"system": SYSTEM, "developer": SYSTEM, "user": USER}


class Transcript:
    """Grows only; so does its label. `handles` are those that its messages speak of."""

    def __init__(self) -> None:
        self.messages: list[Json] = []
        self.handles = Handles()
        self.label = Label()

    def add(self, message: Json, label: Label) -> None:
        """One more message, which the model reads from now on."""
        self.messages.append(message)
        self.label |= label

    @classmethod
    def of(cls, messages: Sequence[Json]) -> "Transcript":
        """Of messages that were kept without labels: what models and tools said there counts as from outside, and so
        does whatever in a user's message is no text."""
        made = cls()
        for message in messages:
            label = _ROLES.get(str(message.get("role")), Label.untrusted("history"))
            made.add(message, joined([label, label_of(message.get("content"))]))
        return made


def label_of(content: Any) -> Label:
    """Of what a person sends: text is their word; an image, a file or a sound may hold the words of others."""
    parts = content if isinstance(content, list) else []
    if all(isinstance(part, dict) and part.get("type") == "text" for part in parts):
        return USER
    return USER | Label.untrusted("attachment")


def marked(text: str, marking: str) -> str:
    """Text from outside between delimiters that are drawn by chance for each text, and that it does not hold."""
    clean = text.encode("utf-8", "replace").decode()
    return apart(MARKING[marking](clean), secrets.token_hex(32))
