"""A suite as a file or a JSON body writes it: what to evaluate, over which cases, by whom, within which bounds.

Errors name file, line and key, and the nearest name that there is. Knows nothing of how a suite is run.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from pilothouse.errors import ConfigError, PilothouseError
from pilothouse.evals.registry import Evaluators
from pilothouse.evals.reports.gates import Gate, parse
from pilothouse.evals.reports.measures import metric_of
from pilothouse.evals.runs.templates import check_template
from pilothouse.evals.shapes import Evaluator
from pilothouse.ids import content_hash
from pilothouse.types import Json
from pilothouse.yamlfile import YamlFile

__all__ = ["Suite", "TaskSpec", "Use", "Written", "nearest", "read_suite", "suite_of"]

Place = Sequence[str | int]
_Text = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]
_KINDS = ("model", "corpus", "prompt", "python", "recorded")
_RATE = r"^[1-9]\d{0,8}(\.\d+)?/(s|min|h)$"
_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TaskSpec(_Strict):
    """What makes the output of a case: one of `model`, `corpus`, `prompt` (`name@3` or `name#label`), `python`
    (`package.module:function`) and `recorded`, where the data has it. `messages` are templates of what is asked;
    `params` further fields of the request. Beside a prompt, `model` says who answers in place of the prompt's own."""

    model: _Text | None = None
    corpus: _Text | None = None
    prompt: Annotated[str, Field(min_length=1, max_length=400)] | None = None
    python: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")] | None = None
    recorded: Literal[True] | None = None
    messages: list[Json] | None = None
    params: Json = {}

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in _KINDS if getattr(self, name) is not None]
        if given == ["model", "prompt"]:
            given = ["prompt"]
        if len(given) != 1:
            told = f"both '{given[0]}' and '{given[1]}'" if given else "none of them"
            raise PydanticCustomError("task", f"name one of {', '.join(_KINDS)}; there is {told}")
        if given[0] in ("python", "recorded") and (self.messages is not None or self.params):
            raise PydanticCustomError("task", f"'messages' and 'params' are for a model or a corpus, not '{given[0]}'")
        if given[0] == "prompt" and self.messages is not None:
            raise PydanticCustomError("task", "'messages' are what the prompt says: write them there")
        if bad := {"model", "messages", "prompt", "stream"} & self.params.keys():
            raise PydanticCustomError("task", f"params may not have '{min(bad)}'")
        return self

    @property
    def asks(self) -> str | None:
        """The model that answers: itself, `rag:<corpus>`, or None where that is not said here."""
        return self.model or (f"rag:{self.corpus}" if self.corpus else None)


class Use(BaseModel):
    """An evaluator: its name, or `use` with its options."""

    model_config = ConfigDict(extra="allow", frozen=True)
    use: _Text

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        return {"use": given} if isinstance(given, str) else given

    @property
    def options(self) -> Json:
        return dict(self.model_extra or {})


class Suite(_Strict):
    """A suite. `dataset` is a name or `name@version`, `data` a file; `rate` is as `600/min`, of calls to models.
    A judge whose card shows less than `judge_agreement` with people (Cohen's kappa) may not decide a gate."""

    suite: _Text
    kind: Literal["unit", "regression", "benchmark"] = "unit"
    dataset: _Text | None = None
    data: _Text | None = None
    split: _Text | None = None
    limit: int | None = Field(None, ge=1, le=10_000_000)
    task: TaskSpec
    evaluators: list[Use] = Field(min_length=1)
    judge: _Text | None = None
    judge_agreement: float = Field(0.4, ge=0, le=1)
    trials: int = Field(1, ge=1, le=1000)
    concurrency: int = Field(8, ge=1, le=256)
    rate: Annotated[str, Field(pattern=_RATE)] | None = None
    max_cost_usd: Decimal | None = Field(None, gt=0, max_digits=18, decimal_places=9)
    answer_tokens: int | None = Field(None, ge=1, le=1_000_000)
    baseline: _Text | None = None
    gates: list[_Text] = []
    slices: list[_Text] = []
    metadata: dict[str, str] = {}

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.dataset is not None and self.data is not None:
            raise PydanticCustomError("suite", "name 'dataset' or 'data', not both")
        return self

    @property
    def per_second(self) -> float | None:
        """Calls to models that may begin in a second."""
        if self.rate is None:
            return None
        count, _, unit = self.rate.partition("/")
        return float(count) / _UNITS[unit]

    @property
    def cap_nano(self) -> int | None:
        return None if self.max_cost_usd is None else int(self.max_cost_usd * 1_000_000_000)

    @property
    def hash(self) -> str:
        """Depends on everything that a suite says but its name and what is done with its results."""
        left = {
            "suite",
            "baseline",
            "gates",
            "slices",
            "metadata",
            "concurrency",
            "rate",
            "max_cost_usd",
            "judge_agreement",
        }
        return content_hash(self.to_json(without=left))

    def to_json(self, without: set[str] | None = None) -> Json:
        """As `suite_of` reads it."""
        told: Json = self.model_dump(mode="json", exclude=without, exclude_defaults=True)
        if "evaluators" in told:
            told["evaluators"] = [{"use": one.use, **one.options} for one in self.evaluators]
        return told


