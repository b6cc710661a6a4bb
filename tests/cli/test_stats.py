"""`pilothouse stats` over a real store."""

import json
import re
from typing import Any

from click import UsageError
from click.testing import CliRunner, Result
from sqlalchemy import insert

from pilothouse.cli.context import Context
from pilothouse.cli.stats import stats
from pilothouse.errors import InvalidRequest
from pilothouse.ids import now_us
from pilothouse.observe.scores import Scores
from pilothouse.settings import Settings
from pilothouse.storage import writing
from pilothouse.storage.tables import drifts

from ..observe.asking import ask
from ..observe.making import drift_rows
from ..observe.seeded import naive, traffic
from .spooled import Spooled


def run(spooled: Spooled, *arguments: str) -> Result:
    context = Context(Settings(), lambda settings, **_: spooled)  # type: ignore[arg-type, return-value]
    return CliRunner(env={"COLUMNS": "160"}).invoke(stats, arguments, obj=context, standalone_mode=False)


def test_tables_and_json(spooled: Spooled) -> None:
    asked = traffic(now_us(), 80)
    for one in asked:
        for span in one.spans:
            spooled.record(span)
    whole = run(spooled, "--since", "2w").output
    expected = naive(asked)
    assert f"{expected['requests']}" in next(line for line in whole.splitlines() if line.startswith("requests"))
    assert "latency p95" in whole
    by_model = run(spooled, "--since", "2w", "--by", "model").output.splitlines()
    assert len(by_model) == 1 + len({one.call.response_model for one in asked})
    assert "requests" not in by_model[0]  # they belong to no model
    assert "failed" in by_model[0]  # of its calls
    Scores(spooled.store).put("default", [score for one in asked for score in one.scores])
    low = next(line for line in run(spooled, "--since", "2w", "--below", "0.7").output.splitlines() if "faithf" in line)
    assert re.search(r"0\.\d+ \(\d+% below, \d+% to \d+%\)", low)
    assert "\u202e" not in "".join(by_model)
    told: dict[str, Any] = json.loads(run(spooled, "--since", "2w", "--only", "feature=search", "--json").output)
    assert told["total"]["cost_nano"] == naive(o for o in asked if o.root.feature == "search")["cost_nano"]


def test_nothing_yet_and_what_does_not_work(spooled: Spooled) -> None:
    assert "Nothing happened" in run(spooled, "--by", "model").output
    for arguments in (("--since", "soon"), ("--only", "model"), ("--only", "colour=red")):
        assert isinstance(run(spooled, *arguments).exception, InvalidRequest)


def test_drift_by_day(spooled: Spooled) -> None:
    assert "No day of that time was compared yet" in run(spooled, "drift").output
    with writing(spooled.store.observe) as connection:
        connection.execute(insert(drifts), drift_rows(now_us() // 86_400_000_000))
    head, newest, *rest = run(spooled, "drift").output.splitlines()
    assert head.split()[:4] == ["day", "of", "measure", "effect"]
    assert newest.split()[1:] == ["input", "questions", "0.412", "0.031", "0.0005", "200", "12"]
    assert len(rest) == 8
    told = json.loads(run(spooled, "drift", "--since", "2d", "--json").output)
    assert [one["measure"] for one in told] == ["questions", "latency", "score helpful"]
    assert isinstance(run(spooled, "drift", "--by", "model").exception, UsageError)
    assert isinstance(run(spooled, "--by", "model", "drift").exception, UsageError)


def test_topics(spooled: Spooled) -> None:
    assert "Topics were not found yet" in run(spooled, "topics").output
    ask(spooled.store, spooled, spooled.drainer, now_us())
    head, first, *_ = run(spooled, "topics", "--since", "7d").output.splitlines()
    assert head.split() == ["topic", "id", "questions", "share", "95", "%", "example"]
    assert first.split()[:6] == ["refund,", "gift", "card", "refund", "30", "75.0%"]
    told = json.loads(run(spooled, "topics", "--json").output)
    assert [(one["id"], one["questions"]) for one in told["data"]] == [("refund", 30), ("door", 10)]
