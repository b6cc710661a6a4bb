"""What Langfuse's clients write into the query of an address: lists with commas, and times."""

from pilothouse.errors import InvalidRequest
from pilothouse.observe.dialects.values import when_us

__all__ = ["listed", "time_of"]


def listed(given: str | None) -> list[str] | None:
    """The parts of `a, b`; None where nothing was given."""
    return [text for part in given.split(",") if (text := part.strip())] if given else None


def time_of(given: str | None, name: str) -> int | None:
    """UTC microseconds; None where nothing was given. Raises InvalidRequest for what is no ISO 8601 time."""
    at = when_us(given) if given else None
    if given and at is None:
        raise InvalidRequest(f"`{name}` is no ISO 8601 time.", param=name)
    return at