@dataclass(frozen=True, slots=True)
class Written:
    """A suite and where it stands: `folder` is what its files are relative to, None for one that came as JSON. `at`
    says the place of a key, as `suite.yaml:12: task.model: `."""

    suite: Suite
    folder: Path | None = None
    at: Callable[[Place], str] = lambda place: f"{_dotted(place)}: "

    def wrong(self, place: Place, what: str) -> ConfigError:
        """An error about a key."""
        return ConfigError(f"{self.at(place)}{what}", param=_dotted(place))

    def evaluators(self, known: Evaluators | None = None) -> tuple[Evaluator, ...]:
        """The evaluators that it names. Raises ConfigError for one that cannot be made, and for two of one name."""
        known, made = known or Evaluators(), dict[str, Evaluator]()
        for i, use in enumerate(self.suite.evaluators):
            try:
                one = known.from_config(use.use, use.options)
            except PilothouseError as error:
                key = (error.param or "").partition(".")[2]
                raise self.wrong(("evaluators", i, *([key] if key else [])), error.message) from None
            if one.name in made:
                what = f"a second evaluator is named '{one.name}': give this one a 'name' of its own."
                raise self.wrong(("evaluators", i), what)
            made[one.name] = one
        return tuple(made.values())

    def gates(self) -> list[Gate]:
        """Its gates. Raises ConfigError for what is none."""
        found = []
        for i, text in enumerate(self.suite.gates):
            try:
                found.append(parse(text))
            except ConfigError as error:
                raise self.wrong(("gates", i), error.message) from None
        return found

    def check_gates(self, evaluators: Sequence[str]) -> None:
        """Raises ConfigError for a gate over what no evaluator says: it would fail once all is paid."""
        for i, gate in enumerate(self.gates()):
            if (metric := metric_of(gate.name, evaluators)) is not None and metric not in evaluators:
                what = f"no evaluator of this suite is named '{metric}'.{nearest(metric, evaluators)}"
                raise self.wrong(("gates", i), what)


def read_suite(path: Path) -> Written:
    """The suite of a YAML file. Raises ConfigError with a line `file:line: key: what is wrong` per problem."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text.") from None
    file = YamlFile(path, text)
    return suite_of(file.data, path.parent, lambda place: f"{path}:{file.line(place)}: {_dotted(place)}: ")


def suite_of(data: Any, folder: Path | None = None, at: Callable[[Place], str] | None = None) -> Written:
    """The suite of plain data, such as a JSON body. Raises ConfigError."""
    at = at or (lambda place: f"{_dotted(place)}: ")
    try:
        suite = Suite.model_validate(data)
    except ValidationError as error:
        raise ConfigError("\n".join(_explained(at, one) for one in error.errors())) from None
    written = Written(suite, folder, at)
    for i, message in enumerate(suite.task.messages or ()):
        if what := check_template(message):
            raise written.wrong(("task", "messages", i), what)
    written.gates()
    return written


def nearest(name: str, names: Sequence[str]) -> str:
    """What to say after a name that there is not."""
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f" Did you mean '{near[0]}'?"
    return f" There are: {', '.join(names[:20])}." if names else ""


def _explained(at: Callable[[Place], str], error: Any) -> str:
    place: Place = [step for step in error["loc"] if step != "[key]"]
    if error["type"] == "extra_forbidden":
        return f"{at(place)}unknown key.{nearest(str(place[-1]), _keys(place[:-1]))}"
    if error["type"] in ("model_type", "dict_type"):
        return f"{at(place)}must hold keys with values."
    if error["type"] == "missing":
        return f"{at(place)}is missing."
    return f"{at(place)}{error['msg']}."


def _keys(place: Place) -> list[str]:
    kind: Mapping[str, Any] = TaskSpec.model_fields if place[:1] == ["task"] else Suite.model_fields
    return list(kind)


def _dotted(place: Place) -> str:
    return ".".join(str(step) for step in place) or "suite"
