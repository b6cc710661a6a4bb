"""Secrets: API keys of vendors, bearer tokens, JSON Web Tokens, private keys, passwords."""

from dataclasses import dataclass
from typing import ClassVar

from pilothouse.guards.personal.finding import FindsForms

__all__ = ["Secrets"]


@dataclass(frozen=True, kw_only=True)
class Secrets(FindsForms):
    """Triggers on secrets, by the forms of vendors' keys and by the words beside them."""

    noun: ClassVar[str] = "secrets"

    name: str = "secrets"

    @property
    def wanted(self) -> tuple[str, ...]:
        return ("secret",)
