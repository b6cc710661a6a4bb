"""What somebody wants a better version of: the prompt, the cases, by what it is measured, and what that may cost."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pilothouse.errors import InvalidRequest
from pilothouse.evals.runs.suite import Written, suite_of
from pilothouse.prompts.versions import check_label, check_name
from pilothouse.types import Json

__all__ = ["OptimizeOrder", "optimize_order"]

_Text = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]


class OptimizeOrder(BaseModel):
    """`version` or `label` say where it starts: by default what `production` points to, else the newest.

    `dataset` is a name or `name@version`; its splits `train` and `held_out` are used where it has splits, else it is
    split here. `metric` is an evaluator, alone, or one of `evaluators`. `model` answers where the version names none;
    `rewrite_model` writes proposals, up to `rewrites`; `examples` is how many few-shot examples a proposal gets, 0 for
    none. `limit` bounds the cases; `max_cost_usd` all that is asked, judges and rewriting included.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] | None = None
    label: _Text | None = None
    dataset: _Text
    train: _Text = "train"
    held_out: _Text | None = None
    metric: _Text | None = None
    evaluators: Annotated[list[Any], Field(min_length=1, max_length=50)] | None = None
    judge: _Text | None = None
    model: _Text | None = None
    rewrite_model: _Text | None = None
    rewrites: Annotated[int, Field(ge=1, le=8, strict=True)] = 2
    examples: Annotated[int, Field(ge=0, le=32, strict=True)] = 4
    limit: Annotated[int, Field(ge=4, le=5000, strict=True)] = 200
    concurrency: Annotated[int, Field(ge=1, le=256, strict=True)] = 8
    max_cost_usd: Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=9)] = Decimal(5)

    @property
    def measured(self) -> str:
        """The metric: `exact` where nothing is said, the first evaluator where those are said."""
        if self.metric is not None or not self.evaluators:
            return self.metric or "exact"
        first = self.evaluators[0]
        return str(first.get("name") or first.get("use")) if isinstance(first, dict) else str(first)

    def suite(self, name: str, model: str, left_usd: Decimal) -> Written:
        """The suite that measures one content. Raises ConfigError naming the key."""
        given: Json = {
            "suite": f"optimize {name}"[:256], "task": {"model": model},
            "evaluators": self.evaluators or [self.measured],
            "concurrency": self.concurrency, "max_cost_usd": str(left_usd),
        }  # fmt: skip
        return suite_of(given | ({} if self.judge is None else {"judge": self.judge}))


def optimize_order(name: str, given: object) -> OptimizeOrder:
    """The order that this JSON says of a prompt. Raises InvalidRequest naming the field, and ConfigError for
    evaluators that there are not."""
    check_name(name)
    try:
        order = OptimizeOrder.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidRequest(f"{place}: {first['msg']}." if place else f"{first['msg']}.", param=place) from None
    if order.label is not None:
        check_label(order.label)
        if order.version is not None:
            raise InvalidRequest("Name a version or a label, not both.", param="label")
    names = [one.name for one in order.suite(name, "m", order.max_cost_usd).evaluators()]
    if order.measured not in names:
        there = ", ".join(names)
        raise InvalidRequest(f"metric: no evaluator is named '{order.measured}'; there are {there}.", param="metric")
    if order.examples == 0 and order.rewrite_model is None:
        raise InvalidRequest("Nothing would be proposed: ask for examples, or name a rewrite_model.", param="examples")
    return order
