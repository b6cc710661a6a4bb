"""The configuration of prompts: which labels are protected and by what, and how versions are watched in production.

Times are seconds unless the name says otherwise. Frozen. Knows nothing of suites and evaluators: see `lifecycle`.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pilothouse.numbers import Count, Number, no_bool

__all__ = ["WATCHED_METRICS", "PromptWatch", "PromptsConfig", "Protected"]

WATCHED_METRICS = {
    "scores": 0.0, "errors": 0.01, "refusals": 0.01, "guards": 0.01, "cost": 0.1, "latency": 0.2, "tokens": 0.2,
    "cache": 0.1,
}  # fmt: skip
"""What can be watched of a version, and by how much it may get worse: a share of what it was for cost, latency and
tokens, in its own unit for the others. `scores` stands for every score that there is, `score:NAME` for one."""

_RELATIVE_MOST = 100.0
_Text = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Protected(_Strict):
    """The labels of some prompts that move to a version once it has passed. `prompts` is a pattern of names, `*` for
    all; of several that fit a prompt and a label the first one holds.

    `suite` is as a file of a suite, without `task`: the version is what it asks, and `model` answers where it names
    none. `metric` names the evaluator that may not lose more than `margin`, the first one where it is left out.
    `must_pass` names cases by their id, or by `metadata.KEY` those whose metadata says true there. `cost_rise` and
    `latency_rise` are shares. `approvals` is how many other people must agree.
    """

    prompts: _Text = "*"
    labels: list[str] = Field(["production"], min_length=1)
    suite: dict[str, Any] | None = None
    model: _Text | None = None
    metric: _Text | None = None
    margin: Number = Field(0.02, ge=0, le=1)
    must_pass: list[str] = []
    cost_rise: Number | None = Field(None, ge=0, le=_RELATIVE_MOST)
    latency_rise: Number | None = Field(None, ge=0, le=_RELATIVE_MOST)
    unvalidated: bool = False
    approvals: Count = Field(0, ge=0, le=1)

    @field_validator("must_pass", mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        return [given] if isinstance(given, str) else given

    @model_validator(mode="after")
    def _asks_something(self) -> "Protected":
        if self.suite is None and not self.approvals:
            raise PydanticCustomError("protected", "a protected label needs a 'suite', 'approvals', or both")
        if self.suite is not None and "task" in self.suite:
            raise PydanticCustomError("protected", "the suite has no 'task': the version of the prompt is what it asks")
        return self


class PromptWatch(_Strict):
    """Compares the version that a label has with the one before, over the calls that production made with each.

    `worse_by` says by how much a metric may get worse, in place of the usual. `alpha` bounds the chance that a version
    that is no worse raises an alert, ever: all metrics and all looks together. Nothing is said before each version has
    `minimum` calls. `days` is how far back calls of the version before count. With `rollback` the label goes back when
    one of `rollback_on` got worse: what a vendor's bad day changes is left to people. While an experiment runs on the
    label it stays, since its move would end that, but with `rollback_in_experiments`.
    """

    enabled: bool = True
    prompts: list[str] = ["*"]
    labels: list[str] = ["production"]
    metrics: list[str] = [*WATCHED_METRICS]
    worse_by: dict[_Text, float] = {}
    alpha: Number = Field(0.01, gt=0, lt=0.5)
    minimum: Count = Field(50, ge=10, le=100_000)
    days: Count = Field(30, ge=1, le=365)
    every: Number = Field(60.0, ge=1, le=86_400)
    rollback: bool = False
    rollback_in_experiments: bool = False
    rollback_on: list[str] = ["scores", "errors", "refusals", "guards"]

    @field_validator("worse_by", mode="before")
    @classmethod
    def _numbers(cls, given: Any) -> Any:
        return {name: no_bool(one) for name, one in given.items()} if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _known(self) -> "PromptWatch":
        for one in (*self.metrics, *self.worse_by, *self.rollback_on):
            if one not in WATCHED_METRICS and not (one.startswith("score:") and len(one) > len("score:")):
                told = {"one": one, "there": ", ".join([*WATCHED_METRICS, "score:NAME"])}
                raise PydanticCustomError("watch", "'{one}' is nothing to watch; there are: {there}", told)
        if low := [name for name, value in self.worse_by.items() if not 0 <= value <= _RELATIVE_MOST]:
            raise PydanticCustomError("watch", "'{one}' may get worse by 0 to 100", {"one": low[0]})
        return self


class PromptsConfig(_Strict):
    """Protected labels, and the watch over versions in production."""

    protected: list[Protected] = []
    watch: PromptWatch = PromptWatch()
