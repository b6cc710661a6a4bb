"""Personal data: addresses, telephones, cards, accounts, numbers that states give, and what words say to be some."""

from dataclasses import dataclass

from pilothouse.guards.personal.finding import FindsForms
from pilothouse.pii.kinds import DEFAULT, expanded

__all__ = ["Pii"]

_PERSONAL = tuple(kind for kind in DEFAULT if kind != "secret")


@dataclass(frozen=True, kw_only=True)
class Pii(FindsForms):
    """Triggers on personal data of these `kinds`. Names of people and postal addresses have no form and are not
    found."""

    kinds: tuple[str, ...] = _PERSONAL
    name: str = "pii"

    @property
    def wanted(self) -> tuple[str, ...]:
        return expanded(self.kinds)
