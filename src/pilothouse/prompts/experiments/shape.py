"""What an experiment is: what it splits, over which arms, by what it decides. Values alone; knows no database.

`Design` is what a person writes; an `Experiment` is a design with what became of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pilothouse.numbers import Count, Number, no_bool

__all__ = [
    "BUCKETS", "LEAST_SHARE", "METRICS", "Act", "Arm", "Design", "Epoch", "Experiment", "Guardrail", "Margin",
    "ModelTarget", "Outcome", "OutcomeKind", "PromptTarget", "Status", "lower_is_better",
]  # fmt: skip

BUCKETS = 10_000
"""Into which the units of a layer fall: shares of a layer are exact to 0.01 %."""
LEAST_SHARE = 0.05
"""Of the units, that each arm keeps under Thompson sampling, so that it can still be told how it does."""
METRICS = ("feedback", "cost", "latency", "errors", "refusals", "guards", "tokens")
"""Besides `score:NAME`. Units: 0 or 1, USD, seconds, 0 or 1 (three times), tokens; each per call, then per unit."""

Status = Literal["draft", "running", "decided", "stopped"]
OutcomeKind = Literal["won", "lost", "small", "expired", "breach", "mismatch", "moved", "stopped", "chosen"]
_LOWER = {"cost", "latency", "errors", "refusals", "guards", "tokens"}
_MARGIN = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*")
_MOST_ARMS = 10

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
_Text = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Metric = Annotated[str, Field(max_length=206, pattern=r"^(score:[^\x00-\x1f\x7f]+|[a-z]+)$")]


@dataclass(frozen=True, slots=True)
class Margin:
    """How much is allowed or wanted: an amount in the metric's own unit, or a share of the control's mean."""

    amount: float
    relative: bool

    @classmethod
    def of(cls, given: float | str | None) -> Self:
        """`0.02`, or `"5%"` of the control's mean. Raises ValueError for other texts."""
        if given is None:
            return cls(0.0, False)
        if isinstance(given, int | float):
            return cls(float(given), False)
        found = _MARGIN.fullmatch(given)
        if found is None:
            raise ValueError(f"'{given[:40]}' is no margin: say an amount, as 0.02, or a share of the control, as '5%'")
        return cls(float(found[1]) / 100, True)

    @property
    def factor(self) -> float:
        """By which the control's mean counts: what is compared is the treatment less `factor` times the control."""
        return self.amount if self.relative else 0.0


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PromptTarget(_Strict):
    """Calls that ask for a prompt by this label."""

    prompt: _Text
    label: Name = "production"

    @field_validator("label")
    @classmethod
    def _movable(cls, label: str) -> str:
        if label == "latest":
            raise _wrong("'latest' is the newest version by itself: an experiment needs a label that stands still")
        return label


class ModelTarget(_Strict):
    """Calls that ask for this model: an alias, and so whatever route the configuration gives it."""

    model: _Text


def _kind(target: Any) -> str:
    if isinstance(target, dict):
        return "model" if "model" in target and "prompt" not in target else "prompt"
    return "model" if isinstance(target, ModelTarget) else "prompt"


_Target = Annotated[
    Annotated[PromptTarget, Tag("prompt")] | Annotated[ModelTarget, Tag("model")], Discriminator(_kind)
]  # fmt: skip


class Arm(_Strict):
    """What a share of the calls gets: a version of the prompt, a model (with its own route), or both. What is left out
    is as without the experiment."""

    name: Name
    version: Count | None = Field(None, ge=1, lt=2**31)
    model: _Text | None = None
    weight: Number = Field(1.0, ge=1e-3, le=1e6)


