"""What became of the calls of each version of a prompt and of each arm of an experiment: a row with every such span.

The gateway marks the spans that it resolved a prompt or an arm for; spans that were recorded elsewhere count where they
name a version. What evaluation asks is marked by nobody. Knows nothing of prompts, nor of what experiments decide.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Float, Select, and_, cast, func, literal, or_, select

from pilothouse.call import Span
from pilothouse.storage.database import Store
from pilothouse.storage.tables import prompt_calls, scores

__all__ = [
    "ARM", "COLUMNS", "COST_INSIDE", "EXPERIMENT", "GUARDED", "LABEL", "REFERENCE", "REFUSED", "UNIT", "PromptCalls",
    "ScoreSums", "Sums", "is_marked", "row_of",
]  # fmt: skip

REFERENCE, LABEL = "prompt_reference", "prompt_label"
"""Attributes of a span: the prompt as the call named it, and the label by which a version was found."""
EXPERIMENT, ARM, UNIT = "experiment", "arm", "experiment_unit"
"""... and which arm of which experiment served it, chosen by its `user`, `session` or `key`."""
REFUSED, GUARDED, COST_INSIDE = "refused", "guarded", "cost_inside_nano"
"""... whether the answer refuses, whether a guard stepped in, and what the models cost that a corpus asked for it."""
COLUMNS = tuple(column.name for column in prompt_calls.columns)

_LARGEST = 2**31 - 1
_UNMADE = frozenset({
    "rate_limit_exceeded", "limit_exceeded", "insufficient_quota", "permission_denied", "invalid_api_key", "overloaded",
    "storage_unavailable",
})  # fmt: skip
"""Codes of refusals of our own: before a deployment was asked they say nothing of a prompt."""
_GUARDED = "guard_blocked"
"""The code of what a guard stopped: that counts as guarded, and is no fault of the prompt."""
_C, _S = prompt_calls.c, scores.c
_COUNTED = ("errors", "refused", "guarded", "cached")
_SUMMED = ("cost_nano", "latency_us", "ttft_us", "input_tokens", "output_tokens")
_COUNTS: Mapping[str, ColumnElement[Any]] = {
    "errors": _C.error, "refused": _C.refused, "guarded": _C.guarded, "cached": _C.cached
}  # fmt: skip


def is_marked(span: Span) -> bool:
    """Whether the gateway marked it as traffic of a prompt or of an experiment."""
    return REFERENCE in span.attributes or EXPERIMENT in span.attributes


def row_of(span: Span) -> tuple[object, ...] | None:
    """The values of `COLUMNS` for a span that counts, else None."""
    ours, prompt, version = span.source == "gateway", None, None
    about = span.attributes if ours else {}
    experiment = about.get(EXPERIMENT)
    if ours and not is_marked(span):
        return None
    if span.prompt is not None:
        name, _, number = span.prompt.rpartition("@")
        if name and number.isascii() and number.isdecimal() and int(number) <= _LARGEST:
            prompt, version = name, int(number)
    if version is None and experiment is None:
        return None
    if not ours and span.kind != "llm":
        return None
    if span.status == "error" and span.deployment is None and span.error_code in _UNMADE:
        return None
    units = {"user": span.user_id, "session": span.session_id, "key": span.key_id}
    usage, unit = span.usage, units.get(str(about.get(UNIT)))
    tokens = (None, None) if usage is None else (usage.input_tokens, usage.output_tokens)
    row = (
        span.project_id, span.id, span.trace_id, span.start_us, prompt, version, about.get(LABEL), experiment,
        about.get(ARM), unit, span.response_model or span.request_model,
        span.deployment, about.get(COST_INSIDE, span.cost_nano), span.duration_us, span.ttft_us,
        *(None if count is None else min(count, _LARGEST) for count in tokens),
        int("cache" in about), int(span.status == "error" and span.error_code != _GUARDED),
        int(about.get(REFUSED) is True),
        int(about.get(GUARDED) is True),
    )  # fmt: skip
    return tuple([value.replace("\0", "\ufffd") if type(value) is str and "\0" in value else value for value in row])


@dataclass(frozen=True, slots=True)
class ScoreSums:
    """Of the scores of one name: how many, their total and the total of their squares."""

    count: int
    total: float
    squares: float


@dataclass(frozen=True, slots=True)
class Sums:
    """Figures of calls that can be added up. Of each column in `known` how many calls have it; of each in `totals` and
    `squares` the sum over those, and the sum of squares. Money is nano-USD, time microseconds."""

    calls: int
    errors: int
    refused: int
    guarded: int
    cached: int
    first_us: int
    last_us: int
    known: Mapping[str, int]
    totals: Mapping[str, float]
    squares: Mapping[str, float]
    scores: dict[str, ScoreSums] = field(default_factory=dict)

    def mean(self, column: str) -> float | None:
        """The mean of a column over the calls that have it, None where none has."""
        return self.totals[column] / self.known[column] if self.known[column] else None


class PromptCalls:
    """Reads the calls of a store. Blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def totals(
        self, project: str, prompt: str, since_us: int, until_us: int, *, label: str | None = None,
        version: int | None = None,
    ) -> dict[int, Sums]:  # fmt: skip
        """What became of the calls from `since_us` until before `until_us`, by version, with the scores of their traces
        or spans by name; `label` leaves only those that came by it, `version` those of one version, and no others are
        read. Calls beyond that time are not read."""
        mine = [_C.project_id == project, _C.prompt == prompt]
        mine.append(_C.version.is_not(None) if version is None else _C.version == version)
        mine += [_C.at_us >= since_us, _C.at_us < until_us]
        if label is not None:
            mine.append(_C.label == label)
        found = {key[0]: sums for key, sums in self._sums([_C.version], mine)}
        for (version,), name, sums in self._scores([_C.version], mine):
            if version in found:  # else its first call came between the two queries
                found[version].scores[name] = sums
        return found

    def steps(
        self, project: str, prompt: str, since_us: int, until_us: int, step_us: int
    ) -> dict[tuple[int, int], Sums]:
        """The same without scores, by (number of the step since 1970, version)."""
        mine = [_C.project_id == project, _C.prompt == prompt, _C.version.is_not(None)]
        mine += [_C.at_us >= since_us, _C.at_us < until_us]
        step = _C.at_us // literal(step_us, BigInteger, literal_execute=True)
        return {(int(key[0]), key[1]): sums for key, sums in self._sums([step, _C.version], mine)}

    def values(
        self, project: str, prompt: str, version: int, column: str, since_us: int, until_us: int, *, most: int = 10_000
    ) -> list[float]:
        """The newest values of a column (`cost_nano`, `latency_us`, ...) of calls of a version that have one: what
        quantiles are made of."""
        if column not in _SUMMED:
            raise ValueError(f"'{column}' is none of: {', '.join(_SUMMED)}.")
        wanted = _C[column]
        query = select(wanted).where(
            _C.project_id == project, _C.prompt == prompt, _C.version == version, _C.at_us >= since_us,
            _C.at_us < until_us, wanted.is_not(None),
        ).order_by(_C.at_us.desc()).limit(most)  # fmt: skip
        with self._store.observe.connect() as connection:
            return [float(value) for value in connection.execute(query).scalars()]

    def _sums(
        self, by: Sequence[ColumnElement[Any]], where: Iterable[ColumnElement[bool]]
    ) -> Iterator[tuple[Sequence[Any], Sums]]:
        columns: list[ColumnElement[Any]] = [func.count()]
        columns += [func.sum(_COUNTS[name]) for name in _COUNTED]
        columns += [func.min(_C.at_us), func.max(_C.at_us)]
        for name in _SUMMED:
            value = cast(_C[name], Float)  # squares of microseconds soon leave 64 bits
            columns += [func.count(_C[name]), func.sum(value), func.sum(value * value)]
        query: Select[Any] = select(*by, *columns).where(*where).group_by(*by)
        with self._store.observe.connect() as connection:
            for row in connection.execute(query):
                head, fixed, sums = row[: len(by)], row[len(by) : len(by) + 7], row[len(by) + 7 :]
                calls, errors, refused, guarded, cached, first, last = map(int, fixed)
                known = dict(zip(_SUMMED, map(int, sums[::3]), strict=True))
                totals, squares = (
                    {name: float(total or 0) for name, total in zip(_SUMMED, sums[at::3], strict=True)} for at in (1, 2)
                )
                yield head, Sums(calls, errors, refused, guarded, cached, first, last, known, totals, squares)

    def _scores(
        self, by: Sequence[ColumnElement[Any]], where: Iterable[ColumnElement[bool]]
    ) -> Iterator[tuple[Sequence[Any], str, ScoreSums]]:
        """By name. A score counts for the span that it names, else for every call of its trace."""
        same = and_(
            _S.project_id == _C.project_id, _S.trace_id == _C.trace_id,
            or_(_S.span_id.is_(None), _S.span_id == _C.span_id),
        )  # fmt: skip
        value = _S.value
        query = (
            select(*by, _S.name, func.count(), func.sum(value), func.sum(value * value))
            .select_from(prompt_calls.join(scores, same))
            .where(*where, value.is_not(None))
            .group_by(*by, _S.name)
        )
        with self._store.observe.connect() as connection:
            for row in connection.execute(query):
                name, count, total, squares = row[len(by) :]
                yield row[: len(by)], name, ScoreSums(int(count), float(total), float(squares))
