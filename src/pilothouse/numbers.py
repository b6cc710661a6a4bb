"""Numbers as people state them in JSON and YAML: `true` is none, though pydantic would take it for a 1."""

from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

__all__ = ["Count", "Number", "no_bool"]


def no_bool(given: Any) -> Any:
    """What was given, unless that is true or false: then a PydanticCustomError."""
    if isinstance(given, bool):
        raise PydanticCustomError("number", "must be a number, not {given}", {"given": str(given).lower()})
    return given


Number = Annotated[float, BeforeValidator(no_bool)]
Count = Annotated[int, BeforeValidator(no_bool)]