class Guardrail(_Strict):
    """What must not become worse than the control by more than `worse_by`: an amount, or a share of it as "10%"."""

    metric: _Metric
    worse_by: float | str = 0.0
    direction: Literal["higher", "lower"] | None = None

    @field_validator("metric")
    @classmethod
    def _known(cls, metric: str) -> str:
        return _known_metric(metric)

    @field_validator("worse_by", mode="before")
    @classmethod
    def _number(cls, given: Any) -> Any:
        return no_bool(given)

    @field_validator("worse_by")
    @classmethod
    def _margin(cls, given: float | str) -> float | str:
        return _checked_margin(given)

    @property
    def lower(self) -> bool:
        """Whether less of it is better."""
        return lower_is_better(self.metric, self.direction)


class Act(_Strict):
    """What happens by itself: `win: rollout` moves the label (or all traffic) to the winner, `guardrail: rollback`
    ends the experiment and gives all calls the control; `tell` leaves both to a person."""

    win: Literal["rollout", "tell"] = "tell"
    guardrail: Literal["rollback", "tell"] = "rollback"


class Design(_Strict):
    """What a person writes. The first arm is the control, the others are compared with it.

    `layer`, `share` and `holdout`: experiments in one layer share out its units and never have one in common; `share`
    of the layer's units take part here, `holdout` of them in no experiment of the layer. `minimum_units` is per arm,
    before which nothing is decided; `minimum_effect` the smallest improvement worth a change; `max_days` ends an
    experiment that found nothing. `alpha` is the chance of a false decision, over all looks, however many.
    """

    name: Name
    description: str = Field("", max_length=2000)
    target: _Target
    arms: list[Arm] = Field(min_length=2, max_length=_MOST_ARMS)
    unit: Literal["user", "session", "key"] = "user"
    layer: Name = "default"
    share: Number = Field(1.0, ge=1e-4, le=1)
    holdout: Number = Field(0.0, ge=0, lt=1)
    primary: _Metric
    direction: Literal["higher", "lower"] | None = None
    metrics: list[_Metric] = Field([], max_length=20)
    guardrails: list[Guardrail] = Field([], max_length=20)
    alpha: Number = Field(0.05, ge=0.001, le=0.2)
    minimum_effect: float | str = 0.0
    minimum_units: Count = Field(100, ge=20, le=10_000_000)
    max_days: Number = Field(30, gt=0, le=3650)
    act: Act = Act()
    allocation: Literal["fixed", "thompson"] = "fixed"

    @field_validator("primary")
    @classmethod
    def _known(cls, metric: str) -> str:
        return _known_metric(metric)

    @field_validator("metrics")
    @classmethod
    def _all_known(cls, metrics: list[str]) -> list[str]:
        return list(dict.fromkeys(_known_metric(one) for one in metrics))

    @field_validator("minimum_effect", mode="before")
    @classmethod
    def _number(cls, given: Any) -> Any:
        return no_bool(given)

    @field_validator("minimum_effect")
    @classmethod
    def _margin(cls, given: float | str) -> float | str:
        return _checked_margin(given)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise _wrong(f"arms: two are called '{max(names, key=names.count)}'; each needs a name of its own")
        if self.share + self.holdout > 1 + 1e-9:
            raise _wrong(f"share {self.share:g} and holdout {self.holdout:g} are more than the whole layer")
        of_models = isinstance(self.target, ModelTarget)
        for arm in self.arms[1:]:
            if arm.version is None and arm.model is None:
                raise _wrong(f"arm '{arm.name}': say what it is, a `model`" + ("" if of_models else " or a `version`"))
        if of_models and any(arm.version is not None for arm in self.arms):
            raise _wrong("arms: a `version` is one of a prompt, and the target is a model")
        seen = [one.metric for one in self.guardrails]
        if len(set(seen)) < len(seen):
            raise _wrong(f"guardrails: '{max(seen, key=seen.count)}' is there twice")
        return self

    @property
    def control(self) -> Arm:
        """The first arm."""
        return self.arms[0]

    @property
    def treatments(self) -> list[Arm]:
        """The arms after the first."""
        return self.arms[1:]

    @property
    def lower(self) -> bool:
        """Whether less of the primary metric is better."""
        return lower_is_better(self.primary, self.direction)

    @property
    def measured(self) -> list[str]:
        """Every metric that is read: the primary one first, each once."""
        return list(dict.fromkeys([self.primary, *(one.metric for one in self.guardrails), *self.metrics]))

    @property
    def about(self) -> str:
        """The target as one text: `prompt:NAME#LABEL` or `model:ALIAS`. One experiment runs on it at a time."""
        one = self.target
        return f"prompt:{one.prompt}#{one.label}" if isinstance(one, PromptTarget) else f"model:{one.model}"


