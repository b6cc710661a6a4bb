"""What shadow traffic showed: how often the candidate agreed with the live answer, and what it costs and takes.

Reads the comparisons that gateway/shadow.py recorded. Knows nothing of how they were made.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Any

import msgspec
from sqlalchemy import Engine, literal_column, select

from pilothouse.cache.calibration import exact_interval
from pilothouse.call import DEFAULT_PROJECT
from pilothouse.gateway.shadow import OPERATION
from pilothouse.storage.tables import spans
from pilothouse.types import Json

__all__ = ["Delta", "ShadowReports", "ShadowRow"]

_Z = 1.96  # the normal distribution's 95 %


@dataclass(frozen=True, slots=True)
class Delta:
    """The candidate's figure less the live one, per call: the mean of `count` calls, and its 95 % interval (normal
    approximation; None for fewer than two). `live` and `candidate` are the means themselves."""

    count: int
    live: float
    candidate: float
    mean: float
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class ShadowRow:
    """One alias and its candidate. Of `calls`, `failed` ones got no answer; the others were compared and `agreed` ones
    said the same. `agreement` is their share, with its exact 95 % interval; `cosine`, `overlap` and `length_ratio` are
    means. `latency_us` and `cost_nano` are None where no call has both figures."""

    alias: str
    model: str
    calls: int
    failed: int
    agreed: int
    agreement: float | None
    agreement_interval: tuple[float, float]
    cosine: float | None
    overlap: float | None
    length_ratio: float | None
    latency_us: Delta | None
    cost_nano: Delta | None


@dataclass(slots=True)
class _Gathered:
    failed: int = 0
    compared: list[Json] = field(default_factory=list)


class ShadowReports:
    """The comparisons in this database. Blocks on it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def report(self, since_us: int, project: str = DEFAULT_PROJECT, alias: str | None = None) -> list[ShadowRow]:
        """One row per alias and candidate, of the calls that were mirrored since then (UTC microseconds)."""
        c = spans.c
        mirrored = c.operation == literal_column(f"'{OPERATION}'")  # no parameter: the index is of these alone
        query = select(c.status, c.attributes).where(
            c.project_id == project, mirrored, c.start_us >= since_us, c.status != "cancelled"
        )
        if alias is not None:
            query = query.where(c.request_model == alias)
        gathered: dict[tuple[str, str], _Gathered] = {}
        with self._engine.connect() as connection:
            for status, raw in connection.execute(query):
                told = msgspec.json.decode(raw)
                row = gathered.setdefault((told["shadow_alias"], told["shadow_model"]), _Gathered())
                if status == "ok":
                    row.compared.append(told)
                else:
                    row.failed += 1
        return [_row(*key, found) for key, found in sorted(gathered.items())]


def _row(alias: str, model: str, found: _Gathered) -> ShadowRow:
    compared = found.compared
    agreed = sum(bool(told["shadow_agrees"]) for told in compared)
    return ShadowRow(
        alias, model, len(compared) + found.failed, found.failed, agreed,
        agreed / len(compared) if compared else None,
        exact_interval(agreed, len(compared)),
        _mean(compared, "shadow_cosine"), _mean(compared, "shadow_overlap"), _mean(compared, "shadow_length_ratio"),
        _delta(compared, "latency_us"), _delta(compared, "cost_nano"),
    )  # fmt: skip


def _mean(compared: Sequence[Json], name: str) -> float | None:
    values = [told[name] for told in compared if told.get(name) is not None]
    return fmean(values) if values else None


def _delta(compared: Sequence[Json], name: str) -> Delta | None:
    pairs: list[tuple[Any, Any]] = [(told.get(f"live_{name}"), told.get(f"shadow_{name}")) for told in compared]
    known = [(live, candidate) for live, candidate in pairs if live is not None and candidate is not None]
    if not known:
        return None
    deltas = [candidate - live for live, candidate in known]
    mean, interval = fmean(deltas), None
    if len(deltas) > 1:
        half = _Z * stdev(deltas) / math.sqrt(len(deltas))
        interval = (mean - half, mean + half)
    return Delta(len(deltas), fmean(p[0] for p in known), fmean(p[1] for p in known), mean, interval)
