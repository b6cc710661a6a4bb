"""What somebody wants compared: two sides, on what, judged by whom, within which bounds. As JSON has it, too."""

from decimal import Decimal
from typing import Any, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pilothouse.errors import InvalidRequest
from pilothouse.evals.runs.suite import Use, Written, suite_of
from pilothouse.lifecycle.diff.sides import Side, side_of
from pilothouse.observe.listing import Filters
from pilothouse.types import Json

__all__ = ["DEFAULT_CAP_USD", "DiffOrder", "Recorded", "order_of"]

DEFAULT_CAP_USD = Decimal(5)
_SUITE = ("trials", "concurrency", "rate", "judge", "judge_agreement", "slices", "gates", "answer_tokens")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Recorded(_Strict):
    """A sample of recorded chats: `limit` of those that `filters` (of the list of traces) let through."""

    filters: dict[str, str | int | float] = {}
    limit: int = Field(100, ge=1, le=10_000)
    seed: int = 0

    @field_validator("filters")
    @classmethod
    def _known(cls, given: Json) -> Json:
        strange = given.keys() - Filters.__dataclass_fields__.keys()
        if strange:
            there = ", ".join(Filters.__dataclass_fields__)
            raise PydanticCustomError("filters", "there is no '{name}'; there are {there}",
                                      {"name": min(strange), "there": there})  # fmt: skip
        try:
            msgspec.convert(given, Filters)
        except msgspec.ValidationError as error:
            raise PydanticCustomError("filters", "{what}", {"what": str(error)}) from None
        return given

    @property
    def as_filters(self) -> Filters:
        return msgspec.convert(self.filters, Filters)


class DiffOrder(_Strict):
    """`dataset` (`name` or `name@version`) or `recorded`. `model` is who answers where a side does not say. The rest is
    as in a suite; `max_cost_usd` holds for both sides together, judges included."""

    before: Side
    after: Side
    dataset: str | None = None
    split: str | None = None
    recorded: Recorded | None = None
    limit: int | None = Field(None, ge=1)
    model: str | None = None
    evaluators: list[Use] = Field(min_length=1)
    judge: str | None = None
    judge_agreement: float = 0.4
    trials: int = 1
    concurrency: int = 8
    rate: str | None = None
    answer_tokens: int | None = None
    max_cost_usd: Decimal = Field(DEFAULT_CAP_USD, gt=0, max_digits=18, decimal_places=9)
    slices: list[str] = []
    gates: list[str] = []

    @field_validator("before", "after", mode="before")
    @classmethod
    def _side(cls, given: Any) -> Any:
        return given if isinstance(given, Side) else side_of(given)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.dataset is None) == (self.recorded is None):
            raise PydanticCustomError("diff", "name 'dataset' or 'recorded', one of them")
        return self

    @property
    def name(self) -> str:
        """Of the comparison."""
        return f"{self.before.told} -> {self.after.told}"

    def written(self, cap: Decimal, *, before: bool) -> Written:
        """The suite of one side, which may cost so much. Gates are of the side after. Raises ConfigError."""
        given = self.model_dump(mode="json", include=set(_SUITE))
        told = {name: value for name, value in given.items() if value is not None}
        if before:
            told["gates"] = []
        evaluators = [{"use": one.use, **one.options} for one in self.evaluators]
        fixed: Json = {"suite": "diff", "kind": "regression", "task": {"recorded": True}, "max_cost_usd": str(cap)}
        return suite_of({**told, **fixed, "evaluators": evaluators})


def order_of(data: Any) -> DiffOrder:
    """The order of a JSON body. Raises InvalidRequest naming the field."""
    try:
        return DiffOrder.model_validate(data)
    except ValidationError as error:
        told = [f"{'.'.join(map(str, one['loc'])) or 'diff'}: {one['msg']}." for one in error.errors()]
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise InvalidRequest("\n".join(told), param=place or None) from None
