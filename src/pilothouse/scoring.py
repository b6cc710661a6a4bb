"""The configuration of evaluation while a server runs: which traffic is scored, and the golden calls of the sentinel.

Times are seconds, money is USD. Frozen. Knows nothing of evaluators: see the rooms `evals` and `lifecycle`.
"""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

__all__ = ["WATCHED", "EvalsConfig", "EvaluatorUse", "GoldenPrompt", "OnlineRule", "SentinelConfig", "Traffic"]

WATCHED = ("agreement", "meaning", "length", "refusals", "fingerprint", "latency", "evaluators")
"""What the sentinel can look at."""

_Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Text = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class EvaluatorUse(BaseModel):
    """An evaluator by its name in `use`, and its options beside it. A text alone is a name."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: _Name

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        return {"use": given} if isinstance(given, str) else given

    @property
    def options(self) -> dict[str, Any]:
        """Everything beside `use`."""
        return dict(self.model_extra or {})


class Traffic(_Strict):
    """Which traces: of each list that is not empty, one value must be said by some span of the trace. A model is that
    which was asked for, which answered, or the deployment; a prompt without its version is any of them."""

    projects: list[str] = []
    models: list[str] = []
    prompts: list[str] = []
    features: list[str] = []
    environments: list[str] = []
    endpoints: list[str] = []
    releases: list[str] = []
    tags: list[str] = []


class OnlineRule(_Strict):
    """Scores `share` of the traces that are like `when`, `delay` seconds after the last span of one has come.

    `usd_per_day` bounds what its judges may cost in a day (UTC), `per_minute` how many traces are begun, `concurrency`
    how many are judged at once. With `key`, the id of one, that key pays, and traces of its project alone are scored.
    """

    enabled: bool = True
    when: Traffic = Traffic()
    share: float = Field(0.05, ge=0, le=1)
    evaluators: list[EvaluatorUse] = Field(min_length=1)
    judge: str | None = None
    usd_per_day: Decimal = Field(Decimal(1), ge=0)
    per_minute: int = Field(60, ge=1)
    concurrency: int = Field(4, ge=1, le=64)
    delay: float = Field(10.0, ge=0, le=86_400)
    key: str | None = None


class GoldenPrompt(_Strict):
    """A question whose answer is watched. `name` tells it from others, `expected` is for evaluators that compare."""

    text: _Text
    name: str | None = None
    system: str | None = None
    expected: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        return {"text": given} if isinstance(given, str) else given


class SentinelConfig(_Strict):
    """Golden calls: `prompts`, or `limit` items of `dataset` (`name` or `name@version`), asked of every deployment of
    `models` by the cron expression `schedule` (UTC).

    The first `baseline` runs of a deployment are what later ones are compared with; `false_alarms` is how many runs of
    a deployment that does not change lie between two alarms, in the mean and at least. `params` are added to each
    request.
    """

    enabled: bool = True
    models: list[str] = Field(min_length=1)
    prompts: list[GoldenPrompt] = []
    dataset: str | None = None
    limit: int = Field(50, ge=1, le=1000)
    schedule: str = "0 * * * *"
    params: dict[str, Any] = {}
    evaluators: list[EvaluatorUse] = []
    judge: str | None = None
    watch: list[str] = ["agreement", "meaning", "length", "refusals", "fingerprint", "evaluators"]
    baseline: int = Field(24, ge=8, le=500)
    false_alarms: int = Field(1000, ge=20, le=100_000)
    usd_per_day: Decimal = Field(Decimal(1), ge=0)
    concurrency: int = Field(4, ge=1, le=64)
    project: _Name = "default"
    key: str | None = None

    @field_validator("watch")
    @classmethod
    def _known(cls, given: list[str]) -> list[str]:
        for one in given:
            if one not in WATCHED:
                told = {"one": one, "there": ", ".join(WATCHED)}
                raise PydanticCustomError("watch", "'{one}' is nothing to watch; there are: {there}", told)
        return given

    @model_validator(mode="after")
    def _asks(self) -> "SentinelConfig":
        if bool(self.prompts) == bool(self.dataset):
            raise PydanticCustomError("sentinel", "the sentinel needs 'prompts' or a 'dataset', one of them")
        if not self.watch:
            raise PydanticCustomError("sentinel", "the sentinel needs something to 'watch'")
        return self


class EvalsConfig(_Strict):
    """Rules by name, and the sentinel."""

    online: dict[_Name, OnlineRule] = {}
    sentinel: SentinelConfig | None = None
