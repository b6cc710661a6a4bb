"""The configuration of evaluation while a server runs: which traffic is scored.

Times are seconds, money is USD. Frozen. Knows nothing of evaluators: see the rooms `evals` and `lifecycle`.
"""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["EvalsConfig", "EvaluatorUse", "OnlineRule", "Traffic"]

_Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]


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


class EvalsConfig(_Strict):
    """Rules by name."""

    online: dict[_Name, OnlineRule] = {}
