"""Ended days are compared with those before: once, when their time has come, where there is enough of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert

from pilothouse.observe.sums.cells import HISTOGRAMS, SUMS
from pilothouse.observe.topics.drifts import Drifts
from pilothouse.observe.topics.questions import Questions
from pilothouse.settings import Settings
from pilothouse.stats.histogram import bucket, pack
from pilothouse.storage import Store, open_store, writing
from pilothouse.storage.tables import drifts, rollups, score_rollups, topic_states, upsert
from pilothouse.testing.hashing import HashingEncoder
from pilothouse.types import Usage

from ..conftest import Write
from ..making import full_span

HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
DAY = 20_400
"""The day that is looked at."""
USUAL = ("how do I pay my invoice", "where is the receipt of my order", "can I pay by card")
OTHER = ("write a poem about the sea", "tell me a story of a dragon", "what rhymes with orange")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path))
    yield store
    store.close()


def after(day: int = DAY, hours: float = 3.0) -> Any:
    """A clock that stands so many hours after a day's end."""
    return lambda: (day + 1) * DAY_US + int(hours * HOUR_US)


def asked(store: Store, until: int = DAY, project: str = "default") -> None:
    """Note that the questions of the days up to this one were gone through."""
    with writing(store.observe) as connection:
        row = {"project_id": project, "cursor_us": (until + 1) * DAY_US, "made_us": 0, "trouble": ""}
        connection.execute(upsert(connection, topic_states), row)


def whole(day: int, tokens: int = 200, count: int = 100, failed: int = 0, **named: Any) -> dict[str, Any]:
    """The row of a day: answers of 20 lengths around so many tokens."""
    lengths = pack({bucket(tokens * (0.5 + n / 20)): count // 20 for n in range(20)})
    place = {"project_id": "default", "grain": "day", "dimension": "all", "at": day, "value": ""}
    sums = dict.fromkeys(SUMS, 0) | {"requests": count, "failed": failed}
    return place | sums | dict.fromkeys(HISTOGRAMS, b"") | {"written": lengths, "latency": pack({80: count})} | named


def put(store: Store, *rows: dict[str, Any]) -> None:
    with writing(store.observe) as connection:
        connection.execute(insert(rollups), rows)


def found(store: Store, day: int = DAY) -> dict[str, Any]:
    return {one.measure: one for one in Drifts(store).between("default", day, day)}


def test_a_day_on_which_other_things_are_asked_and_longer_answers_given_is_told_once(
    store: Store, write: Write
) -> None:  # fmt: skip
    spans, chance = [], np.random.default_rng(1)
    for day in range(DAY - 14, DAY + 1):
        for n in range(52):
            length = int(chance.lognormal(5, 0.7)) * (4 if day == DAY else 1)
            start = day * DAY_US + n * HOUR_US // 3
            spans.append(full_span(trace_id=f"{day}-{n:02}", start_us=start, usage=Usage(100, length)))
    write(spans)
    encoder = HashingEncoder()
    for day in range(DAY - 14, DAY + 1):
        mix = OTHER if day == DAY else USUAL
        vectors = encoder.encode([mix[(n + day) % 3] for n in range(52)])
        rows = [(f"{day}-{n:02}", day * DAY_US + n * HOUR_US // 3, vectors[n]) for n in range(52)]
        assert Questions(store).put("default", "hashing", rows) == 52
    asked(store)
    room = Drifts(store, after())
    while room.catch_up(["default"]):
        pass
    told = found(store)
    assert list(told) == ["questions", "latency", "outcome", "output_tokens"]
    questions, tokens = told["questions"], told["output_tokens"]
    assert (questions.kind, questions.samples, questions.earlier, questions.days) == ("input", 52, 728, 14)
    assert questions.p < 0.001
    assert questions.effect > 0.5 > 5 * questions.furthest
    assert (tokens.kind, tokens.samples, tokens.earlier, tokens.date) == ("output", 52, 728, "2025-11-08")
    assert tokens.p < 0.001
    assert tokens.effect > 1.0
    assert told["latency"].p == told["outcome"].p == 1.0
    before = found(store)
    assert Drifts(store, after()).catch_up(["default"]) == 14  # another process looks, and finds it told
    assert found(store) == before


def test_a_day_is_compared_hours_after_its_end(small: Store) -> None:
    put(small, *(whole(day) for day in range(DAY - 14, DAY + 1)))
    early = Drifts(small, after(hours=2.9))
    while early.catch_up(["default"]):
        pass
    assert found(small) == {}
    assert found(small, DAY - 1) != {}
    late = Drifts(small, after(hours=3.0))
    while late.catch_up(["default"]):
        pass
    assert set(found(small)) == {"latency", "outcome", "output_tokens"}


def test_inputs_wait_for_their_questions_and_outputs_do_not(small: Store) -> None:
    put(small, *(whole(day) for day in range(DAY - 14, DAY + 1)))
    asked(small, DAY - 1)
    room = Drifts(small, after())
    looked = 0
    while n := room.catch_up(["default"]):
        looked += n
    assert looked == 7 + 6
    assert room.catch_up(["default"]) == 0
    asked(small)
    assert room.catch_up(["default"]) == 1


def test_with_too_little_nothing_is_told(small: Store) -> None:
    few = [whole(day, count=40) for day in range(DAY - 14, DAY - 6)]
    put(small, *few, *(whole(day) for day in range(DAY - 6, DAY + 1)))  # six days before it had enough
    room = Drifts(small, after())
    assert room.catch_up(["default"]) == 7
    with small.observe.connect() as connection:
        assert connection.execute(drifts.select()).all() == []


def test_days_on_which_no_server_ran_are_made_up_for_up_to_a_week(small: Store) -> None:
    put(small, *(whole(day) for day in range(DAY - 40, DAY + 1)))
    room = Drifts(small, after())
    while room.catch_up(["default"]):
        pass
    days = [one.day for one in room.between("default", 0, DAY) if one.measure == "latency"]
    assert days == [*range(DAY, DAY - 7, -1)]


def test_how_requests_end_is_compared_by_code(small: Store) -> None:
    days = range(DAY - 14, DAY + 1)
    put(small, *(whole(day, failed=30 if day == DAY else 10) for day in days))
    put(small, *(
        whole(day, count=0, dimension="error", value=code, failed=count, requests=count)
        for day in days for code, count in (("timeout", 9 if day < DAY else 0), ("filter", 1 if day < DAY else 30))
    ))  # fmt: skip
    Drifts(small, after()).catch_up(["default"])
    room = Drifts(small, after())
    while room.catch_up(["default"]):
        pass
    outcome = found(small)["outcome"]
    assert outcome.p < 0.001
    assert outcome.effect > 0.5
    assert outcome.samples == 100


def test_each_score_is_compared_by_its_name(small: Store) -> None:
    place = {"project_id": "default", "grain": "day", "dimension": "all", "value": "", "count": 60, "total": 0.0}
    with writing(small.observe) as connection:
        rows = [
            place | {"at": day, "name": name, "histogram": pack({80 - drop * (day == DAY): 30, 90: 30})}
            for day in range(DAY - 14, DAY + 1) for name, drop in (("helpful", 40), ("short", 0))
        ]  # fmt: skip
        connection.execute(insert(score_rollups), rows)
    room = Drifts(small, after())
    while room.catch_up(["default"]):
        pass
    told = found(small)
    assert list(told) == ["score helpful", "score short"]
    assert told["score helpful"].p < 0.001 < 1.0 == told["score short"].p
