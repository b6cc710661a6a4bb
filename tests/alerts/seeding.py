"""Hours of rollups made for tests, and readings out of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert
from sqlalchemy.engine import Connection

from pilothouse.observe.sums.cells import HISTOGRAMS, SUMS
from pilothouse.stats.histogram import bucket, pack
from pilothouse.storage import Store, writing
from pilothouse.storage.tables import question_vectors, rollups, score_rollups, topic_states, upsert

HOUR_US = 3_600_000_000
MONDAY = 20_416 * 24 + 14
"""The hour of Monday, 2025-11-24, 14:00 UTC."""


def hour_of(
    at: int, requests: int = 100, *, failed: int = 0, cost: int = 10_000_000, tokens: int = 1000, seconds: float = 1.0,
    value: str = "", dimension: str = "all", project: str = "default",
) -> dict[str, Any]:  # fmt: skip
    """A row of `rollups`: `cost` (nano-USD), `tokens` and `seconds` are those of each request."""
    sums = dict.fromkeys(SUMS, 0) | {
        "requests": requests, "failed": failed, "calls": requests, "call_errors": failed,
        "cost_nano": requests * cost, "input_tokens": requests * tokens,
    }  # fmt: skip
    taken = pack({bucket(seconds * 1e6): requests}) if requests else b""
    histograms = dict.fromkeys(HISTOGRAMS, b"") | {"latency": taken, "call_latency": taken}
    place = {"project_id": project, "grain": "hour", "dimension": dimension, "at": at, "value": value}
    return place | sums | histograms


def scores_of(at: int, count: int = 50, mean: float = 0.8, name: str = "helpful") -> dict[str, Any]:
    """A row of `score_rollups`."""
    place = {"project_id": "default", "grain": "hour", "dimension": "all", "at": at, "value": "", "name": name}
    return place | {"count": count, "total": count * mean, "histogram": b""}


def put_questions(store: Store, day: int, vectors: NDArray[np.float32]) -> None:
    """Write vectors as the sampled questions of a day, and that the day was gone through."""
    rows = [
        {
            "project_id": "default", "trace_id": f"{day}-{n}", "at_us": day * 24 * HOUR_US + n, "model": "made up",
            "body": store.packer.seal(b"\x01" + vector.astype("<f2").tobytes(), "default", f"{day}-{n}"),
        }
        for n, vector in enumerate(vectors)
    ]  # fmt: skip
    state = {"project_id": "default", "cursor_us": (day + 1) * 24 * HOUR_US, "made_us": 0, "trouble": ""}
    with writing(store.observe) as connection:
        connection.execute(insert(question_vectors), rows)
        connection.execute(upsert(connection, topic_states), state)


def put(connection: Connection, *rows: Mapping[str, Any]) -> None:
    """Write rows, in place of those that are there."""
    for table in (rollups, score_rollups):
        mine = [dict(row) for row in rows if ("name" in row) == (table is score_rollups)]
        if mine:
            connection.execute(upsert(connection, table), mine)
