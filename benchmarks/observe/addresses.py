"""What pages.py asks for: every page of the console, and what the API reads, with filters of all kinds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote

from pilothouse.app import Platform
from pilothouse.observe.sums.slices import NARROWED

PAGE, BOARD, TRACE = 100.0, 20.0, 2.0
"""Milliseconds at most: of any answer; of that, to read what a dashboard shows; to read a trace by its id."""


@dataclass(frozen=True)
class Row:
    """What is asked for, by its address, and what reading the database for it may take, in milliseconds."""

    name: str
    address: str
    query: float | None = None


def addresses(platform: Platform) -> list[Row]:
    """Every page of the console, and what the API reads."""
    with platform.store.observe.connect() as connection:

        def one(query: str) -> Any:
            return tuple(connection.exec_driver_sql(query).one())

        (count,) = one("SELECT count(*) FROM traces")
        newest = "SELECT start_us, trace_id FROM traces ORDER BY start_us DESC, trace_id DESC LIMIT 1 OFFSET "
        deep, last = ("{}-{}".format(*one(f"{newest} {offset}")) for offset in (count // 2, count * 19 // 20))
        small, span = one(
            "SELECT s.trace_id, s.id FROM traces t JOIN spans s ON s.project_id = t.project_id AND "
            "s.trace_id = t.trace_id WHERE t.spans = 5 AND s.kind = 'llm' AND s.payload_day IS NOT NULL LIMIT 1"
        )
        first, _ = one("SELECT trace_id, start_us FROM traces ORDER BY start_us LIMIT 1")
        (session,) = one("SELECT session_id FROM traces WHERE session_id IS NOT NULL ORDER BY start_us LIMIT 1")
        (middle,) = one("SELECT id FROM spans WHERE trace_id = 'large' ORDER BY start_us LIMIT 1 OFFSET 500")
        ((turn, turned),) = connection.exec_driver_sql(
            "SELECT start_us, trace_id FROM traces WHERE session_id = 'session-long' "
            "ORDER BY start_us DESC LIMIT 1 OFFSET 100"
        ).all()
        (entry,) = one("SELECT id FROM ledger ORDER BY id LIMIT 1 OFFSET 500")
    keys = platform.keys.list("default")
    alert = platform.alerts.book.list("default")[30].id
    places = Places(small, span, first, session, middle, f"{turn}-{turned}", deep, last, entry, keys[7].id, alert)
    return [*_lists(places), *_sessions(places), *_single(places), *_boards(places), *_rest(places), *_api(places)]


class Places(NamedTuple):
    """What is there to be asked for."""

    small: str
    span: str
    first: str
    session: str
    middle: str
    turn: str
    deep: str
    last: str
    entry: str
    key: str
    alert: str


def _lists(at: Places) -> Iterator[Row]:
    filters = {
        "": "none", "before={deep}": "none, after half of them", "before={last}": "none, after nearly all",
        "period=24h": "a day", "status=error": "failed", "status=cancelled": "cancelled, of which there are none",
        "model=vendor-0/model-0": "the model that is used most", "model=vendor-2/model-10": "a rare model",
        "model=none": "a model that is not there", "text=answer": "a text in a third of the traces",
        "text=nowhere": "a text that is nowhere", "text=nowhere&period=24h": "the same, in a day",
        "user_id=user-0": "a user with a twentieth of all traces", "user_id=user-rare": "a user with one trace",
        "user_id=nobody": "a user who is not there", "user_id=user-0&text=nowhere": "that user, a text that is nowhere",
        "session_id=session-long": "a session of 3,000", "key_id={key}": "a key", "team_id=team-3": "a team",
        "feature=feature-3": "a feature", "environment=staging": "an environment",
        "release=1.1": "a release of weeks ago", "endpoint=/v1/chat/completions": "an endpoint",
        "error_code=content_filter": "an error", "error_code=none": "an error that is not there",
        "tag=beta": "a tag", "tag=none": "a tag that is not there", "slower_us=3600000000": "slower than any",
        "dearer_nano=100000000": "dear", "prompt=feature-3": "a prompt", "prompt=none@1": "a prompt that is not there",
        "score=faithfulness&score_most=0.2": "a low score", "score=none": "a score that is not there",
        "model=none&prompt=none&score=none&text=nowhere": "four that fit nothing",
    }  # fmt: skip
    for query, told in filters.items():
        yield Row(f"traces: {told}", f"/console/traces?{query.format(**at._asdict())}".removesuffix("?"))


def _sessions(at: Places) -> Iterator[Row]:
    filters = {
        "": "none", "before={deep}": "none, after half of them", "text=user-11": "a text", "text=nowhere":
        "a text that is nowhere", "user=user-0": "the user with most", "user=user-rare": "a user with one",
        "user=nobody": "a user who is not there",
    }  # fmt: skip
    for query, told in filters.items():
        yield Row(f"sessions: {told}", f"/console/sessions?{query.format(**at._asdict())}".removesuffix("?"))
    yield Row("a session", f"/console/sessions?id={quote(at.session)}")
    yield Row("a session of 3,000 traces", "/console/sessions?id=session-long")
    yield Row("the same, further back", f"/console/sessions?id=session-long&before={at.turn}")


def _single(at: Places) -> Iterator[Row]:
    page = "/console/traces"
    yield Row("a trace of 5 spans", f"{page}/{at.small}")
    yield Row("a trace of a month ago", f"{page}/{at.first}")
    yield Row("a waterfall of 1,000 spans", f"{page}/large")
    yield Row("a waterfall, the first 1,000 of 5,000", f"{page}/huge")
    yield Row("one step of 1,000, chosen", f"{page}/large?span={at.middle}")
    yield Row("the panel of one step of 1,000", f"{page}/large?span={at.middle}&part=detail")
    yield Row("a payload", f"{page}/{at.small}/{at.span}.json")
    yield Row("a trace as an item of a dataset", f"{page}/{at.small}/item")
    yield Row("a trace explained", f"{page}/{at.small}/explain")
    yield Row("1,000 spans explained", f"{page}/large/explain")


def _boards(at: Places) -> Iterator[Row]:
    boards = ("cost", "cost?by=user", "cost?by=prompt", "latency", "errors", "quality", "tokens", "usage")
    for period in ("24h", "7d", "30d", "90d"):
        for board in boards:
            sign = "&" if "?" in board else "?"
            yield Row(f"dashboard {board}, {period}", f"/console/dashboards/{board}{sign}period={period}", BOARD)
    for only in ("model=vendor-0/model-0", "model=none", "user=user-0", f"key={at.key}", "feature=feature-3"):
        for board in boards[3:] + boards[:1]:
            told = only.partition("=")[0] + " that is not there" * only.endswith("none")
            yield Row(f"dashboard {board}, 30d, of a {told}", f"/console/dashboards/{board}?period=30d&{only}", BOARD)


def _rest(at: Places) -> Iterator[Row]:
    addresses = {
        "alerts": "alerts", "alerts, older": f"alerts?before={at.alert}", "audit": "audit",
        "audit, an actor who is not there": "audit?actor=nobody", "keys": "keys",
        "keys, of a team": "keys?team=team-3&revoked=yes", "a key": f"keys/{at.key}", "teams": "teams",
        "a team": "teams/team/team-3", "budgets": "budgets", "budgets, of keys": "budgets?kind=key",
        "models": "models", "a model": "models/alias-1", "cache": "cache", "config": "config",
        "config, history": "config/history",
    }  # fmt: skip
    for told, address in addresses.items():
        yield Row(told, f"/console/{address}")


def _api(at: Places) -> Iterator[Row]:
    yield Row("API: a trace of 5 spans by its id", f"/api/traces/{at.small}", TRACE)
    yield Row("API: the same, without payloads", f"/api/traces/{at.small}?payload=false", TRACE)
    yield Row("API: a trace by a beginning of its id", f"/api/traces/{at.small[:20]}", TRACE)
    yield Row("API: the last trace, 2,000 of 5,000 spans", "/api/traces/last")
    yield Row("API: 1,000 spans by their trace's id", "/api/traces/large")
    yield Row("API: traces", "/api/traces")
    yield Row("API: traces, 500", "/api/traces?limit=500")
    yield Row("API: traces, a text that is nowhere", "/api/traces?text=nowhere")
    asked = ["", "period=24h", "period=30d", "period=30d&series=true&compare=true", "period=30d&grain=hour&series=true"]
    asked += [f"period=30d&by={dimension}" for dimension in NARROWED]
    asked += ["period=30d&model=vendor-0/model-0&by=feature", f"period=30d&key={at.key}&series=true&compare=true",
              "period=365d&by=model&series=true&compare=true", "period=30d&user=user-0&series=true"]  # fmt: skip
    yield from (Row(f"API: stats {query}", f"/api/stats?{query}") for query in asked)
    addresses = {
        "alerts": "alerts?limit=500", "audit": "audit", "keys": "keys", "budgets": "budgets", "ledger": "ledger",
        "ledger, deep": f"ledger?before={at.entry}", "ledger, of a key": f"ledger?account=key:{at.key}",
        "ledger, of nobody": "ledger?account=key:nobody", "ledger, of a kind that is not there": "ledger?kind=orphan",
        "ledger, a month of an account": "ledger/spend?account=project:default", "ledger, who spent": "ledger/accounts",
        "shadow reports": "shadow", "Langfuse: observations": "public/v2/observations",
        "Langfuse: observations, with payloads": "public/v2/observations?fields=core,io",
        "Langfuse: observations of a name that is nowhere": "public/v2/observations?name=nowhere",
        "Langfuse: observations of a rare user": "public/v2/observations?userId=user-rare",
        "Langfuse: observations of a trace": f"public/v2/observations?traceId={at.small}",
        "Langfuse: scores": "public/v3/scores", "Langfuse: scores of a name that is nowhere":
        "public/v3/scores?name=nowhere",
        "Langfuse: scores of a trace": f"public/v3/scores?traceId={at.small}",
    }  # fmt: skip
    for told, address in addresses.items():
        yield Row(f"API: {told}", f"/api/{address}")