class Epoch(_Strict):
    """From `since_us` (UTC microseconds) on, new units fall on the arms by these weights."""

    since_us: int
    weights: dict[str, float]


class Outcome(_Strict):
    """How it ended. `arm` is the one that goes on, `reason` a sentence with its numbers. `action` is what is to be done
    about it, `rollout` or nothing, and `due` whether that is still to be done; `note` tells what came of it. `by` is
    who decided by hand; `untold` says that an alert of it is still to be raised."""

    kind: OutcomeKind
    arm: str
    reason: str
    action: Literal["", "rollout"] = ""
    due: bool = False
    note: str = ""
    by: str = ""
    untold: bool = False
    numbers: dict[str, Any] = {}


class Experiment(Design):
    """A design and what became of it. Times are UTC microseconds.

    `started_by` is who started it. `ranges` are its buckets of the layer, each from the first to before the last;
    `versions` the version that each arm of a prompt's experiment has, by name; `epochs` the weights over time, the
    newest last; `scales` how the tests were tuned at the first look that counted, by metric and arm (stats.sequential);
    `told` what was told of without an end; `revision` counts the changes.
    """

    id: str
    project_id: str
    status: Status = "draft"
    author: str = ""
    created_us: int = 0
    started_us: int | None = None
    started_by: str = ""
    ended_us: int | None = None
    ranges: list[tuple[int, int]] = []
    versions: dict[str, int] = {}
    epochs: list[Epoch] = []
    scales: dict[str, float] = {}
    told: list[str] = []
    outcome: Outcome | None = None
    revision: int = Field(0, exclude=True)

    @classmethod
    def read(cls, body: str, revision: int) -> Self:
        """From the JSON that `model_dump_json` made."""
        return cls.model_validate_json(body).model_copy(update={"revision": revision})

    @property
    def weights(self) -> Mapping[str, float]:
        """By arm, as they are now."""
        return self.epochs[-1].weights if self.epochs else {arm.name: arm.weight for arm in self.arms}

    @property
    def behalf(self) -> str:
        """The person for whom it acts: who decided it by hand, else who started it."""
        return (self.outcome.by if self.outcome is not None else "") or self.started_by or self.author

    @property
    def serving(self) -> bool:
        """Whether calls are to be asked about it: it runs, or it chose an arm with a model of its own, to which no
        label can lead, and so all calls go there until it is stopped."""
        if self.status != "decided" or self.outcome is None or self.outcome.action != "rollout":
            return self.status == "running"
        return self.arm(self.outcome.arm).model is not None

    def arm(self, name: str) -> Arm:
        """The arm of that name. Raises KeyError where there is none."""
        for one in self.arms:
            if one.name == name:
                return one
        raise KeyError(name)


def lower_is_better(metric: str, direction: str | None = None) -> bool:
    """Whether less of a metric is better, where nobody says otherwise by `direction`."""
    return direction == "lower" if direction else metric in _LOWER


def _known_metric(metric: str) -> str:
    if metric not in METRICS and not metric.startswith("score:"):
        raise _wrong(f"there is no metric '{metric}': {', '.join(METRICS)} or score:NAME")
    return metric


def _checked_margin(given: float | str) -> float | str:
    try:
        margin = Margin.of(given)
    except ValueError as error:
        raise _wrong(str(error)) from None
    if not 0 <= margin.amount <= 1e12:
        raise _wrong(f"a margin is 0 or more, not {given}")
    return given


def _wrong(what: str) -> PydanticCustomError:
    return PydanticCustomError("experiment", "{what}", {"what": what})
