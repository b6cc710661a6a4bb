"""How long the server takes for each dashboard over the rollups of a million traces.

    python benchmarks/observe/dashboards.py [--traces 1000000] [--days 30] [--rounds 20] [--home DIR] [--postgres URL]

The traces are summed up by the code that ingest uses (`cells.Delta`, then `rollups.apply`, a day at a time), but no
row of `spans` is written: no dashboard reads those. Then each page of the console is asked for over ASGI, in this
process: the time is that of the whole answer, from the request to the last byte of HTML, without the network. `--home`
keeps the seeded database and uses it again. Seeding takes minutes: an hour of a busy cube is a thousand rows.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path

from fastapi import FastAPI
from starlette.types import ASGIApp, Message

from pilothouse.app import Platform, build
from pilothouse.console import mount_console
from pilothouse.ids import now_us
from pilothouse.observe.facts import Fact, State
from pilothouse.observe.sums.cells import Delta, Judged
from pilothouse.observe.sums.figures import HOUR_US
from pilothouse.observe.sums.overnight import Overnight
from pilothouse.observe.sums.rollups import apply
from pilothouse.principal import EMBEDDED, Principal
from pilothouse.settings import Settings
from pilothouse.storage import Store

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


def seed(store: Store, traces: int, days: int, end_hour: int) -> None:
    """Rollups of that many traces over the days before an hour."""
    chance, hours = random.Random(4), days * 24
    first = end_hour - hours
    for begin in range(first, end_hour, 24):
        delta = Delta()
        for hour in range(begin, begin + 24):
            for number in range(traces // hours):
                start_us = hour * HOUR_US + chance.randrange(HOUR_US)
                scores = [Judged("faithfulness", chance.betavariate(8, 2), start_us)] if number % 20 == 0 else []
                if number % 30 == 0:
                    scores.append(Judged("feedback", float(chance.random() < 0.8), start_us))
                delta.add("default", State([fact(number, start_us, chance)]), scores)
        with store.observe.begin() as connection:
            apply(connection, delta.cells(), delta.score_cells())
        print(f"\rseeding: day {(begin - first) // 24 + 1} of {days}", end="", flush=True)
    print()


def described(store: Store) -> str:
    """What there is."""
    count = "SELECT count(*) FROM rollups"
    traces = "SELECT sum(requests) FROM rollups WHERE grain = 'day' AND dimension = 'all'"
    users = "SELECT count(DISTINCT value) FROM rollups WHERE grain = 'day' AND dimension = 'user'"
    with store.observe.connect() as connection:
        rows, all_of, people = (connection.exec_driver_sql(query).scalar() for query in (count, traces, users))
    return f"{all_of or 0:,} traces in {rows:,} rows of rollups, {people:,} users"


async def measured(app: ASGIApp, path: str, headers: list[tuple[bytes, bytes]], rounds: int) -> tuple[list[float], int]:
    """Milliseconds of each round, the first one left out, and the size of the answer."""
    times, size = [], 0
    address, _, query = path.partition("?")
    for _ in range(rounds + 1):
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message, sent: list[Message] = sent) -> None:
            sent.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": address,
            "raw_path": address.encode(), "query_string": query.encode(), "headers": headers, "scheme": "http",
            "server": ("test", 80), "client": ("127.0.0.1", 1), "root_path": "",
        }  # fmt: skip
        begun = time.perf_counter()
        await app(scope, receive, send)
        times.append((time.perf_counter() - begun) * 1000)
        assert sent[0]["status"] == 200, (path, sent)
        size = sum(len(message.get("body", b"")) for message in sent)
    return times[1:], size


class _Open:
    """A console that is open to all."""

    def session_for(self, key: str) -> str | None:
        return "open"

    def check(self, cookie: str) -> Principal | None:
        return EMBEDDED


async def compare(platform: Platform, rounds: int) -> None:
    """Each dashboard for a day, a week, a month."""
    app = FastAPI(openapi_url=None)
    mount_console(app, platform.traces, _Open(), rooms=platform._console_rooms())
    boards = ("cost", "cost?by=user", "latency", "errors", "quality", "tokens", "usage")
    for period in ("24h", "7d", "30d"):
        for board in boards:
            path = f"/console/dashboards/{board}{'&' if '?' in board else '?'}period={period}"
            times, size = await measured(app, path, [], rounds)
            spread = f"{statistics.median(times):6.1f} {sorted(times)[int(len(times) * 0.95)]:6.1f}"
            print(f"{period:>4} {board:14} {spread} ms  {size / 1000:5.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--postgres", help="the URL of an empty database, instead of SQLite")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pilothouse-dashboards-") as folder:
        home = given.home or Path(folder)
        with build(Settings(home=home, database_url=given.postgres)) as platform:
            if described(platform.store).startswith("0 "):
                seed(platform.store, given.traces, given.days, now_us() // HOUR_US + 1)
            print(described(platform.store), len([*Overnight(platform.store).run()]), "days of them on sheets")
            print("                     median    p95       size")
            asyncio.run(compare(platform, given.rounds))


if __name__ == "__main__":
    main()
