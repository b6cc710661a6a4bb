"""How long the server takes for each dashboard over the rollups of a million traces.

    python benchmarks/observe/dashboards.py [--traces 1000000] [--days 30] [--rounds 20] [--home DIR]

The traces are summed up by the code that ingest uses (`cells.Delta`, then `rollups.apply`, an hour at a time), but no
row of `spans` is written: no dashboard reads those. Then each page of the console is asked for over ASGI, in this
process, and the JSON of `/api/stats` beside it. `--home` keeps the seeded database and uses it again.
"""

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from pilothouse.observe.cells import Delta, Judged
from pilothouse.observe.facts import Fact, State
from pilothouse.observe.figures import HOUR_US
from pilothouse.observe.rollups import apply
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store

MODELS = [f"vendor-{n % 4}/model-{n}" for n in range(12)]
PROMPTS = [f"prompt-{n}@{n % 5}" for n in range(20)]
ENDPOINTS = ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings", "answer", "summarise"]
ERRORS = ["rate_limit_exceeded", "provider_timeout", "provider_error", "content_filter", "limit_exceeded"]
FEATURES = [f"feature-{n}" for n in range(15)]


def fact(number: int, start_us: int, chance: random.Random) -> Fact:
    """A request of one call."""
    model = int(min(11, chance.expovariate(0.4)))
    failed = chance.random() < 0.03
    ttft = int(chance.lognormvariate(12.5 + model / 20, 0.5))
    written = int(chance.lognormvariate(5, 0.8)) + 1
    key = chance.randrange(50)
    return Fact(
        id="a", parent_id=None, name="chat", kind="llm", start_us=start_us, duration_us=ttft + written * 12_000,
        status="error" if failed else "ok", error_code=chance.choice(ERRORS) if failed else None,
        endpoint=chance.choice(ENDPOINTS), operation="chat", provider="vendor", request_model=MODELS[model],
        response_model=MODELS[model], deployment=MODELS[model], key_id=f"key-{key}",
        user_id=f"user-{int(chance.expovariate(0.0008))}", session_id=None, team_id=f"team-{key % 10}",
        feature=FEATURES[key % 15], environment=chance.choice(("production", "production", "staging")),
        release=f"1.{start_us // (96 * HOUR_US) % 10}", prompt=chance.choice(PROMPTS), tags="[]", source="gateway",
        input_tokens=int(chance.lognormvariate(7, 1)), output_tokens=written,
        cached_tokens=chance.randrange(500), cache_write_tokens=0, reasoning_tokens=chance.randrange(100), ttft_us=ttft,
        cost_nano=int(chance.lognormvariate(14, 1)), cost_known=True, cached=chance.random() < 0.1,
    )  # fmt: skip


def seed(store: Store, traces: int, days: int, end_hour: int) -> int:
    """Rollups of that many traces over the days before an hour. The number of rows."""
    chance, hours = random.Random(4), days * 24
    for hour in range(end_hour - hours, end_hour):
        delta = Delta()
        for number in range(traces // hours):
            start_us = hour * HOUR_US + chance.randrange(HOUR_US)
            scores = [Judged("faithfulness", chance.betavariate(8, 2), start_us)] if number % 20 == 0 else []
            if number % 30 == 0:
                scores.append(Judged("feedback", float(chance.random() < 0.8), start_us))
            delta.add("default", State([fact(number, start_us, chance)]), scores)
        with store.observe.begin() as connection:
            apply(connection, delta.cells(), delta.score_cells())
    with store.observe.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM rollups").scalar() or 0)
