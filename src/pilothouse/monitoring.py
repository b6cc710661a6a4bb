"""The configuration of what Pilothouse tells by itself: alerts with the channels that carry them, exports, and topics.

Times are seconds unless the name says otherwise. Frozen. Knows nothing of what the figures mean: see the room `alerts`.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator
from pydantic_core import PydanticCustomError

__all__ = [
    "BUILT_IN", "AlertRule", "AlertsConfig", "Channel", "ChannelKind", "Dimension", "ExportConfig", "Measure",
    "RuleKind", "Severity", "TopicsConfig",
]  # fmt: skip

RuleKind = Literal["spend", "latency", "score", "errors", "tokens", "anomaly", "drift"]
Measure = Literal["cost", "requests", "tokens", "latency", "ttft", "score", "triggers", "inputs", "outputs"]
Severity = Literal["critical", "warning"]
Dimension = Literal[
    "all", "model", "deployment", "endpoint", "prompt", "key", "team", "feature", "environment", "guard"
]
ChannelKind = Literal["webhook", "slack", "email", "pagerduty"]

_Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Seconds = Annotated[float, Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class AlertRule(_Strict):
    """One rule, or what is changed of the built-in one of the same name; what is left out is its kind's own.

    `threshold` is a share (spend, score, errors, tokens), seconds (latency), a robust z-score (anomaly) or the size of
    a drift; `clear` the level below which an alert ends. `hours` is the window, `evaluations` how often in a row the
    level must be passed.
    """

    kind: RuleKind | None = None
    enabled: bool = True
    by: Dimension = "all"
    measure: Measure | None = None
    threshold: float | None = Field(None, gt=0)
    clear: float | None = Field(None, ge=0)
    hours: int | None = Field(None, ge=1, le=24)
    minimum: int | None = Field(None, ge=1)
    minimum_usd: float | None = Field(None, ge=0)
    evaluations: int = Field(3, ge=1)
    severity: Severity = "warning"
    channels: list[str] = []

    @model_serializer
    def _said(self) -> dict[str, Any]:
        """What was said alone, also where it is the usual: once stored, the rest is still the built-in rule's."""
        return {name: getattr(self, name) for name in AlertRule.model_fields if name in self.model_fields_set}


class Channel(_Strict):
    """Where alerts are told. `url` and `secret` are a webhook's, `url` Slack's, `routing_key` PagerDuty's; the rest is
    an SMTP server's. `rules` names those that it carries, all where it is empty."""

    kind: ChannelKind
    url: str | None = None
    secret: str | None = None
    routing_key: str | None = None
    host: str | None = None
    port: int = Field(587, ge=1, le=65535)
    tls: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = None
    sender: str | None = None
    to: list[str] = []
    rules: list[str] = []
    timeout: _Seconds = 10.0

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {
            "webhook": ("url",), "slack": ("url",), "pagerduty": ("routing_key",), "email": ("host", "sender", "to"),
        }  # fmt: skip
        missing = [name for name in needed[self.kind] if not getattr(self, name)]
        if missing:
            raise PydanticCustomError(
                "channel", "a channel of this kind needs '{names}'", {"names": "', '".join(missing)}
            )
        return self


BUILT_IN = {
    "spend": AlertRule(kind="spend"),
    "latency": AlertRule(kind="latency"),
    "score": AlertRule(kind="score"),
    "errors": AlertRule(kind="errors", severity="critical"),
    "tokens": AlertRule(kind="tokens"),
    "odd-latency": AlertRule(kind="anomaly", measure="latency"),
    "odd-traffic": AlertRule(kind="anomaly", measure="requests"),
    "odd-guards": AlertRule(kind="anomaly", measure="triggers", by="guard"),
    "input-drift": AlertRule(kind="drift", measure="inputs"),
    "output-drift": AlertRule(kind="drift", measure="outputs"),
}
"""The rules that are on by themselves, by name."""


class AlertsConfig(_Strict):
    """The rules, evaluated `every` so many seconds, and the channels by name. Built-in rules are on by themselves."""

    enabled: bool = True
    every: _Seconds = 60.0
    rules: dict[_Name, AlertRule] = {}
    channels: dict[_Name, Channel] = {}

    @model_validator(mode="after")
    def _named(self) -> Self:
        for name, rule in self.rules.items():
            base = BUILT_IN.get(name, AlertRule())
            kind, measure = rule.kind or base.kind, rule.measure or base.measure
            if kind is None:
                raise PydanticCustomError(
                    "alerts", "the rule '{rule}' is not built in and needs a 'kind'", {"rule": name}
                )
            if kind in ("anomaly", "drift") and measure is None:
                raise PydanticCustomError("alerts", "the rule '{rule}' needs a 'measure'", {"rule": name})
            if measure is not None and (kind == "drift") != (measure in ("inputs", "outputs")):
                told = {"rule": name, "measure": measure, "kind": kind}
                raise PydanticCustomError("alerts", "the rule '{rule}' of kind '{kind}' has no '{measure}'", told)
            if (measure == "triggers") != ((rule.by if "by" in rule.model_fields_set else base.by) == "guard"):
                only = "the rule '{rule}': 'triggers' are told by 'guard', and by 'guard' nothing else is"
                raise PydanticCustomError("alerts", only, {"rule": name})
            if kind == "drift" and (rule.by != "all" or rule.hours is not None):
                whole = "the rule '{rule}' looks at whole days of a project: it has neither 'by' nor 'hours'"
                raise PydanticCustomError("alerts", whole, {"rule": name})
            for channel in rule.channels:
                if channel not in self.channels:
                    told = {"rule": name, "channel": channel}
                    raise PydanticCustomError("alerts", "the rule '{rule}' names no channel: '{channel}'", told)
        return self


class ExportConfig(_Strict):
    """Where spans are sent once they are stored: `otlp` sends all that fit to a collector, `webhook` tells of each
    trace whose root fits.

    A span fits where it is of one of `projects`, `sources`, `kinds` and `statuses`; an empty list leaves that open.
    `secret` signs a webhook's messages. With `below`, a value for each name of a score, a webhook tells of the scores
    that are lower, in place of traces.
    """

    kind: Literal["otlp", "webhook"] = "otlp"
    endpoint: str
    protocol: Literal["http/protobuf", "http/json"] = "http/protobuf"
    headers: dict[str, str] = {}
    secret: str | None = None
    projects: list[str] = []
    sources: list[str] = []
    kinds: list[str] = []
    statuses: list[str] = []
    below: dict[str, float] = {}
    timeout: _Seconds = 10.0

    @model_validator(mode="after")
    def _told(self) -> Self:
        if self.below and self.kind != "webhook":
            raise PydanticCustomError("exports", "'below' is for webhooks: a collector takes spans alone")
        return self


class TopicsConfig(_Strict):
    """What people ask about, found `every` so many seconds in the questions of the last `days`, of which `per_day` of
    each project and day are embedded."""

    enabled: bool = True
    per_day: int = Field(1000, ge=20, le=20_000)
    days: int = Field(30, ge=1, le=365)
    every: _Seconds = 3600.0
