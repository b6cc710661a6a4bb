"""What somebody wants judged: a version for a label, by which suite, on which cases. As JSON and files have it, too."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pilothouse.cases import Case
from pilothouse.errors import InvalidRequest
from pilothouse.evals.runs.prepare import case_from
from pilothouse.prompting import Protected
from pilothouse.prompts.versions import PRODUCTION, check_label, check_name
from pilothouse.types import Json

__all__ = ["Order", "order_of", "rule_of"]

_MOST_CASES = 10_000


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be judged: a version, the newest where there is none, for a label. `rule` stands in for the one of the
    configuration, `cases` for those of its dataset: such verdicts open no protected label. `fresh` uses no kept answer.
    """

    name: str
    version: int | None = None
    label: str = PRODUCTION
    rule: Protected | None = None
    cases: Sequence[Case] | None = None
    fresh: bool = False


class _Body(BaseModel):
    """`rule` is as one of prompts.protected, or a suite alone."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] | None = None
    label: str = PRODUCTION
    rule: dict[str, Any] | None = None
    cases: Annotated[list[Any], Field(min_length=1, max_length=_MOST_CASES)] | None = None
    fresh: bool = False


def order_of(name: str, given: object) -> Order:
    """The order that this JSON says of a prompt. Raises InvalidRequest naming the field."""
    try:
        body = _Body.model_validate(given)
    except ValidationError as error:
        raise _refused(error) from None
    rule = None if body.rule is None else rule_of(body.rule)
    cases = None if body.cases is None else [case_from(one, number) for number, one in enumerate(body.cases, 1)]
    return Order(check_name(name), body.version, check_label(body.label), rule, cases, body.fresh)


def rule_of(given: Any) -> Protected:
    """The rule that a file or JSON says: as one of prompts.protected, or a suite alone. Raises InvalidRequest."""
    whole = isinstance(given, dict) and (isinstance(given.get("suite"), dict) or "evaluators" not in given)
    told: Json = given if whole else {"suite": given}
    try:
        return Protected.model_validate(told)
    except ValidationError as error:
        raise _refused(error, "rule") from None


def _refused(error: ValidationError, inside: str = "") -> InvalidRequest:
    first = error.errors()[0]
    place = ".".join(filter(None, [inside, *map(str, first["loc"])]))
    return InvalidRequest(f"{place}: {first['msg']}." if place else f"{first['msg']}.", param=place or None)
