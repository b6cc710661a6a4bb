"""On what two versions are compared: the cases of a dataset, or a seeded sample of the chats that production recorded.

A recorded chat is asked again with its own messages and parameters. What cannot be asked again is left out and counted.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from pilothouse.cases import Case
from pilothouse.errors import InvalidRequest, NotFound, PilothouseError
from pilothouse.evals.datasets.cases import case_of, cases_of
from pilothouse.evals.datasets.production import Production, Sampling
from pilothouse.evals.datasets.sampling import at_random
from pilothouse.lifecycle.scoring.sampling import is_evaluation
from pilothouse.observe.listing import Filters, TraceRow
from pilothouse.observe.traces import Traces
from pilothouse.storage import Store
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.types import MADE_FROM, ChatRequest, Json

__all__ = ["Inputs", "dataset_inputs", "recorded_inputs"]

_SEARCHED = 10_000
_CHATS, _EVALUATION = "/chat/completions", "evals"
_OWN = "asked by evaluation"
_NOT_ASKED = frozenset({
    "model", "messages", "stream", "stream_options", "user", "metadata", "store", "n", MADE_FROM
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Inputs:
    """`requests` are, by case id, the models and parameters of recorded calls; empty for a dataset. `left_out` counts
    by reason what is not compared, `told` says in a few words where all of it comes from."""

    cases: list[Case]
    told: str
    requests: Mapping[str, Json] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    dataset: tuple[str, int] | None = None


def dataset_inputs(
    store: Store, project: str, reference: str, *, split: str | None = None, limit: int | None = None
) -> Inputs:
    """The cases of `name` or `name@version`. Raises NotFound, and InvalidRequest for a dataset without any."""
    datasets = Datasets(store)
    dataset, version = datasets.at(project, reference)
    cases = [*cases_of(datasets, project, dataset, version.number, split=split, limit=limit)]
    if not cases:
        raise InvalidRequest(
            f"'{reference}' has no cases{f' in the split {split!r}' if split else ''}.", param="dataset"
        )
    return Inputs(cases, f"dataset {dataset.name}@{version.number}", dataset=(dataset.id, version.number))


def recorded_inputs(store: Store, project: str, filters: Filters, *, limit: int, seed: int = 0) -> Inputs:
    """A sample of `limit` of the newest 10,000 recorded chats that the filters let through; the same seed over the same
    traces gives the same. Raises InvalidRequest where there is none."""
    production = Production(store)
    rows, _ = production.choose(project, filters, Sampling(how="newest", most=_SEARCHED), own=True)
    left_out, chats = Counter[str](), {}
    for row in rows:
        if (why := _no_chat(row)) is None:
            chats[row.trace_id] = row
        else:
            left_out[why] += 1
    traces, chosen = Traces(store), list[TraceRow]()
    for one in at_random([*chats], len(chats), seed):
        if len(chosen) == limit:
            break
        if _is_own(traces, project, one):
            left_out[_OWN] += 1
        else:
            chosen.append(chats[one])
    chosen.sort(key=lambda row: row.trace_id)
    cases, requests = list[Case](), dict[str, Json]()
    for item in production.items(project, chosen):
        assert item.source_trace is not None
        row = chats[item.source_trace]
        request = item.input if isinstance(item.input, dict) else {}
        try:
            ChatRequest.check({**request, "model": request.get("model") or row.request_model or ""})
        except PilothouseError:
            left_out["what was recorded is no chat"] += 1
            continue
        cases.append(_case(item, row))
        requests[row.trace_id] = {"model": request.get("model") or row.request_model} | {
            name: value for name, value in request.items() if name not in _NOT_ASKED
        }
    if unread := len(chosen) - len(cases) - left_out["what was recorded is no chat"]:
        left_out["its input was not kept"] += unread
    if not cases:
        why = "; ".join(f"{count}: {reason}" for reason, count in left_out.items() if count)
        raise InvalidRequest(f"No recorded chat can be asked again{f' ({why})' if why else ''}.", param="since")
    told = f"{len(cases)} of {len(chats)} recorded chats (seed {seed})"
    return Inputs(cases, told, requests, {reason: count for reason, count in left_out.items() if count})


def _case(item: NewItem, row: TraceRow) -> Case:
    """A recorded chat: asked are its messages, `output`, latency and cost are those of then."""
    made = case_of(item, row.trace_id)
    about = {"model": row.request_model, "feature": row.feature, "status": row.status}
    kept = {name: value for name, value in made.metadata.items() if name not in ("output", "scores", "versions")}
    cost = row.totals.cost_nano if row.totals.cost_known else None
    return msgspec.structs.replace(
        made, input={"messages": item.input["messages"]}, latency_s=row.duration_us / 1e6, cost_nano=cost,
        metadata=kept | {name: value for name, value in about.items() if value is not None},
    )  # fmt: skip


def _is_own(traces: Traces, project: str, trace_id: str) -> bool:
    """Whether evaluation asked it: a judge, the sentinel. One that was deleted meanwhile counts as such."""
    try:
        return is_evaluation(traces.get(trace_id, project, payload=False).spans)
    except NotFound:
        return True


def _no_chat(row: TraceRow) -> str | None:
    """Why a trace is no chat that can be asked again; None where it may be one."""
    asked_at = row.endpoint or ""
    if asked_at.startswith(_EVALUATION):
        return _OWN
    if asked_at.startswith("/") and not asked_at.endswith(_CHATS):
        return f"asked at {asked_at}"
    return "failed or was left when recorded" if row.status != "ok" else None
