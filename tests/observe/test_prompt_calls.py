"""Calls by version and by arm: one row a call, whatever arrives twice; sums with scores; gone with their traces."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from pilothouse.call import Span
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.observe.privacy.erasing import Erasing
from pilothouse.observe.privacy.retention import Retention
from pilothouse.observe.prompt_calls import COLUMNS, PromptCalls, ScoreSums, row_of
from pilothouse.observe.scores import Score, Scores
from pilothouse.privacy import RetentionConfig
from pilothouse.storage import Spool, Store
from pilothouse.storage.tables import prompt_calls

from .conftest import Write
from .making import full_span

AT = 1_700_000_000_000_000
DAY = 86_400_000_000


def made(number: int = 3, **changes: Any) -> Span:
    about = {"prompt_reference": "rag#production", "prompt_label": "production", **changes.pop("about", {})}
    return full_span(prompt=f"rag@{number}", attributes=about, **({"start_us": AT} | changes))


def test_a_row_tells_what_became_of_the_call() -> None:
    about = {"experiment": "e1", "arm": "b", "experiment_unit": "session", "refused": True, "cache": "exact"}
    span = made(id="s", trace_id="t", about=about, response_model="gpt-4o", status="error")
    row = dict(zip(COLUMNS, row_of(span) or (), strict=True))
    assert row == {
        "project_id": "default", "span_id": "s", "trace_id": "t", "at_us": AT, "prompt": "rag", "version": 3,
        "label": "production", "experiment_id": "e1", "arm": "b", "unit": "session-1", "model": "gpt-4o",
        "deployment": "openai/gpt-4o", "cost_nano": 4_500_000, "latency_us": 120_000, "ttft_us": 3000,
        "input_tokens": 1000, "output_tokens": 200, "cached": 1, "error": 1, "refused": 1, "guarded": 0,
    }  # fmt: skip


def test_what_a_guard_stopped_is_guarded_and_no_error() -> None:
    span = made()
    span.status, span.error_code, span.deployment = "error", "guard_blocked", None
    span.attributes["guarded"] = True
    row = dict(zip(COLUMNS, row_of(span) or (), strict=True))
    assert (row["error"], row["guarded"]) == (0, 1)


@pytest.mark.parametrize(
    ("counts", "changes"),
    [
        (False, {"attributes": {}}),  # a call inside one with a prompt, or one of evaluation's: marked by nobody
        (True, {"attributes": {"experiment": "e", "arm": "a"}, "prompt": None}),
        (False, {"attributes": {"experiment": "e", "arm": "a"}, "prompt": None, "source": "otlp"}),
        (True, {"attributes": {}, "source": "langfuse"}),
        (False, {"attributes": {}, "source": "langfuse", "kind": "chain"}),
        (False, {"attributes": {}, "source": "langfuse", "prompt": "rag"}),
        (False, {"attributes": {}, "source": "langfuse", "prompt": "rag@99999999999"}),
        (False, {"status": "error", "error_code": "insufficient_quota", "deployment": None}),
        (True, {"status": "error", "error_code": "rate_limit_exceeded"}),
        (True, {"status": "error", "error_code": "invalid_request_error", "deployment": None}),
    ],
    ids=lambda given: "",
)
def test_which_spans_count(counts: bool, changes: dict[str, Any]) -> None:
    span = made()
    for name, value in changes.items():
        setattr(span, name, value)
    assert (row_of(span) is not None) is counts


def test_sums_by_version_and_by_unit_with_their_scores(write: Write, store: Store) -> None:
    unit = {"experiment": "e", "arm": "b", "experiment_unit": "user"}
    first, second = made(trace_id="one", about=unit), made(trace_id="two", about=unit, status="error", start_us=AT + 9)
    other = made(4, trace_id="three", cost_nano=None, about={"refused": True, "cache": "exact"})
    write([first, second, other, made(2, start_us=AT - DAY), made(3, project_id="other")])
    write([first, made(5, trace_id="one", id=first.id)])  # again, and once more with a lie
    given = [("a", "one", None, 1.0), ("b", "two", second.id, 0.5), ("c", "two", "another", 0.0)]
    Scores(store).put("default", [Score(id=i, trace_id=t, span_id=s, name="good", value=v) for i, t, s, v in given])
    calls = PromptCalls(store)
    totals = calls.totals("default", "rag", AT, AT + DAY)
    assert {version: sums.calls for version, sums in totals.items()} == {3: 2, 4: 1}
    three, four = totals[3], totals[4]
    assert (three.errors, three.refused, three.cached, three.first_us, three.last_us) == (1, 0, 0, AT, AT + 9)
    assert (three.totals["latency_us"], three.squares["latency_us"]) == (240_000, 2 * 120_000.0**2)
    assert three.scores == {"good": ScoreSums(2, 1.5, 1.25)}
    assert (four.refused, four.cached, four.known["cost_nano"], four.mean("cost_nano")) == (1, 1, 0, None)
    assert calls.values("default", "rag", 3, "cost_nano", AT, AT + DAY) == [4_500_000.0] * 2
    assert calls.totals("default", "rag", AT, AT + DAY, label="staging") == {}
    assert calls.totals("default", "rag", AT, AT + DAY, version=4) == {4: four}
    steps = calls.steps("default", "rag", AT - DAY, AT + DAY, DAY)
    today = AT // DAY
    assert {key: sums.calls for key, sums in steps.items()} == {(today - 1, 2): 1, (today, 3): 2, (today, 4): 1}


def test_calls_go_with_their_traces(write: Write, store: Store, spool: Spool, drainer: Drainer, home: Path) -> None:
    old = made(trace_id="old", user_id="bob", start_us=AT - 9 * DAY)
    write([made(trace_id="ada's"), made(trace_id="bob's", user_id="bob"), old])
    Erasing(store).user("default", "ada")
    SpoolRecorder(spool, drainer.wake).record(made(trace_id="ada's", id="late"))
    drainer.flush()
    left = select(prompt_calls.c.trace_id).order_by(prompt_calls.c.trace_id)
    with store.observe.connect() as connection:
        assert connection.execute(left).scalars().all() == ["bob's", "old"]
    assert [*Retention(store, lambda: AT).run(RetentionConfig(payloads=1, spans=5, rollups=9))]
    with store.observe.connect() as connection:
        assert connection.execute(left).scalars().all() == ["bob's"]
        assert connection.scalar(select(func.count()).select_from(prompt_calls)) == 1
