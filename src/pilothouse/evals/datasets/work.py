"""Work on a whole dataset as an order: done at once for the command line, or as a job of the queue for the API.

Sampling traces, duplicates out, splits in, personal data out. Each makes one new version, or none where nothing
changes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from pilothouse.errors import NotFound
from pilothouse.evals.datasets.editing import Likeness, deduplicate, scrub, split
from pilothouse.evals.datasets.near import said
from pilothouse.evals.datasets.production import STRATA, Production, Sampling, VectorsOf
from pilothouse.evals.datasets.sampling import Vector
from pilothouse.evals.datasets.scrubbing import redaction_of, scrubbed
from pilothouse.models import Encoder, EncoderStore
from pilothouse.observe.listing import Filters
from pilothouse.observe.privacy.redaction import Redaction
from pilothouse.observe.topics.questions import Questions
from pilothouse.observe.traces import Traces
from pilothouse.pii.kinds import DEFAULT, expanded
from pilothouse.privacy import ProjectPrivacy
from pilothouse.protocols import Progress
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.types import Json

__all__ = ["TASK", "Deduplicating", "Order", "Sample", "Scrubbing", "Splitting", "Work", "order_of", "work_task"]

TASK = "datasets.work"

_LARGEST = 2**62
_MOST_SAMPLED = 100_000
_MOST_ENCODED = 5000  # questions that a sample makes vectors of, at 4 ms each; others keep those that they have
_FILTERS: dict[str, Any] = {field.name: field.type for field in fields(Filters)}


def _plain(text: str) -> str:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("must be a text without NUL and without halves of surrogate pairs")
    return text


_Text = Annotated[str, Field(max_length=2000), AfterValidator(_plain)]
_Name = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_plain)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _kind(name: str) -> str:
    """Raises ValueError for a name that is neither a kind nor a group."""
    expanded([name])
    return name


def _filters(given: Json) -> Json:
    """Raises ValueError for a filter that there is not, or that is not what it should be."""
    if strange := sorted(set(given) - set(_FILTERS)):
        raise ValueError(f"'{strange[0][:80]}' is no filter of traces; there are {', '.join(sorted(_FILTERS))}")
    given = {name: value for name, value in given.items() if value is not None}
    if "score" not in given and not given.keys().isdisjoint(("score_least", "score_most")):
        raise ValueError("`score_least` and `score_most` need a `score`: its name")
    checked: Json = {}
    for name, value in given.items():
        try:
            value = TypeAdapter[Any](_FILTERS[name]).validate_python(value)
        except ValidationError as error:
            raise ValueError(f"{name}: {error.errors()[0]['msg']}") from None
        if isinstance(value, int | float) and not abs(value) <= _LARGEST:
            raise ValueError(f"{name}: is out of range")
        checked[name] = _plain(value) if isinstance(value, str) else value
    return checked


class Rules(_Strict):
    """What of personal data is replaced: kinds that are known by their form, and regular expressions of one's own, each
    by the name that stands for what it finds."""

    redact: list[Annotated[str, AfterValidator(_kind)]] = [*DEFAULT]
    patterns: Annotated[dict[_Name, _Text], Field(max_length=100)] = {}

    def redaction(self) -> Redaction:
        """Raises ConfigError for a pattern that is none."""
        return redaction_of(ProjectPrivacy(redact=self.redact, patterns=self.patterns), "patterns")


class Sample(_Strict):
    """Items from traces: see `production.Sampling`. `filters` are those of the list of traces. `scrub` replaces
    personal data on the way."""

    do: Literal["sample"] = "sample"
    filters: Annotated[Json, AfterValidator(_filters)] = {}
    how: Literal["newest", "random", "stratified", "failures", "diverse"] = "random"
    most: Annotated[int, Field(ge=1, le=_MOST_SAMPLED)] = 100
    by: _Text = ""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    searched: Annotated[int, Field(ge=1, le=_MOST_SAMPLED)] = 10_000
    scrub: Rules | None = None

    @model_validator(mode="after")
    def _by_something(self) -> Self:
        if self.how == "stratified" and self.by not in STRATA:
            raise ValueError(f"say what to stratify by: {', '.join(STRATA)}")
        return self


class Deduplicating(_Strict):
    """Duplicates out: see `editing.Likeness`."""

    do: Literal["dedupe"] = "dedupe"
    by: Literal["exact", "words", "vectors"] = "exact"
    threshold: Annotated[float | None, Field(gt=0, le=1)] = None


class Splitting(_Strict):
    """Splits in: see `editing.split`. `by` names a key of the metadata whose values are not torn apart."""

    do: Literal["split"] = "split"
    shares: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=64)], float], Field(min_length=1, max_length=20)
    ]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    likeness: Literal["exact", "words", "vectors"] = "words"
    threshold: Annotated[float | None, Field(gt=0, le=1)] = None
    by: _Text = ""
    again: bool = False


class Scrubbing(Rules):
    """Personal data out of every item."""

    do: Literal["scrub"] = "scrub"


Order = Sample | Deduplicating | Splitting | Scrubbing
_ORDER = TypeAdapter[Order](Annotated[Order, Field(discriminator="do")])


def order_of(given: Any) -> Order:
    """The order that plain data state. Raises ValidationError."""
    return _ORDER.validate_python(given)


@dataclass(frozen=True, slots=True)
class Work:
    """On the datasets of one project of a store. `models_dir` has the embedded encoder, which is fetched there when
    first needed. Blocks on the database."""

    store: Store
    models_dir: Path
    project: str
    author: str = ""

    def do(self, dataset: str, order: Order, progress: Progress | None = None) -> Json:
        """What became of it: `dataset` (its id), `version`, `added`, `changed`, `removed`, `unchanged`; of a sample
        also `found`, `chosen` and `unreadable`. Raises NotFound, InvalidRequest, or Conflict where the dataset was
        changed meanwhile."""
        datasets = Datasets(self.store)
        on = datasets.get(self.project, dataset)
        if isinstance(order, Sample):
            built = self._sample(on.name, order, progress)
            return {"dataset": on.id, **built}
        tick = _counting(progress, datasets.version(self.project, on).size)
        told: dict[str, Any] = {"author": self.author, "tick": tick}
        if isinstance(order, Deduplicating):
            change = deduplicate(datasets, self.project, on, self._likeness(order.by, order.threshold), **told)
        elif isinstance(order, Splitting):
            likeness = self._likeness(order.likeness, order.threshold)
            given: Json = {"seed": order.seed, "by": order.by, "again": order.again, "likeness": likeness}
            change = split(datasets, self.project, on, order.shares, **given, **told)
        else:
            change = scrub(datasets, self.project, on, order.redaction(), **told)
        return {"dataset": on.id, **asdict(change)}

    def _sample(self, dataset: str, order: Sample, progress: Progress | None) -> Json:
        production = Production(self.store)
        redaction = None if order.scrub is None else order.scrub.redaction()
        sampling = Sampling(order.how, order.most, order.by, order.seed, order.searched)
        tick = _counting(progress, order.most)

        def each(item: Any) -> Any:
            tick()
            return item if redaction is None else scrubbed(item, redaction)

        told = ", ".join(f"{name} {value}" for name, value in order.filters.items() if value is not None)
        built = production.add(
            self.project, Datasets(self.store).get(self.project, dataset), Filters(**order.filters), sampling,
            vectors=self._vectors(production) if order.how == "diverse" else None, each=each, author=self.author,
            note=f"from traces, {order.how}{' by ' + order.by if order.by else ''}{': ' + told if told else ''}"[:500],
        )  # fmt: skip
        counts = {"found": built.found, "chosen": built.chosen, "unreadable": built.unreadable}
        return {**asdict(built.change), **counts}

    def _vectors(self, production: Production) -> VectorsOf:
        """Those that are kept; where the embedded encoder made them, or none are, of other traces it makes more."""
        encoder = self._encoder()
        model = Questions(self.store).model(self.project)

        def of(ids: Sequence[str]) -> Mapping[str, Vector]:
            if model not in (None, encoder.fingerprint):
                return production.vectors(self.project, ids, model)
            kept = production.vectors(self.project, ids, encoder.fingerprint)
            asked = self._asked([one for one in ids if one not in kept][:_MOST_ENCODED])
            return {**kept, **dict(zip(asked, encoder.encode([*asked.values()]), strict=True))}

        return of

    def _asked(self, ids: Sequence[str]) -> dict[str, str]:
        """What was asked, of those traces whose inputs are kept."""
        traces, found = Traces(self.store), dict[str, str]()
        for one in ids:
            try:
                given = traces.item(one, project=self.project)["input"]
            except NotFound:  # deleted meanwhile
                continue
            if given is not None:
                found[one] = said(given)
        return found

    def _likeness(self, by: Literal["exact", "words", "vectors"], threshold: float | None) -> Likeness:
        def encode(texts: list[str]) -> NDArray[np.float32]:
            return self._encoder().encode(texts)

        return Likeness(by, threshold, encode)

    def _encoder(self) -> Encoder:
        return Encoder(EncoderStore(self.models_dir).ensure())


def _counting(progress: Progress | None, total: int) -> Callable[[], None]:
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, max(done, total), "items")

    return tick


def work_task(payload: Json, progress: Progress) -> Json:
    """The job `datasets.work`. The payload has home, project, dataset, author and order."""
    settings = Settings.from_env(home=Path(payload["home"]))
    store = open_store(settings)
    try:
        work = Work(store, settings.models_dir, payload["project"], payload["author"])
        return work.do(payload["dataset"], order_of(payload["order"]), progress)
    finally:
        store.close()
